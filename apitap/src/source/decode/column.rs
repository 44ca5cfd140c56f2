//! A value of one type at a cursor → one more row of an Arrow array.

use std::fmt;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::error::ArrowError;

use super::differences::Differences;
use crate::schema::Type;
use crate::source::json::{Cursor, Fault, Scalar};

/// The values of one type, as they gather.
///
/// Whether null is allowed is not its business: [`super::record::Field`] and [`super::list::List`]
/// decide that.
pub trait Column: Send {
    /// The type that it takes.
    fn ty(&self) -> Type;

    /// Appends the value at the cursor, which is not null, and passes over it.
    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault>;

    /// Appends null; also what stands in a field of a record that is null itself.
    fn append_null(&mut self);

    /// Values and nulls since the last [`Column::finish`].
    fn rows(&self) -> usize;

    /// The array of them; the column starts anew.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError>;

    /// Tells how the records in it differ from their schema; `at` leads to them.
    fn compare(&mut self, _at: &str, _found: &mut Differences) {}
}

/// A value of another kind than its type has.
#[cold]
pub(super) fn other_kind(expected: impl fmt::Display, found: Scalar<'_>) -> Fault {
    Fault::misfit(format!("expected {expected}, found {found}"))
        .help("declare the type that the API returns; `json` takes any value")
}

/// A value of the right kind that does not fit, and why: `which is not whole`.
#[cold]
pub(crate) fn no_fit(
    expected: impl fmt::Display,
    found: impl fmt::Display,
    why: impl fmt::Display,
) -> Fault {
    Fault::misfit(format!("expected {expected}, found {found}, {why}"))
}
