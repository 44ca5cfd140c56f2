//! A planned query is tried out: what would fail for every record is an error of the query.
//!
//! Each expression that can fail is computed alone, from its constants and from many values of the
//! other operands' types: one that fails on all of them is wrong. Then the whole query runs over two
//! made-up records of each source, one with null wherever that may be. Where an expression fails on
//! these values only, another value stands in for its result ([`Failing::StandsIn`]). Nothing here
//! reads a file, a clock or the network.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContextOfFuture, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, JoinType, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl,
};
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::sqlparser::ast::Statement;
use futures::StreamExt as _;

use super::context::Context;
use super::draft::Draft;
use super::planner::{Plan, innermost};
use super::words::sentence;
use crate::codes;
use crate::engine::{self, Failure, Guarded, varies};
use crate::schema::Schema;

pub(super) mod values;

/// Bytes that a query may keep while it is tried out.
const MEMORY: usize = 64 << 20;

/// How often a query is asked for rows before it is said to have no end.
const POLLS: u32 = 200;

/// The same of a recursion without a condition: each time it goes on by a hundred steps.
const ENDLESS_POLLS: u32 = 40;

/// Joins without a condition in a query that is tried.
const CROSS_JOINS: usize = 12;

/// Rows after which it has shown what it yields.
const ROWS: usize = 10_000;

/// Rows after which a recursion over two records of each source is said to have no end: a series of
/// days or numbers may be long.
const RECURSIVE_ROWS: usize = 200_000;

/// How much more often than others a query with a recursion is asked for rows.
const RECURSIVE_POLLS: u32 = 10;

/// How long a query is tried. Whether it comes to an end after that is not known: nothing is said
/// that hangs on how fast a machine is.
const PATIENCE: Duration = Duration::from_millis(300);

/// The same of a recursion, of which more is wanted.
const RECURSIVE_PATIENCE: Duration = Duration::from_millis(1500);

/// Combinations of values that one expression is computed from.
const TRIALS: usize = 400;

/// Asks whether a target can store a column's values: the number of the column, and why not.
pub(super) type Refuses<'a> = dyn Fn(&RecordBatch) -> Option<(usize, String)> + Sync + 'a;

/// What cannot work, whatever the records hold.
pub(super) fn rehearse(
    context: &Context<'_>,
    statement: &Statement,
    guards: &[Guarded],
    plan: &Plan,
    row: (&Schema, &[std::ops::Range<usize>]),
    refuses: &Refuses<'_>,
) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for guarded in guards {
        let Some(error) = fails_always(guarded) else { continue };
        let draft = always(context, statement, guarded, &error);
        if drafts.iter().all(|known| known.range != draft.range) {
            drafts.push(draft);
        }
    }
    if drafts.is_empty() {
        drafts.extend(run(context, plan, row, refuses));
    }
    drafts
}

fn always(
    context: &Context<'_>,
    statement: &Statement,
    guarded: &Guarded,
    error: &DataFusionError,
) -> Draft {
    let (guard, text) = (&guarded.guard, context.text);
    let located = engine::locate(text, statement, &guard.operation, &guard.written)
        .or_else(|| engine::only_one(text, statement, &guard.operation));
    let message = match &located {
        Some(at) => {
            let written = super::row::begin(text.slice(&at.range));
            format!("`{written}` fails on every value")
        }
        None => format!("`{}` fails on every value", guard.operation),
    };
    let range = located.map_or_else(|| text.first(), |at| at.range);
    let why = engine::sentence(&innermost(error).strip_backtrace());
    Draft::error(codes::FAILS_ALWAYS, message, range)
        .note(super::words::types(&why))
        .help("look at the constants in it: a unit, a format, a pattern, a time zone, a number")
}

