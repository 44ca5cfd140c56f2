//! Columns of rows → SQLite's values: what each type looks like there.
//!
//! Whole numbers and booleans (0, 1) are INTEGER, floating-point numbers REAL, bytes BLOB. All else
//! is TEXT: decimals with all their digits, dates and times as in [`crate::sink::text`], records
//! and lists as JSON.

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DecimalType, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, LargeStringArray, PrimitiveArray,
    RecordBatch, StringArray,
};
use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use crate::Result;
use crate::schema::Type;
use crate::sink::document;
use crate::sink::load::{Column, Load};
use crate::sink::{refusal, text};

/// One column's values.
pub(super) enum Values<'a> {
    Bool(&'a BooleanArray),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>),
    Text(&'a StringArray),
    Json(&'a StringArray),
    Document(LargeStringArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Binary(&'a BinaryArray),
}

/// The columns of a batch whose types have been checked; `first` is the number of its first row.
pub(super) fn columns<'a>(
    load: &Load,
    batch: &'a RecordBatch,
    first: u64,
) -> Result<Vec<Values<'a>>> {
    load.columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| of(column, array, first))
        .collect()
}

fn of<'a>(column: &Column, array: &'a ArrayRef, first: u64) -> Result<Values<'a>> {
    Ok(match &column.ty {
        Type::Bool => Values::Bool(array.as_boolean()),
        Type::Int16 => Values::Int16(array.as_primitive()),
        Type::Int32 => Values::Int32(array.as_primitive()),
        Type::Int64 => Values::Int64(array.as_primitive()),
        Type::Float32 => Values::Float32(array.as_primitive()),
        Type::Float64 => Values::Float64(array.as_primitive()),
        Type::Decimal { .. } => Values::Decimal(array.as_primitive()),
        Type::String | Type::Uuid => Values::Text(array.as_string()),
        Type::Json => Values::Json(array.as_string()),
        Type::Date => Values::Date(array.as_primitive()),
        Type::Time => Values::Time(array.as_primitive()),
        Type::Timestamp => Values::Timestamp(array.as_primitive()),
        Type::Binary => Values::Binary(array.as_binary()),
        Type::List(_) | Type::Record(_) => {
            let refused = |refused: document::Refused| {
                refusal::value(column, first + refused.row as u64, &refused.why)
            };
            Values::Document(document::encode(&column.field, array.as_ref()).map_err(refused)?)
        }
    })
}

impl Values<'_> {
    /// Adds the value of a row; the error goes on after "column … of row …".
    pub(super) fn bind(&self, row: usize, arguments: &mut SqliteArguments) -> Result<(), String> {
        if self.array().is_null(row) {
            return added(arguments.add(None::<i64>));
        }
        added(match self {
            Self::Bool(array) => arguments.add(i64::from(array.value(row))),
            Self::Int16(array) => arguments.add(i64::from(array.value(row))),
            Self::Int32(array) => arguments.add(i64::from(array.value(row))),
            Self::Int64(array) => arguments.add(array.value(row)),
            Self::Float32(array) => arguments.add(finite(f64::from(array.value(row)))?),
            Self::Float64(array) => arguments.add(finite(array.value(row))?),
            Self::Decimal(array) => arguments.add(Decimal128Type::format_decimal(
                array.value(row),
                array.precision(),
                array.scale(),
            )),
            Self::Text(array) => arguments.add(array.value(row)),
            Self::Json(array) => arguments.add(json(array.value(row))?),
            Self::Document(array) => arguments.add(array.value(row)),
            Self::Date(array) => arguments.add(written(array, row, text::date, "a date")?),
            Self::Time(array) => arguments.add(written(array, row, text::time, "a time")?),
            Self::Timestamp(array) => {
                arguments.add(written(array, row, text::timestamp, "a timestamp")?)
            }
            Self::Binary(array) => arguments.add(array.value(row)),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Bool(array) => *array,
            Self::Int16(array) => *array,
            Self::Int32(array) => *array,
            Self::Int64(array) => *array,
            Self::Float32(array) => *array,
            Self::Float64(array) => *array,
            Self::Decimal(array) => *array,
            Self::Text(array) | Self::Json(array) => *array,
            Self::Document(array) => array,
            Self::Date(array) => *array,
            Self::Time(array) => *array,
            Self::Timestamp(array) => *array,
            Self::Binary(array) => *array,
        }
    }
}

fn added<E: std::fmt::Display>(result: Result<(), E>) -> Result<(), String> {
    result.map_err(|error| format!("cannot be sent to SQLite: {error}"))
}

fn finite(value: f64) -> Result<f64, String> {
    match value.is_finite() {
        true => Ok(value),
        false => Err(format!("is {value}, which SQLite does not keep")),
    }
}

fn json(text: &str) -> Result<&str, String> {
    match document::is_json(text) {
        true => Ok(text),
        false => Err("holds text that is not JSON".to_owned()),
    }
}

fn written<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    row: usize,
    write: fn(T::Native) -> Option<String>,
    what: &str,
) -> Result<String, String> {
    write(array.value(row)).ok_or_else(|| match what {
        "a time" => "holds a time that is not within a day".to_owned(),
        _ => format!("holds {what} outside the years 0 to 9999"),
    })
}
