//! The text of a JSON body, piece by piece → where its records stand, and what else is wanted of it.
//!
//! ```text
//! around the records     Grammar   every byte is proven to be JSON, and each value shown to Search
//! a record               Record    its end is found by its brackets; the decoder proves the rest
//! ```
//! A record into which a wanted pointer leads is read as what is around the records is. Nothing here
//! keeps text, but for the values that are wanted.

mod grammar;
mod record;
mod search;

use std::ops::Range;

use super::{Shape, Value, Wanted};
use crate::Error;
use crate::source::json::Fault;
use grammar::{Event, Grammar};
use record::Record;
use search::{Role, Search};

/// Finds the records of one body.
#[derive(Debug)]
pub(super) struct Splitter {
    grammar: Grammar,
    search: Search,
    /// Bytes of the body before the next piece.
    at: u64,
    open: Option<Open>,
    /// How many records have ended.
    ended: u64,
    /// What comes after the end of the body's value.
    after: Option<char>,
}

/// A record that has begun.
#[derive(Debug)]
struct Open {
    /// Where it begins in the body.
    at: u64,
    how: How,
}

/// How a record is read.
#[derive(Debug)]
enum How {
    /// By its brackets.
    Brackets(Record),
    /// Value by value, until so many lists and objects are open.
    Values(usize),
}

impl Splitter {
    pub(super) fn new(wanted: &Wanted<'_>) -> Self {
        let search = Search::new(wanted);
        Self { grammar: Grammar::default(), search, at: 0, open: None, ended: 0, after: None }
    }

    /// Reads on; adds the place in the body of each record that ends to `records`.
    pub(super) fn split(
        &mut self,
        piece: &str,
        records: &mut Vec<Range<u64>>,
    ) -> Result<(), Fault> {
        let mut at = 0;
        if self.at == 0 && piece.starts_with('\u{feff}') {
            // RFC 8259 lets readers ignore a byte order mark, which some servers send.
            at = '\u{feff}'.len_utf8();
        }
        while at < piece.len() {
            let read = match &mut self.open {
                Some(Open { how: How::Brackets(record), .. }) => record.read(piece.as_bytes(), at),
                _ => self.around(piece, at),
            };
            let (end, ends_record) = read.map_err(|fault| fault.behind(self.at))?;
            at = end;
            if ends_record {
                self.end_record(at as u64, records);
            }
        }
        self.at += piece.len() as u64;
        Ok(())
    }

    /// Reads one step of what is not read by its brackets: where that ends, and whether a record does.
    fn around(&mut self, piece: &str, at: usize) -> Result<(usize, bool), Fault> {
        let read = self.grammar.step(piece, at, self.search.wants_text());
        let (end, event) = read.map_err(|fault| {
            if self.grammar.is_over() {
                self.after = piece.get(at..).and_then(|rest| rest.trim_start().chars().next());
            }
            self.search.locate(fault, self.grammar.expects_value())
        })?;
        match event {
            Event::Nothing => {}
            Event::Key => self.search.key(self.grammar.captured()),
            Event::Scalar(kind) => self.search.scalar(kind, self.grammar.captured()),
            Event::Begin(kind) => {
                if let Role::Record { goes_on } = self.search.begin(kind) {
                    let how = match goes_on {
                        true => How::Values(self.grammar.depth()),
                        false => How::Brackets(Record::new(self.grammar.depth())),
                    };
                    self.open = Some(Open { at: self.at + end as u64 - 1, how });
                }
            }
            Event::Close(depth) => {
                self.search.leave();
                let open = self.open.as_ref().map(|open| &open.how);
                return Ok((end, matches!(open, Some(How::Values(own)) if *own == depth)));
            }
        }
        Ok((end, false))
    }

    fn end_record(&mut self, end: u64, records: &mut Vec<Range<u64>>) {
        let Some(open) = self.open.take() else { return };
        if let How::Brackets(_) = open.how {
            self.grammar.leave();
        }
        records.push(open.at..self.at + end);
        self.ended += 1;
    }

    /// Where the record begins that has not ended.
    pub(super) fn open(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.at)
    }

    /// The first character behind the end of the body's value, if there is one.
    pub(super) fn after(&self) -> Option<char> {
        self.after
    }

    /// The number of that record, counted from 1.
    pub(super) fn record(&self) -> Option<u64> {
        self.open.as_ref().map(|_| self.ended + 1)
    }

    /// Ends the body, which must be whole.
    ///
    /// # Errors
    /// The outer one where the body ends too early; the inner one where it does not hold the records.
    pub(super) fn end(&mut self) -> Result<Result<(Shape, Vec<Value>), Error>, Fault> {
        if let Some(Open { how: How::Brackets(record), .. }) = &self.open {
            return Err(record.ends());
        }
        if let Event::Scalar(kind) = self.grammar.end()? {
            self.search.scalar(kind, self.grammar.captured());
        }
        Ok(self.search.end())
    }
}
