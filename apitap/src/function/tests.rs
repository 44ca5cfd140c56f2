//! Functions of the tests, called for batches as the engine calls them.

use std::str::FromStr as _;
use std::sync::Arc;

use apitap_build::schema::{Field, Item, Type, arrow};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use datafusion::arrow::array::{
    Date32Array, Decimal128Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Field as ArrowField;
use datafusion::arrow::util::display::array_value_to_string;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

/// What the results read as, or the error.
fn check(returns: Type, argument: ArrayRef, call: Call, expected: Result<&[&str], &str>) {
    let parameter = ArrowField::new("value", argument.data_type().clone(), true);
    let parameter = Field::new("value", arrow::from_field(&parameter).unwrap(), true);
    check_as(parameter, returns, argument, call, expected);
}

/// The same for a parameter that is declared so.
fn check_as(
    parameter: Field,
    returns: Type,
    argument: ArrayRef,
    call: Call,
    expected: Result<&[&str], &str>,
) {
    let returns = Item { ty: returns, nullable: true };
    let function = Function {
        name: "f".to_owned(),
        parameters: vec![parameter],
        returns,
        path: None,
        fallible: true,
    };
    let rows = argument.len();
    let found = match body(&function, call)(&[argument], rows) {
        Ok(array) => (0..rows)
            .map(|row| match array.is_null(row) {
                true => Ok("null".to_owned()),
                false => array_value_to_string(&array, row),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string()),
        Err(error) => Err(crate::engine::query::error(&error).to_string()),
    };
    match (&found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
        _ => panic!("{found:?} instead of {expected:?}"),
    }
}

/// A function that gives what it gets.
macro_rules! same {
    ($ty:ty) => {
        |all: &Arguments<'_>| {
            let values = all.column::<$ty>(0)?;
            all.collect::<$ty>(|row| values.get(row))
        }
    };
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn decimals(values: &[i128], scale: i8) -> ArrayRef {
    let array = Decimal128Array::from(values.to_vec());
    Arc::new(array.with_precision_and_scale(38, scale).unwrap())
}

#[test]
fn values_pass_through_as_they_are() {
    check(Type::String, texts(&[Some("a"), None]), same!(&str), Ok(&["a", "null"]));
    check(Type::String, texts(&[Some("ä")]), same!(String), Ok(&["ä"]));
    check(
        Type::Int64,
        Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])),
        same!(i64),
        Ok(&["-9223372036854775808", "9223372036854775807"]),
    );
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    check(Type::Uuid, texts(&[Some(&id.to_uppercase())]), same!(Uuid), Ok(&[id]));
    check(
        Type::Date,
        Arc::new(Date32Array::from(vec![-719_162, 0, 20_781])),
        same!(NaiveDate),
        Ok(&["0001-01-01", "1970-01-01", "2026-11-24"]),
    );
    check(
        Type::Time,
        Arc::new(Time64MicrosecondArray::from(vec![86_399_999_999])),
        same!(NaiveTime),
        Ok(&["23:59:59.999999"]),
    );
    check(
        Type::Timestamp,
        Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC")),
        same!(DateTime<Utc>),
        Ok(&["1969-12-31T23:59:59.999999Z"]),
    );
}

#[test]
fn a_decimal_keeps_all_its_digits_or_is_an_error() {
    let two = Type::Decimal { precision: 6, scale: 2 };
    let same: Call = same!(Decimal);
    check(two.clone(), decimals(&[1_500, -1], 2), same, Ok(&["15.00", "-0.01"]));
    check(two.clone(), decimals(&[1_500], 3), same, Ok(&["1.50"]));
    check(
        two.clone(),
        decimals(&[1_501], 3),
        same,
        Err(
            "what `f(decimal(38,3))` gives: expected decimal(6,2), found the decimal `1.501`, which \
             has more than 2 digits after the point",
        ),
    );
    check(
        two.clone(),
        decimals(&[10_000], 0),
        same,
        Err(
            "what `f(decimal(38,0))` gives: expected decimal(6,2), found the decimal `10000`, which \
             has more than 4 digits before the point",
        ),
    );
    let zeros = 15 * 10_i128.pow(34);
    check(two.clone(), decimals(&[zeros], 35), same, Ok(&["1.50"]));
    check(
        two,
        decimals(&[10_i128.pow(37)], 2),
        same,
        Err("argument 1 of `f(decimal(38,2))`: expected Decimal, found the decimal"),
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    check(
        Type::Uuid,
        texts(&[Some("no uuid")]),
        same!(Uuid),
        Err("argument 1 of `f(string)`: expected uuid, found `no uuid`, which is not a UUID"),
    );
    check(
        Type::Timestamp,
        texts(&[Some("2026-11-24T08:00:00.123456789Z")]),
        |all| {
            let values = all.column::<&str>(0)?;
            all.collect::<DateTime<Utc>>(|row| {
                let text = values.get(row)?.unwrap_or_default();
                DateTime::from_str(text).map(Some).map_err(|error| all.failed(&error))
            })
        },
        Err("what `f(string)` gives: expected timestamp, found \
             `2026-11-24 08:00:00.123456789 UTC`, which is finer than a microsecond"),
    );
    check_as(
        Field::new("value", Type::String, true),
        Type::String,
        Arc::new(Int64Array::from(vec![1])),
        same!(&str),
        Err("argument 1 of `f` is not of its type"),
    );
}

#[test]
fn an_error_and_a_panic_name_the_function_and_no_value() {
    check(
        Type::Int64,
        texts(&[Some("secret")]),
        |all| {
            let values = all.column::<&str>(0)?;
            all.collect::<i64>(|row| {
                let text = values.get(row)?.unwrap_or_default();
                text.parse().map(Some).map_err(|error: std::num::ParseIntError| all.failed(&error))
            })
        },
        Err("the function `f(string)` failed: invalid digit found in string"),
    );
    check(
        Type::Int64,
        texts(&[Some("secret")]),
        |_| panic!("no {}", "way"),
        Err("the function `f(string)` panicked: no way"),
    );
}
