//! The dynamic decoder against a slow one that is built on `serde_json` and chrono.

use base64::Engine as _;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Timelike};
use proptest::prelude::*;
use proptest::strategy::Union;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{decode, rich};
use crate::schema::{Field, Type};
use crate::source::decode::dynamic;
use crate::source::json::tests::{damaged, is_json};

/// An object with all its keys, however often they occur.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairing;
        impl<'de> Visitor<'de> for Pairing {
            type Value = Pairs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Pairing)
    }
}

/// The cells of a record, or the path of what is wrong in it.
fn expected(fields: &[Field], record: &str) -> Result<Value, String> {
    let Ok(Pairs(pairs)) = serde_json::from_str(record) else { return Err(String::new()) };
    let mut row = Map::new();
    for (key, raw) in pairs {
        let Some(field) = fields.iter().find(|field| field.name == key) else { continue };
        let path = format!("/{key}");
        let cell = match raw.get() {
            "null" if field.nullable => Value::Null,
            "null" => return Err(path),
            text => value(&field.ty, text).map_err(|inner| format!("{path}{inner}"))?,
        };
        if row.insert(key, cell).is_some() {
            return Err(path);
        }
    }
    for field in fields {
        if !row.contains_key(&field.name) {
            if !field.nullable {
                return Err(format!("/{}", field.name));
            }
            row.insert(field.name.clone(), Value::Null);
        }
    }
    Ok(row.into())
}

/// A value that is not null, or the path of what is wrong in it.
fn value(ty: &Type, raw: &str) -> Result<Value, String> {
    let nested = |ty: &Type| matches!(ty, Type::List(_) | Type::Record(_));
    match ty {
        Type::Record(fields) => return expected(fields, raw),
        Type::List(item) => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(raw).map_err(|_| String::new())?;
            let items = items.iter().enumerate().map(|(index, raw)| match raw.get() {
                "null" if item.nullable => Ok(Value::Null),
                "null" => Err(format!("/{index}")),
                text => value(&item.ty, text).map_err(|inner| format!("/{index}{inner}")),
            });
            return items.collect();
        }
        _ => {}
    }
    assert!(!nested(ty));
    scalar(ty, raw).ok_or_else(String::new)
}

fn scalar(ty: &Type, raw: &str) -> Option<Value> {
    let text = || serde_json::from_str::<String>(raw).ok();
    let number = || raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then_some(raw);
    Some(match ty {
        Type::Bool => raw.parse::<bool>().ok()?.into(),
        Type::Int16 => i16::try_from(whole(number()?)?).ok()?.into(),
        Type::Int32 => i32::try_from(whole(number()?)?).ok()?.into(),
        Type::Int64 => i64::try_from(whole(number()?)?).ok()?.into(),
        Type::Float32 => {
            let float = number()?.parse::<f32>().ok().filter(|float| float.is_finite())?;
            exact(raw, |whole| whole == float as i128)?;
            format!("{float:?}").into()
        }
        Type::Float64 => {
            let float = number()?.parse::<f64>().ok().filter(|float| float.is_finite())?;
            exact(raw, |whole| whole == float as i128)?;
            format!("{float:?}").into()
        }
        Type::Decimal { precision, scale } => {
            let plain = text().filter(|text| text.bytes().all(|b| b"-.0123456789".contains(&b)));
            let plain = plain.filter(|text| !text.starts_with('.') && !text.ends_with('.'));
            let mut decimal = decimal(number().or(plain.as_deref())?)?;
            let before = decimal;
            decimal.rescale((*scale).into());
            let digits = decimal.mantissa();
            let fits = decimal == before && digits.abs() < 10i128.pow((*precision).into());
            fits.then(|| digits.to_string())?.into()
        }
        Type::String => text()?.into(),
        Type::Date => {
            let text = text()?;
            let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?;
            (text.len() == 10 && date.format("%Y-%m-%d").to_string() == text)
                .then(|| date.to_epoch_days())?
                .into()
        }
        Type::Time => {
            let text = text()?;
            let time = NaiveTime::parse_from_str(&text, "%H:%M:%S%.f").ok()?;
            let written = time.format("%H:%M:%S").to_string();
            let nanos = i64::from(time.nanosecond());
            let exact = nanos < 1_000_000_000 && nanos % 1000 == 0 && text.starts_with(&written);
            let seconds = i64::from(time.num_seconds_from_midnight());
            exact.then_some(seconds * 1_000_000 + nanos / 1000)?.into()
        }
        Type::Timestamp => {
            let mut text = text()?;
            // An offset without its colon, `+0100`.
            let colon = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at));
            if let Some(at) = colon.filter(|at| is_offset(text.get(at.saturating_sub(3)..))) {
                text.insert(at, ':');
            }
            let instant = DateTime::parse_from_rfc3339(&text).ok()?;
            let nanos = instant.timestamp_subsec_nanos();
            let exact = nanos < 1_000_000_000 && nanos.is_multiple_of(1000);
            exact.then(|| instant.timestamp_micros())?.into()
        }
        Type::Uuid => uuid::Uuid::parse_str(&text()?).ok()?.to_string().into(),
        Type::Binary => base64::engine::general_purpose::STANDARD.decode(text()?).ok()?.into(),
        Type::Json => raw.into(),
        Type::List(_) | Type::Record(_) => return None,
    })
}

