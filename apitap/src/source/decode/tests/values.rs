//! One value of one type after the other.

use serde_json::{Value, json};

use super::decode;
use crate::schema::{Field, Item, Schema, Type};
use crate::source::decode::dynamic;

/// The only field of a record, `v`, of a type that may be null.
fn one(ty: &Type, value: &str) -> Result<Value, String> {
    let schema = Schema { fields: vec![Field::new("v", ty.clone(), true)] };
    let row = decode(dynamic::decoder(&schema), format!("{{\"v\": {value} }}").as_bytes())?;
    Ok(row["v"].clone())
}

fn check(ty: Type, value: &str, expected: impl Into<Value>) {
    assert_eq!(one(&ty, value), Ok(expected.into()), "{value}");
}

/// What the message says, and its help.
fn refuse(ty: Type, value: &str, expected: &str) {
    let message = one(&ty, value).unwrap_err();
    let expected = match expected.split_once("; ") {
        Some((expected, help)) => format!("{expected}\n  path:     /v\n  help:     {help}"),
        None => format!("{expected}\n  path:     /v"),
    };
    assert_eq!(message, expected, "{value}");
}

const OTHER_KIND: &str = "declare the type that the API returns; `json` takes any value";

fn refuse_kind(ty: Type, value: &str, expected: &str) {
    let message = one(&ty, value).unwrap_err();
    assert_eq!(message, format!("{expected}\n  path:     /v\n  help:     {OTHER_KIND}"), "{value}");
}

const DECIMAL: Type = Type::Decimal { precision: 6, scale: 2 };

#[test]
fn a_whole_number_is_what_has_a_whole_value() {
    check(Type::Int64, "9223372036854775807", i64::MAX);
    check(Type::Int64, "-9223372036854775808", i64::MIN);
    check(Type::Int64, "-0", 0);
    check(Type::Int64, "1.0", 1);
    check(Type::Int64, "1e3", 1000);
    check(Type::Int64, "9.223372036854775807E18", i64::MAX);
    check(Type::Int64, "9007199254740993.0", 9_007_199_254_740_993i64);
    check(Type::Int16, "-32768", -32768);
    check(Type::Int32, "2147483647", 2_147_483_647);
    check(Type::Int32, "null", Value::Null);
    let fraction = "declare it `float64`, or `decimal(p,s)` to keep all digits";
    let message = "expected int64, found the number `1.5`, which is not whole";
    refuse(Type::Int64, "1.5", &format!("{message}; {fraction}"));
    let message = "expected int32, found the number `1e-1`, which is not whole";
    refuse(Type::Int32, "1e-1", &format!("{message}; {fraction}"));
    let message = "expected int16, found the number `32768`, which is out of range";
    refuse(Type::Int16, "32768", &format!("{message}; declare it `int32` or `int64`"));
    let message = "expected int32, found the number `-2147483649`, which is out of range";
    refuse(Type::Int32, "-2147483649", &format!("{message}; declare it `int64`"));
    let message = "expected int64, found the number `1e400`, which is out of range";
    refuse(Type::Int64, "1e400", &format!("{message}; declare it `decimal(38,0)`"));
}

#[test]
fn a_value_of_another_kind_is_named_and_shortened() {
    refuse_kind(Type::Int64, "\"abc\"", "expected int64, found the string `\"abc\"`");
    refuse_kind(Type::Int64, "\"12\"", "expected int64, found the string `\"12\"`");
    refuse_kind(Type::Int64, "true", "expected int64, found `true`");
    refuse_kind(Type::Int64, "[1]", "expected int64, found a list");
    refuse_kind(Type::Int64, "{}", "expected int64, found a record");
    refuse_kind(Type::Float64, "\"1.5\"", "expected float64, found the string `\"1.5\"`");
    refuse_kind(Type::Bool, "1", "expected bool, found the number `1`");
    refuse_kind(Type::Bool, "\"true\"", "expected bool, found the string `\"true\"`");
    refuse_kind(Type::String, "12", "expected string, found the number `12`");
    refuse_kind(Type::Date, "20261123", "expected date, found the number `20261123`");
    refuse_kind(DECIMAL, "false", "expected decimal(6,2), found `false`");
    refuse_kind(Type::Uuid, "[]", "expected uuid, found a list");
    refuse_kind(Type::Binary, "0", "expected binary, found the number `0`");
    refuse_kind(Type::Record(Vec::new()), "[]", "expected a record, found a list");
    let list = Type::List(Box::new(Item { ty: Type::Int64, nullable: true }));
    refuse_kind(list, "{}", "expected a list, found a record");
    let shown = "é".repeat(40);
    let message = format!("expected bool, found the string `\"{shown}…\"`");
    refuse_kind(Type::Bool, &format!("\"{}\"", "é".repeat(41)), &message);
}

