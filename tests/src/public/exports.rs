//! Those that send files, and objects in place of lists.

use async_compression::tokio::write::GzipEncoder;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;

use super::{Item, Model, Reply, text_id};

pub(super) const MODELS: &[Model] = &[FIREBASE, MIXPANEL, SHEET];

/// One object whose keys are the ids.
const FIREBASE: Model = Model {
    name: "firebase",
    path: "/users.json",
    keys: "
key_as: id
schema: {id: string!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let form = |item: &Item| {
            let mut record = Map::from_iter([("title".to_owned(), Value::from(&*item.title))]);
            record.extend(item.note.as_ref().map(|note| ("note".to_owned(), Value::from(&**note))));
            (text_id(item.id), Value::Object(record))
        };
        let users: Map<String, Value> = call.items.iter().map(form).collect();
        Reply::json(&users.into())
    },
};

/// A file of JSON Lines, compressed, and not said to be.
const MIXPANEL: Model = Model {
    name: "mixpanel",
    path: "/api/2.0/export",
    keys: "
format: jsonl
schema: {id: int64!, properties: {title: string!, note: string}}
",
    select: "id, properties.title AS title, properties.note AS note",
    refuses: None,
    answer: |call| {
        let line = |item: &Item| {
            let properties = json!({"title": item.title, "note": item.note});
            format!("{}\n", json!({"id": item.id, "properties": properties}))
        };
        let lines: String = call.items.iter().map(line).collect();
        Reply::bytes("application/gzip", futures::executor::block_on(compressed(&lines)))
    },
};

/// A CSV file.
const SHEET: Model = Model {
    name: "sheet",
    path: "/spreadsheets/export",
    keys: "
query_params: {format: csv}
format: csv
schema: {id: int64!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let mut body = "title,id,note\r\n".to_owned();
        for Item { id, title, note } in call.items {
            let note = note.as_deref().map(quoted).unwrap_or_default();
            body.push_str(&format!("{},{id},{note}\r\n", quoted(title)));
        }
        Reply::bytes("text/csv; charset=utf-8", body)
    },
};

/// A field of CSV.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A gzip file.
async fn compressed(text: &str) -> Vec<u8> {
    let mut file = GzipEncoder::new(Vec::new());
    file.write_all(text.as_bytes()).await.expect("memory");
    file.shutdown().await.expect("memory");
    file.into_inner()
}
