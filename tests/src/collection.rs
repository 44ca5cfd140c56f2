//! One collection of a test API: its records, how they are paged, and what goes wrong.
//!
//! Knows which records and which next page an answer has; [`crate::api`] knows HTTP.

use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded;

use crate::envelope::{Envelope, place};
use crate::faults::{Fault, Faults, On};
use crate::records::Records;

/// How an API hands out its pages. Page sizes that are not asked for are [`Collection::page_size`].
#[derive(Debug, Clone)]
pub enum Pagination {
    /// One answer holds everything.
    None,
    /// `?page=3&per_page=100`; pages past the end are empty.
    PageNumber {
        /// The parameter that takes the page's number.
        page_param: &'static str,
        /// The parameter that takes the page's size.
        per_page_param: &'static str,
        /// The first page's number.
        first_page: u64,
    },
    /// `?page=3`; pages past the end are empty.
    PageOnly {
        /// The parameter that takes the page's number.
        page_param: &'static str,
        /// The first page's number.
        first_page: u64,
    },
    /// `?limit=100&offset=200`; past the end there is nothing.
    LimitOffset {
        /// The parameter that takes the limit.
        limit_param: &'static str,
        /// The parameter that takes the offset.
        offset_param: &'static str,
        /// The offset of the first record.
        first_offset: u64,
    },
    /// `?after=…`, where each body says the next cursor at `cursor_path`.
    Cursor {
        /// The parameter that takes the cursor.
        cursor_param: &'static str,
        /// The parameter that takes the page's size, if any.
        page_size_param: Option<&'static str>,
        /// Where the body says the next cursor: a JSON Pointer.
        cursor_path: &'static str,
    },
    /// `Link: <…>; rel="next"` with an absolute URL, among other relations.
    LinkHeader,
    /// The body holds the next page's URL at `path`.
    NextUrl {
        /// Where the body says it: a JSON Pointer.
        path: &'static str,
        /// Whether it is relative to the request's URL, or absolute.
        relative: bool,
    },
}

impl Pagination {
    /// `?page=…&per_page=…`, from 1.
    pub fn page_number() -> Self {
        Self::PageNumber { page_param: "page", per_page_param: "per_page", first_page: 1 }
    }

    /// `?page=…`, from 1.
    pub fn page_only() -> Self {
        Self::PageOnly { page_param: "page", first_page: 1 }
    }

    /// `?limit=…&offset=…`, from 0.
    pub fn limit_offset() -> Self {
        Self::LimitOffset { limit_param: "limit", offset_param: "offset", first_offset: 0 }
    }

    /// `?after=…&limit=…`, the next cursor at `/meta/next`.
    pub fn cursor() -> Self {
        Self::Cursor {
            cursor_param: "after",
            page_size_param: Some("limit"),
            cursor_path: "/meta/next",
        }
    }

    /// The next page's absolute URL at `/links/next`.
    pub fn next_url() -> Self {
        Self::NextUrl { path: "/links/next", relative: false }
    }
}

/// What the last page says where the others say the next cursor or URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `null`.
    Null,
    /// `""`.
    Empty,
    /// Nothing: the member is not there.
    Absent,
}

/// A collection that an API serves.
#[derive(Debug)]
pub struct Collection {
    pub(crate) records: Records,
    pub(crate) pagination: Pagination,
    pub(crate) page_size: u64,
    pub(crate) data_path: &'static str,
    pub(crate) end: End,
    pub(crate) required: Vec<(&'static str, &'static str)>,
    pub(crate) faults: Faults,
    pub(crate) compressed: bool,
    pub(crate) latency: Duration,
    pub(crate) after: Option<(&'static str, usize)>,
}

impl<R: Into<Records>> From<R> for Collection {
    /// These records in one answer, as a root array.
    fn from(records: R) -> Self {
        Self::new(records, Pagination::None)
    }
}

impl Collection {
    /// These records, in pages of 100.
    ///
    /// They are a root array, or stand at `/data` where the answer says the next page too.
    pub fn new(records: impl Into<Records>, pagination: Pagination) -> Self {
        let data_path = match pagination {
            Pagination::Cursor { .. } | Pagination::NextUrl { .. } => "/data",
            _ => "",
        };
        Self {
            records: records.into(),
            pagination,
            page_size: 100,
            data_path,
            end: End::Null,
            required: Vec::new(),
            faults: Faults::default(),
            compressed: false,
            latency: Duration::ZERO,
            after: None,
        }
    }

