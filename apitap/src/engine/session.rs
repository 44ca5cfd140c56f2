//! The engine's session, built once for the process → one for each query, with its own tables.
//!
//! Functions, the rules of the optimizer and the configuration are shared. They are those that the
//! compiler plans with ([`apitap_build::engine`]), so that what it has planned is what runs.

use std::sync::{Arc, LazyLock};

use apitap_build::engine;
use chrono::{DateTime, Utc};
use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList as _, MemoryCatalogProvider,
    MemoryCatalogProviderList, MemorySchemaProvider, SchemaProvider as _, TableProvider,
};
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;

use super::limits::Limits;
use super::query;
use crate::Result;
use crate::source::table::Reading;

/// What the queries of one run share: memory, beyond which they spill, and temporary files.
///
/// # Errors
/// There is no folder for temporary files.
pub(crate) fn memory(limits: &Limits) -> Result<Arc<RuntimeEnv>> {
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.query)))
        .build_arc()
        .map_err(|cause| query::error(&cause))
}

/// A session over these tables, which tells them how it reads; `now` is what `now()` is.
pub(super) fn of(
    tables: impl IntoIterator<Item = (String, Arc<dyn TableProvider>)>,
    reading: &Arc<Reading>,
    now: DateTime<Utc>,
) -> Result<SessionState, DataFusionError> {
    /// Building the list of functions takes longer than planning a query.
    static SHARED: LazyLock<SessionState> = LazyLock::new(engine::session_state);
    let mut state = SHARED.clone();
    let schema = MemorySchemaProvider::new();
    for (name, table) in tables {
        schema.register_table(name, table)?;
    }
    let names = &state.config_options().catalog;
    let (catalog_name, schema_name) = (names.default_catalog.clone(), names.default_schema.clone());
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(&schema_name, Arc::new(schema))?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(catalog_name, Arc::new(catalog));
    state.register_catalog_list(Arc::new(catalogs));
    state.config_mut().set_extension(Arc::clone(reading));
    state.mark_start_execution();
    state.execution_props_mut().query_execution_start_time = Some(now);
    Ok(state)
}
