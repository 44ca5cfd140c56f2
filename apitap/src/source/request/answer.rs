//! A response → a page that is whole, and what says which page comes next.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use url::Url;

use super::attempt::For;
use super::content;
use super::endpoint::{Ask, Endpoint};
use super::failure::Failure;
use crate::Error;
use crate::definition::Pointer;
use crate::environment::Secrets;
use crate::source::answer::Answer;
use crate::source::body::{self, Body, Fingerprint, Look, Shape, Unread, Wanted};
use crate::source::page::Page;
use crate::source::pagination::Reads;

/// An answer that has arrived whole.
#[derive(Debug)]
pub(in crate::source) struct Answered {
    pub(in crate::source) page: Page,
    /// What was asked for, and where the answer came from in the end.
    pub(in crate::source) requested: Url,
    pub(in crate::source) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// What is in the body; of an answer that is no page, nothing.
    pub(in crate::source) content: Body,
    /// Whether the pagination reads the body's text.
    reads_text: bool,
    /// The start of the text of an answer that is no page.
    pub(super) start: Bytes,
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
        let (values, text) = match what.reads {
            Reads::Body => (&[][..], true),
            Reads::Values(places) => (&places[..], false),
        };
        let wanted = Wanted { data_path: &endpoint.data_path, values, text: text || endpoint.text };
        let read = body::read(content::decoded(response).await?, &wanted, &endpoint.limits).await;
        let body = read.map_err(|unread| failure(unread, is_html(&answered.headers)))?;
        if body.shape() == Shape::Null && what.number == 1 {
            return Err(Failure::error(no_list(&endpoint.data_path)));
        }
        let texts = body.values().iter().zip(values);
        let texts = texts.map(|(value, place)| Ok(value.text(place)?.map(str::to_owned)));
        answered.values = texts.collect::<crate::Result<_>>().map_err(Failure::error)?;
        answered.page = Page::new(Arc::clone(what.label), what.number, &body);
        answered.reads_text = text;
        answered.content = body;
        Ok(answered)
    }

    /// An answer without a body.
    pub(super) fn empty(ask: &Ask, response: &Response, url: Url, what: &For<'_>) -> Self {
        let content = Body::default();
        Self {
            page: Page::new(Arc::clone(what.label), what.number, &content),
            content,
            reads_text: false,
            requested: ask.url.clone(),
            url,
            status: response.status(),
            headers: response.headers().clone(),
            start: Bytes::new(),
            values: Vec::new(),
        }
    }

    /// The answer's status.
    pub(in crate::source) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the records come to; `None` where there are none.
    pub(in crate::source) fn fingerprint(&self) -> Option<Fingerprint> {
        (self.content.records() > 0).then(|| self.content.fingerprint())
    }

    /// As the pagination and the authenticator see it.
    pub(in crate::source) fn view<'a>(&'a self, repeats: bool, secrets: &'a Secrets) -> Answer<'a> {
        let text = self.content.text().filter(|_| self.reads_text);
        Answer {
            requested: &self.requested,
            url: &self.url,
            status: self.status.as_u16(),
            headers: &self.headers,
            body: text.map_or(&self.start, str::as_bytes),
            values: &self.values,
            number: self.page.number,
            records: usize::try_from(self.content.records()).unwrap_or(usize::MAX),
            repeats,
            secrets,
        }
    }
}

/// Only a body that was cut off may come whole with another attempt.
fn failure(unread: Unread<Failure>, html: bool) -> Failure {
    match unread {
        Unread::Chunk(failure) => failure,
        Unread::Cut(error) => Failure::broken_body(&error),
        Unread::NotJson(look, _) if html || look == Look::Html => {
            Failure::data("the API answered with an HTML page where JSON was expected")
                .help("check `url`: pages for people, and for logging in, are HTML")
        }
        Unread::NotJson(_, error) | Unread::Unfit(error) | Unread::NotKept(error) => {
            Failure::error(error)
        }
    }
}

/// `null` is an empty list where lists have come before, and nothing that is known where none has.
fn no_list(data_path: &Pointer) -> Error {
    Error::data("expected the records, found null")
        .at_path(data_path.0.clone())
        .help("`data_path` must lead to a list of records, or to one record")
}

/// Whether the answer says that it is HTML.
fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}
