//! The text of a JSON Lines body, piece by piece → where its records stand.
//!
//! Only white space may stand between two records. Where each ends is found by its brackets, as in a
//! JSON body; the decoder proves the rest.

use std::ops::Range;

use super::json::Record;
use crate::source::json::{Fault, unexpected};

/// Finds the records of one body.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Bytes of the body before the next piece.
    at: u64,
    /// Where the record begins that has not ended.
    open: Option<(u64, Record)>,
    ended: u64,
}

impl Lines {
    /// Reads on; adds the place in the body of each record that ends to `records`.
    pub(super) fn split(
        &mut self,
        piece: &str,
        records: &mut Vec<Range<u64>>,
    ) -> Result<(), Fault> {
        let bytes = piece.as_bytes();
        let mut at = if self.at == 0 { super::mark(piece) } else { 0 };
        while at < bytes.len() {
            at = match &mut self.open {
                Some((start, record)) => {
                    let read = record.read(bytes, at);
                    let (end, is_over) = read.map_err(|fault| fault.behind(self.at))?;
                    if is_over {
                        records.push(*start..self.at + end as u64);
                        self.ended += 1;
                        self.open = None;
                    }
                    end
                }
                None => self.between(piece, at)?,
            };
        }
        self.at += piece.len() as u64;
        Ok(())
    }

    /// Reads what stands between two records: to behind the bracket of the next one.
    fn between(&mut self, piece: &str, at: usize) -> Result<usize, Fault> {
        let rest = piece.as_bytes().get(at..).unwrap_or_default();
        let Some(space) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) else {
            return Ok(piece.len());
        };
        let at = at + space;
        if rest.get(space) == Some(&b'{') {
            self.open = Some((self.at + at as u64, Record::new(1)));
            return Ok(at + 1);
        }
        let fault = unexpected(piece, at, "a record, `{`").behind(self.at);
        Err(match rest.get(space) {
            Some(b'[') => fault.help("the body is one JSON value: remove `format: jsonl`"),
            _ => fault,
        })
    }

    /// Where the record begins that has not ended.
    pub(super) fn open(&self) -> Option<u64> {
        self.open.as_ref().map(|(start, _)| *start)
    }

    /// The number of the record that is being read, from 1.
    pub(super) fn record(&self) -> u64 {
        self.ended + 1
    }

    /// Ends the body, which must be whole.
    pub(super) fn end(&self) -> Result<(), Fault> {
        self.open.as_ref().map_or(Ok(()), |(_, record)| Err(record.ends()))
    }
}
