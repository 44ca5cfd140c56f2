//! Keys of rows on their way into one COPY → no key twice in it.
//!
//! Rows of one COPY come into a table in no particular order. As long as no key is in a COPY twice,
//! the order of the COPYs says which row of a key is the last one. Keys that ascend, as most APIs
//! send them, are only compared with the one before; others are kept until the COPY ends, which
//! bounds them by its size.

use std::collections::{HashMap, HashSet};

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};

/// The keys of the rows that wait for one COPY.
pub(super) struct Distinct {
    converter: RowConverter,
    known: Known,
}

enum Known {
    Nothing,
    /// They ascend up to this one.
    Ascending(OwnedRow),
    All(HashSet<Box<[u8]>>),
}

/// What is to be done with rows.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// Whether the rows before must go first: a key of theirs may come again.
    pub(super) apart: bool,
    /// Where a key comes twice: which rows are the last of theirs.
    pub(super) last: Option<BooleanArray>,
}

impl Distinct {
    pub(super) fn new<'a>(
        types: impl IntoIterator<Item = &'a DataType>,
    ) -> Result<Self, ArrowError> {
        let fields = types.into_iter().map(|ty| SortField::new(ty.clone())).collect();
        Ok(Self { converter: RowConverter::new(fields)?, known: Known::Nothing })
    }

    /// Takes the keys of the next rows.
    pub(super) fn take(&mut self, keys: &[ArrayRef]) -> Result<Verdict, ArrowError> {
        let rows = self.converter.convert_columns(keys)?;
        let Some(first) = rows.iter().next() else {
            return Ok(Verdict { apart: false, last: None });
        };
        let ascend = rows.iter().zip(rows.iter().skip(1)).all(|(a, b)| a < b);
        let apart = match &self.known {
            Known::Nothing => false,
            Known::Ascending(last) => !ascend || first <= last.row(),
            Known::All(known) => rows.iter().any(|row| known.contains(row.as_ref())),
        };
        if apart {
            self.clear();
        }
        let last = if ascend { None } else { last_of_each(&rows) };
        match &mut self.known {
            Known::All(known) => known.extend(rows.iter().map(|row| row.as_ref().into())),
            _ if ascend => {
                if let Some(last) = rows.iter().next_back() {
                    self.known = Known::Ascending(last.owned());
                }
            }
            _ => self.known = Known::All(rows.iter().map(|row| row.as_ref().into()).collect()),
        }
        Ok(Verdict { apart, last })
    }

    /// The COPY has ended.
    pub(super) fn clear(&mut self) {
        self.known = Known::Nothing;
    }
}

/// Which rows are the last ones of their keys; `None` where all are.
fn last_of_each(rows: &Rows) -> Option<BooleanArray> {
    let places: HashMap<Row<'_>, usize> =
        rows.iter().enumerate().map(|(place, row)| (row, place)).collect();
    let is_last = |(place, row): (usize, Row<'_>)| places.get(&row) == Some(&place);
    (places.len() < rows.num_rows())
        .then(|| rows.iter().enumerate().map(is_last).map(Some).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    /// Each batch's keys, whether those before must go first, and the keys that are left of it.
    fn check(batches: &[(&[i64], bool, &[i64])]) {
        let mut distinct = Distinct::new([&DataType::Int64]).unwrap();
        for (keys, apart, left) in batches {
            let array: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
            let verdict = distinct.take(&[array]).unwrap();
            assert_eq!(verdict.apart, *apart, "{keys:?}");
            let kept = |place: &usize| verdict.last.as_ref().is_none_or(|last| last.value(*place));
            let found: Vec<_> = (0..keys.len()).filter(kept).map(|place| keys[place]).collect();
            assert_eq!(found, *left, "{keys:?}");
        }
    }

    #[test]
    fn no_key_is_in_a_copy_twice() {
        check(&[(&[], false, &[]), (&[1, 2], false, &[1, 2]), (&[3, 4], false, &[3, 4])]);
        check(&[(&[1, 2], false, &[1, 2]), (&[2, 3], true, &[2, 3])]);
        check(&[(&[1, 2, 1], false, &[2, 1])]);
        check(&[(&[5, 3, 5, 3], false, &[5, 3]), (&[1, 2], false, &[1, 2]), (&[3], true, &[3])]);
        // What is behind a COPY that has ended is forgotten.
        check(&[(&[9, 3], false, &[9, 3]), (&[3, 9], true, &[3, 9]), (&[4], true, &[4])]);
    }
}
