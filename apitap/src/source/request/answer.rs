//! A response → a page that is whole, and what says which page comes next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use url::Url;

use super::attempt::For;
use super::content::Chunks;
use super::endpoint::{Ask, Endpoint};
use super::failure::Failure;
use crate::definition::{Action, Format};
use crate::environment::Secrets;
use crate::source::answer::Answer;
use crate::source::body::{self, Body, Look, Shape, Unread, Value, Wanted, XML_HELP};
use crate::source::page::Page;
use crate::source::pagination::Reads;

/// The statuses that say that there is nothing to read.
const NOTHING_THERE: [u16; 3] = [404, 410, 416];

/// An answer that has arrived whole.
#[derive(Debug, Clone)]
pub(in crate::source) struct Answered {
    pub(in crate::source) page: Page,
    pub(in crate::source) body: Body,
    /// What was asked for, and where the answer came from in the end.
    pub(in crate::source) requested: Url,
    pub(in crate::source) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The start of the body of an answer without a page.
    pub(super) start: Bytes,
    /// The rule of `on_response`, `skip` or `empty`, that takes it for a page without records.
    pub(in crate::source) skipped: Option<Action>,
}

impl Answered {
    /// Reads the body, which must be there.
    pub(super) async fn page(
        mut self,
        endpoint: &Endpoint,
        text: Chunks,
        what: &For<'_>,
    ) -> Result<Self, Failure> {
        let (values, last_record, whole) = match what.reads {
            Reads::Body => (&[][..], &[][..], true),
            Reads::Values(values) => (values.as_slice(), &[][..], endpoint.text),
            Reads::ValuesAndLast(values, last) => (&values[..], &last[..], endpoint.text),
        };
        let wanted = Wanted { layout: &endpoint.layout, values, last_record, text: whole };
        let read = body::read(text, &wanted, &endpoint.limits).await;
        let html = is_html(&self.headers);
        self.body = read.map_err(|unread| unreadable(unread, html, endpoint.layout.name()))?;
        let may_be_nothing = endpoint.of_job || endpoint.layout.may_be_nothing();
        if self.body.shape() == Shape::Nothing && !may_be_nothing {
            return Err(no_body(endpoint.layout.format));
        }
        self.page = Page::new(Arc::clone(what.label), what.number, &self.body);
        Ok(self)
    }

    /// An answer without a body.
    pub(super) fn empty(ask: &Ask, response: &Response, url: Url, what: &For<'_>) -> Self {
        let body = Body::default();
        Self {
            page: Page::new(Arc::clone(what.label), what.number, &body),
            body,
            requested: ask.url.clone(),
            url,
            status: response.status(),
            headers: response.headers().clone(),
            start: Bytes::new(),
            skipped: None,
        }
    }

    /// The same as a page without records, as a rule of `on_response` says, which has these values.
    pub(super) fn skipped(self, action: Action, values: Vec<Value>) -> Self {
        Self { skipped: Some(action), body: Body::of_values(values), ..self }
    }

    /// Whether it was skipped though it may stand for records.
    pub(in crate::source) fn is_left_out(&self) -> bool {
        self.skipped == Some(Action::Skip) && !NOTHING_THERE.contains(&self.status())
    }

    /// The answer's status.
    pub(in crate::source) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The text of the body, where it was kept.
    pub(in crate::source) fn text(&self) -> &str {
        self.body.text().unwrap_or_default()
    }

    /// The answer's headers.
    pub(in crate::source) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What the elements come to; `None` where there are none.
    pub(in crate::source) fn fingerprint(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        self.body.fingerprint().hash(&mut hasher);
        (self.body.elements() > 0).then(|| hasher.finish())
    }

    /// As the pagination and the authenticator see it.
    pub(in crate::source) fn view<'a>(&'a self, repeats: bool, secrets: &'a Secrets) -> Answer<'a> {
        Answer {
            requested: &self.requested,
            url: &self.url,
            status: self.status.as_u16(),
            headers: &self.headers,
            body: self.body.text().map_or(&self.start, str::as_bytes),
            values: self.body.values(),
            of_last: self.body.of_last_record(),
            number: self.page.number,
            records: usize::try_from(self.body.records()).unwrap_or(usize::MAX),
            elements: self.body.elements(),
            repeats,
            secrets,
        }
    }
}

/// An answer that should have a body.
fn no_body(format: Format) -> Failure {
    let lost =
        "only a 204 may be without one: the API, or something on the way to it, loses its answers";
    let help = match format {
        Format::Json => lost.to_owned(),
        Format::Jsonl | Format::Csv => {
            format!("{lost}; where it means that there are no records, write `allow_empty: true`")
        }
    };
    Failure::passing("the answer has no body").help(help)
}

/// What a body that cannot be read means; one that was cut off may be whole next time.
fn unreadable(unread: Unread<Failure>, html: bool, format: &str) -> Failure {
    match unread {
        Unread::Chunk(failure) => failure,
        Unread::Cut(error) => Failure::broken_body(&error, format),
        Unread::NotJson(Look::Xml, _) => {
            Failure::data(format!("the API answered with XML where {format} was expected"))
                .help(XML_HELP)
        }
        Unread::NotJson(look, _) if html || look == Look::Html => {
            let message = format!("the API answered with an HTML page where {format} was expected");
            Failure::data(message)
                .help("check `url`: pages for people, and for logging in, are HTML")
        }
        Unread::NotJson(_, error) | Unread::Unfit(error) | Unread::NotKept(error) => {
            Failure::error(error)
        }
    }
}

/// Whether the answer says that it is HTML.
fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}