#[test]
fn a_float_is_the_nearest_of_a_fraction_and_exact_for_a_whole_number() {
    check(Type::Float64, "0.1", "0.1");
    check(Type::Float64, "-0.0", "-0.0");
    check(Type::Float64, "-0", "-0.0");
    check(Type::Float64, "12", "12.0");
    check(Type::Float64, "9007199254740992", "9007199254740992.0");
    check(Type::Float64, "9007199254740994", "9007199254740994.0");
    check(Type::Float64, "1e23", "1e23");
    check(Type::Float64, "1e-400", "0.0");
    check(Type::Float64, "2.2250738585072014e-308", "2.2250738585072014e-308");
    check(Type::Float64, "123456789012345683968", "1.2345678901234568e20");
    check(Type::Float32, "16777216", "16777216.0");
    check(Type::Float32, "0.1", "0.1");
    // Rounded once: by way of float64 it would be 1.0.
    check(Type::Float32, "1.000000059604644775390626", "1.0000001");
    let help = "declare it `int64`, or `decimal(38,0)` for more than 18 digits";
    let message = "expected float64, found the number `9007199254740993`, which float64 cannot \
                   hold exactly";
    refuse(Type::Float64, "9007199254740993", &format!("{message}; {help}"));
    let message =
        "expected float32, found the number `16777217`, which float32 cannot hold exactly";
    refuse(Type::Float32, "16777217", &format!("{message}; {help}"));
    let help = "declare it `decimal(p,s)`, or `json` to keep its text";
    let message = "expected float64, found the number `1e309`, which is out of range";
    refuse(Type::Float64, "1e309", &format!("{message}; {help}"));
    let message = "expected float32, found the number `-1e39`, which is out of range";
    refuse(Type::Float32, "-1e39", &format!("{message}; {help}"));
}

#[test]
fn a_decimal_keeps_every_digit() {
    check(DECIMAL, "12.5", "1250");
    check(DECIMAL, "12.500", "1250");
    check(DECIMAL, "-9999.99", "-999999");
    check(DECIMAL, "1.25e3", "125000");
    check(DECIMAL, "\"12.50\"", "1250");
    check(DECIMAL, "\"-007\"", "-700");
    check(DECIMAL, "-0", "0");
    let max = Type::Decimal { precision: 38, scale: 0 };
    check(max.clone(), &"9".repeat(38), "9".repeat(38));
    let message = format!("expected decimal(38,0), found the number `{}`", "9".repeat(39));
    let message = format!("{message}, which has more than 38 digits before the point");
    refuse(max, &"9".repeat(39), &format!("{message}; declare a larger precision, up to 38"));
    let message = "expected decimal(6,2), found the number `0.001`, which has more than 2 digits \
                   after the point";
    refuse(DECIMAL, "0.001", &format!("{message}; declare a larger scale"));
    let message = "expected decimal(6,2), found the string `\"10000\"`, which has more than 4 \
                   digits before the point";
    refuse(DECIMAL, "\"10000\"", &format!("{message}; declare a larger precision, up to 38"));
    for text in ["1e3", "+1", ".5", "1.", " 1", "1,000.00", "", "-", "12.5 EUR", "\\u0031"] {
        let message = format!("expected decimal(6,2), found the string `\"{text}\"`");
        let message = format!("{message}, which is not a plain decimal");
        let help = "declare it `string` and convert it in the query";
        refuse(DECIMAL, &format!("\"{text}\""), &format!("{message}; {help}"));
    }
}

#[test]
fn days_and_times_are_those_of_the_calendar_and_the_clock() {
    check(Type::Date, "\"1970-01-02\"", 1);
    check(Type::Date, "\"0000-01-01\"", -719_528);
    check(Type::Date, "\"2024-02-29\"", 19_782);
    check(Type::Date, "\"2024\\u002d02-29\"", 19_782);
    check(Type::Time, "\"00:00:00\"", 0);
    check(Type::Time, "\"23:59:59.999999\"", 86_399_999_999i64);
    check(Type::Time, "\"00:00:01.5\"", 1_500_000);
    check(Type::Time, "\"00:00:00.000001000\"", 1);
    let range =
        "which the calendar or the clock does not have; declare it `string` to keep it as it is";
    let precise = "which is finer than a microsecond; declare it `string` to keep it as it is";
    let form = "declare it `string` and convert it in the query";
    for text in ["2023-02-29", "2023-13-01", "2023-00-10"] {
        let found = format!("expected date, found the string `\"{text}\"`");
        refuse(Type::Date, &format!("\"{text}\""), &format!("{found}, {range}"));
    }
    for text in ["2023-2-29", "23-02-01", "2023-02-01T00:00:00Z", "", "２023-02-01", "+023-01-01"]
    {
        let found = format!("expected date, found the string `\"{text}\"`");
        let why = format!("which is not written as `YYYY-MM-DD`; {form}");
        refuse(Type::Date, &format!("\"{text}\""), &format!("{found}, {why}"));
    }
    for (text, why) in [
        ("24:00:00", range),
        ("23:60:00", range),
        ("23:59:60", range),
        ("00:00:00.0000001", precise),
    ] {
        let found = format!("expected time, found the string `\"{text}\"`");
        refuse(Type::Time, &format!("\"{text}\""), &format!("{found}, {why}"));
    }
    for text in ["12:00", "12:00:00.", "12:00:00Z", "1:00:00", "12:00:00.x"] {
        let found = format!("expected time, found the string `\"{text}\"`");
        let why = format!("which is not written as `HH:MM:SS` or `HH:MM:SS.ffffff`; {form}");
        refuse(Type::Time, &format!("\"{text}\""), &format!("{found}, {why}"));
    }
}

