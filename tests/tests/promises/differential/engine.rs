//! A query → what apitap's check says of it, and its rows, as texts that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use apitap_build::check::query::{self, Planned, Query};
use apitap_build::codes;
use apitap_build::definition::TargetKind;
use apitap_build::diagnostic::{Files, Finding, Place, Severity};
use apitap_build::engine::{self, Failure, Risk};
use apitap_build::schema::arrow;
use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch, new_empty_array};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{DataFusionError, ScalarValue, TableReference};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::SessionContext;

use super::tables::{Kind, Table};

/// What became of a query.
#[derive(Debug)]
pub(super) enum Answer {
    /// The check has an error of that code.
    Refused(String),
    /// An expression could not be computed; whether the check had named it.
    Failed { why: String, named: bool },
    /// Something that must not be.
    Broken(String),
    /// Its rows, sorted.
    Rows(Vec<Vec<String>>),
}

/// What the check says of a query.
pub(super) fn checked(tables: &[Table], sql: &str) -> (Option<Planned>, Vec<Finding>) {
    let schemas: Vec<_> = tables.iter().map(Table::schema).collect();
    let (none, typed) = (BTreeMap::new(), BTreeSet::new());
    let source = |(table, schema): (&Table, _)| {
        let (name, field_places) = (table.name, &none);
        query::Table { name, schema, declared: None, field_places, untyped: &typed }
    };
    let sources: Vec<_> = tables.iter().zip(&schemas).map(source).collect();
    let file = Files::default().add("query.sql", sql);
    query::plan(&Query {
        sql,
        tables: &sources,
        functions: &[],
        place: &|range| Place::text(file, range),
        target: Some(TargetKind::Postgres),
        strict: false,
    })
}

/// Checks a query, and runs it where nothing is wrong with it.
pub(super) fn answer(tables: &[Table], sql: &str) -> Answer {
    let (planned, findings) = checked(tables, sql);
    if let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        return Answer::Refused(format!("{}: {}", error.code, error.message));
    }
    let Some(planned) = planned else { return Answer::Broken("no plan, no error".to_owned()) };
    let batches = match rows(tables, sql) {
        Ok(batches) => batches,
        Err(error) => return failed(tables, sql, &error, &findings),
    };
    for (index, field) in planned.row.fields.iter().enumerate() {
        let has_null = batches.iter().any(|batch| batch.column(index).null_count() > 0);
        if has_null && !field.nullable {
            return Answer::Broken(format!("`{}` is null, and was never to be", field.name));
        }
    }
    Answer::Rows(texts(&batches))
}

/// Whether the check has named the expression that has failed; or `plan`, where it takes values that
/// are far from what APIs send.
fn failed(tables: &[Table], sql: &str, error: &DataFusionError, findings: &[Finding]) -> Answer {
    let failure = match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref::<Failure>(),
        _ => None,
    };
    let Some(failure) = failure else { return Answer::Broken(error.to_string()) };
    let Some(at) = engine::place(sql, failure) else {
        let named = findings.iter().any(|finding| finding.code == codes::CAN_FAIL)
            || risks(tables, sql)
                .iter()
                .any(|risk| risk.expression == failure.operation.to_string());
        return Answer::Failed { why: failure.to_string(), named };
    };
    // The query is one line of ASCII.
    let is_it = |finding: &Finding| match finding.place {
        Place::Text { start, .. } => finding.code == codes::CAN_FAIL && start + 1 == at.column,
        Place::Token(_) => false,
    };
    let why =
        format!("`{}` at {}: {}; {}", at.expression, at.column, failure.why, failure.values());
    let is_remote = |risk: &Risk| {
        let same = risk.place.as_ref().is_some_and(|place| place.column == at.column);
        risk.is_remote && same
    };
    let named = findings.iter().any(is_it) || risks(tables, sql).iter().any(is_remote);
    Answer::Failed { why, named }
}

/// What `plan` says that can fail.
fn risks(tables: &[Table], sql: &str) -> Vec<Risk> {
    let context = context(tables).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let state = context.state();
    let plan = runtime.block_on(engine::logical_plan(&state, sql)).unwrap();
    engine::risks(&state, plan, sql).unwrap()
}

/// A session that has the tables.
fn context(tables: &[Table]) -> Result<SessionContext, DataFusionError> {
    thread_local! {
        static STATE: SessionState = engine::session_state();
    }
    let context = SessionContext::new_with_state(STATE.with(SessionState::clone));
    for table in tables {
        let batch = batch(table, &arrow::schema(&table.schema()));
        let source = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        let name = TableReference::bare(table.name);
        context.deregister_table(name.clone())?;
        context.register_table(name, Arc::new(source))?;
    }
    Ok(context)
}

/// Runs a query over the tables.
fn rows(tables: &[Table], sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
    let context = context(tables)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let plan = engine::logical_plan(&context.state(), sql).await?;
        context.execute_logical_plan(plan).await?.collect().await
    })
}

fn batch(table: &Table, schema: &SchemaRef) -> RecordBatch {
    let column = |(index, field): (usize, &Arc<Field>)| -> ArrayRef {
        let value = |row: &Vec<Option<String>>| match &row[index] {
            None => ScalarValue::try_new_null(field.data_type()).unwrap(),
            Some(text) => ScalarValue::from(text.as_str()).cast_to(field.data_type()).unwrap(),
        };
        match table.rows.is_empty() {
            true => new_empty_array(field.data_type()),
            false => ScalarValue::iter_to_array(table.rows.iter().map(value)).unwrap(),
        }
    };
    let columns = schema.fields().iter().enumerate().map(column).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let cell = |column: &ArrayRef, row: usize| {
            let text = ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string();
            match column.is_null(row) {
                true => "-".to_owned(),
                false => comparable(Kind::of(column.data_type()), &text),
            }
        };
        let row = |row| batch.columns().iter().map(|column| cell(column, row)).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    rows.sort();
    rows
}

/// A value as both engines write it: numbers to twelve digits, times without a space.
pub(super) fn comparable(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Small | Kind::Int | Kind::Float | Kind::Money => match text.parse::<f64>() {
            // There is a negative zero.
            Ok(number) => format!("{:.11e}", number + 0.0),
            Err(_) => text.to_owned(),
        },
        Kind::Time => {
            let text = text.replace(' ', "T").replace("+00", "Z");
            match text.split_once('.') {
                Some((seconds, rest)) => {
                    let fraction = rest.trim_end_matches('Z').trim_end_matches('0');
                    let point = if fraction.is_empty() { "" } else { "." };
                    format!("{seconds}{point}{fraction}Z")
                }
                None => text,
            }
        }
        Kind::Bool | Kind::Text | Kind::Date | Kind::Json => text.to_owned(),
    }
}
