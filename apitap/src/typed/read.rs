//! Arrow batches → structs: columns are looked up once a batch, then rows are read one by one.

use std::marker::PhantomData;

use datafusion::arrow::array::RecordBatch;

use super::Struct;
use crate::value::{ColumnReader, Fields};
use crate::{Error, Result};

/// The structs of a batch, in order.
#[derive(Debug)]
pub struct Reader<T> {
    fields: Fields,
    row: usize,
    rows: usize,
    structs: PhantomData<fn() -> T>,
}

impl<T: Struct> Reader<T> {
    /// Looks up the columns of the struct's fields in a batch; others are passed over.
    ///
    /// # Errors
    /// A field has no column, or one of a type that apitap does not have.
    pub fn new(batch: &RecordBatch) -> Result<Self> {
        let column = |name: &&str| {
            let array = batch
                .column_by_name(name)
                .ok_or_else(|| Error::query(format!("there is no column `{name}`")))?;
            ColumnReader::new(name, array).ok_or_else(|| {
                let ty = array.data_type();
                Error::query(format!("the column `{name}` has a type that no field has: {ty}"))
            })
        };
        let fields = T::FIELDS.iter().map(column).collect::<Result<_>>()?;
        Ok(Self { fields: Fields(fields), row: 0, rows: batch.num_rows(), structs: PhantomData })
    }
}

impl<T: Struct> Iterator for Reader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.row >= self.rows {
            return None;
        }
        let row = self.row;
        self.row += 1;
        Some(T::read(&self.fields, row).map_err(|fault| fault.into_error("the row")))
    }
}