/// `+0100`.
fn is_offset(text: Option<&str>) -> bool {
    let digits = text.and_then(|text| text.strip_prefix(['+', '-']));
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// `None` where a number that is written as a whole one does not pass.
fn exact(raw: &str, passes: impl Fn(i128) -> bool) -> Option<()> {
    match raw.parse::<i128>() {
        Ok(whole) => passes(whole).then_some(()),
        Err(_) => Some(()),
    }
}

fn decimal(raw: &str) -> Option<Decimal> {
    match raw.contains(['e', 'E']) {
        true => Decimal::from_scientific(raw).ok(),
        false => Decimal::from_str_exact(raw).ok(),
    }
}

fn whole(raw: &str) -> Option<i128> {
    let decimal = decimal(raw)?.normalize();
    (decimal.scale() == 0).then(|| decimal.mantissa())
}

/// Values that one type or the other takes, and some that none does.
const TRICKY: [&str; 35] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "1.0",
    "1e3",
    "12e-1",
    "1.5",
    "-32769",
    "2147483648",
    "9007199254740993",
    "9223372036854775808",
    "1e300",
    "1e400",
    "\"\"",
    "\"abc\"",
    "\"1.50\"",
    "\"-1\"",
    "\"true\"",
    "\"2026-02-30\"",
    "\"24:00:00\"",
    "\"2026-11-23T13:45:00\"",
    "\"2026-11-23T13:45:00.5+0130\"",
    "\"AP8\"",
    "\"\\u0032026-01-01\"",
    "[]",
    "[null]",
    "[[1]]",
    "{}",
    "{\"id\":1}",
    "{\"sku\":\"a\"}",
    "{\"id\":1,\"id\":2}",
    "\"\\n\"",
];

/// The JSON text of a value of a type; rarely of another one.
fn text(ty: &Type) -> BoxedStrategy<String> {
    let good = match ty {
        Type::Bool => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Type::Int16 => any::<i16>().prop_map(|value| value.to_string()).boxed(),
        Type::Int32 => any::<i32>().prop_map(|value| value.to_string()).boxed(),
        Type::Int64 => prop_oneof![
            any::<i64>().prop_map(|value| value.to_string()),
            any::<i32>().prop_map(|value| format!("{value}.0")),
            (-99..99i64, 0..12u8).prop_map(|(value, exponent)| format!("{value}e{exponent}")),
        ]
        .boxed(),
        Type::Float32 => (-8_388_608..8_388_608i32, 0..4u8)
            .prop_map(|(value, places)| format!("{value}e-{places}"))
            .boxed(),
        Type::Float64 => prop_oneof![
            any::<f64>().prop_map(|value| json!(value).to_string()),
            any::<i32>().prop_map(|value| value.to_string()),
        ]
        .boxed(),
        Type::Decimal { precision, scale } => decimal_text(*precision, *scale),
        Type::String => any::<String>().prop_map(|value| json!(value).to_string()).boxed(),
        Type::Date => (0..2_932_897u64)
            .prop_map(|days| {
                let date = NaiveDate::default().checked_add_days(Days::new(days)).unwrap();
                json!(date.format("%Y-%m-%d").to_string()).to_string()
            })
            .boxed(),
        Type::Time => "\"[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6}(000)?)?\"".boxed(),
        Type::Timestamp => {
            "\"[0-9]{4}-0[1-9]-[12][0-9][Tt ][01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?\
             ([Zz]|[+-][01][0-9]:[0-5][0-9])\""
                .boxed()
        }
        Type::Uuid => "\"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\"".boxed(),
        Type::Binary => "\"([A-Za-z0-9+/]{4}){0,5}\"".boxed(),
        Type::Json => crate::source::json::tests::value().prop_map(|v| v.to_string()).boxed(),
        Type::List(item) => {
            let item = nullable(&item.ty, item.nullable);
            let items = proptest::collection::vec(item, 0..4);
            items.prop_map(|items| format!("[{}]", items.join(" , "))).boxed()
        }
        Type::Record(fields) => object(fields),
    };
    prop_oneof![60 => good, 1 => proptest::sample::select(&TRICKY[..]).prop_map(str::to_owned)]
        .boxed()
}

