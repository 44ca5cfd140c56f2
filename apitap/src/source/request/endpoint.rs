//! A plan → the URL, headers and body of each request: checked, so that requests cannot fail for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use apitap_build::secret_names;
use base64::Engine;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::Method;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use url::{Host, Url, form_urlencoded};

use super::auth::Signer;
use super::body::Body;
use super::client::Client;
use super::content;
use super::expression::Scope;
use super::on_response::Rules;
use super::plan::RequestPlan;
use super::rate_limit::RateLimit;
use super::shown::{self, param_name, shortened};
use super::variables::Variables;
use crate::definition::{Format, Retry};
use crate::engine::limits::Limits;
use crate::environment::Secrets;
use crate::source::Fetched;
use crate::source::body::Layout;
use crate::source::fetch::pace::Pace;
use crate::source::fetch::{Driver, FetchPlan};
use crate::source::pagination::Params;
use crate::{Error, Result};

/// The most characters of a URL of the API's that a message shows.
const SHOWN: usize = 200;

/// A source that is ready to be requested.
pub(in crate::source) struct Endpoint {
    /// The source's name.
    pub(in crate::source) name: String,
    pub(super) client: Client,
    pub(super) target: Target,
    /// What the target is made of, where it differs from page to page.
    by_page: Option<Box<FetchPlan>>,
    pub(in crate::source) layout: Layout,
    /// Whether the whole text of each body is kept.
    pub(super) text: bool,
    pub(super) retry: Retry,
    pub(super) timeout: Duration,
    pub(in crate::source) secrets: Secrets,
    pub(in crate::source) fetched: Arc<Fetched>,
    pub(in crate::source) limits: Limits,
    pub(in crate::source) pace: Pace,
    pub(super) rules: Rules,
    pub(super) rate_limit: RateLimit,
    /// Whether it is asked for a job, and not for records.
    pub(super) of_job: bool,
    /// Whether each request is sent once, to see whether it is answered.
    pub(super) once: bool,
    /// Whether there was an answer yet.
    pub(super) reached: AtomicBool,
    /// The variables behind the keys that its errors name.
    pub(super) variables: Variables,
}

/// Where a source is, and what its requests carry.
pub(in crate::source) struct Target {
    method: Method,
    /// The first request's, without credentials, user and fragment.
    url: Url,
    /// For requests to the source's own server, and to those that are trusted like it.
    headers: HeaderMap,
    body: Body,
    allowed_hosts: Vec<String>,
    pub(super) signer: Option<Arc<Signer>>,
    /// Where the credentials are written, if there are any: what the help of a 401 speaks of.
    pub(super) credentials_in: Option<String>,
    /// The parameters among those that are written down whose values are secrets.
    secret_params: Vec<(String, String)>,
}

/// One request, which may be sent several times.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::source) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The bytes, and their `Content-Type`.
    pub(super) body: Option<(Bytes, &'static str)>,
    /// In place of the source's, where those differ from page to page.
    pub(super) headers: Option<Vec<(HeaderName, HeaderValue)>>,
}

impl Target {
    /// # Errors
    /// A config error that names the source and the value's place, never the value.
    pub(in crate::source) fn new(plan: &FetchPlan) -> Result<Self> {
        Self::at(plan, plan.scope(), None)
    }

