//! Tokens of an OAuth 2.0 server (RFC 6749): by client credentials, a refresh token, or a password.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::Authenticate;
use super::refresh::{Refresh, RefreshTokens};
use super::token::{Answered, Issued, Issuer, Tokens, ask};
use crate::definition::{self, CredentialsIn, Template, Texts, Tls};
use crate::environment::Environment;
use crate::source::request::client::TlsFiles;
use crate::source::request::endpoint::{address, sensitive};
use crate::source::request::template::Resolved;
use crate::{Error, Result};

/// `oauth2` with the environment's values in it; equal ones get the same token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct OAuth2 {
    token_url: Resolved,
    client_id: Resolved,
    client_secret: Option<Resolved>,
    scopes: Vec<String>,
    credentials_in: CredentialsIn,
    grant: Grant,
    tls: Option<TlsFiles>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Grant {
    ClientCredentials,
    RefreshToken(Refresh),
    Password { username: Resolved, password: Resolved },
}

impl OAuth2 {
    pub(super) fn resolve(
        auth: &definition::OAuth2,
        tls: Option<&Tls>,
        environment: &mut Environment,
    ) -> Self {
        use definition::OAuth2 as Kind;
        let secret = |text: &Template, environment: &mut _| Resolved::secret_of(text, environment);
        match auth {
            Kind::ClientCredentials(keys) => {
                let client_secret = Some(secret(&keys.client_secret, environment));
                let client = Client::of(&keys.token_url, &keys.client_id, client_secret, tls);
                let grant = Grant::ClientCredentials;
                client.grant(&keys.scopes, keys.credentials_in, grant, environment)
            }
            Kind::RefreshToken(keys) => {
                let client_secret =
                    keys.client_secret.as_ref().map(|text| secret(text, environment));
                let client = Client::of(&keys.token_url, &keys.client_id, client_secret, tls);
                let token = secret(&keys.refresh_token, environment);
                let file =
                    keys.token_file.as_ref().map(|file| Resolved::text_of(file, environment));
                let grant = Grant::RefreshToken(Refresh { token, file });
                client.grant(&keys.scopes, keys.credentials_in, grant, environment)
            }
            Kind::Password(keys) => {
                let client_secret =
                    keys.client_secret.as_ref().map(|text| secret(text, environment));
                let client = Client::of(&keys.token_url, &keys.client_id, client_secret, tls);
                let username = Resolved::text_of(&keys.username, environment);
                let password = secret(&keys.password, environment);
                let grant = Grant::Password { username, password };
                client.grant(&keys.scopes, keys.credentials_in, grant, environment)
            }
        }
    }

    /// # Errors
    /// `token_url` is not a URL, or the credentials do not fit into their header.
    pub(super) fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        let url = address(self.token_url.text(), "`token_url` in `auth`", source)?;
        let server = Server::new(self, url, source)?;
        Ok(Arc::new(Tokens::new(server, AUTHORIZATION, "Bearer")))
    }
}

/// What all grants have: the server, and the program as the server knows it.
struct Client<'a> {
    token_url: &'a Template,
    client_id: &'a Template,
    client_secret: Option<Resolved>,
    tls: Option<&'a Tls>,
}

impl<'a> Client<'a> {
    fn of(
        token_url: &'a Template,
        client_id: &'a Template,
        client_secret: Option<Resolved>,
        tls: Option<&'a Tls>,
    ) -> Self {
        Self { token_url, client_id, client_secret, tls }
    }

    fn grant(
        self,
        scopes: &Texts,
        credentials_in: CredentialsIn,
        grant: Grant,
        environment: &mut Environment,
    ) -> OAuth2 {
        OAuth2 {
            token_url: Resolved::address_of(self.token_url, environment),
            client_id: Resolved::text_of(self.client_id, environment),
            client_secret: self.client_secret,
            scopes: scopes.0.clone(),
            credentials_in,
            grant,
            tls: self.tls.map(|tls| TlsFiles::resolve(tls, environment)),
        }
    }
}

/// Who requests tokens, and how.
struct Server {
    plan: OAuth2,
    url: Url,
    /// `Authorization` of the request, where the credentials go there.
    header: Option<HeaderValue>,
    refresh: Option<RefreshTokens>,
    source: String,
}

impl Server {
    fn new(plan: &OAuth2, url: Url, source: &str) -> Result<Self> {
        let secret = plan.client_secret.as_ref();
        let secret = secret.filter(|_| plan.credentials_in == CredentialsIn::Header);
        let header = secret.map(|secret| {
            let basic = basic(plan.client_id.text(), secret.text());
            sensitive(&format!("Basic {basic}"), source, "`auth`")
        });
        let refresh = match &plan.grant {
            Grant::RefreshToken(refresh) => Some(RefreshTokens::new(refresh, source)),
            Grant::ClientCredentials | Grant::Password { .. } => None,
        };
        let source = source.to_owned();
        Ok(Self { plan: plan.clone(), url, header: header.transpose()?, refresh, source })
    }