fn decimal_text(precision: u8, scale: u8) -> BoxedStrategy<String> {
    // The oracle's decimal has 28 digits.
    let whole = precision.min(26) - scale;
    let fraction = if scale == 0 { String::new() } else { format!("(\\.[0-9]{{1,{scale}}}0?)?") };
    let number = format!("-?[1-9][0-9]{{0,{}}}{fraction}", whole - 1);
    let pattern = format!("{number}|\"{number}\"");
    proptest::string::string_regex(&pattern).unwrap().boxed()
}

fn nullable(ty: &Type, nullable: bool) -> BoxedStrategy<String> {
    let null = Just("null".to_owned());
    prop_oneof![40 => text(ty), if nullable { 10 } else { 1 } => null].boxed()
}

/// An object of these fields in any order: some missing, now and then one twice or an unknown one.
pub(super) fn object(fields: &[Field]) -> BoxedStrategy<String> {
    let member = |field: &Field| {
        let spelled = Union::new_weighted(vec![
            (9, Just(json!(field.name).to_string()).boxed()),
            (1, Just(escaped(&field.name)).boxed()),
        ]);
        let present = proptest::bool::weighted(if field.nullable { 0.7 } else { 0.99 });
        (spelled, nullable(&field.ty, field.nullable), present)
            .prop_map(|(key, value, present)| present.then(|| format!("{key}: {value}")))
    };
    let members: Vec<_> = fields.iter().map(|field| member(field).boxed()).collect();
    let unknown =
        ("[a-z]{6,8}", text(&Type::Json)).prop_map(|(key, value)| format!("\"{key}\":{value}"));
    let more = prop_oneof![6 => Just(None), 2 => unknown.prop_map(Some)];
    (members, more, 0..60u8)
        .prop_map(|(members, more, twice)| {
            let mut members: Vec<_> = members.into_iter().flatten().collect();
            if twice == 0
                && let Some(first) = members.first().cloned()
            {
                members.push(first);
            }
            members.extend(more);
            members
        })
        .prop_shuffle()
        .prop_map(|members| format!("{{{}}}", members.join(",")))
        .boxed()
}

fn escaped(key: &str) -> String {
    format!("\"{}\"", key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>())
}

/// A record of the rich schema.
pub(super) fn record() -> impl Strategy<Value = String> {
    object(&rich().0.fields)
}

fn check(record: &[u8]) -> Result<(), TestCaseError> {
    let (_, read) = rich();
    let actual = decode(dynamic::decoder(&read), record);
    if !is_json(record) {
        prop_assert!(actual.is_err());
        return Ok(());
    }
    let text = std::str::from_utf8(record).unwrap();
    match (actual, expected(&read.fields, text)) {
        (Ok(actual), Ok(expected)) => prop_assert_eq!(actual, expected),
        (Err(message), Err(path)) if path.is_empty() => prop_assert!(!message.contains("path:")),
        (Err(message), Err(path)) => {
            let line = format!("\n  path:     {path}");
            prop_assert!(
                message.lines().any(|l| l == line.trim_start_matches('\n')),
                "{message}: {path}"
            );
        }
        (actual, expected) => prop_assert!(false, "{actual:?}, but the oracle says {expected:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn records_decode_to_what_serde_json_reads_in_them(record in record()) {
        check(record.as_bytes())?;
    }

    #[test]
    fn damaged_records_are_taken_only_for_what_they_still_hold(
        record in record().prop_flat_map(damaged),
    ) {
        check(&record)?;
    }

    #[test]
    fn no_beginning_of_a_record_is_a_record(record in record(), cut: proptest::sample::Index) {
        let end = cut.index(record.len());
        let (_, read) = rich();
        prop_assert!(decode(dynamic::decoder(&read), &record.as_bytes()[..end]).is_err());
    }
}

#[test]
fn most_random_records_are_good_ones() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (_, read) = rich();
    let good = (0..300)
        .filter(|_| {
            let record = record().new_tree(&mut runner).unwrap().current();
            decode(dynamic::decoder(&read), record.as_bytes()).is_ok()
        })
        .count();
    assert!((100..280).contains(&good), "{good} of 300");
}
