//! Loads of rows that are written as JSON, into targets of any kind.

use std::sync::Arc;

use apitap::Result;
use apitap::definition::{Connection, Mode, TargetKind, Template};
use apitap::schema::{Field, Item, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Target, resolve};
use arrow::array::RecordBatch;
use arrow_json::ReaderBuilder;
use serde_json::Value;

pub(super) fn destination(kind: TargetKind, url: &str) -> Arc<dyn Target> {
    let connection = Connection::Url(Template(url.to_owned()));
    let target =
        apitap::definition::Target { name: "db".to_owned(), kind, connection, checkpoint: None };
    resolve(&target, &mut Default::default())
}

pub(super) async fn open(
    target: &Arc<dyn Target>,
    table: &str,
    mode: Mode,
    key: &[String],
    row: &Schema,
) -> Result<Run> {
    Run::open(target.as_ref(), table, mode, key, row).await
}

pub(super) fn batch(row: &Schema, rows: Value) -> RecordBatch {
    let schema = apitap::schema::arrow::schema(row);
    let rows: Vec<Value> = rows.as_array().unwrap().clone();
    let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().unwrap();
    decoder.serialize(&rows).unwrap();
    decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(schema))
}

pub(super) fn schema(fields: &[(&str, Type, bool)]) -> Schema {
    fields.iter().map(|(name, ty, nullable)| Field::new(*name, ty.clone(), *nullable)).collect()
}

pub(super) fn orders() -> Schema {
    schema(&[("id", Type::Int64, false), ("status", Type::String, true)])
}

pub(super) fn list(ty: Type) -> Type {
    Type::List(Box::new(Item { ty, nullable: true }))
}

#[track_caller]
pub(super) fn fails<T>(result: Result<T>, expected: &str) {
    match result {
        Ok(_) => panic!("this was to fail with: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}
