//! The scalars: for each, the array that holds it and the type of Rust that stands for it.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike as _, Utc};
use datafusion::arrow::array::{
    Array, AsArray as _, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::read::{ColumnReader, Fields};
use super::{Argument, Datum, Returned, Room, another_type};
use crate::source::decode::any::Any;
use crate::source::decode::column::no_fit;
use crate::source::json::Fault;

/// The values of a column, nulls or not.
#[derive(Debug)]
pub enum Values {
    /// `bool`.
    Bool(BooleanArray),
    /// `int16`.
    Int16(PrimitiveArray<Int16Type>),
    /// `int32`.
    Int32(PrimitiveArray<Int32Type>),
    /// `int64`.
    Int64(PrimitiveArray<Int64Type>),
    /// `float32`.
    Float32(PrimitiveArray<Float32Type>),
    /// `float64`.
    Float64(PrimitiveArray<Float64Type>),
    /// `decimal(p,s)`.
    Decimal(PrimitiveArray<Decimal128Type>),
    /// `string`, `uuid` and `json`.
    Text(StringArray),
    /// `date`.
    Date(PrimitiveArray<Date32Type>),
    /// `time`.
    Time(PrimitiveArray<Time64MicrosecondType>),
    /// `timestamp`.
    Timestamp(PrimitiveArray<TimestampMicrosecondType>),
    /// `binary`.
    Binary(BinaryArray),
    /// `[…]`: where each list begins and ends among all elements.
    List(OffsetBuffer<i32>, Box<ColumnReader>),
    /// `{…}`.
    Record(Fields),
}

impl Values {
    pub(super) fn of(array: &dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int16 => Self::Int16(array.as_primitive().clone()),
            DataType::Int32 => Self::Int32(array.as_primitive().clone()),
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::Float32 => Self::Float32(array.as_primitive().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive().clone()),
            DataType::Decimal128(_, 0..) => Self::Decimal(array.as_primitive().clone()),
            DataType::Utf8 => Self::Text(array.as_string().clone()),
            DataType::Date32 => Self::Date(array.as_primitive().clone()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(array.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(array.as_primitive().clone())
            }
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                let items = ColumnReader::new(item.name(), list.values())?;
                Self::List(list.offsets().clone(), Box::new(items))
            }
            DataType::Struct(inner) => {
                let columns = inner.iter().zip(array.as_struct().columns());
                let fields = columns.map(|(field, column)| ColumnReader::new(field.name(), column));
                Self::Record(Fields(fields.collect::<Option<_>>()?))
            }
            _ => return None,
        })
    }

    pub(super) fn text(&self, row: usize) -> Result<&str, Fault> {
        match self {
            Self::Text(array) => Ok(array.value(row)),
            _ => Err(another_type()),
        }
    }
}

/// Types whose values Arrow keeps as they are.
macro_rules! plain {
    ($($rust:ty, $kind:ident, $width:literal;)*) => {$(
        impl Datum for $rust {
            #[inline]
            fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
                room.take($width)?;
                let Any::$kind(column) = column else { return Err(another_type()) };
                column.put(*self);
                Ok(())
            }

            #[inline]
            fn read(values: &Values, row: usize) -> Result<Self, Fault> {
                let Values::$kind(array) = values else { return Err(another_type()) };
                Ok(array.value(row))
            }
        }
    )*};
}

plain! {
    bool, Bool, 1;
    i16, Int16, 2;
    i32, Int32, 4;
    i64, Int64, 8;
    f32, Float32, 4;
    f64, Float64, 8;
}

impl Datum for String {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        self.as_str().write(column, room)
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        values.text(row).map(str::to_owned)
    }
}

impl Datum for Vec<u8> {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        self.as_slice().write(column, room)
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Binary(array) = values else { return Err(another_type()) };
        Ok(array.value(row).to_owned())
    }
}

impl Datum for Decimal {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(16)?;
        let Any::Decimal(column) = column else { return Err(another_type()) };
        column.put_decimal(*self)
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Decimal(array) = values else { return Err(another_type()) };
        let (mut digits, mut scale) = (array.value(row), u32::from(array.scale().unsigned_abs()));
        // Rust's decimal has 96 bits of digits and at most 28 of them after the point.
        loop {
            match Decimal::try_from_i128_with_scale(digits, scale) {
                Ok(decimal) => return Ok(decimal),
                Err(_) if scale > 0 && digits % 10 == 0 => {
                    (digits, scale) = (digits / 10, scale - 1)
                }
                Err(_) => {
                    let found = format!("the decimal `{}`", array.value_as_string(row));
                    return Err(no_fit(
                        "Decimal",
                        found,
                        "which has more digits than Rust's holds",
                    )
                    .help("round it in the query, or yield it as text: CAST(… AS VARCHAR)"));
                }
            }
        }
    }
}

