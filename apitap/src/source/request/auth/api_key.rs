//! A key in a header, a query parameter or a cookie of its own.

use std::sync::Arc;

use reqwest::header::COOKIE;

use super::header::Header;
use super::{Authenticate, Authenticator, Request};
use crate::definition::{self, ApiKeyPlace};
use crate::environment::Environment;
use crate::source::request::endpoint::{header_name, sensitive};
use crate::source::request::template::Resolved;
use crate::{Error, Result};

/// A key, where it goes, and under which name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ApiKey {
    place: ApiKeyPlace,
    name: String,
    value: Resolved,
}

impl ApiKey {
    pub(super) fn resolve(auth: &definition::ApiKey, environment: &mut Environment) -> Self {
        let value = Resolved::credential_of(&auth.value, environment);
        Self { place: auth.place, name: auth.name.clone(), value }
    }

    pub(super) fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        let Self { place, name, value } = self;
        let value = value.text();
        match place {
            ApiKeyPlace::Header => Header::authenticator(header_name(name, source)?, value, source),
            ApiKeyPlace::Query => {
                Ok(Arc::new(QueryParam { name: name.clone(), value: value.to_owned() }))
            }
            ApiKeyPlace::Cookie => Cookie::authenticator(name, value, source),
        }
    }

    pub(super) fn query_param(&self) -> Option<&str> {
        (self.place == ApiKeyPlace::Query).then_some(self.name.as_str())
    }
}

struct QueryParam {
    name: String,
    value: String,
}

impl Authenticator for QueryParam {
    async fn apply(&self, request: &mut Request) -> Result<()> {
        request.set_query_param(&self.name, &self.value);
        Ok(())
    }
}

struct Cookie {
    /// `name=value`.
    pair: String,
}

impl Cookie {
    fn authenticator(name: &str, value: &str, source: &str) -> Result<Arc<dyn Authenticate>> {
        if value.contains([';', ',']) {
            let message =
                format!("the value of `auth` in source `{source}` does not fit into a cookie");
            return Err(Error::config(message).help("percent-encode its `;` and `,`"));
        }
        let pair = format!("{name}={value}");
        sensitive(&pair, source, "`auth`")?;
        Ok(Arc::new(Self { pair }))
    }
}

impl Authenticator for Cookie {
    /// Behind the cookies that are configured as a header.
    async fn apply(&self, request: &mut Request) -> Result<()> {
        let cookies = match request.header(COOKIE.as_str()) {
            Some(others) => format!("{others}; {}", self.pair),
            None => self.pair.clone(),
        };
        request.set_header(COOKIE.as_str(), &cookies)
    }
}
