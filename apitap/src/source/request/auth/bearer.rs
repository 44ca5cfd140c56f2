//! `Authorization: Bearer …`.

use std::sync::Arc;

use reqwest::header::AUTHORIZATION;

use super::Authenticate;
use super::header::Header;
use crate::Result;
use crate::definition::Template;
use crate::environment::Environment;
use crate::source::request::template::Resolved;

/// A token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Bearer(Resolved);

impl Bearer {
    pub(super) fn resolve(token: &Template, environment: &mut Environment) -> Self {
        Self(Resolved::credential_of(token, environment))
    }

    pub(super) fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        Header::authenticator(AUTHORIZATION, &format!("Bearer {}", self.0.text()), source)
    }
}
