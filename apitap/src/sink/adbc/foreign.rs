//! Arrow of this program → Arrow of the driver manager, whose version is another one.
//!
//! Whoever depends on apitap gets the newest Arrow that the driver manager takes, and DataFusion has its own.
//! So values are copied, column by column; to switch ADBC on compiles nothing of DataFusion again.

use std::sync::Arc;

use adbc_arrow_array::types as theirs;
use adbc_arrow_array::{
    ArrayRef as TheirArray, ArrowPrimitiveType as TheirPrimitive, BinaryArray, BooleanArray,
    LargeStringArray, PrimitiveArray, RecordBatch as TheirBatch, StringArray,
};
use adbc_arrow_schema::{DataType as TheirType, Field, Schema, SchemaRef, TimeUnit};
use arrow::array::types as ours;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::DataType;

/// The schema of columns with these names and types; those that may be null.
pub(super) fn schema<'a>(
    columns: impl Iterator<Item = (String, &'a DataType, bool)>,
) -> Result<SchemaRef, String> {
    let field = |(name, ty, nullable): (String, &DataType, bool)| {
        Ok(Field::new(name, data_type(ty)?, nullable))
    };
    Ok(Arc::new(Schema::new(columns.map(field).collect::<Result<Vec<_>, String>>()?)))
}

/// Columns as they are told to a driver.
pub(super) fn batch(schema: &SchemaRef, columns: &[ArrayRef]) -> Result<TheirBatch, String> {
    let columns = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    TheirBatch::try_new(Arc::clone(schema), columns).map_err(|error| error.to_string())
}

fn data_type(ty: &DataType) -> Result<TheirType, String> {
    Ok(match ty {
        DataType::Boolean => TheirType::Boolean,
        DataType::Int16 => TheirType::Int16,
        DataType::Int32 => TheirType::Int32,
        DataType::Int64 => TheirType::Int64,
        DataType::Float32 => TheirType::Float32,
        DataType::Float64 => TheirType::Float64,
        DataType::Decimal128(precision, scale) => TheirType::Decimal128(*precision, *scale),
        DataType::Utf8 => TheirType::Utf8,
        DataType::LargeUtf8 => TheirType::LargeUtf8,
        DataType::Binary => TheirType::Binary,
        DataType::Date32 => TheirType::Date32,
        DataType::Time64(_) => TheirType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, zone) => TheirType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => return Err(format!("{other} is not sent to drivers")),
    })
}

fn column(array: &ArrayRef) -> Result<TheirArray, String> {
    Ok(match array.data_type() {
        DataType::Boolean => Arc::new(array.as_boolean().iter().collect::<BooleanArray>()),
        DataType::Int16 => primitive::<ours::Int16Type, theirs::Int16Type>(array),
        DataType::Int32 => primitive::<ours::Int32Type, theirs::Int32Type>(array),
        DataType::Int64 => primitive::<ours::Int64Type, theirs::Int64Type>(array),
        DataType::Float32 => primitive::<ours::Float32Type, theirs::Float32Type>(array),
        DataType::Float64 => primitive::<ours::Float64Type, theirs::Float64Type>(array),
        DataType::Decimal128(precision, scale) => {
            let values = values::<ours::Decimal128Type, theirs::Decimal128Type>(array);
            let values = values.with_precision_and_scale(*precision, *scale);
            Arc::new(values.map_err(|error| error.to_string())?)
        }
        DataType::Utf8 => Arc::new(array.as_string::<i32>().iter().collect::<StringArray>()),
        DataType::LargeUtf8 => {
            Arc::new(array.as_string::<i64>().iter().collect::<LargeStringArray>())
        }
        DataType::Binary => Arc::new(array.as_binary::<i32>().iter().collect::<BinaryArray>()),
        DataType::Date32 => primitive::<ours::Date32Type, theirs::Date32Type>(array),
        DataType::Time64(_) => {
            primitive::<ours::Time64MicrosecondType, theirs::Time64MicrosecondType>(array)
        }
        DataType::Timestamp(_, zone) => {
            type Ours = ours::TimestampMicrosecondType;
            type Theirs = theirs::TimestampMicrosecondType;
            Arc::new(values::<Ours, Theirs>(array).with_timezone_opt(zone.clone()))
        }
        other => return Err(format!("{other} is not sent to drivers")),
    })
}

fn primitive<O, T>(array: &ArrayRef) -> TheirArray
where
    O: ArrowPrimitiveType,
    T: TheirPrimitive<Native = O::Native>,
{
    Arc::new(values::<O, T>(array))
}

fn values<O, T>(array: &ArrayRef) -> PrimitiveArray<T>
where
    O: ArrowPrimitiveType,
    T: TheirPrimitive<Native = O::Native>,
{
    array.as_primitive::<O>().iter().collect()
}
