//! How to get from one page to the next: state machines without I/O, one file per kind.
//!
//! ```text
//! step(None) → the first request    step(answer) → the next ones, or the end    position() → where to go on
//! ```
//! A [`Paginator`] says what to ask for. Sending it, trying again, and noticing that the pages loop
//! is the driver's (`source::fetch`); a kind is tested by handing it answers.
//!
//! To add a kind: a file here, and a line in [`paginator`].

mod cursor;
mod limit_offset;
pub(super) mod link;
mod link_header;
mod more;
mod next_url;
mod numbered;
mod page_number;
mod page_only;
mod single;
mod stop;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::answer::Answer;
use super::body::Value;
use super::custom::Prepared;
use crate::Result;
use crate::definition::{Pagination, ParamsIn, Pointer};
use stop::Stops;

/// Says what to ask for next, from the answer before it.
///
/// One value serves one reading of a collection, answer after answer. It does no I/O. A request that
/// was made before, a page with the records of the page before it, and pages without end are noticed
/// by whoever sends the requests; they end the run with an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which page follows",
    note = "implement `apitap::source::custom::Paginator` for it"
)]
pub trait Paginator: Send {
    /// What to ask for: first with `None`, then with each answer in the order of the requests.
    ///
    /// # Errors
    /// End the pipelines that read the source; the answer's request is named.
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step>;

    /// What follows an answer that a rule of `on_response` takes for a page without records (`skip`,
    /// `empty`); `None` where the answer does not say whether anything does.
    ///
    /// Then the run ends with an error, unless the rule is `empty`, or the page was the first.
    ///
    /// # Errors
    /// As those of [`step`](Self::step).
    fn skip(&mut self, _answer: &Answer<'_>) -> Result<Option<Step>> {
        Ok(None)
    }

    /// Where a later run would go on behind the answers so far; `None` where that is not known.
    fn position(&self) -> Option<Position> {
        None
    }

    /// What to ask for first in a run that goes on where an earlier one was, in place of `step(None)`; `None`
    /// where it cannot go on there.
    ///
    /// # Errors
    /// As those of [`step`](Self::step).
    fn resume(&mut self, _from: &Resumed) -> Result<Option<Step>> {
        Ok(None)
    }

    /// How many records the whole collection has, where an answer has said so: only to be shown.
    fn total(&self) -> Option<u64> {
        None
    }

    /// What [`step`](Self::step) reads of each body: less than all of it keeps memory small.
    fn reads(&self) -> Reads {
        Reads::Body
    }

    /// Whether an answer with this status, which is no success, says that there is no such page.
    ///
    /// It is handed to [`step`](Self::step) as a page without records then, and is an error of the run
    /// otherwise.
    fn ends_with(&self, _status: u16) -> bool {
        false
    }

    /// What the API seems to ignore where it gives the same records again: `` `page` ``.
    fn asks_by(&self) -> Option<String> {
        None
    }

    /// Whether the request under way is behind the end that the API has told, and only makes sure of it.
    ///
    /// A page that was there before is not an error then: [`step`](Self::step) is told with
    /// [`Answer::repeats`].
    fn makes_sure(&self) -> bool {
        false
    }

    /// Whether an API of this kind may answer a request behind its last page with that page again.
    ///
    /// If so, [`step`](Self::step) is told with [`Answer::repeats`], and has to make sure.
    fn may_repeat_the_last(&self) -> bool {
        false
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This request, and no other: those that were asked for ahead are dropped.
    Ask(Params),
    /// These as well, in this order, behind those that were asked for before. None is fine where
    /// answers are still to come.
    Ahead(Vec<Params>),
    /// Nothing: that was the last page. Requests that were asked for ahead are dropped.
    End,
}

/// How a request differs from the source's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Another URL in place of the source's; a relative one refers to the last answer's.
    pub(super) url: Option<String>,
    /// Query parameters, in place of those of the same names.
    pub(super) query: Vec<(String, String)>,
    /// Values in the body: where, and what.
    pub(super) body: Vec<(Pointer, Json)>,
    /// What `{page}` or `{cursor}` stands for in the request, if it has one.
    pub(super) place: Option<Position>,
    /// Where the last answer has said so, for messages.
    pub(super) origin: Option<Origin>,
    /// Whether the URL may be on any server: then it gets no credentials there.
    pub(super) anywhere: bool,
}

/// Where an answer says what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// Where in the body; `None` for a header.
    pub(super) path: Option<Pointer>,
    /// The cursor, where it is one.
    pub(super) cursor: Option<String>,
}

impl Params {
    /// The source's own request, with these query parameters in place of those of the same names.
    pub fn query<N: Into<String>, V: Into<String>>(
        params: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let query = params.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { query, ..Self::default() }
    }

    /// This URL in place of the source's; one that is relative refers to the last answer's own.
    pub fn url(reference: impl Into<String>) -> Self {
        Self { url: Some(reference.into()), ..Self::default() }
    }

    /// The same with a value in the body: at a JSON Pointer of a JSON body (`/variables/after`), or as
    /// the field of a form (`/after`).
    #[must_use]
    pub fn in_body(mut self, pointer: impl Into<String>, value: impl Into<Json>) -> Self {
        self.body.push((Pointer(pointer.into()), value.into()));
        self
    }

