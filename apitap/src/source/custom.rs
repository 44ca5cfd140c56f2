//! Traits for what no word of a source covers: how requests are signed, and which page follows.
//!
//! ```text
//! auth: {custom: {type: "crate::Signed", key: "${SHOP_KEY}"}}   → Authenticate for crate::Signed
//! pagination: {kind: custom, type: "crate::Pages", step: 50}     → Paginate for crate::Pages
//! ```
//! Retries, redirects, the check that a body is whole, and the detection of loops stay apitap's.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::rest::set_param;
use crate::{Error, Result};

/// Puts credentials on requests, in a way of its own.
///
/// One value serves all requests of a source in a run. Only requests to the source's own server are
/// signed: a redirect or a next page that leads elsewhere gets no credentials.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how to authenticate",
    note = "implement `apitap::source::custom::Authenticate` for it"
)]
pub trait Authenticate: Send + Sync + Sized + 'static {
    /// Makes it of the settings beside `type`, their `${NAME}` resolved.
    ///
    /// Called when a run begins, before anything is requested, and possibly more than once.
    ///
    /// # Errors
    /// A setting is missing ([`Settings::required`]) or wrong: nothing is requested then.
    fn new(settings: &Settings) -> Result<Self>;

    /// Signs a request. Called for each attempt, so that a signature may hold the time.
    ///
    /// May itself request something, such as a token, and keep it.
    ///
    /// # Errors
    /// End the pipelines that read the source. One of the kind [`crate::ErrorKind::Request`] is
    /// taken for trouble that may pass: the request is tried again, as `retry` says.
    fn sign(&self, request: &mut Request) -> impl Future<Output = Result<()>> + Send;
}

/// Says which request follows, from the page before it.
///
/// One value serves one reading of a collection, page after page. A request that was made before, or
/// a page with the records of the page before it, ends the run with an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which page follows",
    note = "implement `apitap::source::custom::Paginate` for it"
)]
pub trait Paginate: Send + Sized + 'static {
    /// Makes it of the settings beside `kind` and `type`, their `${NAME}` resolved.
    ///
    /// Called when a run begins, before anything is requested, and possibly more than once.
    ///
    /// # Errors
    /// A setting is missing ([`Settings::required`]) or wrong: nothing is requested then.
    fn new(settings: &Settings) -> Result<Self>;

    /// The query parameters of the first request; none where nothing is said.
    fn first(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What follows the page.
    ///
    /// # Errors
    /// End the pipelines that read the source; request and page are named.
    fn next(&mut self, answer: &Answer<'_>) -> Result<Next>;
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was the last.
    End,
    /// The source's URL with these query parameters.
    Params(Vec<(String, String)>),
    /// This URL; one that is relative refers to the page's own.
    Url(String),
}

/// What a source says of its [`Authenticate`] or [`Paginate`], besides the type.
///
/// Settings that are never asked for are an error: they are probably misspelled.
pub struct Settings {
    source: String,
    path: String,
    values: Vec<(String, String)>,
    asked: RefCell<BTreeSet<String>>,
}

impl Settings {
    pub(crate) fn new(source: &str, path: &str, values: Vec<(String, String)>) -> Self {
        Self { source: source.to_owned(), path: path.to_owned(), values, asked: RefCell::default() }
    }

    /// The value of a setting, if it was written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a setting that must be there.
    ///
    /// # Errors
    /// A config error that names the source and the setting.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| {
            let Self { source, path, .. } = self;
            Error::config(format!("`{path}` needs the setting `{name}` in source `{source}`"))
                .help(format!("write `{name}` beside `type: \"{path}\"`"))
        })
    }

    /// Makes something of them, which must have asked for each.
    fn make<T>(&self, make: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let made = make(self)?;
        let asked = self.asked.borrow();
        let Some((name, _)) = self.values.iter().find(|(name, _)| !asked.contains(name)) else {
            return Ok(made);
        };
        let known: Vec<_> = asked.iter().map(|name| format!("`{name}`")).collect();
        let Self { source, path, .. } = self;
        let message = format!("`{path}` has no setting `{name}`, which source `{source}` gives it");
        Err(Error::config(message).help(match known.is_empty() {
            true => "it has none: leave it out".to_owned(),
            false => format!("it asks for {}", known.join(", ")),
        }))
    }
}

impl fmt::Debug for Settings {
    /// The names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings").field("type", &self.path).field("names", &names).finish()
    }
}

/// A request that is about to be sent.
pub struct Request {
    inner: reqwest::Request,
    /// What was put on it: never to show.
    added: Vec<String>,
}

impl Request {
    pub(super) fn new(inner: reqwest::Request) -> Self {
        Self { inner, added: Vec::new() }
    }

