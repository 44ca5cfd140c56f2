//! The columns of a batch, looked up once and then read row by row.

use datafusion::arrow::array::{Array as _, ArrayRef};
use datafusion::arrow::buffer::NullBuffer;

use super::scalar::Values;
use super::{Argument, Cell, Datum, another_type};
use crate::source::json::Fault;

/// A column that is read row by row.
#[derive(Debug)]
pub struct ColumnReader {
    name: String,
    nulls: Option<NullBuffer>,
    values: Values,
}

impl ColumnReader {
    /// Of an array; `None` where it has a type that no field has.
    pub(crate) fn new(name: &str, array: &ArrayRef) -> Option<Self> {
        let values = Values::of(array.as_ref())?;
        Some(Self { name: name.to_owned(), nulls: array.nulls().cloned(), values })
    }

    /// The cell of a row, which is one of the column's.
    #[inline]
    pub(crate) fn get<T: Cell>(&self, row: usize) -> Result<T, Fault> {
        let datum = match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(<T::Datum as Datum>::read(&self.values, row)?),
        };
        T::of(datum).ok_or_else(|| self.null())
    }

    /// The argument of a function in a row; `None` where it is null.
    #[inline]
    pub(crate) fn argument<'a, T: Argument<'a>>(&'a self, row: usize) -> Result<Option<T>, Fault> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => Ok(None),
            _ => T::read(&self.values, row).map(Some),
        }
    }

    #[cold]
    fn null(&self) -> Fault {
        Fault::misfit(format!("`{}` is null, which the struct's field cannot be", self.name))
            .help("make the field an `Option`")
    }
}

/// The fields of a struct, in its order.
#[derive(Debug)]
pub struct Fields(pub(crate) Vec<ColumnReader>);

impl Fields {
    /// The value of the field at that place of the struct.
    ///
    /// # Errors
    /// It is null where the field cannot be, or its type does not hold the value.
    #[inline]
    pub fn get<T: Cell>(&self, place: usize, row: usize) -> Result<T, Fault> {
        let column = self.0.get(place).ok_or_else(another_type)?;
        column.get(row).map_err(|fault| fault.within(&column.name))
    }
}
