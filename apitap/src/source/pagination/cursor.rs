//! `?after=abc`, where each body says the next cursor; the end is null, "" or none.

use super::{Paginator, Params, Position, Reads, Step, next_value};
use crate::Result;
use crate::definition;
use crate::source::answer::Answer;

/// Sends the cursors that the bodies hold.
pub(super) struct Cursor {
    kind: definition::Cursor,
    /// The last one that was found, which the next request sends.
    next: Option<String>,
}

impl Cursor {
    pub(super) fn new(kind: definition::Cursor) -> Self {
        Self { kind, next: None }
    }

    fn params(&self) -> Params {
        let definition::Cursor { cursor_param, page_size_param, page_size, .. } = &self.kind;
        let size = page_size_param.iter().map(|name| (name.0.clone(), page_size.to_string()));
        let cursor = self.next.iter().map(|cursor| (cursor_param.0.clone(), cursor.clone()));
        Params::query(size.chain(cursor))
    }
}

impl Paginator for Cursor {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        let Some(answer) = last else { return Ok(Step::Ask(self.params())) };
        let next = next_value(answer, "cursor_path", &self.kind.cursor_path)?;
        let Some(cursor) = next else { return Ok(Step::End) };
        // An API of events keeps its cursor, so that later events can be asked for.
        if answer.records() == 0 && self.next.as_ref() == Some(&cursor) {
            return Ok(Step::End);
        }
        self.next = Some(cursor);
        Ok(Step::Ask(self.params().said_at(&self.kind.cursor_path, self.next.as_deref())))
    }

    fn position(&self) -> Option<Position> {
        self.next.clone().map(Position::Cursor)
    }

    fn reads(&self) -> Reads {
        Reads::Values(vec![self.kind.cursor_path.clone()])
    }

    fn asks_by(&self) -> Option<String> {
        Some(format!("`{}`", self.kind.cursor_param.0))
    }
}
