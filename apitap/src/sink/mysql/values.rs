//! Values → literals of an SQL statement: what each type looks like in MySQL.
//!
//! A text stands in quotes, with `'` and `\` doubled: each of our connections has a mode in which that
//! is all there is to escape ([`super::address`]). Floating-point numbers have an exponent, so that
//! they are read as doubles and not as decimals.

use std::fmt::Write as _;

use arrow::array::types::{Decimal128Type, DecimalType};
use memchr::memchr2_iter;

use super::NAME;
use crate::definition::TargetKind;
use crate::sink::text;
use crate::sink::values::{Values, finite, json, written};

const NO_DATE: &str = "holds a date outside the years 1 to 9999";
const NO_TIMESTAMP: &str = "holds a timestamp outside the years 1 to 9999";

/// Adds the value of a row; the error goes on after "column … of row …".
pub(super) fn write(values: &Values<'_>, row: usize, sql: &mut String) -> Result<(), String> {
    if values.is_null(row) {
        sql.push_str("NULL");
        return Ok(());
    }
    match values {
        Values::Bool(array) => sql.push(if array.value(row) { '1' } else { '0' }),
        Values::Int16(array) => number(array.value(row), sql),
        Values::Int32(array) => number(array.value(row), sql),
        Values::Int64(array) => number(array.value(row), sql),
        Values::Float32(array) => float(f64::from(array.value(row)), sql)?,
        Values::Float64(array) => float(array.value(row), sql)?,
        Values::Decimal(array) => sql.push_str(&Decimal128Type::format_decimal(
            array.value(row),
            array.precision(),
            array.scale(),
        )),
        Values::Text(array) => quote(array.value(row), sql),
        Values::Json(array) => quote(json(array.value(row))?, sql),
        Values::Document(array) => quote(array.value(row), sql),
        Values::Date(array) => {
            let days = &TargetKind::Mysql.capabilities().values.days;
            let is_kept = days.contains(&array.value(row));
            let date = is_kept.then(|| written(array, row, text::date, NO_DATE));
            quote(&date.ok_or(NO_DATE)??, sql);
        }
        Values::Time(array) => quote(&written(array, row, text::time, text::NO_TIME)?, sql),
        Values::Timestamp(array) => {
            let micros = &TargetKind::Mysql.capabilities().values.micros;
            let is_kept = micros.contains(&array.value(row));
            let timestamp = is_kept.then(|| written(array, row, text::timestamp, NO_TIMESTAMP));
            // It takes neither the T nor the Z of ISO 8601 as what they are.
            let timestamp = timestamp.ok_or(NO_TIMESTAMP)??;
            quote(&timestamp.trim_end_matches('Z').replace('T', " "), sql);
        }
        Values::Binary(array) => binary(array.value(row), sql),
    }
    Ok(())
}

fn number(value: impl std::fmt::Display, sql: &mut String) {
    // Writing into a String does not fail.
    let _ = write!(sql, "{value}");
}

fn float(value: f64, sql: &mut String) -> Result<(), String> {
    let value = finite(value, NAME)?;
    let _ = write!(sql, "{value:e}");
    Ok(())
}

/// A text literal.
pub(super) fn quote(text: &str, sql: &mut String) {
    sql.push('\'');
    let mut rest = 0;
    for at in memchr2_iter(b'\'', b'\\', text.as_bytes()) {
        // Both are ASCII, so that a place of theirs is one between characters.
        sql.push_str(text.get(rest..=at).unwrap_or_default());
        rest = at;
    }
    sql.push_str(text.get(rest..).unwrap_or_default());
    sql.push('\'');
}

fn binary(bytes: &[u8], sql: &mut String) {
    sql.push_str("x'");
    bytes.iter().for_each(|byte| {
        let _ = write!(sql, "{byte:02x}");
    });
    sql.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_in_quotes_whatever_is_in_it() {
        for (text, expected) in [
            ("", "''"),
            ("plain", "'plain'"),
            ("it's", "'it''s'"),
            ("'", "''''"),
            ("\\", "'\\\\'"),
            ("a\\'b", "'a\\\\''b'"),
            ("'); DROP TABLE x; --", "'''); DROP TABLE x; --'"),
            ("é'🐘\\", "'é''🐘\\\\'"),
        ] {
            let mut sql = String::new();
            quote(text, &mut sql);
            assert_eq!(sql, expected);
        }
    }
}
