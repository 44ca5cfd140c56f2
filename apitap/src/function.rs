//! Rust functions that queries call: Arrow arrays → Rust values, row by row → an Arrow array.
//!
//! Columns are looked at once a batch; what a row costs is what the function itself does. An error
//! or a panic in it ends the pipeline with an error that names it.

mod argument;
mod returned;

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use apitap_build::definition::Function;
use apitap_build::engine::Body;
use apitap_build::schema::notation::type_text;
use datafusion::arrow::array::{Array as _, ArrayRef};
use datafusion::common::DataFusionError;

use crate::{Error, Result};
pub use argument::{Argument, Column};
pub use returned::{Returned, Values};

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
    pub fn column<T: Argument<'a>>(&self, index: usize) -> Result<Column<'a, T>> {
        let array = self.arrays.get(index).and_then(|array| array.as_any().downcast_ref());
        array.map(|array| Column::new(array)).ok_or_else(|| {
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
        let mut values = T::Values::new(&self.function.returns.ty, self.rows);
        for row in 0..self.rows {
            match call(row)? {
                Some(value) => value.append(&mut values).map_err(|unfit| {
                    Error::query(format!("what `{}` gives {}", self.shown(), unfit.message))
                        .help(unfit.help)
                })?,
                None => values.append_null(),
            }
        }
        Ok(values.finish())
    }

    /// The error of a call.
    pub fn failed(&self, error: &dyn Display) -> Error {
        Error::query(format!("the function `{}` failed: {error}", self.shown()))
            .help("the message is the function's own")
    }

    /// `domain_of(string)`: types, never values.
    fn shown(&self) -> String {
        let types: Vec<_> =
            self.function.parameters.iter().map(|field| type_text(&field.ty, true)).collect();
        format!("{}({})", self.function.name, types.join(", "))
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
            Err(Error::query(format!("the function `{}` panicked{message}", arguments.shown()))
                .help("return an error instead: `Result<T, E>` with an `E` that can be displayed"))
        });
        results.map_err(|error| DataFusionError::External(Box::new(error)))
    })
}

/// What a panic says, where it says anything.
pub(crate) fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
