//! A checked query over its sources → Arrow batches of exactly the definition's row.
//!
//! Nothing here knows HTTP or a database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use apitap_build::definition::{Definition, Source, Transform};
use apitap_build::engine::{self, Risk};
use apitap_build::schema::arrow;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{FunctionRegistry as _, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream_partitioned};
use futures::{Stream, StreamExt as _};

use super::failed::{self, Failed};
use super::in_part;
use super::limits::{Limits, Memory};
use super::pushdown::Narrowed;
use super::session;
use crate::map::{Description, MapCall, Records};
use crate::pipeline::Linked;
use crate::source::table::{Drift, Reading, SourceTable};
use crate::{Error, Result};

/// What a query is planned with.
pub(crate) struct Wanted<'a> {
    pub(crate) memory: &'a Arc<RuntimeEnv>,
    pub(crate) limits: &'a Limits,
    /// What its sources are asked for.
    pub(crate) narrowed: &'a BTreeMap<String, Narrowed>,
    /// `now()`.
    pub(crate) now: DateTime<Utc>,
    /// Whether only its first rows are wanted.
    pub(crate) limited: bool,
}

/// A query that is ready to run.
pub(crate) struct Query {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    row: SchemaRef,
    /// What says why an expression has failed.
    failed: Failed,
    /// What makes rows of records, where the plan only reads them.
    map: Option<(MapCall, Arc<Description>)>,
    /// The number of the next record that is mapped.
    mapped: Arc<AtomicU64>,
    /// How it reads its sources.
    pub(crate) reading: Arc<Reading>,
}

impl Query {
    /// Plans the query of a pipeline whose sources all have a schema, which `definition` says.
    ///
    /// # Errors
    /// The engine refuses the query, which it accepted when it was checked.
    pub(crate) async fn plan(
        linked: &Linked,
        definition: &Definition,
        wanted: &Wanted<'_>,
        drift: &Arc<Drift>,
    ) -> Result<Self> {
        let Wanted { memory, limits, .. } = *wanted;
        let row =
            definition.row.as_ref().ok_or_else(|| Error::config("the columns are not known"))?;
        let reading = Arc::new(Reading::new(limits, definition.sources.iter(), drift));
        let session = session_of(linked, definition, &reading, wanted.now, |source| {
            let narrowed = wanted.narrowed.get(&source.name);
            let sent = narrowed.map(|narrowed| narrowed.sent.clone()).unwrap_or_default();
            SourceTable::new(source.clone()).asked(sent)
        })?;
        let (logical, map) = match &definition.transform {
            Transform::Sql(sql) => (engine::logical_plan(&session, sql).await, None),
            Transform::Map(map) => {
                let source = definition.sources.first().cloned();
                let source = source.ok_or_else(|| Error::config("the map reads no source"))?;
                let call = linked.mapping(&map.name)?;
                let (name, row) = (map.name.clone(), row.clone());
                let described =
                    Description { name, source: source.name.clone(), row, batch: limits.batch };
                (records(source), Some((call, Arc::new(described))))
            }
        };
        let logical = logical.map_err(|cause| error(&cause))?;
        let plan = session.create_physical_plan(&logical).await.map_err(|cause| error(&cause))?;
        let plan = failed::observed(plan, &reading).map_err(|cause| error(&cause))?;
        in_part::note(&plan, wanted.limited, &reading);
        if is_recursive(&plan) {
            reading.plan_scans_again();
        }
        let context = TaskContext::from(&session).with_runtime(Arc::clone(memory));
        let context = Arc::new(context);
        let failed = Failed {
            sql: definition.sql().unwrap_or_default().into(),
            plan: Arc::clone(&plan),
            context: Arc::clone(&context),
            reading: Arc::clone(&reading),
            limits: *limits,
        };
        let (row, mapped) = (arrow::schema(row), Arc::new(AtomicU64::new(1)));
        Ok(Self { plan, context, row, failed, map, mapped, reading })
    }

    /// What the engine does, a step a line, the last one first.
    pub(crate) fn explained(&self) -> String {
        displayable(self.plan.as_ref()).indent(false).to_string()
    }

    /// Whether each record makes its rows alone, so that it can be run over a part of them at a time.
    pub(crate) fn is_by_record(&self) -> bool {
        failed::is_by_record(&self.plan)
    }

    /// Runs it, over all records or the next part of them: batches of the definition's row, in the order in which the query yields them.
    ///
    /// # Errors
    /// Each item is an error of the fetch, of a record, or of the query itself.
    pub(crate) fn stream(&self) -> Result<impl Stream<Item = Result<RecordBatch>> + use<>> {
        // A UNION has a partition for each side. One after the other, so that rows come in the
        // order of the query and "the last row of a key" means something.
        let partitions =
            execute_stream_partitioned(Arc::clone(&self.plan), Arc::clone(&self.context))
                .map_err(|cause| error(&cause))?;
        let batches = futures::stream::iter(partitions).flatten();
        let (row, failed) = (Arc::clone(&self.row), self.failed.clone());
        let batches = batches.then(move |batch| {
            let failed = batch.is_err().then(|| failed.clone());
            async move {
                match (batch, failed) {
                    (Err(cause), Some(failed)) => Err(failed.error(&cause).await),
                    (batch, _) => batch.map_err(|cause| error(&cause)),
                }
            }
        });
        let rows = match self.map.clone() {
            Some((call, map)) => mapped(batches, call, map, Arc::clone(&self.mapped)).left_stream(),
            None => batches.right_stream(),
        };
        Ok(rows.map(move |batch| batch.and_then(|batch| align(&batch, &row))))
    }
}

