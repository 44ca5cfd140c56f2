//! How much a call would yield, before it is made: a few characters of SQL must not fill the memory.
//!
//! Knows the functions whose result does not follow from the size of their arguments.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

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
    (&["concat", "||", "array_concat", "overlay"], total),
    (&["concat_ws"], |args, row| {
        let between = bytes(args, 0, row).saturating_mul(args.len() as u64);
        total(args, row).saturating_add(between)
    }),
    (&["array_to_string"], |args, row| {
        let elements = bytes(args, 0, row) / ELEMENT;
        total(args, row).saturating_add(elements.saturating_mul(bytes(args, 1, row)))
    }),
    // It compares each character with each.
    (&["levenshtein"], |args, row| bytes(args, 0, row).saturating_mul(bytes(args, 1, row)) / 2),
    (&["string_to_array"], |args, row| bytes(args, 0, row).saturating_mul(ELEMENT)),
];

/// The arguments of a call, so that the engine does not break down on them: it takes a length below
/// zero for a very large one.
///
/// # Errors
/// There is nothing sensible that they could mean.
pub(super) fn tamed(
    function: &str,
    mut arguments: ScalarFunctionArgs,
) -> Result<ScalarFunctionArgs> {
    let (argument, least) = match function {
        "lpad" | "rpad" => (1, 0),
        "array_position" => (2, 1),
        _ => return Ok(arguments),
    };
    if let Some(value) = arguments.args.get_mut(argument).filter(|v| v.data_type().is_integer()) {
        let numbers = measured(value, arguments.number_rows)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        let is_less = numbers.iter().flatten().any(|number| number < least);
        match (is_less, least) {
            (false, _) => {}
            (true, 0) => {
                let numbers = numbers.unary::<_, Int64Type>(|number| number.max(least));
                *value = ColumnarValue::Array(Arc::new(numbers));
            }
            (true, _) => return exec_err!("its argument {} is less than {least}", argument + 1),
        }
    }
    Ok(arguments)
}

/// The bytes of all arguments.
fn total(arguments: &[ArrayRef], row: usize) -> u64 {
    let all = (0..arguments.len()).map(|argument| bytes(arguments, argument, row));
    all.fold(0, u64::saturating_add)
}

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
        return exec_err!("it would take {} MiB, where {limit} MiB are the limit", total >> 20);
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