/// The error of an expression that fails whatever its operands are.
fn fails_always(guarded: &Guarded) -> Option<DataFusionError> {
    let types = guarded.types()?;
    let constants: Vec<Option<ScalarValue>> =
        guarded.operands.iter().map(constant).collect::<Option<_>>()?;
    let formats = constants.iter().flatten().filter_map(|value| value.try_as_str().flatten());
    let formats: Vec<_> = formats.map(str::to_owned).collect();
    let mut choices = Vec::new();
    for (constant, ty) in constants.iter().zip(types) {
        choices.push(match constant {
            Some(constant) => vec![constant.clone()],
            None => values::of(ty, &formats)?,
        });
    }
    if constants.iter().filter(|constant| constant.is_none()).count() > 2 {
        return None;
    }
    let mut first = None;
    for arguments in combinations(&choices).take(TRIALS) {
        match compute(guarded, arguments) {
            Ok(()) => return None,
            Err(error) => first = first.or(Some(error)),
        }
    }
    first
}

/// One value of each, in all combinations.
fn combinations(choices: &[Vec<ScalarValue>]) -> impl Iterator<Item = Vec<ScalarValue>> {
    let count: usize = choices.iter().map(Vec::len).product();
    (0..count).map(move |mut number| {
        let mut one = Vec::with_capacity(choices.len());
        for values in choices {
            one.extend(values.get(number % values.len()).cloned());
            number /= values.len();
        }
        one
    })
}

/// `None` for an expression whose value is not known though it does not vary; `Some(None)` for one
/// that varies.
fn constant(expr: &Expr) -> Option<Option<ScalarValue>> {
    if varies(expr) {
        return Some(None);
    }
    if let Expr::Literal(value, _) = expr {
        return Some(Some(value.clone()));
    }
    let (schema, context) = (DFSchema::empty(), PhysicalPlanningContext::default());
    let state = super::planner::session();
    let physical = create_physical_expr(expr, &schema, state.execution_props(), &context).ok()?;
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    let empty = Arc::new(datafusion::arrow::datatypes::Schema::empty());
    let batch = RecordBatch::try_new_with_options(empty, Vec::new(), &options).ok()?;
    let array = physical.evaluate(&batch).ok()?.into_array(1).ok()?;
    ScalarValue::try_from_array(&array, 0).ok().map(Some)
}

fn compute(guarded: &Guarded, arguments: Vec<ScalarValue>) -> Result<()> {
    let field = |value: &ScalarValue| -> FieldRef {
        Arc::new(Field::new("value", value.data_type(), true))
    };
    let arg_fields: Vec<_> = arguments.iter().map(field).collect();
    let scalars: Vec<_> = arguments.iter().map(Some).collect();
    let operation = guarded.guard.unconditional();
    let asked = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &scalars };
    let return_field = operation.return_field_from_args(asked)?;
    let state = super::planner::session();
    let arguments = ScalarFunctionArgs {
        args: arguments.into_iter().map(ColumnarValue::Scalar).collect(),
        arg_fields,
        number_rows: 1,
        return_field,
        config_options: Arc::clone(state.config_options()),
    };
    operation.compute(&arguments).map(drop)
}

/// Runs the query, with other values where the first ones do not do.
fn run(
    context: &Context<'_>,
    plan: &Plan,
    row: (&Schema, &[std::ops::Range<usize>]),
    refuses: &Refuses<'_>,
) -> Option<Draft> {
    if cross_joins(&plan.optimized) > CROSS_JOINS {
        return None;
    }
    let (mut first, recursion) = (None, Recursion::of(&plan.analyzed));
    let until = Instant::now() + recursion.patience();
    for variant in 0..values::VARIANTS {
        context.planner.choose(variant);
        match once(&plan.physical, recursion, until, refuses) {
            Ok(()) => return None,
            // With other values it might have worked.
            Err(Trouble::Slow) => {
                first = first.filter(|trouble| matches!(trouble, Trouble::Endless));
                break;
            }
            Err(trouble) => first = first.or(Some(trouble)),
        }
        // No value ends it.
        if recursion == Recursion::WithoutCondition && matches!(first, Some(Trouble::Endless)) {
            break;
        }
    }
    first.map(|trouble| trouble.draft(context, row))
}

