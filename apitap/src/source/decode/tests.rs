//! What is accepted and refused, value by value; then against `serde_json` (`oracle`), between the
//! generated decoder and the dynamic one (`agreement`), and against arrow-json (`evidence`).

mod agreement;
mod cells;
mod evidence;
mod oracle;
mod records;
mod values;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Decoder, dynamic};
use crate::schema::Schema;

/// A schema with every type, nested records, lists, lists of records, lists of lists.
fn rich() -> (Schema, BTreeSet<String>) {
    let schema: Schema = serde_json::from_str(include_str!("tests/rich.json")).unwrap();
    let names = schema.fields.iter().map(|field| field.name.clone());
    let reads = names.filter(|name| name != "unread").collect();
    (schema, reads)
}

/// Decodes one record: its cells, or the error as a user reads it.
fn decode(mut decoder: Box<dyn Decoder>, record: &[u8]) -> Result<Value, String> {
    decoder.append(record).map_err(|error| error.to_string())?;
    assert_eq!((decoder.rows(), decoder.bytes()), (1, record.len()));
    let batch = decoder.finish().map_err(|error| error.to_string())?;
    assert_eq!((decoder.rows(), decoder.bytes()), (0, 0));
    assert_eq!(batch.schema(), decoder.schema());
    Ok(cells::row(&batch, 0))
}

/// A decoder for all fields of a schema that is written as JSON.
fn all(schema: &Schema) -> Box<dyn Decoder> {
    let reads = schema.fields.iter().map(|field| field.name.clone()).collect();
    dynamic::decoder(schema, &reads)
}
