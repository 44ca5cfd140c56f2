//! A parsed statement → DataFusion's plans, against the declared schemas alone.
//!
//! Knows nothing of findings, nor of where the statement was written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, TableReference, plan_err};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{
    AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_coop::EnsureCooperative;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Statement;

use super::probe::Probe;
use super::rehearsal::values;
use crate::definition::Function;
use crate::engine::{self, Failing};
use crate::schema::arrow;

/// The tables that a query may name, and the session that it is planned in.
pub(super) struct Planner {
    state: &'static SessionState,
    tables: BTreeMap<String, Arc<dyn TableSource>>,
    /// Those that are written in Rust.
    functions: BTreeMap<String, Arc<ScalarUDF>>,
    /// A function of our own that says which type its argument has.
    pub(super) probe: Probe,
    /// Which made-up records the tables have.
    variant: Arc<AtomicUsize>,
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
    /// What can be run over made-up records.
    pub(super) physical: Arc<dyn ExecutionPlan>,
}

impl Planner {
    /// A planner that knows these tables and functions.
    pub(super) fn new<'a>(
        tables: impl IntoIterator<Item = (String, SchemaRef)>,
        functions: impl IntoIterator<Item = &'a Function>,
    ) -> Self {
        let variant = Arc::new(AtomicUsize::new(0));
        let source = |schema: SchemaRef| {
            let records = Records { schema: Arc::clone(&schema), variant: Arc::clone(&variant) };
            let table = StreamingTable::try_new(schema, vec![Arc::new(records)]).ok()?;
            Some(provider_as_source(Arc::new(table)))
        };
        let tables = tables.into_iter().filter_map(|(name, schema)| Some((name, source(schema)?)));
        let tables = tables.collect();
        let functions = functions.into_iter().map(|function| {
            let stands_in = engine::function(function, Some(stands_in(function)));
            (function.name.clone(), Arc::new(stands_in))
        });
        let functions = functions.collect();
        Self { state: session(), tables, functions, probe: Probe::default(), variant }
    }

    /// Says which made-up records the tables have from now on.
    pub(super) fn choose(&self, variant: usize) {
        self.variant.store(variant, Ordering::Relaxed);
    }

    /// Plans to the end, as the runtime will: what this accepts can run.
    pub(super) fn plan(&self, statement: Statement) -> Result<Plan> {
        let named = self.named(statement)?;
        let analyzed = self.agreed(named.clone())?;
        let optimized = self.state.optimizer().optimize(analyzed.clone(), self.state, |_, _| {})?;
        let planner = self.state.query_planner();
        let physical = planner.create_physical_plan(&optimized, self.state);
        let physical = futures::executor::block_on(physical)?;
        Ok(Plan { named, analyzed, optimized, physical })
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

/// Two made-up records.
#[derive(Debug)]
struct Records {
    schema: SchemaRef,
    variant: Arc<AtomicUsize>,
}

impl PartitionStream for Records {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let records = values::records(&self.schema, self.variant.load(Ordering::Relaxed));
        let stream = futures::stream::iter([records]);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream))
    }
}

/// What a function that is written in Rust yields while a query is tried out.
fn stands_in(function: &Function) -> engine::Body {
    let ty = arrow::data_type(&function.returns.ty);
    Arc::new(move |_arguments: &[ArrayRef], rows| {
        if rows == 0 {
            return Ok(new_empty_array(&ty));
        }
        values::plain_of(&ty)?.to_array_of_size(rows)
    })
}

/// Building the list of functions takes longer than planning a query.
///
/// Of the physical plan it only matters that it can be run: making it fast is left to the runtime,
/// and would take as long as all the rest.
pub(super) fn session() -> &'static SessionState {
    static SESSION: OnceLock<SessionState> = OnceLock::new();
    SESSION.get_or_init(|| {
        let mut config = engine::session_config();
        // Another pass could only find that still less is read; a run makes it.
        config.options_mut().optimizer.max_passes = 1;
        let rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> =
            vec![Arc::new(EnsureRequirements::new()), Arc::new(EnsureCooperative::new())];
        // `now()` is a constant of each run: here it is always the same.
        let now = values::now().unwrap_or_default();
        let props = ExecutionProps::new().with_query_execution_start_time(now);
        let session = engine::session_where(Failing::StandsIn).with_config(config);
        session.with_physical_optimizer_rules(rules).with_execution_props(props).build()
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
