//! The text of a `json` column → a [`Value`] that holds all of it.
//!
//! `serde_json` reads fractions to within the last digit, long whole numbers as fractions, and of
//! a key that occurs twice the last value: here each is exact, or an error.

use serde_json::{Map, Number, Value};

use crate::source::decode::column::no_fit;
use crate::source::json::{Cursor, Fault, Scalar};

/// The value that is all of the text.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    let mut cursor = Cursor::new(text);
    let value = next(&mut cursor)?;
    cursor.end()?;
    Ok(value)
}

/// The value at the cursor; the cursor bounds the depth.
fn next(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    Ok(match cursor.scalar()? {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Number(raw) => Value::Number(number(raw)?),
        Scalar::String(text) => Value::String(text.unescape(&mut String::new())?.to_owned()),
        Scalar::Array => list(cursor)?,
        Scalar::Object => record(cursor)?,
    })
}

fn list(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    let mut items = Vec::new();
    if let Some(mut elements) = cursor.array()? {
        while elements.next(cursor)? {
            let item = next(cursor).map_err(|fault| fault.within(&items.len().to_string()))?;
            items.push(item);
        }
    }
    Ok(Value::Array(items))
}

fn record(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    let mut map = Map::new();
    if let Some(mut members) = cursor.object()? {
        while let Some(key) = members.key(cursor)? {
            let key = key.to_owned();
            let value = next(cursor).map_err(|fault| fault.within(&key))?;
            if map.contains_key(&key) {
                return Err(
                    Fault::misfit(format!("`{key}` occurs twice in this JSON")).within(&key)
                );
            }
            map.insert(key, value);
        }
    }
    Ok(Value::Object(map))
}

fn number(raw: &str) -> Result<Number, Fault> {
    // `-0` is a fraction's zero: the whole numbers have no other than 0.
    let number = match (raw.parse::<i64>(), raw.parse::<u64>()) {
        (Ok(whole), _) if raw != "-0" => Some(Number::from(whole)),
        (_, Ok(whole)) => Some(Number::from(whole)),
        _ if raw != "-0" && crate::source::decode::is_whole(raw) => None,
        _ => raw.parse().ok().and_then(Number::from_f64),
    };
    number.ok_or_else(|| {
        let found = format!("the number `{raw}`");
        no_fit("json", found, "which is larger than Rust's `Value` keeps")
            .help("declare the field `decimal(38,0)`, or yield it as text: CAST(… AS VARCHAR)")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Result<Value, &str>) {
        match (value(text).map_err(|fault| fault.into_error("the JSON").to_string()), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn all_of_a_json_is_kept_or_it_is_an_error() {
        check(r#"{"a":[1.5,null,"1\n"]}"#, Ok(json!({"a": [1.5, null, "1\n"]})));
        check("909187179.43934", Ok(json!(909_187_179.439_34)));
        check("18446744073709551615", Ok(json!(u64::MAX)));
        check("-9223372036854775808", Ok(json!(i64::MIN)));
        check("-0", Ok(json!(-0.0)));
        check("1E2", Ok(json!(100.0)));
        check("[18446744073709551616]", Err("found the number `18446744073709551616`, which is"));
        check("1e999", Err("which is larger than Rust's `Value` keeps"));
        check(r#"{"a":{"b":1,"b":2}}"#, Err("`b` occurs twice in this JSON\n  path:     /a/b"));
        check("{} {}", Err("the JSON is not JSON at byte 3"));
        check("{", Err("the JSON ends in the middle of an object"));
        check(&"[".repeat(100_000), Err("is nested deeper than"));
    }
}
