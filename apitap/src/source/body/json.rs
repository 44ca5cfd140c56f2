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

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use super::csv::push_string;
use super::elements::Elements;
use super::store::Store;
use super::{Shape, Value, Wanted};
use crate::Error;
use crate::source::json::Fault;
use crate::source::request::shown::shortened;
use grammar::{Event, Grammar};
pub(super) use record::Record;
use search::{Role, Search};

/// The most characters of a key that a message shows.
const SHOWN: usize = 100;

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
    /// Where the members of an object are the records: how they get their keys.
    keys: Option<Keys>,
    /// Where `*` leads to the records: what it leads from.
    elements: Option<Elements>,
}

/// Writes records anew, with the key of each as a field of it.
#[derive(Debug)]
struct Keys {
    /// The field, as the key of a JSON object.
    field: String,
    /// Whether a comma has to come before the next member of the record that has begun.
    comma: bool,
    /// The hashes of the keys that have come, where all records are members of one object.
    known: Option<Known>,
}

/// Keys, by their hashes.
#[derive(Debug, Default)]
struct Known {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Known {
    /// Whether a key is a new one.
    fn add(&mut self, key: &str) -> bool {
        self.hashes.insert(self.hasher.hash_one(key))
    }
}

/// A record that has begun.
#[derive(Debug)]
struct Open {
    /// Where it begins in what is handed on: the body, or the records with their keys.
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
        let keys = wanted.layout.key_as.as_ref().map(|name| {
            let mut field = String::new();
            push_string(&mut field, name);
            Keys { field, comma: false, known: (!search.has_elements()).then(Known::default) }
        });
        let elements = search.has_elements().then(Elements::default);
        let grammar = Grammar::default();
        Self { grammar, search, at: 0, open: None, ended: 0, after: None, keys, elements }
    }

    /// Reads on; hands the text to `store`, and the place there of each record that ends.
    pub(super) fn split(&mut self, piece: &str, store: &mut Store) -> Result<(), Fault> {
        if self.keys.is_none() {
            store.push(piece);
            return self.read(piece, store.ranges());
        }
        self.read_keyed(piece, store)
    }

    /// The same where nothing but the records is handed on, each with its key.
    fn read_keyed(&mut self, piece: &str, store: &mut Store) -> Result<(), Fault> {
        let mut at = self.start(piece);
        while at < piece.len() {
            let was_open = self.open.is_some();
            let (end, ends_record) = self.step(piece, at)?;
            let text = piece.get(at..end).unwrap_or_default();
            at = end;
            match (&mut self.keys, &mut self.open) {
                (Some(keys), Some(_)) if was_open => keys.push(text, store),
                (Some(keys), Some(open)) => {
                    let unread = |message: String| {
                        let fault = Fault::malformed("cannot be read", end, format!(": {message}"));
                        Err(fault.behind(self.at))
                    };
                    let Some(key) = self.search.member() else {
                        return unread("the key of a record has more than 64 KiB".to_owned());
                    };
                    if keys.known.as_mut().is_some_and(|known| !known.add(key)) {
                        let key = shortened(key, SHOWN);
                        return unread(format!("two records have the key `{key}`"));
                    }
                    open.at = store.bytes();
                    keys.begin(key, store);
                }
                _ => {}
            }
            if ends_record {
                let place = self.open.as_ref().map(|open| open.at..store.bytes());
                store.ranges().extend(place);
                self.end_record();
            }
        }
        self.at += piece.len() as u64;
        Ok(())
    }

    /// Where the text of a piece begins: RFC 8259 lets readers ignore a byte order mark, which some
    /// servers send.
    fn start(&self, piece: &str) -> usize {
        if self.at == 0 { super::mark(piece) } else { 0 }
    }

    /// Reads one step: where it ends, and whether a record does.
    fn step(&mut self, piece: &str, at: usize) -> Result<(usize, bool), Fault> {
        let in_elements = self.search.in_elements();
        let read = match &mut self.open {
            Some(Open { how: How::Brackets(record), .. }) => record.read(piece.as_bytes(), at),
            _ => self.around(piece, at),
        };
        let read = read.map_err(|fault| fault.behind(self.at))?;
        if let Some(elements) = self.elements.as_mut().filter(|_| in_elements) {
            elements.read(piece.get(at..read.0).unwrap_or_default());
        }
        Ok(read)
    }

    /// Reads on; adds the place in the body of each record that ends to `records`.
    pub(super) fn read(&mut self, piece: &str, records: &mut Vec<Range<u64>>) -> Result<(), Fault> {
        let mut at = self.start(piece);
        while at < piece.len() {
            let (end, ends_record) = self.step(piece, at)?;
            at = end;
            if ends_record {
                let end = self.at + at as u64;
                records.extend(self.open.as_ref().map(|open| open.at..end));
                self.end_record();
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

    fn end_record(&mut self) {
        let Some(open) = self.open.take() else { return };
        if let How::Brackets(_) = open.how {
            self.grammar.leave();
        }
        self.ended += 1;
    }

    /// Where in what was handed on the record begins that has not ended.
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

    /// What stands at the wanted places of the body so far, wherever its records are.
    pub(super) fn found(&mut self) -> Vec<Value> {
        self.search.found()
    }

    /// What `*` leads from, where it leads to the records.
    pub(super) fn elements(self) -> Option<Elements> {
        Some(self.elements?.counted(self.search.elements()))
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

impl Keys {
    /// A record begins, whose bracket was passed over.
    fn begin(&mut self, key: &str, store: &mut Store) {
        let mut start = format!("{{{}:", self.field);
        push_string(&mut start, key);
        store.push(&start);
        self.comma = true;
    }

    /// More of its text.
    fn push(&mut self, text: &str, store: &mut Store) {
        if !self.comma {
            store.push(text);
            return;
        }
        let text = text.trim_start_matches([' ', '\n', '\r', '\t']);
        if text.is_empty() {
            return;
        }
        self.comma = false;
        if !text.starts_with('}') {
            store.push(",");
        }
        store.push(text);
    }
}
