//! An expression that has failed in a run → an error that says which, where it stands in the query, on
//! what values, and on which record of which request.
//!
//! The record is found by computing again. The batches that the query is at are kept, and the part of
//! the plan that looks at one record at a time runs over ever smaller pieces of them. So a run that
//! goes well does nothing for it. Where the records have been joined or aggregated before, there is no
//! one record, and none is named.

use std::collections::HashMap;
use std::sync::Arc;

use apitap_build::engine::{self, Failure, Operation};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt as _;

use super::limits::Limits;
use super::query;
use crate::Error;
use crate::source::table::{Reading, Sent};

/// The steps of a plan that look at one record at a time, and pass it on at once.
const BY_RECORD: [&str; 4] = ["FilterExec", "ProjectionExec", "UnnestExec", "CooperativeExec"];

/// The same plan, made so that the record can be found on which one of its expressions fails.
///
/// # Errors
/// The engine's.
pub(super) fn observed(
    plan: Arc<dyn ExecutionPlan>,
    reading: &Reading,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !engine::has_guards(&plan)? {
        return Ok(plan);
    }
    reading.keep_batches();
    // A filter gathers the rows of many batches: what comes after it would look at records that are
    // no longer kept.
    plan.transform_up(|node| match node.downcast_ref::<FilterExec>() {
        Some(filter) => {
            let filter = FilterExecBuilder::from(filter).with_batch_size(1).build()?;
            Ok(Transformed::yes(Arc::new(filter) as Arc<dyn ExecutionPlan>))
        }
        None => Ok(Transformed::no(node)),
    })
    .map(|plan| plan.data)
}

/// What is needed to say why a query has failed.
#[derive(Clone)]
pub(super) struct Failed {
    /// The query as written; empty for a map.
    pub(super) sql: Arc<str>,
    pub(super) plan: Arc<dyn ExecutionPlan>,
    pub(super) context: Arc<TaskContext>,
    pub(super) reading: Arc<Reading>,
    pub(super) limits: Limits,
}

impl Failed {
    /// The error of a run whose query has failed.
    pub(super) async fn error(&self, cause: &DataFusionError) -> Error {
        let Some(failure) = failure(cause) else { return query::error(cause) };
        let error = described(&self.sql, failure);
        match self.record(failure).await {
            Some((request, record)) => error.in_request(&request).at_record(record),
            None => error,
        }
    }

    /// The context of this run, with something else to read.
    fn context_of(&self, reading: Reading) -> Arc<TaskContext> {
        let config = self.context.session_config().clone().with_extension(Arc::new(reading));
        Arc::new(TaskContext::new(
            None,
            self.context.session_id(),
            config,
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            self.context.runtime_env(),
        ))
    }

    /// The request and the number of the record that an expression has failed on.
    async fn record(&self, failure: &Failure) -> Option<(String, u64)> {
        // No record alone is to blame for what all of them come to.
        if matches!(failure.operation, Operation::Total(_)) {
            return None;
        }
        let mut parts = Vec::new();
        by_record(&self.plan, &mut parts);
        for (source, batches) in self.reading.sent() {
            for part in &parts {
                let again = Again { part, source, failure, of: self };
                if let Some(found) = again.in_any(&batches).await {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// The parts of a plan that read one source record by record, each with the step that comes next.
fn by_record(plan: &Arc<dyn ExecutionPlan>, parts: &mut Vec<Arc<dyn ExecutionPlan>>) {
    let mut node = plan;
    while let [input] = node.children().as_slice() {
        if is_by_record(input) {
            parts.push(Arc::clone(node));
            return;
        }
        node = *input;
    }
    node.children().into_iter().for_each(|input| match is_by_record(input) {
        true => parts.push(Arc::clone(input)),
        false => by_record(input, parts),
    });
}

/// Whether a plan reads one source, record by record.
pub(super) fn is_by_record(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.children().as_slice() {
        [] => plan.name() == "StreamingTableExec",
        [input] => BY_RECORD.contains(&plan.name()) && is_by_record(input),
        _ => false,
    }
}

/// A part of a plan, to be run again over a few records of a source.
struct Again<'a> {
    part: &'a Arc<dyn ExecutionPlan>,
    source: &'a str,
    failure: &'a Failure,
    of: &'a Failed,
}

impl Again<'_> {
    /// The request and the number of the first record in these on which the same expression fails.
    async fn in_any(&self, batches: &[Sent]) -> Option<(String, u64)> {
        for sent in batches {
            if let Some(row) = self.first(&sent.batch).await {
                return sent.origin(row).map(|(request, record)| (request.to_owned(), record));
            }
        }
        None
    }

    /// The first row of a batch on which the same expression fails.
    async fn first(&self, batch: &RecordBatch) -> Option<usize> {
        let (mut start, mut rows) = (0, batch.num_rows());
        if !self.fails(batch.clone()).await {
            return None;
        }
        while rows > 1 {
            let half = rows / 2;
            if self.fails(batch.slice(start, half)).await {
                rows = half;
            } else {
                (start, rows) = (start + half, rows - half);
            }
        }
        Some(start)
    }

    /// Whether the same expression fails on these; what cannot be run again does not.
    async fn fails(&self, records: RecordBatch) -> bool {
        let reading = Reading::of_part(&self.of.limits, self.source, records);
        let part = reset_plan_states(Arc::clone(self.part));
        let context = self.of.context_of(reading);
        let Ok(mut rows) = part.and_then(|part| execute_stream(part, context)) else {
            return false;
        };
        while let Some(batch) = rows.next().await {
            if let Err(cause) = batch {
                return failure(&cause).is_some_and(|found| found.is_of_same(self.failure));
            }
        }
        false
    }
}

/// What is known of the expression that has failed, if one has.
fn failure(cause: &DataFusionError) -> Option<&Failure> {
    match cause.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref(),
        _ => None,
    }
}

/// Which expression has failed, where it stands and on what.
fn described(sql: &str, failure: &Failure) -> Error {
    let values = match failure.values() {
        values if values.is_empty() => values,
        values => format!("; {values}"),
    };
    let Some(place) = engine::place(sql, failure) else {
        return Error::query(format!("{failure}"))
            .help("look at the values that the query computes with");
    };
    let engine::Place { expression, line, column, infallible } = place;
    let message = format!(
        "`{expression}` (line {line}, column {column} of the query) cannot be computed: {}{values}",
        failure.why
    );
    let error = Error::query(message);
    if let Operation::Total(name) = failure.operation {
        return error
            .help(format!("add up a type of more digits: `{name}(CAST(… AS DECIMAL(38, 0)))`"));
    }
    match infallible {
        Some(form) => error.help(format!("write `{form}`, or leave such rows out with WHERE")),
        None => error.help("leave such rows out with WHERE, or compute it in a CASE"),
    }
}
