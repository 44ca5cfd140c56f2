//! A value → its text, exactly: in CSV, and as the name of a folder.
//!
//! Decimals have all their digits, numbers the fewest that say which they are, dates and times are
//! written as in [`crate::sink::text`], bytes are base64, records and lists are JSON.

use std::fmt::{Display, Write as _};

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DecimalType, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow::array::{ArrayRef, AsArray};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::schema::Type;
use crate::sink::load::Column;
use crate::sink::{document, text};

/// Adds the text of a row's value, which is there; the error goes on after "column … of row …".
pub(super) type Cell<'a> = Box<dyn Fn(usize, &mut String) -> Result<(), String> + Send + 'a>;

/// The texts of a column.
///
/// # Errors
/// A row that has none: its place, and why.
pub(super) fn of<'a>(column: &Column, array: &'a ArrayRef) -> Result<Cell<'a>, document::Refused> {
    Ok(match &column.ty {
        Type::Bool => {
            let array = array.as_boolean();
            Box::new(move |row, out| {
                out.push_str(if array.value(row) { "true" } else { "false" });
                Ok(())
            })
        }
        Type::Int16 => number::<Int16Type>(array),
        Type::Int32 => number::<Int32Type>(array),
        Type::Int64 => number::<Int64Type>(array),
        Type::Float32 => float::<Float32Type>(array),
        Type::Float64 => float::<Float64Type>(array),
        Type::Decimal { .. } => {
            let array = array.as_primitive::<Decimal128Type>();
            let (precision, scale) = (array.precision(), array.scale());
            Box::new(move |row, out| {
                out.push_str(&Decimal128Type::format_decimal(array.value(row), precision, scale));
                Ok(())
            })
        }
        Type::String | Type::Uuid => {
            let array = array.as_string::<i32>();
            Box::new(move |row, out| {
                out.push_str(array.value(row));
                Ok(())
            })
        }
        Type::Json => {
            let array = array.as_string::<i32>();
            Box::new(move |row, out| match document::is_json(array.value(row)) {
                true => {
                    out.push_str(array.value(row));
                    Ok(())
                }
                false => Err("holds text that is not JSON".to_owned()),
            })
        }
        Type::Date => {
            temporal::<Date32Type>(array, text::date, "holds a date outside the years 0 to 9999")
        }
        Type::Time => temporal::<Time64MicrosecondType>(
            array,
            text::time,
            "holds a time that is not within a day",
        ),
        Type::Timestamp => temporal::<TimestampMicrosecondType>(
            array,
            text::timestamp,
            "holds a timestamp outside the years 0 to 9999",
        ),
        Type::Binary => {
            let array = array.as_binary::<i32>();
            Box::new(move |row, out| {
                BASE64_STANDARD.encode_string(array.value(row), out);
                Ok(())
            })
        }
        Type::List(_) | Type::Record(_) => {
            let documents = document::encode(&column.field, array.as_ref())?;
            Box::new(move |row, out| {
                out.push_str(documents.value(row));
                Ok(())
            })
        }
    })
}

fn number<T: ArrowPrimitiveType<Native: Display>>(array: &ArrayRef) -> Cell<'_> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| {
        write!(out, "{}", array.value(row)).map_err(|_| "has no text".to_owned())
    })
}

/// `0.1`, `1e300`, `NaN`, `-Infinity`: as PostgreSQL reads and writes them.
fn float<T: ArrowPrimitiveType<Native: Into<f64> + std::fmt::Debug>>(array: &ArrayRef) -> Cell<'_> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| {
        let value = array.value(row);
        let wide: f64 = value.into();
        if wide.is_infinite() {
            out.push_str(if wide > 0.0 { "Infinity" } else { "-Infinity" });
            return Ok(());
        }
        write!(out, "{value:?}").map_err(|_| "has no text".to_owned())
    })
}

fn temporal<'a, T: ArrowPrimitiveType>(
    array: &'a ArrayRef,
    write: fn(T::Native) -> Option<String>,
    why: &'static str,
) -> Cell<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| match write(array.value(row)) {
        Some(text) => {
            out.push_str(&text);
            Ok(())
        }
        None => Err(why.to_owned()),
    })
}