    /// The request, and the values that were put on it.
    pub(super) fn into_parts(self) -> (reqwest::Request, Vec<String>) {
        (self.inner, self.added)
    }

    /// `GET`.
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
        self.inner.headers_mut().insert(header, content);
        self.hide(value);
        Ok(())
    }

    /// Sets a query parameter, in place of those of that name. Its value is kept out of messages.
    pub fn set_query_param(&mut self, name: &str, value: &str) {
        set_param(self.inner.url_mut(), name, value);
        self.hide(value);
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

/// A page that has arrived whole.
pub struct Answer<'a> {
    pub(super) url: &'a Url,
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) number: u64,
    pub(super) records: usize,
}

impl Answer<'_> {
    /// Where it came from, redirects followed.
    pub fn url(&self) -> &Url {
        self.url
    }

    /// A success: 200 to 299.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header; `None` where there is none, or where it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The whole body, decompressed; JSON, or empty.
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// The body as JSON; an empty one is null.
    ///
    /// # Errors
    /// The body is nested more deeply than 128 levels.
    pub fn json(&self) -> Result<serde_json::Value> {
        if self.body.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(self.body)
            .map_err(|cause| Error::data("the body cannot be read as JSON").caused_by(cause))
    }

    /// Counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many records `data_path` has found in it.
    pub fn records(&self) -> usize {
        self.records
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, number, records, .. } = self;
        f.debug_struct("Answer")
            .field("number", number)
            .field("status", status)
            .field("records", records)
            .finish_non_exhaustive()
    }
}

/// [`Authenticate`], whichever type it is.
pub(crate) trait Sign: Send + Sync {
    fn sign<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<()>>;
}

impl<T: Authenticate> Sign for T {
    fn sign<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<()>> {
        Box::pin(Authenticate::sign(self, request))
    }
}

/// [`Paginate`], whichever type it is.
pub(crate) trait Follow: Send {
    fn first(&mut self) -> Vec<(String, String)>;
    fn next(&mut self, answer: &Answer<'_>) -> Result<Next>;
}

impl<T: Paginate> Follow for T {
    fn first(&mut self) -> Vec<(String, String)> {
        Paginate::first(self)
    }

    fn next(&mut self, answer: &Answer<'_>) -> Result<Next> {
        Paginate::next(self, answer)
    }
}

/// A type of the program that a source names.
#[derive(Debug, Clone, Copy)]
pub struct RustType {
    /// As the definition names it.
    pub(crate) path: &'static str,
    /// Which type that is: in another crate of the program, the path may be another type's.
    pub(crate) id: fn() -> TypeId,
    make: Make,
}

#[derive(Debug, Clone, Copy)]
enum Make {
    Sign(fn(&Settings) -> Result<Arc<dyn Sign>>),
    Follow(fn(&Settings) -> Result<Box<dyn Follow>>),
}

impl RustType {
    /// What generated code calls for `auth(custom = …)`.
    #[doc(hidden)]
    pub const fn authenticate<T: Authenticate>(path: &'static str) -> Self {
        let make = Make::Sign(|settings| Ok(Arc::new(settings.make(T::new)?)));
        Self { path, id: TypeId::of::<T>, make }
    }

    /// What generated code calls for `pagination(kind = "custom", …)`.
    #[doc(hidden)]
    pub const fn paginate<T: Paginate>(path: &'static str) -> Self {
        let make = Make::Follow(|settings| Ok(Box::new(settings.make(T::new)?)));
        Self { path, id: TypeId::of::<T>, make }
    }

    /// Whether it has the trait that puts credentials on requests; else it has the other.
    pub(crate) fn signs(&self) -> bool {
        matches!(self.make, Make::Sign(_))
    }
}

/// A Rust type with its settings, ready to be made; nothing where the source names none.
#[derive(Clone, Default)]
pub(crate) struct Prepared {
    ty: Option<RustType>,
    source: String,
    values: Vec<(String, String)>,
}

impl Prepared {
    pub(crate) fn new(source: &str, ty: RustType, values: Vec<(String, String)>) -> Self {
        Self { ty: Some(ty), source: source.to_owned(), values }
    }

    /// The authenticator, if it is one.
    pub(crate) fn sign(&self) -> Result<Option<Arc<dyn Sign>>> {
        match self.ty {
            Some(RustType { path, make: Make::Sign(make), .. }) => {
                make(&self.settings(path)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The pagination, if it is one.
    pub(crate) fn follow(&self) -> Result<Option<Box<dyn Follow>>> {
        match self.ty {
            Some(RustType { path, make: Make::Follow(make), .. }) => {
                make(&self.settings(path)).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn settings(&self, path: &str) -> Settings {
        Settings::new(&self.source, path, self.values.clone())
    }
}

#[cfg(test)]
mod tests;
