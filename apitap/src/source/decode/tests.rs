//! What is accepted and refused, value by value; then against `serde_json` (`oracle`), between the
//! generated decoder and the dynamic one (`agreement`), and against arrow-json (`evidence`).

mod agreement;
mod cells;
mod evidence;
mod oracle;
mod records;
mod values;

use serde_json::Value;

use super::Decoder;
use crate::schema::Schema;

/// A schema with every type, nested records, lists, lists of records, lists of lists; and what is
/// read of it.
fn rich() -> (Schema, Schema) {
    let schema: Schema = serde_json::from_str(include_str!("tests/rich.json")).unwrap();
    let read = schema.fields.iter().filter(|field| field.name != "unread").cloned().collect();
    (schema, read)
}

/// Decodes one record: its cells, or the error as a user reads it.
fn decode(mut decoder: Box<dyn Decoder>, record: &[u8]) -> Result<Value, String> {
    let record = std::str::from_utf8(record).map_err(|error| error.to_string())?;
    let appended = decoder.append(record);
    appended.map_err(|fault| fault.into_error("the record").to_string())?;
    assert_eq!((decoder.rows(), decoder.bytes()), (1, record.len()));
    let batch = decoder.finish().map_err(|error| error.to_string())?;
    assert_eq!((decoder.rows(), decoder.bytes()), (0, 0));
    assert_eq!(batch.schema(), decoder.schema());
    Ok(cells::row(&batch, 0))
}