    /// The size of a page that is not asked for in another.
    #[must_use]
    pub fn page_size(mut self, records: u64) -> Self {
        self.page_size = records;
        self
    }

    /// Where the records stand in the body: a JSON Pointer.
    #[must_use]
    pub fn data_path(mut self, path: &'static str) -> Self {
        self.data_path = path;
        self
    }

    /// What the last page says in place of the next cursor or URL.
    #[must_use]
    pub fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Answers 401 to requests without this header and value.
    #[must_use]
    pub fn require(mut self, header: &'static str, value: &'static str) -> Self {
        self.required.push((header, value));
        self
    }

    /// Does this wrong, there. Of several faults that are due, the first one added happens.
    #[must_use]
    pub fn fault(mut self, on: On, fault: Fault) -> Self {
        self.faults.add(on, fault);
        self
    }

    /// Compresses its answers as the client accepts: gzip, brotli or zstd.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    /// Takes so long for each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Answers only after so many requests have come for another path.
    #[must_use]
    pub fn after(mut self, path: &'static str, requests: usize) -> Self {
        self.after = Some((path, requests));
        self
    }

    /// What a request with this query asks for, or what is wrong with it.
    pub(crate) fn asked(&self, query: &str) -> Result<Asked, String> {
        let parameter = |name: &str, default: u64| number(query, name, default);
        let (start, size) = match self.pagination {
            Pagination::None => {
                return Ok(Asked { start: 0, size: self.records.count().max(1) });
            }
            Pagination::PageNumber { page_param, per_page_param, first_page } => {
                let size = parameter(per_page_param, self.page_size)?;
                (from(first_page, page_param, parameter(page_param, first_page)?)? * size, size)
            }
            Pagination::PageOnly { page_param, first_page } => {
                let page = from(first_page, page_param, parameter(page_param, first_page)?)?;
                (page * self.page_size, self.page_size)
            }
            Pagination::LimitOffset { limit_param, offset_param, first_offset } => {
                let offset = parameter(offset_param, first_offset)?;
                (from(first_offset, offset_param, offset)?, parameter(limit_param, self.page_size)?)
            }
            Pagination::Cursor { cursor_param, page_size_param, .. } => {
                let size = match page_size_param {
                    Some(name) => parameter(name, self.page_size)?,
                    None => self.page_size,
                };
                let start = match value(query, cursor_param) {
                    Some(cursor) => uncursor(&cursor).ok_or_else(|| {
                        format!("`{cursor_param}`: not a cursor of ours: {cursor}")
                    })?,
                    None => 0,
                };
                (start, size)
            }
            Pagination::LinkHeader | Pagination::NextUrl { .. } => {
                (from(1, "page", parameter("page", 1)?)? * self.page_size, self.page_size)
            }
        };
        match size {
            0 => Err("a page has at least one record".to_owned()),
            size => Ok(Asked { start, size }),
        }
    }

    /// Where the page after `asked` begins, or where the fault says so.
    pub(crate) fn next(&self, asked: Asked, fault: Option<&Fault>) -> Option<u64> {
        if let Some(Fault::Next(page)) = fault {
            return Some((page - 1) * asked.size);
        }
        Some(asked.start + asked.size).filter(|next| *next < self.records.count())
    }