    /// The same with other values of the names in its texts, and the credentials of the `first` request.
    fn at(plan: &FetchPlan, scope: &Scope, first: Option<&Self>) -> Result<Self> {
        let name = plan.name();
        let request = plan.request();
        let mut url = address(&request.url.url(scope)?, "`url`", name)?;
        let mut headers = headers(request, plan.layout().format, scope, name)?;
        let signer = match first {
            Some(target) => target.signer.clone(),
            None => plan.signer()?,
        };
        let user = take_user(&mut url);
        let credentials_in = credentials_in(signer.is_some(), user.is_some(), request);
        if let Some(value) = user.filter(|_| signer.is_none()) {
            headers.insert(AUTHORIZATION, sensitive(&value, name, "the user in `url`")?);
        }
        url.set_fragment(None);
        if !request.query.is_empty() || !plan.params().is_empty() {
            let mut pairs = Vec::new();
            for (param, value) in &request.query {
                pairs.extend(value.text(scope)?.map(|value| (param, value)));
            }
            pairs.extend(plan.params().iter().map(|(param, value)| (param, value.clone())));
            if !pairs.is_empty() {
                url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        let secret_params = url.query_pairs().filter(|(name, _)| secret_names::may_be_secret(name));
        let secret_params = secret_params.map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        Ok(Self {
            method: request.method.clone(),
            credentials_in,
            secret_params,
            url,
            headers,
            body: request.body.at(scope)?,
            allowed_hosts: request.allowed_hosts.clone(),
            signer,
        })
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

    /// Whether a URL gets headers and credentials: it is on the source's own server, or on one that
    /// the source names, and no less protected on its way.
    pub(super) fn trusts(&self, url: &Url) -> bool {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", url.host_str().unwrap_or_default());
        let is_protected = url.scheme() == "https" || url.scheme() == self.url.scheme();
        self.owns(url) || is_protected && self.allowed_hosts.contains(&host)
    }

    /// Whether a URL has a parameter of the source's whose value is a secret.
    pub(super) fn sends_secret_param(&self, url: &Url) -> bool {
        let is_secret =
            |(name, value)| self.secret_params.iter().any(|(n, v)| *n == name && *v == value);
        url.query_pairs().any(is_secret)
    }

    /// Whether a URL leads from outside into the network of this machine, as it is written or by what
    /// its name stands for; `named` says whether the name in a URL stands for an address in there.
    pub(super) async fn leads_inside(&self, url: &Url, named: impl AsyncFn(&Url) -> bool) -> bool {
        if self.trusts(url) || is_local(&self.url) {
            return false;
        }
        is_local(url) || named(url).await && !named(&self.url).await
    }
}

/// Where the credentials of a source are written; `None` where nothing looks like some.
fn credentials_in(by_auth: bool, has_user: bool, request: &RequestPlan) -> Option<String> {
    let header = request.headers.iter().find(|(name, _)| secret_names::is_secret(name));
    let param = request.query.iter().find(|(name, _)| secret_names::may_be_secret(name));
    match (header, param) {
        _ if by_auth => Some("`auth`".to_owned()),
        (Some((name, _)), _) => Some(format!("the header `{name}`")),
        _ if has_user => Some("the user in `url`".to_owned()),
        (None, Some((name, _))) => Some(format!("the parameter `{name}`")),
        (None, None) => None,
    }
}

/// Whether an address is one of this machine, or of its network.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_local_v4(address),
        Some(Host::Ipv6(address)) => is_local_v6(address),
        None => false,
    }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    let is_shared = matches!(address.octets(), [100, 64..=127, ..]);
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || is_shared
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some_and(is_local_v4)
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

/// Whether the name in a URL stands for an address of this machine or of its network. One that nobody
/// knows here does not: a proxy may know it.
pub(super) async fn names_inside(url: &Url) -> bool {
    let (Some(Host::Domain(name)), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return false;
    };
    let Ok(mut found) = tokio::net::lookup_host((name, port)).await else { return false };
    found.any(|address| match address.ip() {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => is_local_v6(address),
    })
}

impl Endpoint {
    /// # Errors
    /// As those of [`Target::new`].
    pub(in crate::source) fn new(driver: &Driver, plan: &FetchPlan) -> Result<Self> {
        let (target, request) = (Target::new(plan)?, plan.request());
        let rate_limit = RateLimit::new(request.rate_limit.as_ref(), &origin(&target.url));
        let rules = Rules::new(&request.rules, target.body.is_graphql())?;
        let client = match &request.tls {
            Some(tls) => Client::of(Some(tls))?,
            None => driver.client.clone(),
        };
        Ok(Self {
            name: plan.name().to_owned(),
            client,
            target,
            by_page: plan.differs_by_page().then(|| Box::new(plan.clone())),
            rules,
            rate_limit,
            layout: plan.layout().clone(),
            text: plan.text(),
            retry: plan.retry(),
            timeout: plan.timeout(),
            secrets: driver.secrets.clone(),
            fetched: Arc::clone(&driver.fetched),
            limits: driver.limits,
            pace: Pace::default(),
            of_job: plan.is_of_job(),
            once: plan.is_once(),
            reached: AtomicBool::new(false),
            variables: plan.variables().clone(),
        })
    }

    /// The request that the pagination asks for; relative URLs refer to `base`, the last answer's.
    ///
    /// # Errors
    /// What it asks for is not a URL, or is on another server: credentials are not sent there.
    pub(in crate::source) fn ask(&self, params: &Params, base: Option<&Url>) -> Result<Ask> {
        let of_page = self.target_at(params)?;
        let target = of_page.as_ref().unwrap_or(&self.target);
        let mut url = match &params.url {
            None => target.url.clone(),
            Some(reference) => {
                let base = base.unwrap_or(&self.target.url);
                let url = self.refer(base, reference)?;
                if params.anywhere { url } else { self.trusted(url)? }
            }
        };
        for (name, value) in &params.query {
            set_param(&mut url, name, value);
        }
        let body = target.body.with(&params.body)?.map(|(bytes, kind)| (Bytes::from(bytes), kind));
        let headers = of_page.as_ref().map(|target| {
            let headers = target.headers.iter();
            headers.map(|(name, value)| (name.clone(), value.clone())).collect()
        });
        Ok(Ask { method: target.method.clone(), url, body, headers })
    }

    /// The target of a request whose texts are not those of the first page.
    fn target_at(&self, params: &Params) -> Result<Option<Target>> {
        let (Some(plan), Some(place)) = (&self.by_page, &params.place) else { return Ok(None) };
        Target::at(plan, &plan.scope_at(place), Some(&self.target)).map(Some)
    }

    /// The request as it is sent, with the source's headers where the server is trusted.
    pub(super) fn request(&self, ask: &Ask) -> reqwest::Request {
        let mut request = reqwest::Request::new(ask.method.clone(), ask.url.clone());
        if self.target.trusts(&ask.url) {
            match &ask.headers {
                Some(headers) => request.headers_mut().extend(headers.iter().cloned()),
                None => *request.headers_mut() = self.target.headers.clone(),
            }
        } else if let Some(accept) = self.target.headers.get(ACCEPT) {
            request.headers_mut().insert(ACCEPT, accept.clone());
        }
        let accepted = HeaderValue::from_static(content::ACCEPTED);
        request.headers_mut().entry(ACCEPT_ENCODING).or_insert(accepted);
        if let Some((bytes, kind)) = &ask.body {
            request
                .headers_mut()
                .entry(CONTENT_TYPE)
                .or_insert_with(|| HeaderValue::from_static(kind));
            *request.body_mut() = Some(bytes.clone().into());
        }
        request
    }

    /// A file that the API says is at an address; on another server than the source's own, nothing goes
    /// along to it.
    ///
    /// # Errors
    /// It is no address, or one in the local network.
    pub(in crate::source) async fn file(&self, reference: &str) -> Result<Url> {
        let url = self.refer(&self.target.url, reference)?;
        if !matches!(url.scheme(), "http" | "https") {
            let message = format!("the file is at `{}:`, which is not HTTP", url.scheme());
            return Err(Error::data(message));
        }
        if self.target.leads_inside(&url, names_inside).await {
            let to = origin(&url);
            let message = format!("the file is on `{to}`, which is in the local network");
            return Err(
                Error::data(message).help("if that is right, name its host in `allow_hosts`")
            );
        }
        Ok(url)
    }

    /// The URL that an answer from `base` refers to.
    fn refer(&self, base: &Url, reference: &str) -> Result<Url> {
        let shown = shortened(&self.secrets.mask(reference), SHOWN);
        let invalid = || Error::data(format!("the next page's URL `{shown}` is not a valid URL"));
        let mut url = base.join(reference).map_err(|error| invalid().caused_by(error))?;
        url.set_fragment(None);
        drop(take_user(&mut url));
        // Servers behind a proxy that ends TLS often name themselves with http.
        let downgraded = base.scheme() == "https"
            && url.scheme() == "http"
            && base.host() == url.host()
            && base.port().is_none()
            && url.port().is_none();
        if downgraded && url.set_scheme("https").is_err() {
            return Err(invalid());
        }
        Ok(url)
    }

    /// A next page, which must be on a server that gets the credentials.
    fn trusted(&self, url: Url) -> Result<Url> {
        if self.target.trusts(&url) {
            return Ok(url);
        }
        let theirs = origin(&url);
        let ours = origin(&self.target.url);
        Err(Error::data(format!("the next page is on `{theirs}`, but the source is on `{ours}`"))
            .help(format!(
                "credentials are sent to `{ours}` only: if `{theirs}` is to have them, too, name its \
                 host in `allow_hosts`"
            )))
    }

    /// How messages name a request: method and URL, without secrets.
    pub(in crate::source) fn label(&self, ask: &Ask) -> Arc<str> {
        let hidden = self.target.signer.as_ref().and_then(|signer| signer.query_param());
        shown::label(&ask.method, &ask.url, hidden, &self.secrets)
    }
}

/// A URL that can be requested; `key` says where it was written.
pub(super) fn address(text: &str, key: &str, source: &str) -> Result<Url> {
    let invalid = |what: &str| {
        Error::config(format!("the {key} of source `{source}` {what}"))
            .help("write it as `https://host/path`")
    };
    let url = Url::parse(text).map_err(|cause| invalid("is not a valid URL").caused_by(cause))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(invalid(&format!("starts with `{other}:`"))),
    }
}

/// The configured headers.
fn headers(
    request: &RequestPlan,
    format: Format,
    scope: &Scope,
    source: &str,
) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let Some(value) = value.text(scope)? else { continue };
        let value = sensitive(&value, source, &format!("header `{name}`"))?;
        headers.append(header_name(name, source)?, value);
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static(match format {
        Format::Json => "application/json",
        Format::Jsonl => "application/x-ndjson, application/jsonl, application/json;q=0.5",
        Format::Csv => "text/csv",
    }));
    Ok(headers)
}

pub(super) fn header_name(name: &str, source: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Error::config(format!("`{name}` in source `{source}` is not a header's name"))
            .help("a header's name has letters, digits and `-`")
    })
}

/// A value that is not shown; `place` says where it was written.
pub(super) fn sensitive(value: &str, source: &str, place: &str) -> Result<HeaderValue> {
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

/// Scheme and host, and the port where it is not the usual one.
pub(super) fn origin(url: &Url) -> String {
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
