//! A response → a page that is whole, and what says which page comes next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use url::Url;

use super::attempt::For;
use super::content;
use super::endpoint::{Ask, Endpoint};
use super::failure::Failure;
use crate::definition::Pointer;
use crate::environment::Secrets;
use crate::source::answer::Answer;
use crate::source::page::{self, Page};
use crate::source::pagination::Reads;

/// The longest body, decompressed: 256 MiB.
const LIMIT: usize = 256 << 20;

/// An answer that has arrived whole.
#[derive(Debug)]
pub(in crate::source) struct Answered {
    pub(in crate::source) page: Page,
    /// What was asked for, and where the answer came from in the end.
    pub(in crate::source) requested: Url,
    pub(in crate::source) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The whole body, or the start of an error's.
    pub(super) body: Bytes,
    values: Vec<Option<String>>,
}

impl Answered {
    /// Reads the body, which must be there.
    pub(super) async fn page(
        endpoint: &Endpoint,
        ask: &Ask,
        response: Response,
        url: Url,
        what: &For<'_>,
    ) -> Result<Self, Failure> {
        let mut answered = Self::empty(ask, &response, url, what);
        let html = is_html(&answered.headers);
        let body = whole(content::decoded(response).await?).await?;
        if !body.is_empty() && (html || content::looks_like_html(&body)) {
            return Err(Failure::data(
                "the API answered with an HTML page where JSON was expected",
            )
            .help("check `url`: pages for people, and for logging in, are HTML"));
        }
        answered.page = split(body.clone(), what, &endpoint.data_path)?;
        match what.reads {
            Reads::Body => answered.body = body,
            Reads::Values(places) => answered.values = values(&body, places)?,
        }
        Ok(answered)
    }

    /// An answer without a body.
    pub(super) fn empty(ask: &Ask, response: &Response, url: Url, what: &For<'_>) -> Self {
        let page = Page {
            request: Arc::clone(what.label),
            number: what.number,
            body: Bytes::new(),
            records: Arc::default(),
        };
        Self {
            page,
            requested: ask.url.clone(),
            url,
            status: response.status(),
            headers: response.headers().clone(),
            body: Bytes::new(),
            values: Vec::new(),
        }
    }

    /// The answer's status.
    pub(in crate::source) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the records come to; `None` where there are none.
    pub(in crate::source) fn fingerprint(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        self.page.texts().for_each(|record| record.hash(&mut hasher));
        (!self.page.records.is_empty()).then(|| hasher.finish())
    }

    /// As the pagination and the authenticator see it.
    pub(in crate::source) fn view<'a>(&'a self, repeats: bool, secrets: &'a Secrets) -> Answer<'a> {
        Answer {
            requested: &self.requested,
            url: &self.url,
            status: self.status.as_u16(),
            headers: &self.headers,
            body: &self.body,
            values: &self.values,
            number: self.page.number,
            records: self.page.records.len(),
            repeats,
            secrets,
        }
    }
}

/// Gathers the whole body.
async fn whole(mut chunks: content::Chunks) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if body.len() + chunk.len() > LIMIT {
            return Err(Failure::data(format!("the answer is longer than {} MiB", LIMIT >> 20))
                .help("ask for fewer records per page"));
        }
        body.extend_from_slice(&chunk);
    }
    // A page waits for its turn: what was set aside for a longer one would wait with it.
    body.shrink_to_fit();
    Ok(body.into())
}

/// A body that is not whole is passing trouble; a whole one without the records is not.
fn split(body: Bytes, what: &For<'_>, data_path: &Pointer) -> Result<Page, Failure> {
    Page::split(Arc::clone(what.label), what.number, body.clone(), data_path).map_err(|error| {
        match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
            Err(cause) => Failure::broken_body(&cause),
            Ok(_) => Failure::error(error),
        }
    })
}

/// The strings and numbers at these places; an empty body has none.
fn values(body: &[u8], places: &[Pointer]) -> Result<Vec<Option<String>>, Failure> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let values = places.iter().map(|place| page::scalar_at(body, place));
    values.collect::<crate::Result<_>>().map_err(Failure::error)
}

/// Whether the answer says that it is HTML.
fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}
