use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::source::json::tests::{damaged, is_json, value};

fn split(body: &[u8], path: &str) -> Result<Page> {
    let pointer = Pointer(path.to_owned());
    Page::split("GET https://shop.example/orders".into(), 1, Bytes::copy_from_slice(body), &pointer)
}

fn check(body: &str, path: &str, expected: &[&str]) {
    let page = split(body.as_bytes(), path).unwrap();
    let texts: Vec<_> = page.texts().map(|text| std::str::from_utf8(text).unwrap()).collect();
    assert_eq!(texts, expected);
}

/// The message's lines, without the request.
fn refuse(body: &str, path: &str, expected: &str) {
    let message = split(body.as_bytes(), path).unwrap_err().to_string();
    let request = "\n  request:  GET https://shop.example/orders";
    assert!(message.contains(request), "{message}");
    assert_eq!(message.replace(request, ""), expected);
}

#[test]
fn records_are_found_where_the_path_leads() {
    check(r#"[{"a":1}, {} ]"#, "", &[r#"{"a":1}"#, "{}"]);
    check(r#"{"x":[1], "data":[{"a":[{}]}], "y":null}"#, "/data", &[r#"{"a":[{}]}"#]);
    check(r#"{"data":{"id":1}}"#, "/data", &[r#"{"id":1}"#]);
    check(r#" {"id":1} "#, "", &[r#"{"id":1}"#]);
    check(r#"[0,{"items":[{"a":1}]}]"#, "/1/items", &[r#"{"a":1}"#]);
    check(r#"{"a/b":{"~":[{}]}}"#, "/a~1b/~0", &["{}"]);
    check(r#"{"\u0064ata":[{}]}"#, "/data", &["{}"]);
    check("\u{feff}[{}]", "", &["{}"]);
    check("[]", "", &[]);
    check("", "/data", &[]);
}

#[test]
fn a_path_that_leads_nowhere_says_what_is_there() {
    refuse(
        r#"{"itmes":[], "meta":{}}"#,
        "/items",
        "`data_path` finds no `items` in the body\n  path:     the root of the body\n  \
         help:     a similar key exists: `itmes`; there is `itmes`, `meta`",
    );
    refuse(
        r#"{"data":{"rows":[]}}"#,
        "/data/x",
        "`data_path` finds no `x` in the body\n  path:     /data\n  \
         help:     there is `rows`; correct `data_path`",
    );
    refuse(
        r#"{"data":null}"#,
        "/data/x",
        "`data_path` finds no `x` in the body\n  path:     /data\n  \
         help:     it is null there: correct `data_path`",
    );
    refuse(
        "[[], 1]",
        "/2",
        "`data_path` finds no `2` in the body\n  path:     the root of the body\n  \
         help:     the list there has 2 elements, counted from 0",
    );
    refuse(
        "{\"data\":[{}]}",
        "/data/items",
        "found a list where the path goes on to `items`\n  path:     /data\n  \
         help:     write an index to choose one of its elements, as in `/0`",
    );
    refuse(
        "{\"data\":7}",
        "/data/items",
        "found the number `7` where the path goes on to `items`\n  path:     /data",
    );
    refuse(
        "{\"data\":[], \"data\":[{}]}",
        "/data",
        "the key `data` occurs twice on the path\n  path:     /data",
    );
}

#[test]
fn only_records_are_records() {
    for (body, found) in [("null", "null"), ("\"a\"", "the string `\"a\"`"), ("true", "`true`")] {
        let message = format!(
            "expected the records, found {found}\n  path:     /data\n  \
             help:     `data_path` must lead to a list of records, or to one record"
        );
        refuse(&format!("{{\"data\":{body}}}"), "/data", &message);
    }
    refuse(
        "{\"data\":[{}, {}, 5]}",
        "/data",
        "expected a record, found the number `5`\n  record:   3 of the page\n  path:     /data/2\n  \
         help:     each element of the list at `data_path` must be an object",
    );
}

#[test]
fn a_body_that_is_cut_short_is_never_taken() {
    refuse("{\"data\":[{}", "/data", "the body ends in the middle of an array");
    // Rather than that the path leads nowhere.
    refuse("{\"error\":1, \"dat", "/data", "the body ends in the middle of a string");
    refuse(
        "[{}] x",
        "",
        "the body is not JSON at byte 5: expected nothing after the end of the \
                          value, found `x`",
    );
    refuse(
        "\n<!DOCTYPE html>",
        "",
        "the body is not JSON at byte 1: expected a value, found `<`\n  \
                                   help:     it looks like HTML or XML: does the URL lead to the API?",
    );
    refuse("  ", "", "the body holds no value");
}

#[test]
fn a_scalar_is_text_or_nothing() {
    let check = |body: &str, path: &str, expected: Option<&str>| {
        let actual = scalar_at(body.as_bytes(), &Pointer(path.to_owned())).unwrap();
        assert_eq!(actual.as_deref(), expected, "{body}");
    };
    check(r#"{"next":"a\u0062c"}"#, "/next", Some("abc"));
    check(r#"{"next":12345678901234567890.0}"#, "/next", Some("12345678901234567890.0"));
    check(r#"{"next":0}"#, "/next", Some("0"));
    check(r#"{"next":null}"#, "/next", None);
    check(r#"{"next":""}"#, "/next", None);
    check(r#"{"next":false}"#, "/next", None);
    check(r#"{"meta":null}"#, "/meta/next", None);
    check("{}", "/next", None);
    check("[]", "/0/id", None);
    check("", "/next", None);
    for body in ["{\"next\":true}", "{\"next\":[]}", "{\"next\":{}}", "{\"next\":", "[]", "5"] {
        assert!(scalar_at(body.as_bytes(), &Pointer("/next".to_owned())).is_err(), "{body}");
    }
}

/// What the page should hold, by `serde_json`; `None` where it must be refused.
fn expected(body: &[u8], path: &str) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    match value.pointer(path)? {
        Value::Array(elements) => elements.iter().all(Value::is_object).then(|| elements.clone()),
        record @ Value::Object(_) => Some(vec![record.clone()]),
        _ => None,
    }
}

/// A value, with `records` at a path.
fn body() -> impl Strategy<Value = (String, &'static str)> {
    let records = proptest::collection::vec(
        proptest::collection::btree_map("[a-c]", value(), 0..3)
            .prop_map(|map| map.into_iter().collect::<Value>()),
        0..4,
    );
    (records, value(), 0..5u8, any::<bool>()).prop_map(|(records, other, how, pretty)| {
        let records = Value::from(records);
        let (value, path) = match how {
            0 => (records, ""),
            1 => (serde_json::json!({"a": other, "data": records, "z": [1]}), "/data"),
            2 => (serde_json::json!([other, {"items": records}]), "/1/items"),
            3 => (serde_json::json!({"data": other}), "/data"),
            _ => (other, ""),
        };
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        (text.unwrap(), path)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_page_holds_the_records_that_serde_json_finds((text, path) in body()) {
        let page = split(text.as_bytes(), path).ok();
        let actual = page.map(|page| {
            page.texts().map(|text| serde_json::from_slice(text).unwrap()).collect::<Vec<Value>>()
        });
        prop_assert_eq!(actual, expected(text.as_bytes(), path));
    }

    #[test]
    fn a_damaged_body_is_taken_only_if_it_still_is_json(
        (text, path) in body().prop_flat_map(|(text, path)| (damaged(text), Just(path))),
    ) {
        let page = split(&text, path);
        prop_assert!(page.is_err() || text.is_empty() || is_json(&text));
        // `serde_json` refuses numbers beyond `f64`, and takes the last of two equal keys.
        let numbers_fit = serde_json::from_slice::<Value>(&text).is_ok();
        let twice = page.as_ref().is_err_and(|error| error.to_string().contains("occurs twice"));
        if numbers_fit && !twice {
            let found = page.ok().map(|page| {
                page.texts().map(|text| serde_json::from_slice(text).unwrap()).collect()
            });
            prop_assert_eq!(found, expected(&text, path));
        }
    }

    #[test]
    fn no_beginning_of_a_body_is_a_body((text, path) in body(), cut: proptest::sample::Index) {
        let end = cut.index(text.len());
        let container = text.starts_with(['[', '{']);
        if end > 0 && container {
            let message = split(&text.as_bytes()[..end], path).unwrap_err().to_string();
            prop_assert!(message.contains("ends in the middle of"), "{message}");
        }
    }
}
