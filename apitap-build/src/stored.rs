//! What a value must be so that a target can store it: the same for a query that is tried out while
//! it is checked, and for the rows of a run.
//!
//! Knows nothing of tables or of a database that exists.

use std::ops::RangeInclusive;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};

use crate::definition::{Capabilities, TargetKind};
use crate::schema::Type;

/// A value that cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its index in the array.
    pub row: usize,
    /// Goes on after "column … of row …".
    pub why: String,
}

/// Why a value cannot be stored; `None` where it can.
type Check<'a> = Box<dyn Fn(usize) -> Option<String> + 'a>;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The first value of an array, of the Arrow type of `ty`, that a target of that kind cannot store.
///
/// The elements of a list of scalars are looked at, too; records are written as JSON, which refuses
/// by itself what it cannot say.
pub fn refused(kind: TargetKind, ty: &Type, array: &dyn Array) -> Option<Refused> {
    if let Type::List(item) = ty {
        let list = array.as_list_opt::<i32>()?;
        let check = check(kind, &item.ty, list.values().as_ref())?;
        return list.value_offsets().windows(2).enumerate().find_map(|(row, span)| {
            let &[start, end] = span else { return None };
            let mut elements =
                (start as usize..end as usize).filter(|at| list.values().is_valid(*at));
            let why = list.is_valid(row).then(|| elements.find_map(&check)).flatten()?;
            Some(Refused { row, why })
        });
    }
    let check = check(kind, ty, array)?;
    let mut rows = (0..array.len()).filter(|row| array.is_valid(*row));
    rows.find_map(|row| Some(Refused { row, why: check(row)? }))
}

/// `None` where all values of the type can be stored.
fn check<'a>(kind: TargetKind, ty: &Type, array: &'a dyn Array) -> Option<Check<'a>> {
    let Capabilities { name, values, .. } = kind.capabilities();
    match ty {
        Type::Float32 if !values.non_finite => finite::<Float32Type>(array, name),
        Type::Float64 if !values.non_finite => finite::<Float64Type>(array, name),
        Type::Date => within::<Date32Type>(array, values.days.clone(), "a date", name),
        Type::Time => {
            within::<Time64MicrosecondType>(array, 0..=MICROS_PER_DAY - 1, "a time", name)
        }
        Type::Timestamp => {
            within::<TimestampMicrosecondType>(array, values.micros.clone(), "a timestamp", name)
        }
        Type::Json => texts(array, |text| {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            (!is_json).then(|| "holds text that is not JSON".to_owned())
        }),
        Type::String if !values.nul => texts(array, move |text| {
            let taken = || format!("is the text `{text}`, which {name} takes for NULL");
            let why = || format!("holds a NUL character, which {name} cannot store in text");
            let is_null = values.null_text == Some(text);
            is_null.then(taken).or_else(|| text.contains('\0').then(why))
        }),
        _ => None,
    }
}

fn texts<'a>(array: &'a dyn Array, why: impl Fn(&str) -> Option<String> + 'a) -> Option<Check<'a>> {
    let texts: &StringArray = array.as_string_opt()?;
    Some(Box::new(move |at| why(texts.value(at))))
}

fn finite<'a, T: ArrowPrimitiveType<Native: Into<f64>>>(
    array: &'a dyn Array,
    target: &'static str,
) -> Option<Check<'a>> {
    let values = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |at| {
        let value: f64 = values.value(at).into();
        (!value.is_finite()).then(|| format!("is {value}, which {target} does not keep"))
    }))
}

fn within<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    range: RangeInclusive<T::Native>,
    one: &'static str,
    target: &'static str,
) -> Option<Check<'a>>
where
    T::Native: PartialOrd,
{
    let values = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |at| {
        let fits = range.contains(&values.value(at));
        (!fits).then(|| format!("holds {one} outside of those that {target} keeps"))
    }))
}