    /// The request for a token, and what of it is never shown.
    fn request(&self, refresh: Option<&str>) -> (reqwest::Request, Vec<String>) {
        let plan = &self.plan;
        let mut form = form_urlencoded::Serializer::new(String::new());
        let mut hidden = Vec::new();
        match &plan.grant {
            Grant::ClientCredentials => drop(form.append_pair("grant_type", "client_credentials")),
            Grant::RefreshToken(_) => {
                let token = refresh.unwrap_or_default();
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
                hidden.push(token.to_owned());
            }
            Grant::Password { username, password } => {
                form.append_pair("grant_type", "password")
                    .append_pair("username", username.text())
                    .append_pair("password", password.text());
                hidden.push(password.text().to_owned());
            }
        }
        if !plan.scopes.is_empty() {
            form.append_pair("scope", &plan.scopes.join(" "));
        }
        if let Some(secret) = &plan.client_secret {
            hidden.push(secret.text().to_owned());
            hidden.push(basic(plan.client_id.text(), secret.text()));
        }
        if self.header.is_none() {
            form.append_pair("client_id", plan.client_id.text());
            if let Some(secret) = &plan.client_secret {
                form.append_pair("client_secret", secret.text());
            }
        }
        let mut request = reqwest::Request::new(Method::POST, self.url.clone());
        *request.body_mut() = Some(form.finish().into());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        if let Some(header) = &self.header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        (request, hidden)
    }

    async fn ask(&self, refresh: Option<&str>) -> Result<Answered> {
        let (request, hidden) = self.request(refresh);
        ask(request, self.plan.tls.as_ref(), &hidden).await
    }

    /// The answer to the refresh token that is known, or to the configured one where that is no
    /// longer taken: somebody may have allowed it anew.
    async fn refreshed(&self, tokens: &RefreshTokens) -> Result<Answered> {
        let known = tokens.known().await?;
        let answered = self.ask(Some(&known)).await?;
        let configured = tokens.configured();
        if known == configured || error_of(&answered) != Some("invalid_grant") {
            return Ok(answered);
        }
        self.ask(Some(configured)).await
    }

    /// The error of an answer without a token, and what to do about it.
    fn refusal(&self, answered: &Answered) -> Error {
        let help = match error_of(answered) {
            Some("invalid_client") if self.header.is_some() => {
                "check `client_id` and `client_secret`; some servers want them in the body: \
                 `credentials_in: body`"
            }
            Some("invalid_client") => "check `client_id` and `client_secret`",
            Some("invalid_grant") if self.refresh.is_some() => {
                "the refresh token has expired, was revoked, or was used already: get a new one"
            }
            Some("invalid_grant") => "check `username` and `password`",
            Some("invalid_scope") => "check `scopes`",
            Some("unauthorized_client" | "unsupported_grant_type") => {
                "the server does not give tokens to this client by this `grant`"
            }
            _ if (300..400).contains(&answered.status) => {
                "credentials do not follow a redirect: set `token_url` to where it leads"
            }
            _ => "check `token_url` and the credentials in `auth`",
        };
        answered.error(&format!("the request of source `{}` for a token", self.source)).help(help)
    }
}

impl Issuer for Server {
    async fn issue(&self) -> Result<Issued> {
        let answered = match &self.refresh {
            Some(tokens) => self.refreshed(tokens).await?,
            None => self.ask(None).await?,
        };
        let token = answered.json.get("access_token").and_then(Value::as_str);
        let Some(token) = token.filter(|token| !token.is_empty() && answered.is_success()) else {
            return Err(self.refusal(&answered));
        };
        let rotated = answered.json.get("refresh_token").and_then(Value::as_str);
        if let (Some(tokens), Some(rotated)) = (&self.refresh, rotated) {
            tokens.keep(rotated).await?;
        }
        Ok(Issued { token: token.to_owned(), lasts: lasts(answered.json.get("expires_in")) })
    }
}

/// `id:secret` in the form of a form's fields (RFC 6749, 2.3.1), as the header encodes it.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    base64::engine::general_purpose::STANDARD.encode(pair)
}

/// What the server calls the error.
fn error_of(answered: &Answered) -> Option<&str> {
    answered.json.get("error")?.as_str()
}

/// Seconds, which some servers give as a text.
fn lasts(expires_in: Option<&Value>) -> Option<Duration> {
    let seconds = match expires_in? {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    // 0 stands for no end, or for a server that does not mean it: 401 tells.
    Duration::try_from_secs_f64(seconds).ok().filter(|lasts| !lasts.is_zero())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_long_a_token_lasts_is_read_in_every_spelling() {
        let check = |value: Value, expected: Option<f64>| {
            assert_eq!(lasts(Some(&value)), expected.map(Duration::from_secs_f64), "{value}");
        };
        check(json!(3600), Some(3600.0));
        check(json!("3600"), Some(3600.0));
        check(json!(0.5), Some(0.5));
        check(json!(0), None);
        check(json!(-1), None);
        check(json!("soon"), None);
        check(json!(null), None);
        check(json!(1e300), None);
    }

    #[test]
    fn ids_and_secrets_are_encoded_before_they_become_a_header() {
        let decode = |text: String| {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(decode(basic("shop", "s3cr3t")), "shop:s3cr3t");
        assert_eq!(decode(basic("a:b", "c d%")), "a%3Ab:c+d%25");
    }
}
