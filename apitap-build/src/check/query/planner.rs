//! A parsed statement → DataFusion's plans, against the declared schemas alone.
//!
//! Knows nothing of findings, nor of where the statement was written.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, TableReference, plan_err};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{
    AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Statement;

use super::probe::Probe;
use crate::definition::Function;
use crate::engine;

/// The tables that a query may name, and the session that it is planned in.
pub(super) struct Planner {
    state: &'static SessionState,
    tables: BTreeMap<String, Arc<dyn TableSource>>,
    /// Those that are written in Rust.
    functions: BTreeMap<String, Arc<ScalarUDF>>,
    /// A function of our own that says which type its argument has.
    pub(super) probe: Probe,
}

/// A query, planned.
#[derive(Debug)]
pub(super) struct Plan {
    /// Names resolved, types as they were written.
    pub(super) named: LogicalPlan,
    /// Names resolved and types agreed on.
    pub(super) analyzed: LogicalPlan,
    /// Rewritten: what is read of each table is as little as can be.
    pub(super) optimized: LogicalPlan,
}

impl Planner {
    /// A planner that knows these tables and functions.
    pub(super) fn new<'a>(
        tables: impl IntoIterator<Item = (String, SchemaRef)>,
        functions: impl IntoIterator<Item = &'a Function>,
    ) -> Self {
        let source = |schema| provider_as_source(Arc::new(EmptyTable::new(schema)));
        let tables = tables.into_iter().map(|(name, schema)| (name, source(schema))).collect();
        let functions = functions
            .into_iter()
            .map(|function| (function.name.clone(), Arc::new(engine::function(function, None))));
        let functions = functions.collect();
        Self { state: session(), tables, functions, probe: Probe::default() }
    }

    /// Plans to the end, as the runtime will: what this accepts can run.
    pub(super) fn plan(&self, statement: Statement) -> Result<Plan> {
        let named = self.named(statement)?;
        let analyzed = self.agreed(named.clone())?;
        let optimized = self.state.optimizer().optimize(analyzed.clone(), self.state, |_, _| {})?;
        let planner = self.state.query_planner();
        futures::executor::block_on(planner.create_physical_plan(&optimized, self.state))?;
        Ok(Plan { named, analyzed, optimized })
    }

    /// Plans as far as names are concerned: types are as they were written.
    pub(super) fn named(&self, statement: Statement) -> Result<LogicalPlan> {
        let options = ParserOptions::from(&self.state.config_options().sql_parser);
        SqlToRel::new_with_options(self, options).sql_statement_to_plan(statement)
    }

    /// Plans as far as names and types are concerned.
    pub(super) fn analyze(&self, statement: Statement) -> Result<LogicalPlan> {
        self.agreed(self.named(statement)?)
    }

    fn agreed(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        self.state.analyzer().execute_and_check(plan, self.state.config_options(), |_, _| {})
    }

    /// Whether this is the name of an aggregate function, in any case.
    pub(super) fn is_aggregate(&self, name: &str) -> bool {
        self.state.aggregate_functions().contains_key(&name.to_lowercase())
    }

    /// The names of the function that is called so.
    pub(super) fn same_function(&self, name: &str) -> Vec<String> {
        let names = |name: &str, aliases: &[String]| {
            std::iter::once(name.to_owned()).chain(aliases.iter().cloned()).collect()
        };
        let scalar = self.state.scalar_functions().get(name);
        let aggregate = self.state.aggregate_functions().get(name);
        scalar
            .map(|function| names(function.name(), function.aliases()))
            .or_else(|| aggregate.map(|function| names(function.name(), function.aliases())))
            .unwrap_or_default()
    }

    /// All functions that a query can call.
    pub(super) fn functions(&self) -> Vec<String> {
        let mut names = self.udf_names();
        names.extend(self.udaf_names());
        names.extend(self.udwf_names());
        names.extend(self.higher_order_function_names());
        names.sort();
        names.dedup();
        names
    }
}

/// Building the list of functions takes longer than planning a query.
///
/// Of the physical plan it only matters that there is one: making it fast is left to the runtime,
/// and would take as long as all the rest.
pub(super) fn session() -> &'static SessionState {
    static SESSION: OnceLock<SessionState> = OnceLock::new();
    SESSION.get_or_init(|| {
        let mut config = engine::session_config();
        // Another pass could only find that still less is read; a run makes it.
        config.options_mut().optimizer.max_passes = 1;
        engine::session().with_config(config).with_physical_optimizer_rules(Vec::new()).build()
    })
}

impl ContextProvider for Planner {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let TableReference::Bare { table } = &name else {
            return plan_err!("table '{name}' not found");
        };
        match self.tables.get(table.as_ref()) {
            Some(source) => Ok(Arc::clone(source)),
            None => plan_err!("table '{name}' not found"),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.probe
            .function(name)
            .or_else(|| self.functions.get(name).cloned())
            .or_else(|| self.state.scalar_functions().get(name).cloned())
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.functions.keys().chain(self.state.scalar_functions().keys()).cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}

/// The error that says what is wrong, without the wrappers that say where it came up.
pub(super) fn innermost(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            innermost(inner)
        }
        DataFusionError::Shared(inner) => innermost(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, innermost),
        other => other,
    }
}
