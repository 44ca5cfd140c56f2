//! A resolved source → the URL and headers of each request, and how to name it in messages.
//!
//! Credentials are put on here and nowhere else, and only on requests to the source's own server.

use std::sync::Arc;
use std::time::Duration;

use apitap_build::definition::{ApiKeyPlace, Pointer, Retry};
use base64::Engine;
use percent_encoding::percent_decode_str;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use url::Url;
use url::form_urlencoded;

use super::trouble::Trouble;
use super::{Client, Credentials, Resolved};
use crate::engine::limits::Limits;
use crate::environment::Secrets;
use crate::source::Fetched;
use crate::source::custom::{Request, Sign};
use crate::{Error, Result};

/// Query parameters whose values never show, whoever put them into the URL.
const SECRET_PARAMS: [&str; 16] = [
    "access_token",
    "api_key",
    "api-key",
    "apikey",
    "auth",
    "client_secret",
    "key",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-signature",
];

/// Where a source is and what its requests carry: checked, so that requests cannot fail for it.
#[derive(Debug)]
pub(super) struct Address {
    /// The first request's, without credentials, user and fragment.
    url: Url,
    /// For requests to the source's own server; credentials included.
    headers: HeaderMap,
    /// An API key that goes into the query.
    query_key: Option<(String, String)>,
}

impl Address {
    pub(super) fn new(source: &Resolved) -> Result<Self> {
        let name = &source.name;
        let invalid = |what: &str, cause: Option<url::ParseError>| {
            let error = Error::config(format!("the `url` of source `{name}` {what}"))
                .help("write it as `https://host/path`");
            match cause {
                Some(cause) => error.caused_by(cause),
                None => error,
            }
        };
        let mut url =
            Url::parse(&source.url).map_err(|cause| invalid("is not a valid URL", Some(cause)))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(&format!("starts with `{}:`", url.scheme()), None));
        }
        let mut headers = headers(source)?;
        if let Some(value) = take_user(&mut url).filter(|_| source.auth.is_none()) {
            headers.insert(AUTHORIZATION, sensitive(&value, name, "the user in `url`")?);
        }
        url.set_fragment(None);
        if !source.query_params.is_empty() {
            url.query_pairs_mut().extend_pairs(&source.query_params);
        }
        let query_key = match &source.auth {
            Some(Credentials::ApiKey { place: ApiKeyPlace::Query, name, value }) => {
                Some((name.clone(), value.clone()))
            }
            _ => None,
        };
        Ok(Self { url, headers, query_key })
    }

    /// Whether a URL is on the source's own server: the same origin, or the same host once it has
    /// moved from http to https.
    fn owns(&self, url: &Url) -> bool {
        let upgraded = self.url.scheme() == "http"
            && url.scheme() == "https"
            && self.url.host() == url.host()
            && self.url.port().is_none()
            && url.port().is_none();
        self.url.origin() == url.origin() || upgraded
    }
}

/// The configured headers and the credentials that go into headers.
fn headers(source: &Resolved) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &source.headers {
        let place = format!("header `{name}`");
        let value = sensitive(value, &source.name, &place)?;
        headers.append(header_name(name, source)?, value);
    }
    if !headers.contains_key(ACCEPT) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    }
    match &source.auth {
        Some(Credentials::Authorization(value)) => {
            headers.insert(AUTHORIZATION, sensitive(value, &source.name, "`auth`")?);
        }
        Some(Credentials::ApiKey { place: ApiKeyPlace::Header, name, value }) => {
            let value = sensitive(value, &source.name, "`auth`")?;
            headers.insert(header_name(name, source)?, value);
        }
        Some(Credentials::ApiKey { place: ApiKeyPlace::Cookie, name, value }) => {
            if value.contains([';', ',']) {
                return Err(Error::config(format!(
                    "the value of `auth` in source `{}` does not fit into a cookie",
                    source.name
                ))
                .help("percent-encode its `;` and `,`"));
            }
            let mut cookie = format!("{name}={value}");
            if let Some(others) = headers.get(COOKIE).and_then(|value| value.to_str().ok()) {
                cookie = format!("{others}; {cookie}");
            }
            headers.insert(COOKIE, sensitive(&cookie, &source.name, "`auth`")?);
        }
        Some(Credentials::ApiKey { place: ApiKeyPlace::Query, .. }) | None => {}
    }
    Ok(headers)
}

