//! A value of Rust ↔ a value of Arrow, once: which type stands for which, and how each is kept exactly.
//!
//! ```text
//! Datum     a field of a record or row        scalar.rs, nested.rs
//! Cell      the same, or `Option` of it
//! Argument  what a Rust function takes        Datum, and borrowed text and bytes
//! Returned  what it gives
//! ```
//! Values are written into the columns that decoders fill, too, so that a struct, a function and JSON
//! make the same rows and refuse the same values. Nothing here knows of structs' names or functions'.

mod json;
mod nested;
mod read;
mod scalar;

pub(crate) use read::ColumnReader;
pub use read::Fields;
pub(crate) use scalar::Values;

use crate::source::decode::any::Any;
use crate::source::json::Fault;

/// A value that is not null.
#[diagnostic::on_unimplemented(
    message = "a field cannot have the type `{Self}`",
    note = "a field's type is known by its name; `apitap::types` has those that fields can have"
)]
pub trait Datum: Sized {
    /// Appends it to a column of its type.
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault>;

    /// The value in that row, which is not null.
    fn read(values: &Values, row: usize) -> Result<Self, Fault>;

    /// Whether it is a null after all, as JSON's own is.
    fn is_null(&self) -> bool {
        false
    }
}

/// What a field can be: a value, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "a field cannot have the type `{Self}`",
    note = "a field's type is known by its name; `apitap::types` has those that fields can have"
)]
pub trait Cell: Sized {
    /// The value.
    type Datum: Datum;

    /// The value, if it is not null.
    fn datum(&self) -> Option<&Self::Datum>;

    /// The cell of a value or of null; `None` where it cannot be null.
    fn of(datum: Option<Self::Datum>) -> Option<Self>;
}

impl<T: Datum> Cell for T {
    type Datum = T;

    fn datum(&self) -> Option<&T> {
        (!self.is_null()).then_some(self)
    }

    fn of(datum: Option<T>) -> Option<Self> {
        datum
    }
}

impl<T: Datum> Cell for Option<T> {
    type Datum = T;

    fn datum(&self) -> Option<&T> {
        self.as_ref().filter(|datum| !datum.is_null())
    }

    fn of(datum: Option<T>) -> Option<Self> {
        Some(datum)
    }
}

/// A field whose type is not the one that its name says.
#[cold]
pub(crate) fn another_type() -> Fault {
    Fault::misfit("the field holds values of another type than its column").help(
        "a field's type is known by its name: `Decimal`, `Value` and the like are those of \
         `apitap::types`, and an alias is not seen through",
    )
}

/// What a Rust function can take.
pub trait Argument<'a>: Sized {
    /// The value in that row, which is not null.
    fn read(values: &'a Values, row: usize) -> Result<Self, Fault>;
}

impl<T: Datum> Argument<'_> for T {
    #[inline]
    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        <T as Datum>::read(values, row)
    }
}

/// What a Rust function can give.
pub trait Returned {
    /// Appends it to a column of its type.
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault>;
}

impl<T: Datum> Returned for T {
    #[inline]
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        Datum::write(self, column, room)
    }
}

/// Bytes that a batch may still take, so that no offset into a column outgrows 31 bits.
#[derive(Debug)]
pub struct Room(pub(crate) usize);

impl Room {
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(full)?;
        Ok(())
    }
}

#[cold]
fn full() -> Fault {
    Fault::misfit("a batch of values has more than 1 GiB").help("hand them over in smaller parts")
}
