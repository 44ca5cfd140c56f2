//! `Authorization: Basic …`.

use std::sync::Arc;

use base64::Engine;
use reqwest::header::AUTHORIZATION;

use super::Authenticate;
use super::header::Header;
use crate::Result;
use crate::definition;
use crate::environment::Environment;
use crate::source::request::template::Resolved;

/// A user and a password, as the header encodes them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Basic(String);

impl Basic {
    pub(super) fn resolve(auth: &definition::Basic, environment: &mut Environment) -> Self {
        let username = Resolved::text_of(&auth.username, environment);
        let password = Resolved::secret_of(&auth.password, environment);
        let pair = format!("{}:{}", username.text(), password.text());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        environment.hide(&encoded);
        Self(encoded)
    }

    pub(super) fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        Header::authenticator(AUTHORIZATION, &format!("Basic {}", self.0), source)
    }
}
