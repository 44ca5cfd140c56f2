//! What the engine answers, over rows that are written out: see `check`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::SessionContext;

use apitap_build::engine::{Failure, logical_plan, place, session_state};

mod answers;
mod guards;
mod hostile;
mod stock;

/// Tables: a name, columns as `a int32, b string!`, and rows as text; `-` is null.
type Tables<'a> = &'a [(&'a str, &'a str, &'a [&'a str])];

fn data_type(name: &str) -> DataType {
    let utc = Some(apitap_build::schema::scalar::UTC.into());
    match name {
        "bool" => DataType::Boolean,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "float64" => DataType::Float64,
        "string" => DataType::Utf8,
        "date" => DataType::Date32,
        "record" => DataType::Struct(schema("x int64!, y string").fields().clone()),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, utc),
        decimal => {
            let digits = decimal.strip_prefix("dec").and_then(|rest| rest.split_once('_')).unwrap();
            DataType::Decimal128(digits.0.parse().unwrap(), digits.1.parse().unwrap())
        }
    }
}

fn schema(columns: &str) -> SchemaRef {
    let field = |column: &str| {
        let (name, ty) = column.trim().split_once(' ').unwrap();
        let nullable = !ty.ends_with('!');
        Field::new(name, data_type(ty.trim_end_matches('!')), nullable)
    };
    Arc::new(Schema::new(columns.split(',').map(field).collect::<Vec<_>>()))
}

fn batch(schema: &SchemaRef, rows: &[&str]) -> RecordBatch {
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let value = |row: &&str| match row.split(',').nth(index).unwrap().trim() {
            "-" => ScalarValue::try_new_null(field.data_type()).unwrap(),
            text => ScalarValue::Utf8(Some(text.to_owned())).cast_to(field.data_type()).unwrap(),
        };
        match rows.is_empty() {
            true => datafusion::arrow::array::new_empty_array(field.data_type()),
            false => ScalarValue::iter_to_array(rows.iter().map(value)).unwrap(),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

/// The rows of a query, each as text, sorted.
fn rows(
    state: SessionState,
    tables: Tables<'_>,
    sql: &str,
) -> Result<Vec<String>, DataFusionError> {
    let context = SessionContext::new_with_state(state);
    for (name, columns, rows) in tables {
        let schema = schema(columns);
        let batch = batch(&schema, rows);
        context.register_batch_as(name, batch);
    }
    let batches = block_on(async {
        let plan = logical_plan(&context.state(), sql).await?;
        context.execute_logical_plan(plan).await?.collect().await
    })?;
    Ok({
        let mut rows = Vec::new();
        for batch in &batches {
            let options = FormatOptions::default().with_null("-");
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<_> =
                    columns.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(cells.join(","));
            }
        }
        rows.sort();
        rows
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

trait Register {
    fn register_batch_as(&self, name: &str, batch: RecordBatch);
}

impl Register for SessionContext {
    fn register_batch_as(&self, name: &str, batch: RecordBatch) {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        let name = datafusion::common::TableReference::bare(name.to_owned());
        self.register_table(name, Arc::new(table)).unwrap();
    }
}

/// A query over tables, and its rows, or what its error contains.
#[track_caller]
fn check(tables: Tables<'_>, sql: &str, expected: Result<&[&str], &str>) {
    let found = rows(session_state(), tables, sql);
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{sql}"),
        (Err(error), Err(expected)) => {
            let said = said(sql, &error);
            assert!(said.contains(expected), "{sql}: {said}");
        }
        (found, expected) => panic!("{sql}: {found:?} instead of {expected:?}"),
    }
}

/// The failure as a user sees it.
fn said(sql: &str, error: &DataFusionError) -> String {
    let DataFusionError::External(inner) = error.find_root() else { return error.to_string() };
    let Some(failure) = inner.downcast_ref::<Failure>() else { return error.to_string() };
    match place(sql, failure) {
        Some(at) => format!(
            "{}:{}: `{}`: {}; {}; {}",
            at.line,
            at.column,
            at.expression,
            failure.why,
            failure.values(),
            at.infallible.unwrap_or_default()
        ),
        None => failure.to_string(),
    }
}
