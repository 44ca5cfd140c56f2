//! Random bodies in random chunks against `serde_json`: splitter and decoder together take what it
//! takes, and refuse what it refuses.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::source::decode::dynamic;
use crate::source::json::tests::{damaged, is_json, value};

/// What the body should hold, by `serde_json`; `None` where it must be refused.
fn expected(body: &[u8], path: &str) -> Option<Vec<Json>> {
    let value: Json = serde_json::from_slice(body).ok()?;
    match value.pointer(path)? {
        Json::Array(elements) => elements.iter().all(Json::is_object).then(|| elements.clone()),
        record @ Json::Object(_) => Some(vec![record.clone()]),
        Json::Null => Some(Vec::new()),
        _ => None,
    }
}

/// A value, with `records` at a path.
fn body() -> impl Strategy<Value = (String, &'static str)> {
    let records = proptest::collection::vec(
        proptest::collection::btree_map("[a-c]", value(), 0..3)
            .prop_map(|map| map.into_iter().collect::<Json>()),
        0..4,
    );
    (records, value(), 0..5u8, any::<bool>()).prop_map(|(records, other, how, pretty)| {
        let records = Json::from(records);
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

/// Bytes in chunks that end where they will.
fn cut(bytes: &[u8], mut ends: Vec<proptest::sample::Index>) -> Vec<&[u8]> {
    let mut ends: Vec<_> = ends.drain(..).map(|end| end.index(bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Reads and decodes a body: its records, where all of it is taken.
fn taken(body: &[u8], path: &str, ends: Vec<proptest::sample::Index>, tight: bool) -> Option<Read> {
    let limits = match tight {
        true => Limits { body: 16, batch: 8, record: 1 << 20, ..usual() },
        false => usual(),
    };
    let read = read_chunks(&cut(body, ends), &[path], limits).ok()?;
    let mut decoder = dynamic::decoder(&crate::schema::Schema::default());
    read.records.iter().try_for_each(|record| decoder.append(record)).ok()?;
    Some(read)
}

fn ends() -> impl Strategy<Value = Vec<proptest::sample::Index>> {
    proptest::collection::vec(any::<proptest::sample::Index>(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_body_holds_the_records_that_serde_json_finds(
        (text, path) in body(), ends in ends(), tight: bool,
    ) {
        let read = taken(text.as_bytes(), path, ends, tight);
        let actual = read.map(|read| {
            let records = read.records.iter().map(|text| serde_json::from_str(text).unwrap());
            records.collect::<Vec<Json>>()
        });
        prop_assert_eq!(actual, expected(text.as_bytes(), path));
    }

    #[test]
    fn a_damaged_body_is_taken_only_if_it_still_is_json(
        (text, path) in body().prop_flat_map(|(text, path)| (damaged(text), Just(path))),
        ends in ends(),
        tight: bool,
    ) {
        let read = taken(&text, path, ends, tight);
        prop_assert!(read.is_none() || text.is_empty() || is_json(&text));
        // `serde_json` refuses numbers beyond `f64`, and takes the last of two equal keys.
        let numbers_fit = serde_json::from_slice::<Json>(&text).is_ok();
        let twice = matches!(
            read_whole(&text, &[path]),
            Err(Unread::Unfit(error)) if error.to_string().contains("occurs twice")
        );
        if numbers_fit && !twice {
            let found = read.map(|read| {
                let records = read.records.iter().map(|text| serde_json::from_str(text).unwrap());
                records.collect::<Vec<Json>>()
            });
            prop_assert_eq!(found, expected(&text, path));
        }
    }

    #[test]
    fn no_beginning_of_a_body_is_a_body(
        (text, path) in body(), cut: proptest::sample::Index, ends in ends(), tight: bool,
    ) {
        let end = cut.index(text.len());
        if end > 0 && text.starts_with(['[', '{']) {
            let bytes = &text.as_bytes()[..end];
            let limits = Limits { body: if tight { 16 } else { 4096 }, ..usual() };
            let unread = read_chunks(&super::oracle::cut(bytes, ends), &[path], limits).unwrap_err();
            prop_assert!(matches!(unread, Unread::Cut(_)), "{unread:?}");
            let message = unread.into_error().to_string();
            prop_assert!(message.contains("ends in the middle of"), "{message}");
        }
    }

    #[test]
    fn bytes_of_any_kind_are_judged_alike(
        bytes in proptest::collection::vec(any::<u8>(), 0..40), ends in ends(),
    ) {
        let read = taken(&bytes, "", ends, false);
        prop_assert!(read.is_none() || bytes.is_empty() || is_json(&bytes));
    }
}