impl Datum for NaiveDate {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(4)?;
        let Any::Date(column) = column else { return Err(another_type()) };
        column.put(self.to_epoch_days());
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Date(array) = values else { return Err(another_type()) };
        let days = array.value(row);
        Self::from_epoch_days(days).ok_or_else(|| beyond("date", days.into(), "days since 1970"))
    }
}

const MICROS_A_SECOND: i64 = 1_000_000;

impl Datum for NaiveTime {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(8)?;
        let Any::Time(column) = column else { return Err(another_type()) };
        let micros = micros("time", self, self.nanosecond())?;
        column.put(i64::from(self.num_seconds_from_midnight()) * MICROS_A_SECOND + micros);
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Time(array) = values else { return Err(another_type()) };
        let value = array.value(row);
        let seconds = u32::try_from(value.div_euclid(MICROS_A_SECOND)).ok();
        let nanos = u32::try_from(value.rem_euclid(MICROS_A_SECOND) * 1000).ok();
        seconds
            .zip(nanos)
            .and_then(|(seconds, nanos)| Self::from_num_seconds_from_midnight_opt(seconds, nanos))
            .ok_or_else(|| beyond("time", value, "microseconds"))
    }
}

impl Datum for DateTime<Utc> {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(8)?;
        let Any::Timestamp(column) = column else { return Err(another_type()) };
        micros("timestamp", self, self.nanosecond())?;
        column.put(self.timestamp_micros());
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Timestamp(array) = values else { return Err(another_type()) };
        let value = array.value(row);
        Self::from_timestamp_micros(value)
            .ok_or_else(|| beyond("timestamp", value, "microseconds since 1970"))
    }
}

/// The microseconds of a second, of which nothing is lost; a leap second has no place of its own.
fn micros(name: &str, value: impl std::fmt::Display, nanos: u32) -> Result<i64, Fault> {
    let refuse = |why| Err(no_fit(name, format!("`{value}`"), why));
    match nanos {
        1_000_000_000.. => refuse("which is a leap second"),
        nanos if nanos % 1000 != 0 => refuse("which is finer than a microsecond"),
        nanos => Ok(i64::from(nanos / 1000)),
    }
}

#[cold]
fn beyond(name: &str, value: i64, unit: &str) -> Fault {
    no_fit(name, format!("{value} {unit}"), "which the calendar or the clock does not have")
}

impl Datum for Uuid {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        let mut buffer = Self::encode_buffer();
        let text: &str = self.hyphenated().encode_lower(&mut buffer);
        room.take(text.len())?;
        let Any::Uuid(column) = column else { return Err(another_type()) };
        column.put(text);
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let text = values.text(row)?;
        Self::try_parse(text)
            .map_err(|_| no_fit("uuid", format!("`{text}`"), "which is not a UUID"))
    }
}

impl Datum for Value {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        let text = self.to_string();
        room.take(text.len())?;
        let Any::Json(column) = column else { return Err(another_type()) };
        column.put(&text);
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        super::json::value(values.text(row)?)
    }

    // In JSON that is how a field says that it has no value.
    fn is_null(&self) -> bool {
        Self::is_null(self)
    }
}

impl<'a> Argument<'a> for &'a str {
    #[inline]
    fn read(values: &'a Values, row: usize) -> Result<Self, Fault> {
        values.text(row)
    }
}

impl<'a> Argument<'a> for &'a [u8] {
    #[inline]
    fn read(values: &'a Values, row: usize) -> Result<Self, Fault> {
        let Values::Binary(array) = values else { return Err(another_type()) };
        Ok(array.value(row))
    }
}

impl Returned for &str {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(self.len())?;
        let Any::Text(column) = column else { return Err(another_type()) };
        column.put(self);
        Ok(())
    }
}

impl Returned for &[u8] {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(self.len())?;
        let Any::Binary(column) = column else { return Err(another_type()) };
        column.put(self);
        Ok(())
    }
}
