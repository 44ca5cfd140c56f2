//! Where the records stand in an answer: what comes before them, and what comes after.

use serde_json::{Map, Value};

/// A string that no test writes; it stands for the records until the answer is written.
const RECORDS: &str = "\u{0}records";

/// The text around the records of one answer.
pub(crate) struct Envelope {
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Envelope {
    /// An array at `data_path`, and the other values at theirs (JSON Pointers to object members).
    pub(crate) fn new(data_path: &str, values: &[(&str, Value)]) -> Self {
        let mut root = Value::Object(Map::new());
        place(&mut root, data_path, RECORDS.into());
        for (path, value) in values {
            assert!(!data_path.is_empty(), "a root array has no place for `{path}`");
            place(&mut root, path, value.clone());
        }
        let text = root.to_string();
        let marker = Value::from(RECORDS).to_string();
        let (before, after) = text.split_once(&marker).expect("the records have a place");
        Self { before: format!("{before}["), after: format!("]{after}") }
    }
}

/// Puts `value` at `path`, and objects on the way where there is nothing.
pub(crate) fn place(root: &mut Value, path: &str, value: Value) {
    let mut spot = root;
    for token in path.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        spot = match spot {
            Value::Array(items) => {
                let index: usize = token.parse().expect("an array takes an index");
                &mut items[index]
            }
            Value::Object(members) => members.entry(token).or_insert(Value::Object(Map::new())),
            other => panic!("`{path}` leads through {other}"),
        };
    }
    *spot = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(data_path: &str, values: &[(&str, Value)], expected: &Value) {
        let Envelope { before, after } = Envelope::new(data_path, values);
        let body: Value = serde_json::from_str(&format!("{before}1,2{after}")).expect("JSON");
        assert_eq!(body, *expected);
    }

    #[test]
    fn records_stand_at_the_data_path_and_the_rest_beside_them() {
        check("", &[], &json!([1, 2]));
        check("/data", &[], &json!({"data": [1, 2]}));
        check(
            "/a/b~1c",
            &[("/meta/next", json!("x"))],
            &json!({"a": {"b/c": [1, 2]}, "meta": {"next": "x"}}),
        );
        check(
            "/data/items",
            &[("/data/next", Value::Null)],
            &json!({"data": {"items": [1, 2], "next": null}}),
        );
    }
}
