//! How much a call would yield, before it is made: a few characters of SQL must not fill the memory.
//!
//! Knows the functions whose result does not follow from the size of their arguments.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ColumnarValue;

/// Bytes that one call may yield for one batch of rows.
pub const CALL: usize = 64 << 20;

/// Bytes of an element of a list.
const ELEMENT: u64 = 16;

/// Bytes of the longest character.
const CHARACTER: u64 = 4;

const MICROS_PER_DAY: u64 = 86_400_000_000;

/// What a call yields at most for one row.
type Size = fn(&[ArrayRef], usize) -> u64;

/// The functions that may yield more than they take.
const SIZES: &[(&[&str], Size)] = &[
    (&["repeat"], |args, row| bytes(args, 0, row).saturating_mul(number(args, 1, row))),
    (&["lpad", "rpad"], |args, row| number(args, 1, row).saturating_mul(CHARACTER)),
    (&["array_repeat", "array_resize"], |args, row| number(args, 1, row).saturating_mul(ELEMENT)),
    (&["range", "generate_series"], |args, row| steps(args, row).saturating_mul(ELEMENT)),
    (&["replace", "regexp_replace"], |args, row| {
        let places = bytes(args, 0, row).saturating_add(1);
        places.saturating_mul(bytes(args, 2, row)).saturating_add(places)
    }),
    (&["concat", "concat_ws", "||", "array_concat", "overlay"], |args, row| {
        (0..args.len()).map(|argument| bytes(args, argument, row)).fold(0, u64::saturating_add)
    }),
    (&["string_to_array"], |args, row| bytes(args, 0, row).saturating_mul(ELEMENT)),
];

/// Refuses a call that would yield too much.
///
/// # Errors
/// It would.
pub(super) fn check(function: &str, arguments: &[ColumnarValue], rows: usize) -> Result<()> {
    let Some((_, size)) = SIZES.iter().find(|(names, _)| names.contains(&function)) else {
        return Ok(());
    };
    let is_constant = arguments.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
    let rows = if is_constant { 1 } else { rows };
    let arrays = arguments.iter().map(|value| measured(value, rows)).collect::<Result<Vec<_>>>()?;
    let total = (0..rows).map(|row| size(&arrays, row)).fold(0, u64::saturating_add);
    if total > CALL as u64 {
        let limit = CALL >> 20;
        return exec_err!("it would yield {} MiB, where {limit} MiB are the limit", total >> 20);
    }
    Ok(())
}

/// An argument in a type that can be measured: whole numbers, days, microseconds, text.
fn measured(value: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    let array = value.to_array(rows)?;
    let ty = match array.data_type() {
        DataType::Date32 => DataType::Int32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        ty if ty.is_integer() => DataType::Int64,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        _ => return Ok(array),
    };
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    let array = cast_with_options(&array, &ty, &safe)?;
    match ty {
        DataType::Int32 | DataType::Timestamp(..) => {
            Ok(cast_with_options(&array, &DataType::Int64, &safe)?)
        }
        _ => Ok(array),
    }
}

/// A number that says how many; nothing less than none.
fn number(arguments: &[ArrayRef], argument: usize, row: usize) -> u64 {
    signed(arguments, argument, row).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn signed(arguments: &[ArrayRef], argument: usize, row: usize) -> Option<i64> {
    let array = arguments.get(argument)?.as_primitive_opt::<Int64Type>()?;
    array.is_valid(row).then(|| array.value(row))
}

/// Bytes of a text, or of the elements of a list.
fn bytes(arguments: &[ArrayRef], argument: usize, row: usize) -> u64 {
    let Some(array) = arguments.get(argument).filter(|array| array.is_valid(row)) else { return 0 };
    if let Some(texts) = array.as_string_opt::<i32>() {
        return texts.value(row).len() as u64;
    }
    match array.as_list_opt::<i32>() {
        Some(lists) => (lists.value(row).len() as u64).saturating_mul(ELEMENT),
        None => CHARACTER * ELEMENT,
    }
}

/// Elements from the first to the last argument, by the third.
fn steps(arguments: &[ArrayRef], row: usize) -> u64 {
    let (start, stop) = match arguments.len() {
        1 => (Some(0), signed(arguments, 0, row)),
        _ => (signed(arguments, 0, row), signed(arguments, 1, row)),
    };
    let (Some(start), Some(stop)) = (start, stop) else { return 0 };
    let step = match arguments.get(2) {
        None => 1,
        Some(step) => match step.as_primitive_opt::<IntervalMonthDayNanoType>() {
            Some(intervals) if intervals.is_valid(row) => {
                let interval = intervals.value(row);
                let days = u64::from(interval.months.unsigned_abs()) * 28
                    + u64::from(interval.days.unsigned_abs());
                let is_days = stop.abs_diff(start) < MICROS_PER_DAY;
                let micros = days * MICROS_PER_DAY + interval.nanoseconds.unsigned_abs() / 1000;
                if is_days { days } else { micros }
            }
            Some(_) => return 0,
            None => signed(arguments, 2, row).unwrap_or(0).unsigned_abs(),
        },
    };
    stop.abs_diff(start) / step.max(1)
}
