use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Whether a text is JSON, and if not what is said of it.
fn check(text: &[u8], expected: Result<(), &str>) {
    let actual = whole(text).map_err(|fault| fault.into_error("it").to_string());
    assert_eq!(actual, expected.map_err(str::to_owned));
}

/// What splitting a body has proven before its records are read.
fn utf8(text: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(text).map_err(|error| match error.error_len() {
        Some(_) => Fault::malformed("is not UTF-8", error.valid_up_to(), ""),
        None => Fault::ends("a character"),
    })
}

fn whole(text: &[u8]) -> Result<(), Fault> {
    let mut cursor = Cursor::new(utf8(text)?);
    cursor.skip_value()?;
    cursor.end()
}

#[test]
fn every_kind_of_value_is_passed_over() {
    for text in [
        "null",
        " true ",
        "false",
        "0",
        "-0.5e+10",
        "1E9",
        "\"\"",
        "[]",
        "{}",
        "[ 1 , [ ] ]",
        "{\"a\":{\"b\":[null,\"\\u00e9\\ud83d\\ude00\\n\"]}}",
        "\"é😀\"",
    ] {
        check(text.as_bytes(), Ok(()));
    }
}

#[test]
fn a_text_that_ends_early_says_in_the_middle_of_what() {
    check(b"", Err("it holds no value"));
    check(b"[1, ", Err("it ends in the middle of an object or array"));
    check(b"[1", Err("it ends in the middle of an array"));
    check(b"{\"a\"", Err("it ends in the middle of an object"));
    check(b"{\"a\":1", Err("it ends in the middle of an object"));
    check(b"{", Err("it ends in the middle of an object"));
    check(b"\"abc", Err("it ends in the middle of a string"));
    check(b"\"abc\\", Err("it ends in the middle of a string"));
    check(b"\"\\u12", Err("it ends in the middle of a string"));
    check(b"\"\\ud83d", Err("it ends in the middle of a string"));
    check(b"-", Err("it ends in the middle of a number"));
    check(b"1.", Err("it ends in the middle of a number"));
    check(b"1e+", Err("it ends in the middle of a number"));
    check(b"tru", Err("it ends in the middle of `true`"));
    check(b"\"\xc3", Err("it ends in the middle of a character"));
}

#[test]
fn what_is_not_json_is_named_with_its_place() {
    check(b"[1 2]", Err("it is not JSON at byte 3: expected `,` or `]`, found `2`"));
    let help = "\n  help:     the comma before it is one too many: the API should not send it";
    let message = format!("it is not JSON at byte 3: expected a value, found `]`{help}");
    check(b"[1,]", Err(&message));
    check(b"{\"a\" 1}", Err("it is not JSON at byte 5: expected `:`, found `1`"));
    check(b"{a:1}", Err("it is not JSON at byte 1: expected a key in double quotes, found `a`"));
    let message =
        format!("it is not JSON at byte 7: expected a key in double quotes, found `}}`{help}");
    check(b"{\"a\":1,}", Err(&message));
    check(
        b"01",
        Err("it is not JSON at byte 1: expected nothing after the end of the value, found `1`"),
    );
    check(b"+1", Err("it is not JSON at byte 0: expected a value, found `+1`"));
    check(b".5", Err("it is not JSON at byte 0: expected a value, found `.5`"));
    check(b"-a", Err("it is not JSON at byte 1: expected a digit, found `a`"));
    check(b"nul!", Err("it is not JSON at byte 0: expected `null`, found `nul`"));
    let message = "it is not JSON at byte 0: expected a value, found `NaN`\n  help:     JSON has no \
                   `NaN`: the API should send null there";
    check(b"NaN", Err(message));
    check(
        b"\"a\nb\"",
        Err("it is not JSON at byte 2: the control character 0x0a in a string must be written as \
             `\\u000a`"),
    );
}

#[test]
fn an_escape_must_stand_for_a_character() {
    for (escape, why) in [
        ("\\x", "JSON has no such escape"),
        ("\\u12g4", "`\\u` needs four hexadecimal digits"),
        ("\\u+123", "`\\u` needs four hexadecimal digits"),
        ("\\ud800", "it is half of a surrogate pair"),
        ("\\udc00", "it is half of a surrogate pair"),
        ("\\ud800\\n", "it is half of a surrogate pair"),
        ("\\ud800\\ud800", "it is half of a surrogate pair"),
    ] {
        let message = format!("it is not JSON at byte 1: the escape there is not valid: {why}");
        check(format!("\"{escape}...\"").as_bytes(), Err(&message));
    }
}

#[test]
fn nesting_is_bounded() {
    for open in ["[", "{\"a\":"] {
        let close = if open == "[" { "]" } else { "}" };
        let nested = |depth: usize| format!("{}0{}", open.repeat(depth), close.repeat(depth));
        check(nested(128).as_bytes(), Ok(()));
        let at = 128 * open.len();
        let message = format!("it is nested deeper than 128 levels at byte {at}");
        check(nested(129).as_bytes(), Err(&message));
        check(open.repeat(1_000_000).as_bytes(), Err(&message));
    }
}

/// Any JSON value.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]|\\PC{0,3}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A text with one of the faults that happen on the way.
pub(crate) fn damaged(text: String) -> impl Strategy<Value = Vec<u8>> {
    let length = text.len().max(1);
    (0..length, any::<u8>(), "[]{}\",:0-9eE.+\\\\ -]", 0..5u8).prop_map(
        move |(at, byte, mark, how)| {
            let mut bytes = text.clone().into_bytes();
            let mark = mark.as_bytes().first().copied().unwrap_or(b' ');
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), byte),
                2 => bytes.insert(at.min(bytes.len()), mark),
                3 if at < bytes.len() => bytes[at] = mark,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
            bytes
        },
    )
}

/// What `serde_json` says, but for numbers: it refuses those beyond `f64`, which JSON does not.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => true,
        Err(error) if error.to_string().starts_with("number out of range") => {
            let text = std::str::from_utf8(bytes);
            text.is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
        }
        Err(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_text_is_passed_over_if_and_only_if_it_is_json(
        text in value().prop_flat_map(|value| damaged(value.to_string())),
    ) {
        prop_assert_eq!(whole(&text).is_ok(), is_json(&text));
    }

    #[test]
    fn bytes_of_any_kind_are_judged_alike(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(whole(&bytes).is_ok(), is_json(&bytes));
    }

    #[test]
    fn strings_are_unescaped_to_what_they_stand_for(text: String, escape_all: bool) {
        let json = if escape_all {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            format!("\"{}\"", units.collect::<String>())
        } else {
            serde_json::to_string(&text).unwrap()
        };
        let mut cursor = Cursor::new(&json);
        let Scalar::String(string) = cursor.scalar().unwrap() else { panic!("{json}") };
        let mut buffer = String::new();
        prop_assert_eq!(string.unescape(&mut buffer).unwrap(), text);
    }
}