/// Joins without a condition, each of which doubles the rows.
fn cross_joins(plan: &LogicalPlan) -> usize {
    let mut count = 0;
    engine::each_step(plan, |step| {
        let doubles = matches!(step, LogicalPlan::Join(join)
            if join.on.is_empty() && join.join_type == JoinType::Inner);
        count += usize::from(doubles);
    });
    count
}

/// Whether rows of a query are made of rows before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recursion {
    No,
    WithCondition,
    /// Only what reads it can end it.
    WithoutCondition,
}

impl Recursion {
    fn of(plan: &LogicalPlan) -> Self {
        let mut found = Self::No;
        engine::each_step(plan, |step| {
            let LogicalPlan::RecursiveQuery(query) = step else { return };
            // A UNION leaves out the rows that are there already.
            let has_condition = query.is_distinct || has_condition(&query.recursive_term);
            found = match (found, has_condition) {
                (Self::WithoutCondition, _) | (_, false) => Self::WithoutCondition,
                _ => Self::WithCondition,
            };
        });
        found
    }

    fn polls(self) -> u32 {
        match self {
            Self::No => POLLS,
            Self::WithCondition => POLLS * RECURSIVE_POLLS,
            Self::WithoutCondition => ENDLESS_POLLS,
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::No => PATIENCE,
            Self::WithCondition | Self::WithoutCondition => RECURSIVE_PATIENCE,
        }
    }

    /// How many rows are enough; whether more of them are no end.
    fn rows(self) -> (usize, bool) {
        match self {
            Self::No => (ROWS, false),
            Self::WithCondition => (RECURSIVE_ROWS, true),
            Self::WithoutCondition => (ROWS, true),
        }
    }
}

/// Whether anything in a step of a recursion may leave out a row.
fn has_condition(term: &LogicalPlan) -> bool {
    let mut found = false;
    engine::each_step(term, |step| {
        found |= match step {
            LogicalPlan::Filter(_) | LogicalPlan::Limit(_) | LogicalPlan::Unnest(_) => true,
            LogicalPlan::Join(join) => !join.on.is_empty() || join.filter.is_some(),
            _ => false,
        }
    });
    found
}

/// Why a query cannot run.
enum Trouble {
    /// It fails.
    Failed(DataFusionError),
    /// It yields rows, or looks for the first one, for ever.
    Endless,
    /// There was no time to see.
    Slow,
    /// A column's values cannot be stored.
    Refused(usize, String),
}

fn once(
    plan: &Arc<dyn ExecutionPlan>,
    recursion: Recursion,
    until: Instant,
    refuses: &Refuses<'_>,
) -> std::result::Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Trouble::Failed(DataFusionError::IoError(error)))?;
    let plan = datafusion::physical_plan::execution_plan::reset_plan_states(Arc::clone(plan));
    let task = task().map_err(Trouble::Failed)?;
    let (enough, is_endless) = recursion.rows();
    let work = async {
        let plan = plan.map_err(Trouble::Failed)?;
        let mut batches = execute_stream(plan, task).map_err(Trouble::Failed)?;
        let mut rows = 0;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(Trouble::Failed)?;
            if let Some((column, why)) = refuses(&batch) {
                return Err(Trouble::Refused(column, why));
            }
            rows += batch.num_rows();
            if rows > enough {
                return if is_endless { Err(Trouble::Endless) } else { Ok(()) };
            }
            // A stream that always has rows is not interrupted otherwise.
            if Instant::now() > until {
                return Err(Trouble::Slow);
            }
        }
        Ok(())
    };
    let work = Patient { work: Box::pin(work), left: recursion.polls() };
    let outcome = runtime.block_on(async { tokio::time::timeout_at(until.into(), work).await });
    runtime.shutdown_background();
    match outcome.unwrap_or(Err(Trouble::Slow)) {
        Err(Trouble::Slow) if recursion == Recursion::WithoutCondition => Err(Trouble::Endless),
        outcome => outcome,
    }
}

