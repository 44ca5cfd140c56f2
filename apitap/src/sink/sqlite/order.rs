//! Whether the keys of successive rows ascend, or descend.
//!
//! As long as they do, each row goes beside the one before, into pages that are there once. Others would go into pages
//! all over the file, and every transaction would write most of them again.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};

/// What is known of the keys so far.
pub(super) struct Order {
    converter: RowConverter,
    last: Option<OwnedRow>,
    /// How a key stands to the one before.
    way: Option<Ordering>,
    /// Whether all of them stand so.
    is_kept: bool,
}

impl Order {
    pub(super) fn new<'a>(
        types: impl IntoIterator<Item = &'a DataType>,
    ) -> Result<Self, ArrowError> {
        let fields = types.into_iter().map(|ty| SortField::new(ty.clone())).collect();
        Ok(Self { converter: RowConverter::new(fields)?, last: None, way: None, is_kept: true })
    }

    /// Whether all keys so far ascend, or all descend.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Takes the keys of the next rows.
    pub(super) fn take(&mut self, keys: &[ArrayRef]) -> Result<(), ArrowError> {
        if !self.is_kept {
            return Ok(());
        }
        let rows = self.converter.convert_columns(keys)?;
        let Some(first) = rows.iter().next() else { return Ok(()) };
        if let Some(last) = self.last.take() {
            self.step(first.cmp(&last.row()));
        }
        for (before, after) in rows.iter().zip(rows.iter().skip(1)) {
            self.step(after.cmp(&before));
        }
        self.last = rows.iter().next_back().map(|row| row.owned());
        Ok(())
    }

    fn step(&mut self, way: Ordering) {
        if way != Ordering::Equal {
            self.is_kept &= *self.way.get_or_insert(way) == way;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    #[track_caller]
    fn check(batches: &[&[i64]], expected: bool) {
        let mut order = Order::new([&DataType::Int64]).unwrap();
        for keys in batches {
            order.take(&[Arc::new(Int64Array::from(keys.to_vec()))]).unwrap();
        }
        assert_eq!(order.is_kept(), expected, "{batches:?}");
    }

    #[test]
    fn keys_that_go_one_way_keep_their_order() {
        check(&[], true);
        check(&[&[7], &[], &[7]], true);
        check(&[&[1, 2], &[2, 5], &[9]], true);
        check(&[&[9, 5], &[5, 2], &[1]], true);
        check(&[&[1, 2], &[1]], false);
        check(&[&[2, 1], &[3]], false);
        check(&[&[1, 3, 2], &[4, 5]], false);
        check(&[&[1, 2], &[1], &[2, 3]], false);
    }
}
