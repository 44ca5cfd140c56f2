//! `?after=abc`, where each answer says the next cursor: in its body, in a header or as a field of its
//! last record. The end is null, "" or none; of a field, a page without records.

use super::stop::Follow;
use super::{Paginator, Params, Position, Reads, Resumed, Step, next_value};
use crate::definition::{self, Pointer};
use crate::source::answer::Answer;
use crate::source::body::Value;
use crate::{Error, Result};

/// Sends the cursors that the answers hold.
pub(super) struct Cursor {
    kind: definition::Cursor,
    origin: From,
    /// The last one that was found, which the next request sends.
    next: Option<String>,
}

/// Where an answer holds the next cursor.
enum From {
    Body(Pointer),
    Header(String),
    LastRecord(Pointer),
}

impl Cursor {
    pub(super) fn new(kind: definition::Cursor) -> Self {
        let definition::Cursor { cursor_path, cursor_header, cursor_field, .. } = &kind;
        let origin = match (cursor_header, cursor_field) {
            (Some(name), _) => From::Header(name.clone()),
            (None, Some(field)) => From::LastRecord(field.split('.').collect()),
            (None, None) => From::Body(cursor_path.clone().unwrap_or_default()),
        };
        Self { kind, origin, next: None }
    }

    fn params(&self) -> Params {
        let definition::Cursor { cursor_param, page_size_param, page_size, .. } = &self.kind;
        let size = page_size_param.iter().map(|name| (name.0.clone(), (*page_size).into()));
        let cursor = cursor_param.iter().zip(&self.next);
        let cursor = cursor.map(|(name, cursor)| (name.0.clone(), cursor.as_str().into()));
        let sent = Params::sent(self.kind.params_in, size.chain(cursor));
        match &self.next {
            Some(cursor) => sent.at(Position::Cursor(cursor.clone())),
            None => sent,
        }
    }

    /// The request for the page behind an answer that has this cursor.
    fn to(&mut self, cursor: String) -> Step {
        self.next = Some(cursor);
        let place = match &self.origin {
            From::Body(path) | From::LastRecord(path) => Some(path),
            From::Header(_) => None,
        };
        Step::Ask(self.params().said_at(place, self.next.as_deref()))
    }

    /// The cursor in an answer; `None` at the end.
    fn found(&self, answer: &Answer<'_>) -> Result<Option<String>> {
        match &self.origin {
            From::Body(path) => {
                // A page that is shorter than asked for may be the only one.
                let size = &self.kind.page_size_param;
                let short = size.is_some() && answer.elements() < self.kind.page_size;
                next_value(answer, "cursor_path", path, self.kind.may_be_absent || short)
            }
            From::Header(name) => {
                let value = answer.header(name).map(str::trim);
                // Some write out that there is none.
                let value = value.filter(|value| !matches!(*value, "" | "null"));
                Ok(value.map(str::to_owned))
            }
            From::LastRecord(_) if answer.elements() == 0 => Ok(None),
            From::LastRecord(_) if answer.records() == 0 => Err(without_last_record(answer)),
            From::LastRecord(path) => of_last_record(answer, path).map(Some),
        }
    }
}

/// A page of elements that have no records, with `*` in `data_path`: more may follow, and where is not known.
fn without_last_record(answer: &Answer<'_>) -> Error {
    let (number, elements) = (answer.number(), answer.elements());
    Error::data(format!(
        "page {number} has {elements} elements at the first `*` of `data_path`, and no records in them: \
         `cursor_field` finds no last record"
    ))
    .help(
        "leave out `*` and what is behind it: then the elements are the records, and `unnest` in SQL makes \
         rows of what is in them",
    )
}

/// The cursor in the last record of a page, which must be there.
fn of_last_record(answer: &Answer<'_>, path: &Pointer) -> Result<String> {
    let in_record = |error: Error| error.at_record(answer.records() as u64);
    let found = match answer.of_last_record(0) {
        Some(Value::Missing(absent)) => Err(absent.error("cursor_field")),
        Some(value) => value.text(path),
        None => Ok(None),
    };
    match found.map_err(in_record)? {
        Some(cursor) => Ok(cursor.to_owned()),
        None => Err(in_record(Error::data("the last record has no value for the next cursor"))
            .at_path(path.0.clone())
            .help("`cursor_field` must name a field that each record has: its key, usually")),
    }
}

impl Follow for Cursor {
    fn is_left_out(&self, answer: &Answer<'_>) -> bool {
        matches!(self.origin, From::Body(_)) && super::finds_no_next(answer)
    }
}

impl Paginator for Cursor {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        let Some(answer) = last else { return Ok(Step::Ask(self.params())) };
        let Some(cursor) = self.found(answer)? else { return Ok(Step::End) };
        // An API of events keeps its cursor, so that later events can be asked for.
        if answer.elements() == 0 && self.next.as_ref() == Some(&cursor) {
            return Ok(Step::End);
        }
        Ok(self.to(cursor))
    }

    fn skip(&mut self, answer: &Answer<'_>) -> Result<Option<Step>> {
        let is_said = match &self.origin {
            From::Body(_) => !super::finds_no_next(answer),
            From::Header(name) => answer.header(name).is_some(),
            From::LastRecord(_) => false,
        };
        if !is_said {
            return Ok(None);
        }
        Ok(match self.found(answer)? {
            Some(cursor) if self.next.as_ref() == Some(&cursor) => None,
            Some(cursor) => Some(self.to(cursor)),
            None => Some(Step::End),
        })
    }

    fn resume(&mut self, from: &Resumed) -> Result<Option<Step>> {
        let Position::Cursor(cursor) = &from.position else { return Ok(None) };
        self.next = Some(cursor.clone());
        Ok(Some(Step::Ask(self.params())))
    }

    fn position(&self) -> Option<Position> {
        self.next.clone().map(Position::Cursor)
    }

    fn reads(&self) -> Reads {
        match &self.origin {
            From::Body(path) => Reads::Values(vec![path.clone()]),
            From::Header(_) => Reads::nothing(),
            From::LastRecord(path) => Reads::ValuesAndLast(Vec::new(), vec![path.clone()]),
        }
    }

    fn asks_by(&self) -> Option<String> {
        let name = self.kind.cursor_param.as_ref().map_or("{cursor}", |name| name.0.as_str());
        Some(format!("`{name}`"))
    }
}