fn header_name(name: &str, source: &Resolved) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Error::config(format!("`{name}` in source `{}` is not a header's name", source.name))
            .help("a header's name has letters, digits and `-`")
    })
}

fn sensitive(value: &str, source: &str, place: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::config(format!("the value of {place} in source `{source}` does not fit a header"))
            .help("a header holds one line of visible characters: look for a line break")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Takes `user:password@` out of a URL, as the `Authorization` that it stands for.
fn take_user(url: &mut Url) -> Option<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decode(url.username()), url.password().map(decode));
    if user.is_empty() && password.is_none() {
        return None;
    }
    // Both can be set on every http and https URL.
    let (Ok(()), Ok(())) = (url.set_username(""), url.set_password(None)) else { return None };
    let pair = format!("{user}:{}", password.unwrap_or_default());
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

/// A source that is ready to be requested.
pub(super) struct Endpoint {
    client: Client,
    address: Address,
    pub(super) data_path: Pointer,
    pub(super) retry: Retry,
    pub(super) timeout: Duration,
    pub(super) secrets: Secrets,
    pub(super) fetched: Arc<Fetched>,
    pub(super) limits: Limits,
    authenticator: Option<Arc<dyn Sign>>,
    /// Whether credentials were configured: decides what help a 401 gets.
    pub(super) authenticates: bool,
}

impl Endpoint {
    pub(super) fn new(
        client: &Client,
        source: &Resolved,
        secrets: Secrets,
        fetched: Arc<Fetched>,
        limits: &Limits,
    ) -> Result<Self> {
        let address = Address::new(source)?;
        let authenticator = source.authenticate.sign()?;
        Ok(Self {
            client: client.clone(),
            authenticates: address.headers.contains_key(AUTHORIZATION)
                || source.auth.is_some()
                || authenticator.is_some(),
            authenticator,
            address,
            data_path: source.data_path.clone(),
            retry: source.retry,
            timeout: source.timeout,
            secrets,
            fetched,
            limits: *limits,
        })
    }

    /// The first request's URL with these parameters, which replace those of the same name.
    pub(super) fn url(&self, params: &[(&str, String)]) -> Url {
        let mut url = self.address.url.clone();
        for (name, value) in params {
            set_param(&mut url, name, value);
        }
        url
    }

    /// Sends the request for a URL; gives what its authenticator has put on it, too.
    pub(super) async fn send(&self, url: Url) -> Result<(Response, Vec<String>), Trouble> {
        let signs = self.authenticator.as_ref().filter(|_| self.address.owns(&url));
        let request = self.get(url).build().map_err(|error| Trouble::transport(&error))?;
        let mut request = Request::new(request);
        if let Some(authenticator) = signs {
            authenticator.sign(&mut request).await.map_err(Trouble::of_rust)?;
        }
        let (request, added) = request.into_parts();
        let sent = self.client.execute(request).await;
        Ok((sent.map_err(|error| Trouble::transport(&error))?, added))
    }

    /// The request for a URL; with the credentials where it is the source's own server.
    fn get(&self, mut url: Url) -> reqwest::RequestBuilder {
        if !self.address.owns(&url) {
            let accept = self.address.headers.get(ACCEPT).cloned();
            let request = self.client.get(url);
            return match accept {
                Some(accept) => request.header(ACCEPT, accept),
                None => request,
            };
        }
        if let Some((name, value)) = &self.address.query_key {
            set_param(&mut url, name, value);
        }
        self.client.get(url).headers(self.address.headers.clone())
    }

