//! A page that has arrived, as those see it who say what comes next and who signs requests.

use std::fmt;

use reqwest::header::HeaderMap;
use url::Url;

use super::body::Value;
use super::request::shown::shortened;
use crate::environment::Secrets;
use crate::{Error, Result};

/// The most characters of a value that a message shows.
const SHOWN: usize = 200;

/// An answer that has arrived whole.
pub struct Answer<'a> {
    pub(super) requested: &'a Url,
    pub(super) url: &'a Url,
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// What stands where it was asked for.
    pub(super) values: &'a [Value],
    /// What stands there in the last record.
    pub(super) of_last: &'a [Value],
    pub(super) number: u64,
    pub(super) records: usize,
    pub(super) elements: u64,
    pub(super) repeats: bool,
    pub(super) secrets: &'a Secrets,
}

impl Answer<'_> {
    /// Where it came from, redirects followed.
    pub fn url(&self) -> &Url {
        self.url
    }

    /// What was asked for, before any redirect; credentials are not in it.
    pub fn requested(&self) -> &Url {
        self.requested
    }

    /// 200 to 299, or one that [`Paginator::ends_with`](super::pagination::Paginator::ends_with) takes
    /// for the end.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header; `None` where there is none, or where it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header, what is not UTF-8 in them replaced.
    pub(super) fn header_values(&self, name: &str) -> impl Iterator<Item = String> + '_ {
        let values = self.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The whole body, decompressed, in UTF-8; JSON, or empty. Empty, too, where
    /// [`Paginator::reads`](super::pagination::Paginator::reads) asks for values only.
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

    /// The string or number at a place that [`Paginator::reads`](super::pagination::Paginator::reads)
    /// asks for, by its index there; `None` where something else stands there, or nothing.
    pub fn value(&self, index: usize) -> Option<&str> {
        plain(self.found(index)?)
    }

    /// The same of the last record: what
    /// [`Reads::ValuesAndLast`](super::pagination::Reads::ValuesAndLast) asks for.
    pub fn value_of_last_record(&self, index: usize) -> Option<&str> {
        plain(self.of_last_record(index)?)
    }

    /// What stands at a place that was asked for; `None` in an answer without a body.
    pub(super) fn found(&self, index: usize) -> Option<&Value> {
        self.values.get(index)
    }

    /// What stands at a place of the last record; `None` where there are no records.
    pub(super) fn of_last_record(&self, index: usize) -> Option<&Value> {
        self.of_last.get(index)
    }

    /// Counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many records `data_path` has found in it.
    pub fn records(&self) -> usize {
        self.records
    }

    /// How many elements the API has put into it: with a `*` in `data_path`, those at the first one, which
    /// may have any number of records each; without, the records.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// Whether there are elements in it that were not in the page before it.
    pub(super) fn has_new(&self) -> bool {
        self.elements > 0 && !self.repeats
    }

    /// Whether its elements are those of the page before it, all and byte by byte.
    pub fn repeats(&self) -> bool {
        self.repeats
    }

    /// A text of the answer as messages show it: without secrets, on one line, not too long.
    pub(super) fn shown(&self, text: &str) -> String {
        shortened(&self.secrets.mask(text), SHOWN)
    }
}

/// A string or number that is not empty.
fn plain(value: &Value) -> Option<&str> {
    match value {
        Value::Number(text) | Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
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
