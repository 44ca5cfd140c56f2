//! Loads of rows that are written as JSON, into targets of any kind.

use std::sync::Arc;

use apitap::Result;
use apitap::definition::{Connection, Evolve, Mode, TargetKind, Template};
use apitap::schema::{Field, Item, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Load, Missing, RunEntry, RunStatus, StateChange, Target, Written, resolve};
use arrow::array::RecordBatch;
use arrow_json::ReaderBuilder;
use serde_json::{Value, json};

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

/// Opens a load by the key `id`, where rows have one.
pub(super) async fn open_by_id(
    target: &Arc<dyn Target>,
    table: &str,
    mode: Mode,
    row: &Schema,
) -> Result<Run> {
    let key = if row.field("id").is_some() { vec!["id".to_owned()] } else { Vec::new() };
    open(target, table, mode, &key, row).await
}

/// Loads rows by the key `id`, where they have one.
pub(super) async fn load(
    target: &Arc<dyn Target>,
    table: &str,
    mode: Mode,
    row: &Schema,
    rows: Value,
) -> Result<Written> {
    let mut run = open_by_id(target, table, mode, row).await?;
    run.write(batch(row, rows)).await?;
    run.commit().await
}

/// Merges a row of `id` and `v` into the table `t`, which is there.
pub(super) async fn evolve(
    target: &Arc<dyn Target>,
    evolve: Evolve,
    ty: &Type,
    nullable: bool,
) -> Result<()> {
    let row = schema(&[("id", Type::Int64, false), ("v", ty.clone(), nullable)]);
    let load = Load::new("p", "t", Mode::Merge, &["id".to_owned()], &row)?.evolve(evolve);
    let mut run = Run::of(target.as_ref(), load).await?;
    run.write(batch(&row, json!([{ "id": 2, "v": value(ty) }]))).await?;
    run.commit().await.map(drop)
}

/// A value of a type.
pub(super) fn value(ty: &Type) -> Value {
    match ty {
        Type::Int16 | Type::Int32 | Type::Int64 => json!(7),
        Type::Float64 => json!(0.5),
        Type::Decimal { .. } => json!("7.25"),
        Type::Timestamp => json!("2026-11-27T00:00:00Z"),
        Type::List(_) => json!([7]),
        Type::Bool => json!(true),
        Type::Uuid => json!("5f3c1d0e-8a1b-4c2d-9e3f-0a1b2c3d4e5f"),
        _ => json!("seven"),
    }
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

/// A change of nothing, by a run of that name.
pub(super) fn of_run(run: &str) -> StateChange {
    let entry = RunEntry {
        run: run.to_owned(),
        status: RunStatus::Running,
        started_at: chrono::Utc::now(),
        ended_at: None,
        records: 0,
        written: Written::default(),
        error: None,
    };
    StateChange { run: run.to_owned(), entry: Some(entry), ..StateChange::default() }
}

/// What is said of a table that is dropped while rows are on their way to it.
pub(super) const GONE: &str = "the table `orders` was there when the run began, and is gone; nothing more was stored\n  \
                               help:     find out what drops it; the next run creates it anew, with its own rows only";

/// What is said of a table whose rows refer to others of it with that action.
pub(super) fn refers_to_itself(action: &str) -> String {
    format!(
        "`delete_missing` cannot delete rows of `orders`: it refers to itself with ON DELETE {action}, and rows of the \
         run would be changed with those that are deleted\n  help:     remove `delete_missing`, or give the foreign key \
         another action (NO ACTION)"
    )
}

/// The only load of its pipeline.
pub(super) async fn exclusive(target: &Arc<dyn Target>, mode: Mode, missing: Missing) -> Run {
    let load = Load::new("p", "orders", mode, &["id".to_owned()], &orders()).unwrap();
    Run::of(target.as_ref(), load.missing(missing).exclusive()).await.unwrap()
}

/// A run that is stopped as long as it takes to be taken for dead (`lose` ends its connections), and goes on behind
/// another one, with a row or without; what becomes of it.
pub(super) async fn overtaken(
    target: &Arc<dyn Target>,
    (mode, missing): (Mode, Missing),
    writes: bool,
    lose: impl AsyncFn(),
) -> Result<Written> {
    let mut stopped = exclusive(target, mode, missing).await;
    lose().await;
    let mut other = exclusive(target, mode, missing).await;
    other.write(batch(&orders(), json!([{ "id": 2, "status": "b" }]))).await.unwrap();
    other.commit_with(&of_run("other")).await.unwrap();
    other.finish().await.unwrap();
    if writes {
        stopped.write(batch(&orders(), json!([{ "id": 1 }]))).await?;
    }
    stopped.commit_with(&of_run("stopped")).await?;
    stopped.finish().await
}

/// What a run is told that lost its lock to another one.
pub(super) const OVERTAKEN: &str = "the connection that keeps the lock of this run was lost, and another run of `p` has loaded into `orders` since; \
     nothing more was stored\n  help:     run it again, if what that run has loaded is not enough";