    /// The source's own request with these parameters, where the pagination sends them: in the query,
    /// or in the body, at a JSON Pointer or as a member of that name.
    fn sent(place: ParamsIn, params: impl IntoIterator<Item = (String, Json)>) -> Self {
        let mut sent = Self::default();
        for (name, value) in params {
            match (place, value) {
                (ParamsIn::Query, Json::String(value)) => sent.query.push((name, value)),
                (ParamsIn::Query, value) => sent.query.push((name, value.to_string())),
                (ParamsIn::Body, value) if name.starts_with('/') => {
                    sent.body.push((Pointer(name), value));
                }
                (ParamsIn::Body, value) => sent.body.push((Pointer::default().child(&name), value)),
            }
        }
        sent
    }

    /// The same as the request for a place of the collection.
    fn at(mut self, place: Position) -> Self {
        self.place = Some(place);
        self
    }

    fn said_at(mut self, path: Option<&Pointer>, cursor: Option<&str>) -> Self {
        self.origin = Some(Origin { path: path.cloned(), cursor: cursor.map(str::to_owned) });
        self
    }
}

/// A place in a collection, behind which a later run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The number of a page, or the offset of a record, that was not answered yet.
    Number(u64),
    /// A cursor whose page was not answered yet.
    Cursor(String),
    /// A URL that was not answered yet.
    Url(String),
}

/// Where a run goes on: a position of an earlier run, and what that had come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The position.
    pub position: Position,
    /// How many answers were taken before it.
    pub pages: u64,
    /// How many records were in them; with a `*` in `data_path`, how many elements at the first one.
    pub records: u64,
    /// What the records of the last of them came to.
    pub(super) last: Option<u64>,
}

/// What a [`Paginator`] reads of each body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// All of it: it is kept in memory until the step is done.
    Body,
    /// The strings and numbers at these places, in this order; see [`Answer::value`].
    Values(Vec<Pointer>),
    /// The same, and those at these places of the last record: [`Answer::value_of_last_record`].
    ValuesAndLast(Vec<Pointer>, Vec<Pointer>),
}

impl Reads {
    /// Nothing but status and headers.
    pub fn nothing() -> Self {
        Self::Values(Vec::new())
    }
}

/// A pagination with nothing left to look up; equal ones ask for the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum PaginationPlan {
    /// One that a key describes.
    Kind(Pagination),
    /// One that is written in Rust.
    Custom(Prepared),
    /// A file at an address that the API has told.
    File(String),
}

impl PaginationPlan {
    /// Whether it is one of ours.
    pub(crate) fn is_kind(&self) -> bool {
        matches!(self, Self::Kind(_))
    }

    /// The state machine, at its start, for bodies whose records are there.
    ///
    /// # Errors
    /// What a type of the user's says of its settings.
    pub(crate) fn paginator(&self, records: &Pointer) -> Result<Box<dyn Paginator>> {
        match self {
            Self::Kind(kind) => Ok(paginator(kind, records)),
            Self::Custom(prepared) => prepared.paginator(),
            Self::File(address) => Ok(Box::new(single::File(address.clone()))),
        }
    }
}

/// The state machine of a kind, at its start.
fn paginator(pagination: &Pagination, records: &Pointer) -> Box<dyn Paginator> {
    match pagination.clone() {
        // A type of the user's is made by `PaginationPlan`; without it there is one request.
        Pagination::Custom(_) => Box::new(single::Single::default()),
        Pagination::Single(kind) => Box::new(single::Single::new(&kind, records)),
        Pagination::LimitOffset(kind) => Box::new(limit_offset::new(kind)),
        Pagination::PageNumber(kind) => Box::new(page_number::new(kind)),
        Pagination::PageOnly(kind) => Box::new(page_only::new(kind)),
        Pagination::Cursor(kind) => {
            let stop = kind.stop.clone();
            Box::new(Stops::new(cursor::Cursor::new(kind), stop))
        }
        Pagination::LinkHeader(kind) => {
            Box::new(Stops::new(link_header::LinkHeader::beside(records), kind.stop))
        }
        Pagination::NextUrl(kind) => {
            let stop = kind.stop.clone();
            Box::new(Stops::new(next_url::NextUrl::new(kind), stop))
        }
    }
}

/// Whether a status says that there is no such page, behind what seems to be the last one.
fn says_that_there_is_none(status: u16) -> bool {
    matches!(status, 400 | 404 | 410 | 416 | 422)
}

/// Whether an answer without records names its own request as the next: the end.
fn leads_to_itself(answer: &Answer<'_>, reference: &str) -> bool {
    let named = answer.url().join(reference).ok();
    answer.elements() == 0 && named.is_some_and(|url| url == *answer.requested())
}

/// Whether the path to the next cursor or URL leads nowhere.
fn finds_no_next(answer: &Answer<'_>) -> bool {
    matches!(answer.found(0), None | Some(Value::Missing(_)))
}

/// The next cursor or URL; `None` at the end.
///
/// # Errors
/// Something that is neither a string nor a number stands there. Or nothing, on a first page with
/// records: the path is wrong, then, and taking that for the end would lose all other pages; unless
/// it `may_be_absent`.
fn next_value(
    answer: &Answer<'_>,
    key: &str,
    path: &Pointer,
    may_be_absent: bool,
) -> Result<Option<String>> {
    let must_be_there = answer.number() == 1 && answer.elements() > 0 && !may_be_absent;
    match answer.found(0) {
        None => Ok(None),
        Some(Value::Missing(absent)) if must_be_there => Err(absent.error(key).help(format!(
            "{}; where the API leaves it out because one page holds everything, write \
                 `may_be_absent: true`",
            absent.help(key)
        ))),
        Some(value) => Ok(value.text(path)?.map(str::to_owned)),
    }
}
