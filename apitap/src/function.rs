//! Rust functions that queries call: Arrow arrays → Rust values, row by row → an Arrow array.
//!
//! Columns are looked at once a batch; what a row costs is what the function itself does. An error
//! or a panic in it ends the pipeline with an error that names it.

use std::fmt::Display;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use apitap_build::definition::Function;
use apitap_build::engine::{Body, takes};
use apitap_build::schema::notation::type_text;
use datafusion::arrow::array::{Array as _, ArrayRef};
use datafusion::common::DataFusionError;

use crate::source::decode::BATCH_LIMIT;
use crate::source::decode::any::Any;
use crate::source::decode::column::Column as _;
use crate::value::{Argument, ColumnReader, Returned, Room};
use crate::{Error, Result};

/// Calls one function of the program for each row of a batch.
pub type Call = fn(&Arguments<'_>) -> Result<ArrayRef>;

/// The arguments of a function for a batch of rows.
#[derive(Debug)]
pub struct Arguments<'a> {
    function: &'a Function,
    arrays: &'a [ArrayRef],
    rows: usize,
}

impl<'a> Arguments<'a> {
    /// The column of an argument, counted from 0.
    ///
    /// # Errors
    /// The engine passes another type than was planned.
    pub fn column<T>(&self, index: usize) -> Result<Column<'a, T>> {
        let parameter = self.function.parameters.get(index);
        let array = self.arrays.get(index);
        let values = parameter.zip(array).and_then(|(parameter, array)| {
            let planned =
                takes(&parameter.ty, array.data_type()).as_ref() == Some(array.data_type());
            planned.then(|| ColumnReader::new(&parameter.name, array)).flatten()
        });
        let (function, passed) = (self.function, PhantomData);
        values.map(|values| Column { function, index, values, passed }).ok_or_else(|| {
            let name = &self.function.name;
            Error::query(format!("argument {} of `{name}` is not of its type", index + 1))
                .help("build the program with `apitap` and `apitap-build` of one version")
        })
    }

    /// The results of all rows as an array of the function's return type.
    ///
    /// # Errors
    /// The first that a call gives, or a result that its type does not hold exactly.
    pub fn collect<T: Returned>(
        &self,
        mut call: impl FnMut(usize) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let mut column = Any::new(&self.function.returns.ty);
        let mut room = Room(BATCH_LIMIT);
        for row in 0..self.rows {
            match call(row)? {
                Some(value) => value.write(&mut column, &mut room).map_err(|fault| {
                    fault.into_query_error(&format!("what `{}` gives", shown(self.function)))
                })?,
                None => column.append_null(),
            }
        }
        column.finish().map_err(|cause| {
            Error::query(format!("the results of `{}` make no column", shown(self.function)))
                .caused_by(cause)
        })
    }

    /// The error of a call.
    pub fn failed(&self, error: &dyn Display) -> Error {
        Error::query(format!("the function `{}` failed: {error}", shown(self.function)))
            .help("the message is the function's own")
    }
}

/// `domain_of(string)`: types, never values.
fn shown(function: &Function) -> String {
    let types: Vec<_> =
        function.parameters.iter().map(|field| type_text(&field.ty, true)).collect();
    format!("{}({})", function.name, types.join(", "))
}

/// One argument of a batch.
#[derive(Debug)]
pub struct Column<'a, T> {
    function: &'a Function,
    index: usize,
    values: ColumnReader,
    passed: PhantomData<fn() -> T>,
}

impl<'c, T: Argument<'c>> Column<'_, T> {
    /// The value of a row; `None` where it is null.
    ///
    /// # Errors
    /// The column's type holds it, and the parameter's does not.
    pub fn get(&'c self, row: usize) -> Result<Option<T>> {
        self.values.argument(row).map_err(|fault| {
            let number = self.index + 1;
            fault.into_query_error(&format!("argument {number} of `{}`", shown(self.function)))
        })
    }
}

/// What the engine calls for a function of the definition.
pub(crate) fn body(function: &Function, call: Call) -> Body {
    let function = function.clone();
    Arc::new(move |arrays, rows| {
        let arguments = Arguments { function: &function, arrays, rows };
        // What the function has left half-done is its own: nothing of ours is seen again.
        let called = catch_unwind(AssertUnwindSafe(|| call(&arguments)));
        let results = called.unwrap_or_else(|payload| {
            let message = said(payload.as_ref());
            Err(Error::query(format!("the function `{}` panicked{message}", shown(&function)))
                .help("return an error instead: `Result<T, E>` with an `E` that can be displayed"))
        });
        results.map_err(|error| DataFusionError::External(Box::new(error)))
    })
}

/// What a panic says, where it says anything.
pub(crate) fn said(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
