//! A header whose value stays the same: what several kinds come to.

use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};

use super::{Authenticate, Authenticator, Request};
use crate::Result;
use crate::source::request::endpoint::sensitive;

/// A header that is known to be one.
pub(super) struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl Header {
    /// # Errors
    /// A config error that names the source, where the value does not fit.
    pub(super) fn authenticator(
        name: HeaderName,
        value: &str,
        source: &str,
    ) -> Result<Arc<dyn Authenticate>> {
        let value = sensitive(value, source, "`auth`")?;
        Ok(Arc::new(Self { name, value }))
    }
}

impl Authenticator for Header {
    async fn apply(&self, request: &mut Request) -> Result<()> {
        request.insert(self.name.clone(), self.value.clone());
        Ok(())
    }
}
