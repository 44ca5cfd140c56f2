//! Structs of a pipeline's module ↔ Arrow batches, exactly.
//!
//! ```text
//! structs → Writer<T> → batch     through the columns that decoders fill, too
//! batch   → Reader<T> → structs   columns are looked up once a batch
//! ```
//! `#[apitap::pipeline]` implements [`Struct`] for every struct of its module. Nothing here knows
//! where records come from or where rows go.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::Reader;
pub use write::{Columns, Writer};

use crate::Pipeline;
use crate::source::json::Fault;
use crate::value::Fields;

/// A struct of named fields, as `#[apitap::pipeline]` reads it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of a `#[apitap::pipeline]` module",
    note = "records, rows and the structs in them are written inside the module"
)]
pub trait Struct: Sized + Send + 'static {
    /// The names of its fields in JSON and SQL, in the order of the struct.
    const FIELDS: &'static [&'static str];

    /// Reads the struct in that row of its fields.
    fn read(fields: &Fields, row: usize) -> Result<Self, Fault>;

    /// Appends each field to its column.
    fn write(&self, columns: &mut Columns<'_>) -> Result<(), Fault>;
}

/// A row of a pipeline: a `#[target]` struct.
///
/// `T: apitap::Row` is for code that works with the rows of any pipeline, see [`crate::rows`].
pub trait Row: Struct {
    /// The pipeline whose rows these are.
    fn pipeline() -> &'static Pipeline;
}
