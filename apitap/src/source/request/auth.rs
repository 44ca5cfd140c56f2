//! Who asks: the credentials of requests, one file per kind.
//!
//! To add a kind: a file here, and a line in [`Credentials`], [`Credentials::resolve`] and
//! [`Credentials::authenticator`].

mod api_key;
mod basic;
mod bearer;
mod header;
mod login;
mod oauth2;
mod refresh;
mod token;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex as Lock, PoisonError};

use futures::future::BoxFuture;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;
use url::Url;

use super::endpoint::set_param;
use crate::definition::{Auth, Tls};
use crate::environment::Environment;
use crate::source::answer::Answer;
use crate::source::custom::Prepared;
use crate::{Error, Result};
use api_key::ApiKey;
use basic::Basic;
use bearer::Bearer;
use login::Login;
use oauth2::OAuth2;

/// Puts credentials on requests.
///
/// One value serves all requests of a source in a run. Only requests to the source's own server get
/// credentials: a redirect or a next page that leads elsewhere gets none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how to authenticate",
    note = "implement `apitap::source::custom::Authenticator` for it"
)]
pub trait Authenticator: Send + Sync + 'static {
    /// Puts credentials on a request. Called for each attempt, so that a signature may hold the time.
    ///
    /// May itself request something, such as a token, and keep it.
    ///
    /// # Errors
    /// End the pipelines that read the source. One of the kind [`crate::ErrorKind::Request`] is
    /// taken for trouble that may pass: the request is tried again, as `retry` says.
    fn apply(&self, request: &mut Request) -> impl Future<Output = Result<()>> + Send;

    /// Called where the server answers 401: what expired can be renewed here.
    ///
    /// Once for all requests that had the same credentials, however many were under way: the others
    /// wait, and are sent again with the new ones. A request is sent again once, or twice where there are others
    /// by then than those that were refused.
    ///
    /// # Errors
    /// As those of [`apply`](Self::apply).
    fn refused(&self, answer: &Answer<'_>) -> impl Future<Output = Result<Again>> + Send {
        let _ = answer;
        std::future::ready(Ok(Again::No))
    }
}

/// Whether to send a refused request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// There are new credentials.
    Yes,
    /// Nothing has changed.
    No,
}

/// A request that is about to be sent.
pub struct Request {
    inner: reqwest::Request,
    /// What was put on it: never to show.
    added: Vec<String>,
}

impl Request {
    pub(in crate::source) fn new(inner: reqwest::Request) -> Self {
        Self { inner, added: Vec::new() }
    }

    /// The request, and the values that were put on it.
    pub(in crate::source) fn into_parts(self) -> (reqwest::Request, Vec<String>) {
        (self.inner, self.added)
    }

    /// `GET` or `POST`.
    pub fn method(&self) -> &str {
        self.inner.method().as_str()
    }

    /// Where it goes, with all its query parameters.
    pub fn url(&self) -> &Url {
        self.inner.url()
    }

    /// The value of a header; `None` where there is none, or where it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// What it sends; empty where it has no body.
    pub fn body(&self) -> &[u8] {
        self.inner.body().and_then(reqwest::Body::as_bytes).unwrap_or_default()
    }

    /// Sets a header, in place of those of that name. Its value is kept out of messages.
    ///
    /// # Errors
    /// The name or the value does not fit into a header.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let unfit = |what: &str| {
            Error::config(format!("{what} of the header `{name}` does not fit into a header"))
                .help("a header holds one line of visible characters")
        };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit("the name"))?;
        let mut content = HeaderValue::from_str(value).map_err(|_| unfit("the value"))?;
        content.set_sensitive(true);
        self.insert(header, content);
        self.hide(value);
        Ok(())
    }

    /// Sets a query parameter, in place of those of that name. Its value is kept out of messages.
    pub fn set_query_param(&mut self, name: &str, value: &str) {
        set_param(self.inner.url_mut(), name, value);
        self.hide(value);
    }

    /// Sets a header whose value is known as a secret already.
    fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.inner.headers_mut().insert(name, value);
    }

    /// `Bearer abc` is hidden, and so is `abc`.
    fn hide(&mut self, value: &str) {
        self.added.extend(value.rsplit_once(' ').map(|(_, last)| last.to_owned()));
        self.added.push(value.to_owned());
    }
}

impl fmt::Debug for Request {
    /// The method only: the rest may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method()).finish_non_exhaustive()
    }
}

/// [`Authenticator`], whichever type it is.
pub(crate) trait Authenticate: Send + Sync {
    fn apply<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<()>>;
    fn refused<'a>(&'a self, answer: &'a Answer<'a>) -> BoxFuture<'a, Result<Again>>;
}

impl<T: Authenticator> Authenticate for T {
    fn apply<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<()>> {
        Box::pin(Authenticator::apply(self, request))
    }

    fn refused<'a>(&'a self, answer: &'a Answer<'a>) -> BoxFuture<'a, Result<Again>> {
        Box::pin(Authenticator::refused(self, answer))
    }
}

/// `auth` with the environment's values; equal ones put the same on a request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Credentials {
    Bearer(Bearer),
    Basic(Basic),
    ApiKey(ApiKey),
    OAuth2(OAuth2),
    Login(Login),
    Custom(Prepared),
}

