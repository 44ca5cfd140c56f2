//! A column of rows → a column that the binary encoder writes as PostgreSQL reads it.
//!
//! Most pass as they are. Nested values become JSON text, UUIDs their 16 bytes, lists of scalars the bytes
//! of an array ([`array`](super::array)). What PostgreSQL
//! cannot hold is refused here, by column and row: the server would name neither.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, ListArray, StringArray};
use arrow::datatypes::{DataType, Field};
use pgpq::encoders::{EncoderBuilder, LargeStringEncoderBuilder, StringEncoderBuilder};
use pgpq::error::ErrorKind;
use pgpq::pg_schema::PostgresType;
use uuid::Uuid;

use super::types::is_document;
use crate::definition::TargetKind;
use crate::schema::Type;
use crate::sink::document::{self, Refused};
use crate::sink::load::Column;
use crate::sink::refusal;
use crate::sink::text::MICROS_PER_DAY;
use crate::{Error, Result};

/// The type in which a column's values go to the encoder.
pub(super) fn data_type(column: &Column) -> DataType {
    match &column.ty {
        Type::Uuid => DataType::FixedSizeBinary(16),
        ty if is_document(ty) => DataType::LargeUtf8,
        Type::List(_) => DataType::LargeBinary,
        _ => column.field.data_type().clone(),
    }
}

/// What encodes a field of that type.
pub(super) fn encoder(column: &Column, field: Arc<Field>) -> Result<EncoderBuilder> {
    let builder = match &column.ty {
        Type::Json => StringEncoderBuilder::new_with_output(field, PostgresType::Jsonb)
            .map(EncoderBuilder::String),
        ty if is_document(ty) => {
            LargeStringEncoderBuilder::new_with_output(field, PostgresType::Jsonb)
                .map(EncoderBuilder::LargeString)
        }
        _ => EncoderBuilder::try_new(field),
    };
    builder.map_err(|error| unsendable(column, &error))
}

/// The values of a column as the encoder takes them; `first` is the number of the first row.
pub(super) fn array(column: &Column, array: &ArrayRef, first: u64) -> Result<ArrayRef> {
    let refused =
        |refused: Refused| refusal::value(column, first + refused.row as u64, &refused.why);
    let converted = match &column.ty {
        Type::Uuid => uuids(array.as_string()),
        ty if is_document(ty) => {
            document::encode(&column.field, array.as_ref()).map(|json| Arc::new(json) as ArrayRef)
        }
        Type::List(item) => {
            check(&column.ty, array).map_err(refused)?;
            return lists(&item.ty, array.as_list()).map_err(|error| unsendable(column, &error));
        }
        ty => check(ty, array).map(|()| Arc::clone(array)),
    };
    converted.map_err(refused)
}

/// Lists of scalars, whose values have been checked.
fn lists(ty: &Type, lists: &ListArray) -> Result<ArrayRef, ErrorKind> {
    let mut elements = super::array::elements(lists);
    if *ty == Type::Uuid {
        let texts = elements.as_string::<i32>().iter();
        let mut uuids = FixedSizeBinaryBuilder::with_capacity(elements.len(), 16);
        // What is no UUID belongs to a list that is null.
        for uuid in texts.map(|text| Uuid::try_parse(text?).ok()) {
            match uuid {
                Some(uuid) => uuids
                    .append_value(uuid.as_bytes())
                    .map_err(|error| ErrorKind::Encode { reason: error.to_string() })?,
                None => uuids.append_null(),
            }
        }
        elements = Arc::new(uuids.finish());
    }
    super::array::encode(lists, ty, &elements)
}

fn unsendable(column: &Column, error: &ErrorKind) -> Error {
    Error::target(format!("column `{}` cannot be sent to PostgreSQL: {error}", column.name))
}

fn uuids(texts: &StringArray) -> Result<ArrayRef, Refused> {
    let mut uuids = FixedSizeBinaryBuilder::with_capacity(texts.len(), 16);
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            uuids.append_null();
            continue;
        };
        let refused = || Refused { row, why: format!("holds `{text}`, which is not a UUID") };
        let uuid = Uuid::try_parse(text).map_err(|_| refused())?;
        uuids.append_value(uuid.as_bytes()).map_err(|_| refused())?;
    }
    Ok(Arc::new(uuids.finish()))
}

/// Says of the value at an index why PostgreSQL cannot hold it.
type Check<'a> = Box<dyn Fn(usize) -> Option<String> + 'a>;

fn check(ty: &Type, array: &ArrayRef) -> Result<(), Refused> {
    let Type::List(item) = ty else {
        let Some(check) = check_of(ty, array) else { return Ok(()) };
        return first_refused(array, 0..array.len(), &check)
            .map_or(Ok(()), |(row, why)| Err(Refused { row, why }));
    };
    let list = array.as_list::<i32>();
    let Some(check) = check_of(&item.ty, list.values()) else { return Ok(()) };
    for (row, span) in list.value_offsets().windows(2).enumerate() {
        let &[start, end] = span else { continue };
        if list.is_valid(row)
            && let Some((_, why)) =
                first_refused(list.values(), start as usize..end as usize, &check)
        {
            return Err(Refused { row, why });
        }
    }
    Ok(())
}

fn first_refused(
    array: &dyn Array,
    mut range: Range<usize>,
    check: &Check<'_>,
) -> Option<(usize, String)> {
    range.find_map(|at| array.is_valid(at).then(|| check(at)).flatten().map(|why| (at, why)))
}

/// `None` where all values of the type can be held.
fn check_of<'a>(ty: &Type, array: &'a dyn Array) -> Option<Check<'a>> {
    let holds = &TargetKind::Postgres.capabilities().values;
    match ty {
        Type::String | Type::Json => {
            let texts: &StringArray = array.as_string();
            // One look at all the bytes: text with a NUL is rare.
            memchr::memchr(0, texts.value_data())?;
            Some(Box::new(|at| {
                memchr::memchr(0, texts.value(at).as_bytes()).map(|_| {
                    "holds a NUL character, which PostgreSQL cannot store in text".to_owned()
                })
            }))
        }
        Type::Uuid => {
            let texts: &StringArray = array.as_string();
            Some(Box::new(|at| {
                let text = texts.value(at);
                Uuid::try_parse(text).err().map(|_| format!("holds `{text}`, which is not a UUID"))
            }))
        }
        Type::Date => within::<Date32Type>(array, holds.days.clone(), "a date", "dates"),
        Type::Time => within::<Time64MicrosecondType>(
            array,
            0..=MICROS_PER_DAY - 1,
            "a time",
            "times of a day",
        ),
        Type::Timestamp => within::<TimestampMicrosecondType>(
            array,
            holds.micros.clone(),
            "a timestamp",
            "timestamps",
        ),
        _ => None,
    }
}

fn within<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    range: RangeInclusive<T::Native>,
    one: &'static str,
    all: &'static str,
) -> Option<Check<'a>>
where
    T::Native: PartialOrd,
{
    let values = array.as_primitive::<T>();
    Some(Box::new(move |at| {
        let fits = range.contains(&values.value(at));
        (!fits).then(|| format!("holds {one} outside of PostgreSQL's {all}"))
    }))
}