#[test]
fn an_instant_says_its_offset_and_is_kept_in_utc() {
    check(Type::Timestamp, "\"1970-01-01T00:00:00Z\"", 0);
    check(Type::Timestamp, "\"1970-01-01t00:00:00.000001z\"", 1);
    check(Type::Timestamp, "\"1970-01-01 01:00:00+01:00\"", 0);
    check(Type::Timestamp, "\"1969-12-31T19:00:00.5-05:00\"", 500_000);
    check(Type::Timestamp, "\"1970-01-01T01:30:00.000+0130\"", 0);
    check(Type::Timestamp, "\"1969-12-31T19:00:00-0500\"", 0);
    check(Type::Timestamp, "\"1969-12-31T23:59:59.999999Z\"", -1);
    check(Type::Timestamp, "\"9999-12-31T23:59:59Z\"", 253_402_300_799_000_000i64);
    let refuse = |text: &str, why: &str| {
        let found = format!("expected timestamp, found the string `\"{text}\"`");
        refuse(Type::Timestamp, &format!("\"{text}\""), &format!("{found}, {why}"));
    };
    let no_offset = "which does not say its offset from UTC; declare it `string` and convert it in \
                     the query, as with `to_timestamp`";
    refuse("2026-11-23T13:45:00", no_offset);
    refuse("2026-11-23 13:45:00.123", no_offset);
    let range =
        "which the calendar or the clock does not have; declare it `string` to keep it as it is";
    refuse("2026-02-30T00:00:00Z", range);
    refuse("2016-12-31T23:59:60Z", range);
    refuse("2026-11-23T13:45:00+24:00", range);
    refuse("2026-11-23T13:45:00+2400", range);
    refuse(
        "2026-11-23T13:45:00.1234567Z",
        "which is finer than a microsecond; declare it `string` to keep it as it is",
    );
    let form = "which is not written as RFC 3339, as in `2026-11-23T13:45:00Z`; declare it `string` \
                and convert it in the query";
    for text in ["2026-11-23", "2026-11-23T13:45Z", "2026-11-23T13:45:00+01", "é026-11-23", "now"]
    {
        refuse(text, form);
    }
    let message = one(&Type::Timestamp, "1700000000000").unwrap_err();
    assert_eq!(
        message,
        "expected timestamp, found the number `1700000000000`\n  path:     /v\n  help:     declare \
         it `int64` and convert it in the query, as with `to_timestamp_millis`"
    );
}

#[test]
fn text_is_kept_and_uuids_are_normalised() {
    check(Type::String, "\"\"", "");
    check(Type::String, r#""a\n\"\u00e9\ud83d\ude00\u0000""#, "a\n\"é😀\0");
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for form in [
        "67E55044-10B1-426F-9247-BB680E5FE0C8",
        "67e5504410b1426f9247bb680e5fe0c8",
        "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8",
        "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
        "\\u00367e55044-10b1-426f-9247-bb680e5fe0c8",
    ] {
        check(Type::Uuid, &format!("\"{form}\""), uuid);
    }
    let message = "expected uuid, found the string `\"67e5\"`, which is not a UUID";
    refuse(Type::Uuid, "\"67e5\"", &format!("{message}; declare it `string`"));
    check(Type::Binary, "\"AP8=\"", vec![0, 255]);
    check(Type::Binary, "\"\"", Vec::<u8>::new());
    for text in ["AP8", "AP9=", "A_8=", "A P8=", "=", "AAAA="] {
        let found = format!("expected binary, found the string `\"{text}\"`");
        let help = "declare it `string` and convert it in the query, as with `decode`";
        let message = format!("{found}, which is not standard base64; {help}");
        refuse(Type::Binary, &format!("\"{text}\""), &message);
    }
}

#[test]
fn json_is_kept_as_it_is_written() {
    for text in ["{\"b\": [1e400, null], \"b\":2}", "\"\\u0061\"", "false", "-0", "[]"] {
        check(Type::Json, text, text);
    }
    check(Type::Json, "null", Value::Null);
}

#[test]
fn lists_keep_order_length_and_nulls() {
    let list = |ty: Type, nullable| Type::List(Box::new(Item { ty, nullable }));
    check(list(Type::Int64, true), "[1, null ,3]", json!([1, null, 3]));
    check(list(Type::Int64, false), "[]", json!([]));
    check(list(list(Type::String, true), true), r#"[["a"],null,[]]"#, json!([["a"], null, []]));
    let message = one(&list(list(Type::Int64, false), true), "[[1],[2,null]]").unwrap_err();
    assert_eq!(
        message,
        "an element is null, but the elements are declared not null\n  path:     /v/1/1\n  \
         help:     declare the elements nullable"
    );
}
