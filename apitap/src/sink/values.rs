//! Columns of rows → the array of each one's type, for targets that send values one by one.
//!
//! Records and lists become JSON ([`document`]). How a value is written is each target's own.

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, LargeStringArray, PrimitiveArray,
    RecordBatch, StringArray,
};
use arrow::datatypes::DataType;

use super::load::{Column, Load};
use super::{document, refusal};
use crate::schema::scalar::Domain;

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
) -> crate::Result<Vec<Values<'a>>> {
    load.columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| of(column, array, first))
        .collect()
}

pub(super) fn of<'a>(
    column: &Column,
    array: &'a ArrayRef,
    first: u64,
) -> crate::Result<Values<'a>> {
    Ok(match array.data_type() {
        DataType::Boolean => Values::Bool(array.as_boolean()),
        DataType::Int16 => Values::Int16(array.as_primitive()),
        DataType::Int32 => Values::Int32(array.as_primitive()),
        DataType::Int64 => Values::Int64(array.as_primitive()),
        DataType::Float32 => Values::Float32(array.as_primitive()),
        DataType::Float64 => Values::Float64(array.as_primitive()),
        DataType::Decimal128(..) => Values::Decimal(array.as_primitive()),
        DataType::Utf8 if column.ty.domain() == Some(Domain::Document) => {
            Values::Json(array.as_string())
        }
        DataType::Utf8 => Values::Text(array.as_string()),
        DataType::Date32 => Values::Date(array.as_primitive()),
        DataType::Time64(_) => Values::Time(array.as_primitive()),
        DataType::Timestamp(..) => Values::Timestamp(array.as_primitive()),
        DataType::Binary => Values::Binary(array.as_binary()),
        _ => {
            let refused = |refused: document::Refused| {
                refusal::value(column, first + refused.row as u64, &refused.why)
            };
            Values::Document(document::encode(&column.field, array.as_ref()).map_err(refused)?)
        }
    })
}

impl Values<'_> {
    /// Whether the row has no value here.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row)
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

/// A number that is one; `target` is what the database is called.
pub(super) fn finite(value: f64, target: &str) -> Result<f64, String> {
    match value.is_finite() {
        true => Ok(value),
        false => Err(format!("is {value}, which {target} does not keep")),
    }
}

/// Text that is JSON.
pub(super) fn json(text: &str) -> Result<&str, String> {
    match document::is_json(text) {
        true => Ok(text),
        false => Err("holds text that is not JSON".to_owned()),
    }
}

/// A date, a time or a timestamp as text.
pub(super) fn written<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    row: usize,
    write: fn(T::Native) -> Option<String>,
    refused: &str,
) -> Result<String, String> {
    write(array.value(row)).ok_or_else(|| refused.to_owned())
}
