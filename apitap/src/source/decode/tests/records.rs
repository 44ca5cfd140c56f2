//! Keys: once, missing, null, unknown, escaped, nested.

use serde_json::{Value, json};

use super::decode;
use crate::schema::{Field, Schema, Type};
use crate::source::decode::dynamic;

fn schema() -> Schema {
    let address = Type::Record(vec![
        Field::new("a/b~c", Type::String, false),
        Field::new("zip", Type::Int32, true),
    ]);
    Schema {
        fields: vec![
            Field::new("id", Type::Int64, false),
            Field::new("name", Type::String, true),
            Field::new("address", address, true),
        ],
    }
}

fn check(record: &str, expected: Value) {
    assert_eq!(decode(dynamic::decoder(&schema()), record.as_bytes()), Ok(expected), "{record}");
}

fn refuse(record: &str, expected: &str) {
    assert_eq!(
        decode(dynamic::decoder(&schema()), record.as_bytes()),
        Err(expected.to_owned()),
        "{record}"
    );
}

#[test]
fn fields_are_found_by_name_in_any_order() {
    let row = json!({"id": 1, "name": "a", "address": {"a/b~c": "x", "zip": null}});
    check(r#"{"id":1,"name":"a","address":{"a/b~c":"x"}}"#, row.clone());
    check(r#" {"address":{"zip":null,"a/b~c":"x"},"name":"a","id":1} "#, row.clone());
    check(r#"{"\u0069d":1,"n\u0061me":"a","address":{"a\/b~c":"x"}}"#, row.clone());
    check(r#"{"x":[{"id":2}],"id":1,"ID":"?","name":"a","address":{"a/b~c":"x","id":[]}}"#, row);
    check(r#"{"id":1}"#, json!({"id": 1, "name": null, "address": null}));
    check(r#"{"id":1,"address":null}"#, json!({"id": 1, "name": null, "address": null}));
}

#[test]
fn a_field_that_is_declared_not_null_must_be_there() {
    let help = "\n  help:     declare `id` nullable if the API may leave it out";
    refuse("{}", &format!("`id` is missing\n  path:     /id{help}"));
    let message = "`id` is null, but is declared not null\n  path:     /id";
    refuse(r#"{"id":null}"#, &format!("{message}{help}"));
    refuse(
        r#"{"id":1,"address":{}}"#,
        "`a/b~c` is missing\n  path:     /address/a~1b~0c\n  \
         help:     declare `a/b~c` nullable if the API may leave it out",
    );
}

#[test]
fn a_key_that_occurs_twice_is_refused() {
    refuse(r#"{"id":1,"name":"a","id":1}"#, "`id` occurs twice in the record\n  path:     /id");
    refuse(r#"{"name":null,"name":"a"}"#, "`name` occurs twice in the record\n  path:     /name");
    refuse(
        r#"{"id":1,"address":{"zip":1,"z\u0069p":2}}"#,
        "`zip` occurs twice in the record\n  path:     /address/zip",
    );
}

#[test]
fn a_record_must_be_one_whole_json_object() {
    refuse("", "the record holds no value");
    refuse(r#"{"id":1"#, "the record ends in the middle of an object");
    refuse(
        r#"{"id":1}}"#,
        "the record is not JSON at byte 8: expected nothing after the end of the \
                            value, found `}`",
    );
    refuse(r#"{"x":tru"#, "the record ends in the middle of `true`\n  path:     /x");
    refuse(
        r#"{"address":{"zip":1 2}}"#,
        "the record is not JSON at byte 20: expected `,` or `}`, found `2`\n  path:     /address",
    );
    refuse(
        "[]",
        "expected a record, found a list\n  \
                  help:     declare the type that the API returns; `json` takes any value",
    );
}

#[test]
fn only_what_is_read_is_decoded() {
    let read = schema().field("name").cloned().into_iter().collect();
    let decoder = dynamic::decoder(&read);
    assert_eq!(decode(decoder, br#"{"id":"?","name":"a","address":7}"#), Ok(json!({"name": "a"})));
    let mut decoder = dynamic::decoder(&Schema::default());
    for _ in 0..3 {
        decoder.append(r#"{"id":1}"#).unwrap();
    }
    assert_eq!(decoder.finish().unwrap().num_rows(), 3);
}

#[test]
fn a_batch_holds_the_records_since_the_last_one() {
    let mut decoder = dynamic::decoder(&schema());
    for (first, count) in [(0, 3), (3, 0), (3, 2)] {
        for id in first..first + count {
            let address = if id % 2 == 0 { "null" } else { r#"{"a/b~c":"x"}"# };
            decoder.append(&format!(r#"{{"id":{id},"address":{address}}}"#)).unwrap();
        }
        let batch = decoder.finish().unwrap();
        let ids: Vec<_> =
            (0..count).map(|row| super::cells::row(&batch, row)["id"].clone()).collect();
        assert_eq!(ids, (first..first + count).map(Value::from).collect::<Vec<_>>());
    }
}

#[test]
fn a_decoder_is_spent_after_an_error() {
    for record in [r#"{"id":1} x"#, r#"{"id":1,"name":5}"#, r#"{"name":"a"}"#] {
        let mut decoder = dynamic::decoder(&schema());
        decoder.append(r#"{"id":0}"#).unwrap();
        decoder.append(record).unwrap_err();
        let message = decoder.finish().unwrap_err().to_string();
        assert!(message.starts_with("the records make no batch"), "{message}");
    }
}