/// Work that is given up when it has been asked often enough.
struct Patient<F> {
    work: Pin<Box<F>>,
    left: u32,
}

impl<F: Future<Output = std::result::Result<(), Trouble>>> Future for Patient<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, waker: &mut TaskContextOfFuture<'_>) -> Poll<F::Output> {
        match self.left.checked_sub(1) {
            None => return Poll::Ready(Err(Trouble::Endless)),
            Some(left) => self.left = left,
        }
        self.work.as_mut().poll(waker)
    }
}

fn task() -> Result<Arc<TaskContext>> {
    let state = super::planner::session();
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(MEMORY)))
        .with_disk_manager_builder(
            datafusion::execution::disk_manager::DiskManagerBuilder::default()
                .with_mode(datafusion::execution::disk_manager::DiskManagerMode::Disabled),
        )
        .build_arc()?;
    Ok(Arc::new(TaskContext::new(
        None,
        "rehearsal".to_owned(),
        state.config().clone(),
        Default::default(),
        Default::default(),
        Default::default(),
        Default::default(),
        runtime,
    )))
}

impl Trouble {
    fn draft(self, context: &Context<'_>, row: (&Schema, &[std::ops::Range<usize>])) -> Draft {
        let text = context.text;
        match self {
            Self::Refused(column, why) => {
                let range = row.1.get(column).cloned().unwrap_or_else(|| text.first());
                let name = row.0.fields.get(column).map_or("", |field| field.name.as_str());
                Draft::error(
                    codes::CANNOT_BE_STORED,
                    format!("column `{name}` {why}, for every record"),
                    range,
                )
                .help("look at what it is computed from; `nullif(…)` and CASE make null of it")
            }
            // Nothing is said of what is slow.
            Self::Endless | Self::Slow => {
                let range = text.find("RECURSIVE").unwrap_or_else(|| text.first());
                Draft::error(codes::TOO_MUCH_WORK, "this query does not come to an end", range)
                    .note("it was tried with two records of each source")
                    .help("bound the recursion: `… WHERE n < 100`")
            }
            Self::Failed(error) => failed(context, &error),
        }
    }
}

fn failed(context: &Context<'_>, error: &DataFusionError) -> Draft {
    let text = context.text;
    if let DataFusionError::External(inner) = error.find_root()
        && let Some(failure) = inner.downcast_ref::<Failure>()
    {
        return Draft::error(codes::FAILS_ALWAYS, failure.to_string(), text.first());
    }
    let message = innermost(error).strip_backtrace();
    if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
        let limit = format!("two records of each source took more than {} MiB", MEMORY >> 20);
        return Draft::error(
            codes::TOO_MUCH_WORK,
            "this query takes too much memory",
            text.first(),
        )
        .note(limit)
        .help("look at the numbers that say how often, how long, or how many");
    }
    if message.contains("more than one row") {
        let range = scalar_subquery(context).unwrap_or_else(|| text.first());
        return Draft::error(
            codes::FAILS_ALWAYS,
            "this subquery yields several values where one is needed",
            range,
        )
        .note("it yielded two where each source had two records")
        .help("aggregate in it, as in `SELECT max(…)`, or join the tables instead");
    }
    Draft::error(
        codes::FAILS_ALWAYS,
        format!("this query fails: {}", sentence(&message)),
        text.first(),
    )
    .note("it was tried with two records of each source, one of them null wherever that may be")
}

/// The first subquery that stands for one value.
fn scalar_subquery(context: &Context<'_>) -> Option<std::ops::Range<usize>> {
    let words = context.text.words();
    let select = words.iter().skip(1).find(|word| {
        let before = context.text.before(&word.range);
        context.text.slice(&word.range).eq_ignore_ascii_case("SELECT")
            && before.is_some_and(|before| context.text.slice(&before.range) == "(")
    })?;
    context.text.brackets_around(&select.range)
}
