//! Arrow → JSON, in a form in which nothing is lost: decimals and floats as text, times as numbers.

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StructArray};
use datafusion::arrow::datatypes::*;
use serde_json::{Map, Value};

/// One row, as an object.
pub(super) fn row(batch: &RecordBatch, row: usize) -> Value {
    object(&StructArray::from(batch.clone()), row)
}

fn object(array: &StructArray, row: usize) -> Value {
    let columns = array.column_names().into_iter().zip(array.columns());
    columns.map(|(name, column)| (name.to_owned(), cell(column, row))).collect::<Map<_, _>>().into()
}

fn cell(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)).into(),
        DataType::Decimal128(..) => {
            array.as_primitive::<Decimal128Type>().value(row).to_string().into()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Binary => array.as_binary::<i32>().value(row).into(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).into(),
        DataType::Time64(TimeUnit::Microsecond) => {
            array.as_primitive::<Time64MicrosecondType>().value(row).into()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).into()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| cell(&items, item)).collect()
        }
        DataType::Struct(_) => object(array.as_struct(), row),
        other => panic!("no column has the type {other}"),
    }
}
