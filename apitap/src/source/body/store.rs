//! The text of a body as it comes, and where its records are → segments, in memory or in a file.
//!
//! What is not a record is forgotten as soon as the body has outgrown the memory that it may take. A
//! record of any length goes to the file in parts, so that it is in memory only when it is decoded.

use std::hash::{BuildHasher as _, Hasher as _};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::{FixedState, FoldHasher};

use super::segment::{Segment, Stored};
use super::unlike::HEAD;
use super::{Body, Fingerprint, Shape, Unread, Value};
use crate::engine::limits::Limits;
use crate::source::decode::BATCH_LIMIT;
use crate::source::spool::file::File;
use crate::{Error, Result};

/// A text that grows beyond this length gets all the room at once that it may take in memory.
const SHORT: usize = 64 << 10;

/// A record is hashed, and a long one written, in parts of this length.
const PART: usize = 64 << 10;

/// Keeps one body.
pub(super) struct Store {
    limits: Limits,
    /// Whether all of it has to stay in memory.
    whole: bool,
    /// How the body begins.
    head: String,
    /// Bytes of the body that have come.
    received: u64,
    /// The body's own text, where it is wanted and the records are written anew.
    own_text: Option<String>,
    /// What was handed on and was not yet written or forgotten.
    text: String,
    /// Where that begins in all that was handed on.
    at: u64,
    /// The records that have ended in it, by their places in that.
    ranges: Vec<Range<u64>>,
    records: u64,
    hasher: FoldHasher<'static>,
    file: Option<Written>,
}

/// The file of a body.
struct Written {
    file: Arc<File>,
    /// Where it ends.
    end: u64,
    /// Where its last segment begins.
    last: u64,
    /// Bytes of the record that has begun that are in it already.
    part: u64,
}

impl Store {
    /// `whole` where the body's text is wanted; `rewritten` where what is handed on is not that text.
    pub(super) fn new(limits: Limits, whole: bool, rewritten: bool) -> Self {
        Self {
            limits,
            whole,
            head: String::new(),
            received: 0,
            own_text: (whole && rewritten).then(String::new),
            text: String::new(),
            at: 0,
            ranges: Vec::new(),
            records: 0,
            hasher: FixedState::default().build_hasher(),
            file: None,
        }
    }

    /// Notes the next piece of the body, which is still to be split.
    pub(super) fn receive(&mut self, piece: &str) {
        if self.head.len() < HEAD {
            self.head.extend(piece.chars().take(HEAD - self.head.len()));
        }
        self.received += piece.len() as u64;
        if let Some(text) = &mut self.own_text {
            text.push_str(piece);
        }
    }

    /// Bytes of the body that have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Takes what is kept of the body: its text, or records that were written anew.
    pub(super) fn push(&mut self, text: &str) {
        // Room that is not written to costs nothing; copying a long text whenever it has doubled does.
        if self.text.len() + text.len() > self.text.capacity().max(SHORT) {
            self.text.reserve(text.len().max(self.limits.body.saturating_sub(self.text.len())));
        }
        self.text.push_str(text);
    }

    /// Where the records of the text that was pushed are to be added.
    pub(super) fn ranges(&mut self) -> &mut Vec<Range<u64>> {
        &mut self.ranges
    }

    /// How the body begins.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    /// Bytes that were handed on.
    pub(super) fn bytes(&self) -> u64 {
        self.at + self.text.len() as u64
    }

    /// Brings what is kept back within its limits; `open` is where a record begins that has not ended.
    pub(super) async fn settle<E>(&mut self, open: Option<u64>) -> Result<(), Unread<E>> {
        self.check_length(open)?;
        let kept = self.text.len() + size_of_val(&*self.ranges);
        let limit = if self.file.is_some() { self.limits.batch } else { self.limits.body };
        if self.whole || kept <= limit {
            return Ok(());
        }
        self.write(open).await.map_err(Unread::NotKept)
    }

    fn check_length<E>(&self, open: Option<u64>) -> Result<(), Unread<E>> {
        let longest = self.limits.record.min(BATCH_LIMIT) as u64;
        let begun = open.map(|start| start..self.bytes());
        let too_long = |range: &Range<u64>| range.end - range.start > longest;
        let too_long = self.ranges.iter().chain(&begun).position(too_long);
        let error = match too_long {
            _ if self.whole && self.bytes().max(self.received) > longest => "the body",
            Some(_) => "a record",
            None => return Ok(()),
        };
        let error = Error::data(format!("{error} is longer than {} MiB", longest >> 20))
            .help("ask for less in one page, or give the run more memory: `--memory`");
        Err(Unread::Unfit(match too_long {
            Some(index) => error.at_record(self.records + index as u64 + 1),
            None => error,
        }))
    }

