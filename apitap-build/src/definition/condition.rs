//! An expression over an answer: plain data.

use serde::{Deserialize, Serialize};

use crate::expression::{Expression, ExpressionError, parse_alone};

/// An expression over an answer that is true or false: `status == 200 and body("/ok") == false`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(pub String);

impl Condition {
    /// What was written.
    ///
    /// # Errors
    /// It is not well-formed; the place is in bytes of the text.
    pub fn expression(&self) -> Result<Expression, ExpressionError> {
        parse_alone(&self.0)
    }
}