/// A session with the sources of a pipeline, as these tables, and its functions; `now` is what `now()` is.
pub(super) fn session_of(
    linked: &Linked,
    definition: &Definition,
    reading: &Arc<Reading>,
    now: DateTime<Utc>,
    table: impl Fn(&Source) -> SourceTable,
) -> Result<SessionState> {
    let tables = definition.sources.iter().map(|source| {
        let table: Arc<dyn TableProvider> = Arc::new(table(source));
        (source.name.clone(), table)
    });
    let mut session = session::of(tables, reading, now).map_err(|cause| error(&cause))?;
    for body in linked.bodies(definition)? {
        session.register_udf(Arc::new(body)).map_err(|cause| error(&cause))?;
    }
    Ok(session)
}

/// The expressions of a pipeline's query that can fail in a run; a map has none.
///
/// # Errors
/// The engine refuses the query, which it accepted when it was checked.
pub(crate) async fn risks(linked: &Linked, definition: &Definition) -> Result<Vec<Risk>> {
    let Some(sql) = definition.sql() else { return Ok(Vec::new()) };
    let limits = Limits::of(Memory::default(), 1);
    let drift = Arc::default();
    let reading = Arc::new(Reading::new(&limits, definition.sources.iter(), &drift));
    let table = |source: &Source| SourceTable::new(source.clone());
    let session = session_of(linked, definition, &reading, Utc::now(), table)?;
    let plan = engine::logical_plan(&session, sql).await.map_err(|cause| error(&cause))?;
    engine::risks(&session, plan, sql).map_err(|cause| error(&cause))
}

/// A plan that reads all records of a source.
fn records(source: Source) -> Result<LogicalPlan, DataFusionError> {
    let name = TableReference::bare(source.name.clone());
    let table = provider_as_source(Arc::new(SourceTable::new(source)));
    LogicalPlanBuilder::scan(name, table, None)?.build()
}

/// Batches of records → batches of rows; how many records came before is known to each.
fn mapped(
    records: impl Stream<Item = Result<RecordBatch>>,
    call: MapCall,
    map: Arc<Description>,
    next: Arc<AtomicU64>,
) -> impl Stream<Item = Result<RecordBatch>> {
    records.flat_map(move |batch| match batch {
        Ok(batch) => {
            let first = next.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            let records = Records { batch, first, map: Arc::clone(&map) };
            futures::stream::iter(call(records)).left_stream()
        }
        Err(error) => futures::stream::once(std::future::ready(Err(error))).right_stream(),
    })
}

/// Whether a part of the plan is executed again and again, and its scans with it.
fn is_recursive(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.name() == "RecursiveQueryExec" || plan.children().into_iter().any(is_recursive)
}

/// The query's columns as those of the row, which may be of wider types.
fn align(batch: &RecordBatch, row: &SchemaRef) -> Result<RecordBatch> {
    let columns = row
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if column.null_count() > 0 && !field.is_nullable() {
                let message =
                    format!("the query yields null for `{}`, which cannot be", field.name());
                return Err(Error::query(message).help(
                    "the column was checked to be never null: please report this with the query",
                ));
            }
            exactly(column, field)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options =
        datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(row), columns, &options).map_err(|cause| {
        Error::query("the query yields other columns than planned").caused_by(cause)
    })
}

/// The column in the field's type; a value that does not fit is an error.
fn exactly(column: &ArrayRef, field: &datafusion::arrow::datatypes::Field) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, field.data_type(), &strict).map_err(|cause| {
        Error::query(format!("a value of `{}` does not fit the column's type", field.name()))
            .caused_by(cause)
            .help("cast it in the query to a type that holds it")
    })
}

/// An error of the engine: ours where it began with us, else what the engine says.
pub(crate) fn error(cause: &DataFusionError) -> Error {
    let root = cause.find_root();
    if let DataFusionError::External(inner) = root
        && let Some(ours) = inner.downcast_ref::<Error>()
    {
        return ours.clone();
    }
    let error = Error::query(format!("the query failed: {}", root.strip_backtrace()));
    match root {
        DataFusionError::ResourcesExhausted(_) => error.help(
            "filter the larger side of a join first, or select fewer columns; `--memory` gives a \
             run more, of which the queries have half",
        ),
        _ => error.help("look at the values that the query computes with"),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, UInt64Array};
    use datafusion::arrow::datatypes::{DataType, Field, Schema as ArrowSchema};

    use super::*;

    fn check(column: ArrayRef, nullable: bool, expected: Result<ArrayRef, &str>) {
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let row = Arc::new(ArrowSchema::new(vec![Field::new("n", DataType::Int64, nullable)]));
        match (align(&batch, &row), expected) {
            (Ok(batch), Ok(expected)) => assert_eq!(batch.column(0), &expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_value_that_does_not_fit_the_row_is_an_error() {
        let wide = |value| Arc::new(UInt64Array::from(vec![value])) as ArrayRef;
        check(wide(7), false, Ok(Arc::new(Int64Array::from(vec![7]))));
        check(wide(u64::MAX), false, Err("a value of `n` does not fit the column's type"));
        let null = Arc::new(Int64Array::from(vec![None])) as ArrayRef;
        check(Arc::clone(&null), false, Err("the query yields null for `n`"));
        check(Arc::clone(&null), true, Ok(null));
    }
}
