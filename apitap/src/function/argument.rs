//! Values of an Arrow array → the arguments of a Rust function.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use datafusion::arrow::array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::temporal_conversions::{date32_to_datetime, time64us_to_time};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{Error, Result};

/// A type that a function can take.
pub trait Argument<'a>: Sized {
    /// The array that holds such values.
    type Array: Array + fmt::Debug + 'static;

    /// The value of a row that is not null.
    ///
    /// # Errors
    /// The column's type holds it, and this one does not.
    fn read(array: &'a Self::Array, row: usize) -> Result<Self>;
}

/// One argument of a batch.
#[derive(Debug)]
pub struct Column<'a, T: Argument<'a>> {
    array: &'a T::Array,
}

impl<'a, T: Argument<'a>> Column<'a, T> {
    pub(super) fn new(array: &'a T::Array) -> Self {
        Self { array }
    }

    /// The value of a row; `None` where it is null.
    ///
    /// # Errors
    /// That of [`Argument::read`].
    pub fn get(&self, row: usize) -> Result<Option<T>> {
        if self.array.is_null(row) { Ok(None) } else { T::read(self.array, row).map(Some) }
    }
}

macro_rules! plain {
    ($($ty:ty: $array:ty,)*) => {$(
        impl<'a> Argument<'a> for $ty {
            type Array = $array;

            fn read(array: &'a $array, row: usize) -> Result<Self> {
                Ok(array.value(row).into())
            }
        }
    )*};
}

plain! {
    bool: BooleanArray,
    i16: Int16Array,
    i32: Int32Array,
    i64: Int64Array,
    f32: Float32Array,
    f64: Float64Array,
    &'a str: StringArray,
    String: StringArray,
    &'a [u8]: BinaryArray,
    Vec<u8>: BinaryArray,
}

impl Argument<'_> for Decimal {
    type Array = Decimal128Array;

    fn read(array: &Decimal128Array, row: usize) -> Result<Self> {
        let mut number = array.value(row);
        let mut scale = u32::from(array.scale().unsigned_abs());
        // Zeros at the end are no digits that count.
        while scale > 0
            && number % 10 == 0
            && Self::try_from_i128_with_scale(number, scale).is_err()
        {
            number /= 10;
            scale -= 1;
        }
        Self::try_from_i128_with_scale(number, scale).map_err(|_| {
            Error::query("a decimal has more digits than a function can take: 28, or few more")
                .help("round it in the query: `CAST(… AS DECIMAL(28, 10))`")
        })
    }
}

impl Argument<'_> for NaiveDate {
    type Array = Date32Array;

    fn read(array: &Date32Array, row: usize) -> Result<Self> {
        date32_to_datetime(array.value(row)).map(|time| time.date()).ok_or_else(|| far("a date"))
    }
}

impl Argument<'_> for NaiveTime {
    type Array = Time64MicrosecondArray;

    fn read(array: &Time64MicrosecondArray, row: usize) -> Result<Self> {
        time64us_to_time(array.value(row)).ok_or_else(|| far("a time"))
    }
}

impl Argument<'_> for DateTime<Utc> {
    type Array = TimestampMicrosecondArray;

    fn read(array: &TimestampMicrosecondArray, row: usize) -> Result<Self> {
        Self::from_timestamp_micros(array.value(row)).ok_or_else(|| far("a timestamp"))
    }
}

/// A moment that the types of Rust do not reach.
fn far(what: &str) -> Error {
    Error::query(format!("{what} is further away than a function can take: 262,000 years"))
        .help("leave such values out: `WHERE … < …`")
}

impl Argument<'_> for Uuid {
    type Array = StringArray;

    fn read(array: &StringArray, row: usize) -> Result<Self> {
        Self::try_parse(array.value(row)).map_err(|cause| {
            Error::query("a text that is passed as a UUID is none")
                .caused_by(cause)
                .help("pass a column of the type `uuid`, or leave such values out")
        })
    }
}
