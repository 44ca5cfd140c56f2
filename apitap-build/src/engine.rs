//! How queries are planned: one configuration and one list of functions, for the compiler and for
//! the runtime, so that what builds also runs.
//!
//! Knows nothing of sources and targets: whoever plans brings the tables.

mod bounds;
pub(crate) mod canonical;
mod conditions;
mod corrections;
mod date_bin;
mod dialect;
mod failure;
mod fallible;
mod fetch_first;
mod function;
mod grouping;
mod guard;
mod guards;
mod json;
mod literals;
mod locate;
mod numbers;
mod outer_fields;
mod ranges;
mod risks;
mod steps;
mod sums;
mod time;
mod types;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, LogicalPlan, ScalarUDF};
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::optimizer::{AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;

pub use bounds::CALL;
pub use corrections::{CORRECTIONS, Correction, Remedy};
pub use dialect::Sql;
pub use failure::{Failure, sentence};
pub use fallible::Fallible;
#[cfg(feature = "compiler")]
pub(crate) use fetch_first::as_limit;
pub use function::{Body, declared, function, takes, takes_literal};
pub use guard::{Failing, Guard, Operation, Written, result_type};
pub use guards::{guard_of, has_guards};
pub use locate::{Located, Place, parse, place};
#[cfg(feature = "compiler")]
pub(crate) use locate::{locate, only_one};
#[cfg(feature = "compiler")]
pub(crate) use outer_fields::with_outer_fields;
#[cfg(feature = "compiler")]
pub(crate) use risks::varies;
pub use risks::{Guarded, Risk, Why, guards, instead, risks};
pub use steps::{each_expression, each_step};

/// Bytes that a run may keep in memory, unless `--memory` says otherwise.
pub const MEMORY: usize = 256 << 20;

/// The part of its memory that all queries of a run share.
pub const fn query_memory(memory: usize) -> usize {
    memory / 2
}

/// Rows in a batch.
pub const BATCH_ROWS: usize = 8192;

/// The configuration that queries are planned and run with.
///
/// Identifiers keep their case, spans of the SQL are kept, time is UTC, and a query runs in one
/// partition: a run has many pipelines, and their rows arrive in the order of the pages.
pub fn session_config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(true);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.time_zone = Some(crate::schema::scalar::UTC.to_owned());
    config
}

/// A session with [`session_config`] and the functions that queries may call, and no tables.
///
/// The runtime adds its memory budget and its tables; table functions and file formats are left
/// out, for a query reads its sources and nothing else.
pub fn session() -> SessionStateBuilder {
    session_where(Failing::Fails)
}

/// The session of [`session`], built.
pub fn session_state() -> SessionState {
    session().build()
}

/// The plan of a query, its names looked up in the session's tables.
///
/// # Errors
/// The engine's: what the compiler has checked is refused for what is not in the session only.
pub async fn logical_plan(state: &SessionState, sql: &str) -> Result<LogicalPlan> {
    let statement = Statement::Statement(Box::new(parse(sql)?));
    state.statement_to_plan(statement).await
}

/// The session of [`session`], with what is to happen to a value that cannot be computed.
pub fn session_where(failing: Failing) -> SessionStateBuilder {
    SessionStateBuilder::new()
        .with_config(session_config())
        .with_analyzer_rules(analyzer_rules(failing))
        .with_optimizer_rules(optimizer_rules())
        .with_expr_planners(expr_planners())
        .with_scalar_functions(scalar_functions())
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
}

fn analyzer_rules(failing: Failing) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![
        Arc::new(time::Microseconds),
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(grouping::GroupingSets),
        Arc::new(literals::Literals),
        Arc::new(numbers::Numbers),
        Arc::new(TypeCoercion::new()),
        // Where types differ the engine agrees on nanoseconds.
        Arc::new(time::Microseconds),
        Arc::new(guards::Guards { failing }),
    ]
}

/// The engine's rules but those that [`CORRECTIONS`] leaves out, and ours.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.retain(|rule| corrections::is_kept(rule.name()));
    // What is computed twice is computed below the conditions of a filter.
    let common = rules.iter().position(|rule| rule.name() == "common_sub_expression_eliminate");
    rules.insert(common.unwrap_or(rules.len()), Arc::new(guards::FilterGuards));
    rules.push(Arc::new(guards::FilterGuards));
    rules
}

/// What operators mean that have no types of the engine.
fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners: Vec<Arc<dyn ExprPlanner>> =
        vec![Arc::new(json::Operators), Arc::new(numbers::Exponents)];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}

/// The engine's functions, ours in the place of some, and those of JSON.
fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let theirs = SessionStateDefaults::default_scalar_functions();
    let ours = |function| time::function(&function).map_or(function, Arc::new);
    theirs.into_iter().map(ours).chain(json::functions()).collect()
}

fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let theirs = SessionStateDefaults::default_aggregate_functions();
    let ours = |function| sums::function(&function).map_or(function, Arc::new);
    theirs.into_iter().map(ours).collect()
}
