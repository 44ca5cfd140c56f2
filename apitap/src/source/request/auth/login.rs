//! A request whose answer holds the token of all others.

use std::sync::Arc;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::Authenticate;
use super::token::{Issued, Issuer, Tokens, ask};
use crate::definition::{self, Pointer, Tls};
use crate::environment::Environment;
use crate::source::request::body::{Body, BodyText};
use crate::source::request::client::TlsFiles;
use crate::source::request::endpoint::{address, header_name};
use crate::source::request::expression::Scope;
use crate::source::request::plan::method;
use crate::source::request::template::Resolved;
use crate::{Error, Result};

/// `login` with the environment's values in it; equal ones get the same token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Login {
    url: Resolved,
    method: definition::Method,
    body: BodyText,
    token_path: Pointer,
    header: String,
    scheme: Option<String>,
    tls: Option<TlsFiles>,
}

impl Login {
    pub(super) fn resolve(
        auth: &definition::Login,
        tls: Option<&Tls>,
        environment: &mut Environment,
    ) -> Self {
        let body = auth.body.as_ref().map(|body| BodyText::resolve(body, environment));
        Self {
            url: Resolved::address_of(&auth.url, environment),
            method: auth.method,
            body: body.unwrap_or_default(),
            token_path: auth.token_path.clone(),
            header: auth.header.clone(),
            scheme: auth.scheme.clone(),
            tls: tls.map(|tls| TlsFiles::resolve(tls, environment)),
        }
    }

    /// # Errors
    /// `url` is not a URL, or `header` not a header's name.
    pub(super) fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        let url = address(self.url.text(), "`url` of `login`", source)?;
        let header = header_name(&self.header, source)?;
        let usual = if header == AUTHORIZATION { "Bearer" } else { "" };
        let scheme = self.scheme.as_deref().unwrap_or(usual);
        // It is sent whenever a token is needed: no name has a value then.
        let body = self.body.at(&Scope::default())?;
        let (plan, source) = (self.clone(), source.to_owned());
        let entrance = Entrance { plan, url, body, source };
        Ok(Arc::new(Tokens::new(entrance, header, scheme)))
    }
}

/// Who logs in, and where.
struct Entrance {
    plan: Login,
    url: Url,
    body: Body,
    source: String,
}

impl Issuer for Entrance {
    async fn issue(&self) -> Result<Issued> {
        let mut request = reqwest::Request::new(method(self.plan.method), self.url.clone());
        let accept: HeaderName = ACCEPT;
        request.headers_mut().insert(accept, HeaderValue::from_static("application/json"));
        if let Some((bytes, kind)) = self.body.with(&[])? {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *request.body_mut() = Some(bytes.into());
        }
        let answered = ask(request, self.plan.tls.as_ref(), &self.body.values()).await?;
        let found = answered.json.pointer(&self.plan.token_path.0);
        let token = found.and_then(|found| match found {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        match token.filter(|_| answered.is_success()) {
            Some(token) => Ok(Issued { token, lasts: None }),
            None => Err(self.refusal(&answered)),
        }
    }
}

impl Entrance {
    fn refusal(&self, answered: &super::token::Answered) -> Error {
        let error = answered.error(&format!("the login of source `{}`", self.source));
        let path = &self.plan.token_path.0;
        match answered.is_success() {
            true => error.at_path(path.clone()).help("check `token_path` of `login`"),
            false => error.help("check `url` and `body` of `login`"),
        }
    }
}
