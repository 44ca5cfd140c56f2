//! Values → SQLite's arguments: what each type looks like there.
//!
//! Whole numbers and booleans (0, 1) are INTEGER, floating-point numbers REAL, bytes BLOB. All else
//! is TEXT: decimals with all their digits, dates and times as in [`crate::sink::text`], records
//! and lists as JSON.

use arrow::array::types::{Decimal128Type, DecimalType};
use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use crate::sink::text;
use crate::sink::values::{Values, finite, json, written};

/// Adds the value of a row; the error goes on after "column … of row …".
pub(super) fn bind(
    values: &Values<'_>,
    row: usize,
    arguments: &mut SqliteArguments,
) -> Result<(), String> {
    if values.is_null(row) {
        return added(arguments.add(None::<i64>));
    }
    added(match values {
        Values::Bool(array) => arguments.add(i64::from(array.value(row))),
        Values::Int16(array) => arguments.add(i64::from(array.value(row))),
        Values::Int32(array) => arguments.add(i64::from(array.value(row))),
        Values::Int64(array) => arguments.add(array.value(row)),
        Values::Float32(array) => arguments.add(finite(f64::from(array.value(row)), "SQLite")?),
        Values::Float64(array) => arguments.add(finite(array.value(row), "SQLite")?),
        Values::Decimal(array) => arguments.add(Decimal128Type::format_decimal(
            array.value(row),
            array.precision(),
            array.scale(),
        )),
        Values::Text(array) => arguments.add(array.value(row)),
        Values::Json(array) => arguments.add(json(array.value(row))?),
        Values::Document(array) => arguments.add(array.value(row)),
        Values::Date(array) => arguments.add(written(array, row, text::date, text::NO_DATE)?),
        Values::Time(array) => arguments.add(written(array, row, text::time, text::NO_TIME)?),
        Values::Timestamp(array) => {
            arguments.add(written(array, row, text::timestamp, text::NO_TIMESTAMP)?)
        }
        Values::Binary(array) => arguments.add(array.value(row)),
    })
}

fn added<E: std::fmt::Display>(result: Result<(), E>) -> Result<(), String> {
    result.map_err(|error| format!("cannot be sent to SQLite: {error}"))
}
