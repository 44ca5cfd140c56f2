//! Columns of the driver manager's Arrow → columns of ours: what drivers give.

use std::sync::Arc;

use adbc_arrow_array::cast::AsArray as _;
use adbc_arrow_array::types as theirs;
use adbc_arrow_array::{Array as _, ArrayRef as TheirArray, ArrowPrimitiveType as TheirPrimitive};
use adbc_arrow_schema::{DataType, TimeUnit};
use arrow::array::types as ours;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};

pub(super) fn ours(column: &TheirArray) -> ArrayRef {
    match column.data_type() {
        DataType::Boolean => Arc::new(column.as_boolean().iter().collect::<BooleanArray>()),
        DataType::Int16 => Arc::new(values::<theirs::Int16Type, ours::Int16Type>(column)),
        DataType::Int32 => Arc::new(values::<theirs::Int32Type, ours::Int32Type>(column)),
        DataType::Int64 => Arc::new(values::<theirs::Int64Type, ours::Int64Type>(column)),
        DataType::Float32 => Arc::new(values::<theirs::Float32Type, ours::Float32Type>(column)),
        DataType::Float64 => Arc::new(values::<theirs::Float64Type, ours::Float64Type>(column)),
        DataType::Decimal128(precision, scale) => {
            let values = values::<theirs::Decimal128Type, ours::Decimal128Type>(column);
            Arc::new(values.with_precision_and_scale(*precision, *scale).unwrap())
        }
        DataType::Utf8 => Arc::new(column.as_string::<i32>().iter().collect::<StringArray>()),
        DataType::LargeUtf8 => Arc::new(column.as_string::<i64>().iter().collect::<StringArray>()),
        DataType::Utf8View => Arc::new(column.as_string_view().iter().collect::<StringArray>()),
        DataType::Binary => Arc::new(column.as_binary::<i32>().iter().collect::<BinaryArray>()),
        DataType::LargeBinary => {
            Arc::new(column.as_binary::<i64>().iter().collect::<BinaryArray>())
        }
        DataType::Date32 => Arc::new(values::<theirs::Date32Type, ours::Date32Type>(column)),
        DataType::Time64(TimeUnit::Microsecond) => {
            Arc::new(values::<theirs::Time64MicrosecondType, ours::Time64MicrosecondType>(column))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            type Theirs = theirs::TimestampMicrosecondType;
            type Ours = ours::TimestampMicrosecondType;
            Arc::new(values::<Theirs, Ours>(column).with_timezone_opt(zone.clone()))
        }
        other => panic!("a driver gives {other}"),
    }
}

fn values<T, O>(column: &TheirArray) -> PrimitiveArray<O>
where
    T: TheirPrimitive,
    O: ArrowPrimitiveType<Native = T::Native>,
{
    column.as_primitive::<T>().iter().collect()
}