    /// The URL that an answer from `base` refers to as its next page.
    ///
    /// # Errors
    /// When it is not a URL, or is on another server: credentials are not sent there.
    pub(super) fn follow(&self, base: &Url, reference: &str) -> Result<Url> {
        let shown = self.secrets.mask(&super::body::shortened(reference, 200));
        let mut url = base.join(reference).map_err(|error| {
            Error::data(format!("the next page's URL `{shown}` is not a valid URL"))
                .caused_by(error)
        })?;
        url.set_fragment(None);
        drop(take_user(&mut url));
        // Servers behind a proxy that ends TLS often name themselves with http.
        let downgraded = base.scheme() == "https"
            && url.scheme() == "http"
            && base.host() == url.host()
            && base.port().is_none()
            && url.port().is_none();
        if downgraded && url.set_scheme("https").is_err() {
            return Err(Error::data(format!("the next page's URL `{shown}` is not a valid URL")));
        }
        if self.address.owns(&url) {
            return Ok(url);
        }
        let (ours, theirs) = (place(&self.address.url), place(&url));
        Err(Error::data(format!("the next page is on `{theirs}`, but the source is on `{ours}`"))
            .help(format!(
                "credentials are sent to `{ours}` only: if `{theirs}` is right, set `url` to it"
            )))
    }

    /// How messages name a request: `GET` and its URL, without secrets.
    pub(super) fn label(&self, url: &Url) -> Arc<str> {
        let mut shown = url.clone();
        drop(take_user(&mut shown));
        shown.set_fragment(None);
        if let Some(query) = url.query() {
            let kept: Vec<String> = query.split('&').map(|pair| self.shown_pair(pair)).collect();
            shown.set_query(None);
            return Arc::from(self.secrets.mask(&format!(
                "GET {}?{}",
                shown.as_str(),
                kept.join("&")
            )));
        }
        Arc::from(self.secrets.mask(&format!("GET {}", shown.as_str())))
    }

    /// `name=value`, or `name=***` where the value is a credential.
    fn shown_pair(&self, pair: &str) -> String {
        let name = param_name(pair);
        let ours = self.address.query_key.as_ref().is_some_and(|(key, _)| *key == name);
        let secret = ours || SECRET_PARAMS.contains(&name.to_ascii_lowercase().as_str());
        match pair.split_once('=') {
            // What the environment gave is named by the mask, which says more.
            Some((name, value)) if secret && self.secrets.mask(value) == value => {
                format!("{name}=***")
            }
            _ => pair.to_owned(),
        }
    }
}

/// `host`, or `host:port` where the port is not the usual one; with the scheme, which differs too.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Sets a query parameter: the first of that name keeps its place, others of that name go.
pub(in crate::source) fn set_param(url: &mut Url, name: &str, value: &str) {
    let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    let mut pairs: Vec<&str> = Vec::new();
    let mut placed = false;
    // The other pairs stay as they were written: some servers mind how they are encoded.
    for other in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        if param_name(other) != name {
            pairs.push(other);
        } else if !placed {
            pairs.push(&pair);
            placed = true;
        }
    }
    if !placed {
        pairs.push(&pair);
    }
    let query = pairs.join("&");
    url.set_query(Some(&query));
}

/// The decoded name of `name=value`.
fn param_name(pair: &str) -> String {
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, name: &str, value: &str, expected: &str) {
        let mut url = Url::parse(url).unwrap();
        set_param(&mut url, name, value);
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn a_parameter_is_replaced_rather_than_doubled() {
        check("http://h/", "page", "2", "http://h/?page=2");
        check("http://h/?page=1&x=1&page=7", "page", "2", "http://h/?page=2&x=1");
        check("http://h/?page%5B%5D=1", "page[]", "a b", "http://h/?page%5B%5D=a+b");
    }

    #[test]
    fn other_parameters_stay_as_they_were_written() {
        check("http://h/?f=a%20b,c&g", "page", "2", "http://h/?f=a%20b,c&g&page=2");
    }
}