    /// Ends the body: what there was in it, and where the last segment begins if it is in a file.
    pub(super) async fn finish<E>(
        mut self,
        shape: Shape,
        values: Vec<Value>,
    ) -> Result<(Body, u64), Unread<E>> {
        let (bytes, own_text) = (self.received, self.own_text.take().map(Arc::from));
        let (stored, last) = match &self.file {
            None => (Stored::Memory(Arc::new(self.whole_body())), 0),
            Some(_) => {
                self.write(None).await.map_err(Unread::NotKept)?;
                self.file.map_or((Stored::Nowhere, 0), |Written { file, end, last, .. }| {
                    (Stored::File { file, place: 0..end }, last)
                })
            }
        };
        let (records, fingerprint) = (self.records, Fingerprint(self.hasher.finish()));
        let body = Body {
            shape,
            records,
            elements: None,
            bytes,
            fingerprint,
            values,
            of_last_record: Vec::new(),
            own_text,
            stored,
        };
        Ok((body, last))
    }

    /// The body as one segment, where nothing of it was written.
    fn whole_body(&mut self) -> Segment {
        let ranges = std::mem::take(&mut self.ranges);
        let mut text = std::mem::take(&mut self.text);
        // A page waits for its turn: what was set aside for a longer one would wait with it.
        text.shrink_to_fit();
        self.segment(text, self.at, &ranges)
    }

    /// Counts and hashes records, whose bodies' text from `at` on is `text`.
    fn segment(&mut self, text: String, at: u64, ranges: &[Range<u64>]) -> Segment {
        let places = ranges.iter().map(|range| offset(range.start, at)..offset(range.end, at));
        let mut records = Vec::with_capacity(ranges.len());
        for place in places {
            self.hash(text.get(place.clone()).unwrap_or_default());
            records.push(narrow(place.start)..narrow(place.end));
        }
        self.records += ranges.len() as u64;
        Segment { text, records, at }
    }

    /// Hashes a record, or the rest of one, in the same parts whatever pieces it came in.
    fn hash(&mut self, mut record: &str) {
        while let Some((part, rest)) = part(record) {
            self.hasher.write(part.as_bytes());
            record = rest;
        }
        self.hasher.write(record.as_bytes());
    }

    /// Writes what can be written, and forgets what is no record.
    async fn write(&mut self, open: Option<u64>) -> Result<()> {
        let mut written = self.file.take().unwrap_or_else(|| Written {
            file: Arc::new(File::new(0)),
            end: 0,
            last: 0,
            part: 0,
        });
        let mut ranges = std::mem::take(&mut self.ranges).into_iter().peekable();
        if written.part > 0
            && let Some(range) = ranges.next()
        {
            self.end_parts(&mut written, &range).await?;
        }
        if let Some(first) = ranges.peek() {
            let start = first.start;
            let ranges: Vec<_> = ranges.collect();
            let end = ranges.last().map_or(start, |last| last.end);
            let text = self.text.get(offset(start, self.at)..offset(end, self.at));
            let segment = self.segment(text.unwrap_or_default().to_owned(), start, &ranges);
            written.last = written.end;
            written.end = written.file.append(segment, written.end).await?;
        }
        if written.part == 0 {
            self.forget(open.unwrap_or(self.bytes()));
        }
        if open.is_some() && self.text.len() > self.limits.batch {
            self.write_parts(&mut written).await?;
        }
        self.file = Some(written);
        Ok(())
    }

    /// Writes as many parts as there are of the record with which the text begins.
    async fn write_parts(&mut self, written: &mut Written) -> Result<()> {
        let mut text = &*self.text;
        while let Some((part, rest)) = part(text) {
            self.hasher.write(part.as_bytes());
            text = rest;
        }
        let length = self.text.len() - text.len();
        let rest = self.text.split_off(length);
        let parts = std::mem::replace(&mut self.text, rest);
        self.at += length as u64;
        written.file.grow(parts, written.end, written.part).await?;
        written.part += length as u64;
        Ok(())
    }

    /// Writes the rest of a record that was written in parts, and forgets it.
    async fn end_parts(&mut self, written: &mut Written, range: &Range<u64>) -> Result<()> {
        let rest = self.text.get(..offset(range.end, self.at)).unwrap_or_default().to_owned();
        self.hash(&rest);
        self.records += 1;
        written.file.grow(rest, written.end, written.part).await?;
        let length = narrow(offset(range.end, range.start));
        written.last = written.end;
        written.end = written.file.seal(length, range.start, written.end).await?;
        written.part = 0;
        self.forget(range.end);
        Ok(())
    }

    /// Forgets the text before that place of the body.
    fn forget(&mut self, place: u64) {
        self.text = self.text.split_off(offset(place, self.at).min(self.text.len()));
        self.at = place;
    }
}

/// The first part of a text, and the rest; `None` for a text that is no longer than a part.
fn part(text: &str) -> Option<(&str, &str)> {
    if text.len() <= PART { None } else { text.split_at_checked(text.floor_char_boundary(PART)) }
}

/// How far a place is behind another.
fn offset(place: u64, from: u64) -> usize {
    usize::try_from(place.saturating_sub(from)).unwrap_or(usize::MAX)
}

/// A place in a segment: what is longer than a batch may be is refused.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
