//! How queries are planned: one configuration and one list of functions, for the compiler and for
//! the runtime, so that what builds also runs.
//!
//! Knows nothing of sources and targets: whoever plans brings the tables.

mod function;

use datafusion::execution::SessionStateDefaults;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

pub use function::{Body, declared, function, takes, takes_literal};

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
    options.execution.time_zone = Some(crate::schema::scalar::UTC.to_owned());
    config
}

/// A session with [`session_config`] and the functions that queries may call, and no tables.
///
/// The runtime adds its memory budget and its tables; table functions and file formats are left
/// out, for a query reads its sources and nothing else.
pub fn session() -> SessionStateBuilder {
    SessionStateBuilder::new()
        .with_config(session_config())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
}

/// The session of [`session`], built.
pub fn session_state() -> SessionState {
    session().build()
}
