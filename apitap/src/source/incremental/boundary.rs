//! The records of one moment, to know them again when the API sends them once more.
//!
//! ```text
//! batch, bytes of its records → Mark of each record → Boundary, in the state
//! ```
//! A record is known by the values that the query reads of it, however it is written, or else by its bytes: then
//! by a query that reads other fields than that of the run before, too. It is known as often as it came: one more
//! that is alike is new.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::error::ArrowError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use arrow_json::EncoderOptions;
use arrow_json::writer::make_encoder;

use crate::schema::arrow::TYPE_KEY;

/// What a record is known by: hashes of its values and of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Mark {
    pub(super) read: u64,
    pub(super) written: u64,
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        format!("{:016x}{:016x}", mark.read, mark.written)
    }
}

impl TryFrom<String> for Mark {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let half = |half: Option<&str>| u64::from_str_radix(half?, 16).ok();
        let halves = half(text.get(..16)).zip(half(text.get(16..)));
        let (read, written) =
            halves.ok_or_else(|| format!("`{text}` is not the mark of a record"))?;
        Ok(Self { read, written })
    }
}

/// How often each record came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Boundary(BTreeMap<Mark, u64>);

impl Boundary {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many records came.
    pub(super) fn records(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many came that have this mark.
    pub(super) fn count(&self, mark: Mark) -> u64 {
        self.0.get(&mark).copied().unwrap_or_default()
    }

    /// Counts one more; gives how many there are now.
    pub(super) fn add(&mut self, mark: Mark) -> u64 {
        let count = self.0.entry(mark).or_default();
        *count += 1;
        *count
    }

    /// Counts at least so many.
    pub(super) fn reach(&mut self, mark: Mark, count: u64) {
        let known = self.0.entry(mark).or_default();
        *known = count.max(*known);
    }

    /// Takes a record out, if one like it is in; gives the mark that it had.
    pub(super) fn take(&mut self, mark: Mark) -> Option<Mark> {
        let found = self.like(mark)?;
        self.remove(found).then_some(found)
    }

    /// Gives a record another mark, if it has that one.
    pub(super) fn renew(&mut self, known: Mark, mark: Mark) {
        if self.remove(known) {
            self.add(mark);
        }
    }

    fn remove(&mut self, mark: Mark) -> bool {
        let Some(count) = self.0.get_mut(&mark) else { return false };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&mark);
        }
        true
    }

    /// The mark that is most like this one: of a record that is the same, that reads the same, or that is written
    /// the same.
    fn like(&self, mark: Mark) -> Option<Mark> {
        let alike = Mark { written: 0, ..mark }..=Mark { written: u64::MAX, ..mark };
        let same = self.0.contains_key(&mark).then_some(mark);
        same.or_else(|| self.0.range(alike).next().map(|(mark, _)| *mark))
            .or_else(|| self.0.keys().find(|known| known.written == mark.written).copied())
    }
}

/// The start of a SHA-256: what another build of this program computes, too.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

/// The hashes of the values of each row, but for the columns of these names. JSON is the same however it is written.
pub(super) fn hashes(batch: &RecordBatch, without: &[String]) -> Result<Vec<u64>, ArrowError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let own = columns.filter(|(field, _)| !without.contains(field.name()));
    let own: Vec<_> = own.map(|(field, column)| (field, canonical(field, column))).collect();
    let mut encoders = own
        .iter()
        .map(|(field, column)| make_encoder(field, column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let mut json = Vec::new();
    let mut hashes = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        json.clear();
        for encoder in &mut encoders {
            match encoder.is_null(row) {
                true => json.extend_from_slice(b"null"),
                false => encoder.encode(row, &mut json),
            }
            json.push(b'\n');
        }
        hashes.push(hash(&json));
    }
    Ok(hashes)
}

/// A column whose JSON has no white space, and the members of objects in the order of their names.
fn canonical(field: &Field, column: &ArrayRef) -> ArrayRef {
    let is_json = field.metadata().get(TYPE_KEY).is_some_and(|tag| tag == "json");
    let Some(texts) = column.as_string_opt::<i32>().filter(|_| is_json) else {
        return Arc::clone(column);
    };
    let written = texts.iter().map(|text| {
        let text = text?;
        Some(match serde_json::from_str::<Value>(text) {
            Ok(value) => sorted(value).to_string(),
            Err(_) => text.to_owned(),
        })
    });
    Arc::new(written.collect::<StringArray>())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().collect();
            members.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boundary(marks: &[(u64, u64)]) -> Boundary {
        let mut boundary = Boundary::default();
        for (read, written) in marks {
            boundary.add(Mark { read: *read, written: *written });
        }
        boundary
    }

    /// Which of the records are known that come one after the other.
    fn check(known: &[(u64, u64)], come: &[(u64, u64)], expected: &[bool]) {
        let mut left = boundary(known);
        let found = come
            .iter()
            .map(|(read, written)| left.take(Mark { read: *read, written: *written }).is_some());
        assert_eq!(found.collect::<Vec<_>>(), expected, "{come:?} of {known:?}");
    }

    #[test]
    fn a_record_is_known_by_its_values_or_its_bytes_as_often_as_it_came() {
        check(&[(1, 1), (2, 2)], &[(2, 2), (1, 1), (1, 1)], &[true, true, false]);
        // Written otherwise, and read otherwise.
        check(&[(1, 1)], &[(1, 9)], &[true]);
        check(&[(1, 1)], &[(9, 1)], &[true]);
        check(&[(1, 1)], &[(9, 9)], &[false]);
        // Two that read the same, as nothing is read of them that tells them apart.
        check(&[(1, 1), (1, 2)], &[(1, 2), (1, 1), (1, 3)], &[true, true, false]);
        check(&[(1, 1), (1, 1)], &[(1, 5), (1, 6), (1, 7)], &[true, true, false]);
    }

    #[test]
    fn a_state_keeps_the_boundary() {
        let boundary = boundary(&[(1, 2), (1, 2), (u64::MAX, 0)]);
        let text = serde_json::to_string(&boundary).unwrap();
        assert_eq!(
            text,
            r#"{"00000000000000010000000000000002":2,"ffffffffffffffff0000000000000000":1}"#
        );
        assert_eq!(serde_json::from_str::<Boundary>(&text).unwrap(), boundary);
        assert!(serde_json::from_str::<Boundary>(r#"{"00":1}"#).is_err());
    }
}
