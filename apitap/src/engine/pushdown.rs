//! A query and its sources → what each source is asked for, by the conditions of its WHERE.
//!
//! The query is planned once more for it, as it will be in the run: with the same `now()`, so that its
//! conditions are the same. Where it reads a source several times, only what all of those ask for is
//! sent, since they share its pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use apitap_build::definition::{Definition, Source, Transform};
use apitap_build::engine;
use chrono::{DateTime, Utc};
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use futures::FutureExt as _;

use super::limits::Limits;
use super::query;
use crate::pipeline::Linked;
use crate::source::filters::{Condition, Parameter, Stretch};
use crate::source::table::{Reading, SourceTable};

/// What a source is asked for besides what it says itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Narrowed {
    /// Query parameters, each once.
    pub(crate) sent: Vec<Parameter>,
    /// Which records of an incremental source are wanted.
    pub(crate) wanted: Stretch,
}

/// What the sources of a pipeline are asked for, by their names; those that nothing is known of are not
/// there. `now` is that of the run.
pub(crate) fn of(
    linked: &Linked,
    definition: &Definition,
    limits: &Limits,
    now: DateTime<Utc>,
) -> BTreeMap<String, Narrowed> {
    let (Some(_), Transform::Sql(sql)) = (&definition.row, &definition.transform) else {
        return BTreeMap::new();
    };
    if !definition.sources.iter().any(is_narrowed) {
        return BTreeMap::new();
    }
    // What cannot be planned is said where it is planned to be run.
    let Some(plan) = optimized(linked, definition, sql, limits, now) else {
        return BTreeMap::new();
    };
    let mut found: BTreeMap<String, Narrowed> = BTreeMap::new();
    engine::each_step(&plan, |step| {
        if let LogicalPlan::TableScan(scan) = step
            && let Some(source) = source_of(definition, scan)
        {
            let narrowed = narrowed(source, &scan.filters);
            match found.get_mut(&source.name) {
                Some(known) => known.keep(&narrowed),
                None => drop(found.insert(source.name.clone(), narrowed)),
            }
        }
    });
    found
}

/// Whether conditions matter to the requests of a source.
fn is_narrowed(source: &Source) -> bool {
    !source.filters.is_empty() || source.incremental.is_some()
}

fn optimized(
    linked: &Linked,
    definition: &Definition,
    sql: &str,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Option<LogicalPlan> {
    let reading = Reading::new(limits, definition.sources.iter(), &Arc::default());
    let table = |source: &Source| SourceTable::offering(source.clone());
    let session = query::session_of(linked, definition, &Arc::new(reading), now, table).ok()?;
    // Nothing in it waits: the tables are there.
    let plan = engine::logical_plan(&session, sql).now_or_never()?.ok()?;
    session.optimize(&plan).ok()
}

fn source_of<'d>(definition: &'d Definition, scan: &TableScan) -> Option<&'d Source> {
    definition.sources.iter().find(|source| source.name == scan.table_name.table())
}

fn narrowed(source: &Source, filters: &[Expr]) -> Narrowed {
    let mut narrowed = Narrowed::default();
    // The addresses of files are asked for as they are.
    let has_params = source.job.as_ref().is_none_or(|job| job.download.is_none());
    for condition in filters.iter().filter_map(Condition::of) {
        if let Some(incremental) = &source.incremental {
            narrowed.wanted = narrowed.wanted.and(condition.wanted(incremental));
        }
        for sent in condition.sent(source).filter(|_| has_params) {
            // Of two values the first is sent: both conditions hold for what comes.
            if narrowed.sent.iter().all(|known| known.param != sent.param) {
                narrowed.sent.push(sent);
            }
        }
    }
    narrowed
}

impl Narrowed {
    /// The parameters and their values.
    pub(crate) fn params(self) -> Vec<(String, String)> {
        self.sent.into_iter().map(|sent| (sent.param, sent.value)).collect()
    }

    /// Keeps what another reading of the source asks for, too.
    fn keep(&mut self, other: &Self) {
        self.sent.retain(|sent| other.sent.contains(sent));
        self.wanted = self.wanted.or(other.wanted);
    }
}