    /// The text around the records of an answer; `url` is the request's, without its query.
    pub(crate) fn envelope(
        &self,
        asked: Asked,
        url: &str,
        query: &str,
        next: Option<u64>,
    ) -> Envelope {
        let (path, next) = match self.pagination {
            Pagination::Cursor { cursor_path, .. } => (cursor_path, next.map(cursor)),
            Pagination::NextUrl { path, relative } => {
                let base = if relative { "" } else { url };
                (path, next.map(|start| format!("{base}{}", page_query(query, asked, start))))
            }
            _ => return Envelope::new(self.data_path, &[]),
        };
        match (next, self.end) {
            (Some(next), _) => Envelope::new(self.data_path, &[(path, next.into())]),
            (None, End::Null) => Envelope::new(self.data_path, &[(path, Value::Null)]),
            (None, End::Empty) => Envelope::new(self.data_path, &[(path, "".into())]),
            (None, End::Absent) => Envelope::new(self.data_path, &[]),
        }
    }

    /// The `Link` header of an answer, where this collection has one.
    pub(crate) fn link(
        &self,
        asked: Asked,
        url: &str,
        query: &str,
        next: Option<u64>,
    ) -> Option<String> {
        let Pagination::LinkHeader = self.pagination else { return None };
        let to = |start| format!("{url}{}", page_query(query, asked, start));
        let first = format!("<{}>; rel=\"first\"", to(0));
        Some(match next {
            Some(next) => format!("{first}, <{}>; title=\"a, b\"; rel=\"next\"", to(next)),
            None => first,
        })
    }

    /// The JSON of the records from `start` to before `end`, with commas between them.
    ///
    /// `page_start` is where their page begins: a faulty record is counted from there.
    pub(crate) fn write(
        &self,
        start: u64,
        end: u64,
        page_start: u64,
        fault: Option<&Fault>,
    ) -> Vec<u8> {
        let mut json = Vec::new();
        for index in start..end {
            if index > page_start {
                json.push(b',');
            }
            match fault {
                Some(Fault::Value { record, path, value }) if page_start + record == index + 1 => {
                    let mut wrong = self.records.get(index);
                    place(&mut wrong, path, value.clone());
                    json.extend_from_slice(wrong.to_string().as_bytes());
                }
                _ => self.records.write(index, &mut json),
            }
        }
        json
    }
}

/// Which records a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The first one, from 0.
    pub(crate) start: u64,
    /// At most so many; never 0.
    pub(crate) size: u64,
}

impl Asked {
    /// The page's number, from 1.
    pub(crate) fn page(self) -> u64 {
        self.start / self.size + 1
    }

    /// Page `number` (from 1) of the same size.
    pub(crate) fn instead(self, number: u64) -> Self {
        Self { start: (number - 1) * self.size, ..self }
    }
}

/// The value of a query parameter, decoded.
fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn number(query: &str, name: &str, default: u64) -> Result<u64, String> {
    let Some(text) = value(query, name) else { return Ok(default) };
    // Far beyond what a test serves, and products of two of them do not overflow.
    match text.parse::<u32>() {
        Ok(number) => Ok(number.into()),
        Err(_) => Err(format!("`{name}`: not a number: {text}")),
    }
}

/// How far `number` is from the `first` one.
fn from(first: u64, name: &str, number: u64) -> Result<u64, String> {
    number.checked_sub(first).ok_or_else(|| format!("`{name}`: counts from {first}, not {number}"))
}

/// A cursor that does not look like an offset, and has to be encoded in a URL.
fn cursor(start: u64) -> String {
    format!("at+{start:x}==")
}

fn uncursor(cursor: &str) -> Option<u64> {
    let digits = cursor.strip_prefix("at+")?.strip_suffix("==")?;
    u32::from_str_radix(digits, 16).ok().map(u64::from)
}

/// The query that leads to the page which begins at `start`, all other parameters kept.
fn page_query(query: &str, asked: Asked, start: u64) -> String {
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "page");
    let page = (start / asked.size + 1).to_string();
    let pairs = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("page", &page)
        .finish();
    format!("?{pairs}")
}
