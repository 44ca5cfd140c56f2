//! The name of a query parameter: plain data.

use serde::{Deserialize, Serialize};

/// The name of a query parameter that apitap sets itself: no other key may set it, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParamName(pub String);

impl<T: Into<String>> From<T> for ParamName {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}