impl Credentials {
    /// Puts the values in; `custom` is the type of the user's, where `auth` names one, and `tls` has the
    /// certificates for requests for tokens.
    pub(crate) fn resolve(
        auth: &Auth,
        custom: Prepared,
        tls: Option<&Tls>,
        environment: &mut Environment,
    ) -> Self {
        match auth {
            Auth::Bearer(token) => Self::Bearer(Bearer::resolve(token, environment)),
            Auth::Basic(basic) => Self::Basic(Basic::resolve(basic, environment)),
            Auth::ApiKey(key) => Self::ApiKey(ApiKey::resolve(key, environment)),
            Auth::Oauth2(oauth2) => Self::OAuth2(OAuth2::resolve(oauth2, tls, environment)),
            Auth::Login(login) => Self::Login(Login::resolve(login, tls, environment)),
            Auth::Custom(_) => Self::Custom(custom),
        }
    }

    /// What puts them on requests; `source` is the source's name.
    ///
    /// # Errors
    /// A value does not fit in its place; what a type of the user's says of its settings.
    fn authenticator(&self, source: &str) -> Result<Arc<dyn Authenticate>> {
        match self {
            Self::Bearer(bearer) => bearer.authenticator(source),
            Self::Basic(basic) => basic.authenticator(source),
            Self::ApiKey(key) => key.authenticator(source),
            Self::OAuth2(oauth2) => oauth2.authenticator(source),
            Self::Login(login) => login.authenticator(source),
            Self::Custom(prepared) => prepared.authenticator(),
        }
    }

    /// The query parameter that carries them.
    fn query_param(&self) -> Option<&str> {
        match self {
            Self::ApiKey(key) => key.query_param(),
            Self::Bearer(_)
            | Self::Basic(_)
            | Self::OAuth2(_)
            | Self::Login(_)
            | Self::Custom(_) => None,
        }
    }

    /// Whether tokens are requested, which all sources with these credentials share.
    fn requests_tokens(&self) -> bool {
        matches!(self, Self::OAuth2(_) | Self::Login(_))
    }
}

/// Who requests tokens in this process: one for all sources that would request the same, and for all
/// of its runs, so that a refresh token that was replaced is known to the next one.
static SHARED: LazyLock<Lock<HashMap<Credentials, Arc<Signer>>>> = LazyLock::new(Lock::default);

/// An authenticator, and how often it has renewed what it puts on requests.
pub(crate) struct Signer {
    authenticator: Arc<dyn Authenticate>,
    query_param: Option<String>,
    requests_tokens: bool,
    /// The last generation with which a request was answered, counted from 1.
    taken: AtomicU64,
    state: Mutex<State>,
}

/// What has become of credentials that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// They were renewed now.
    Own,
    /// They had been renewed for another request.
    Others,
    /// They cannot be renewed.
    None,
}

#[derive(Default)]
struct State {
    generation: u64,
    /// Whether this generation cannot be renewed.
    last: bool,
}

impl Signer {
    /// The one of these credentials; `source` is a source that has them.
    ///
    /// # Errors
    /// As those of [`Credentials::authenticator`].
    pub(crate) fn of(credentials: &Credentials, source: &str) -> Result<Arc<Self>> {
        if !credentials.requests_tokens() {
            return Self::new(credentials, source).map(Arc::new);
        }
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(credentials) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(Self::new(credentials, source)?);
        shared.insert(credentials.clone(), Arc::clone(&new));
        Ok(new)
    }

    fn new(credentials: &Credentials, source: &str) -> Result<Self> {
        Ok(Self {
            authenticator: credentials.authenticator(source)?,
            query_param: credentials.query_param().map(str::to_owned),
            requests_tokens: credentials.requests_tokens(),
            taken: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    /// A request with credentials of this generation was answered.
    pub(super) fn took(&self, generation: u64) {
        self.taken.fetch_max(generation + 1, Relaxed);
    }

    /// Whether one was.
    pub(super) fn has_taken(&self, generation: u64) -> bool {
        self.taken.load(Relaxed) == generation + 1
    }

    /// Whether what it puts on requests came up during the run: then it is to be kept out of messages.
    pub(super) fn requests_tokens(&self) -> bool {
        self.requests_tokens
    }

    /// The query parameter whose value is a credential.
    pub(super) fn query_param(&self) -> Option<&str> {
        self.query_param.as_deref()
    }

    /// Puts credentials on a request; gives their generation.
    pub(super) async fn apply(&self, request: &mut Request) -> Result<u64> {
        // While they are renewed, requests wait for the new ones.
        let generation = self.state.lock().await.generation;
        self.authenticator.apply(request).await?;
        Ok(generation)
    }

    /// Renews credentials of this generation, unless that was done already, for another request.
    pub(super) async fn refused(&self, generation: u64, answer: &Answer<'_>) -> Result<Renewal> {
        let mut state = self.state.lock().await;
        if state.generation != generation {
            return Ok(Renewal::Others);
        }
        if state.last {
            return Ok(Renewal::None);
        }
        match self.authenticator.refused(answer).await? {
            Again::Yes => {
                state.generation += 1;
                Ok(Renewal::Own)
            }
            Again::No => {
                state.last = true;
                Ok(Renewal::None)
            }
        }
    }
}
