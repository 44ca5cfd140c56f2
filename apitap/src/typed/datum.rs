//! A value of Rust ↔ a value of Arrow: which type stands for which, and how each is kept exactly.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike as _, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::Struct;
use super::read::{ColumnReader, Values};
use super::write::{Columns, Room};
use crate::source::decode::any::Any;
use crate::source::decode::column::no_fit;
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
pub(super) fn another_type() -> Fault {
    Fault::misfit("the struct's field holds values of another type than its column").help(
        "a field's type is known by its name: `Decimal`, `Value` and the like are those of \
         `apitap::types`, and an alias is not seen through",
    )
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
        room.take(self.len())?;
        let Any::Text(column) = column else { return Err(another_type()) };
        column.put(self);
        Ok(())
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        values.text(row).map(str::to_owned)
    }
}

impl Datum for Vec<u8> {
    fn write(&self, column: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(self.len())?;
        let Any::Binary(column) = column else { return Err(another_type()) };
        column.put(self);
        Ok(())
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
        Self::try_parse(text).map_err(|_| no_fit("uuid", format!("`{text}`"), "which is no UUID"))
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

impl<T: Cell> Datum for Vec<T> {
    fn write(&self, list: &mut Any, room: &mut Room) -> Result<(), Fault> {
        // An empty element takes its place, too: so offsets stay within 31 bits.
        room.take(self.len())?;
        let Any::List(list) = list else { return Err(another_type()) };
        list.put(self.iter().map(Cell::datum), |datum, items| datum.write(items, room))
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::List(offsets, items) = values else { return Err(another_type()) };
        let end = |index: usize| offsets.get(index).and_then(|end| usize::try_from(*end).ok());
        let (Some(start), Some(end)) = (end(row), end(row + 1)) else {
            return Err(another_type());
        };
        let item = |index| {
            ColumnReader::get(items, index)
                .map_err(|fault: Fault| fault.within(&(index - start).to_string()))
        };
        (start..end).map(item).collect()
    }
}

impl<S: Struct> Datum for S {
    fn write(&self, record: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(1)?;
        let Any::Record(record) = record else { return Err(another_type()) };
        record.put(|fields| Struct::write(self, &mut Columns { fields, room, place: 0 }))
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Record(fields) = values else { return Err(another_type()) };
        Struct::read(fields, row)
    }
}
