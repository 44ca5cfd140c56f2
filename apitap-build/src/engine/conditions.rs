//! A plan → the conditions that hold for the rows of each of its steps: those of `WHERE`, `HAVING` and
//! `ON` below it, and what counts and sums come to.

use datafusion::common::tree_node::TreeNode as _;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, Operator, Window,
    WindowFunctionDefinition, lit,
};

use super::canonical::{self, canonical};
use super::ranges::{self, Condition, Known};

/// The conditions that hold for the rows of a step, by those that hold for its inputs.
pub(super) fn of_step(plan: &LogicalPlan, mut inputs: Vec<Vec<Condition>>) -> Vec<Condition> {
    match plan {
        LogicalPlan::Union(_) => common(inputs),
        LogicalPlan::Join(join) => {
            let right = inputs.pop().unwrap_or_default();
            of_join(join, inputs.pop().unwrap_or_default(), &right)
        }
        _ => of_one(plan, inputs.pop().unwrap_or_default()),
    }
}

fn of_one(plan: &LogicalPlan, input: Vec<Condition>) -> Vec<Condition> {
    match plan {
        LogicalPlan::Projection(projection) => {
            made_of(&input, &projection.expr, projection.input.schema())
        }
        LogicalPlan::Filter(filter) => {
            let mut known = input;
            known.extend(holds(&filter.predicate, filter.input.schema()));
            known
        }
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate, &input),
        LogicalPlan::Window(window) => of_window(window, input),
        LogicalPlan::Distinct(Distinct::On(on)) => {
            made_of(&input, &on.select_expr, on.input.schema())
        }
        LogicalPlan::Distinct(Distinct::All(_))
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_) => input,
        _ => Vec::new(),
    }
}

/// That a condition holds.
pub(super) fn holds(condition: &Expr, schema: &DFSchema) -> Option<Condition> {
    canonical(condition, schema).map(|expr| Condition { expr, holds: true })
}

/// What is known of rows that are made of others.
fn made_of(known: &[Condition], exprs: &[Expr], schema: &DFSchema) -> Vec<Condition> {
    let made: Vec<_> = exprs.iter().map(|expr| canonical(expr, schema)).collect();
    let moved = |condition: &Condition| {
        let expr = canonical::over(&condition.expr, &made)?;
        Some(Condition { expr, holds: condition.holds })
    };
    known.iter().filter_map(moved).collect()
}

/// What is known of the rows of all.
fn common(inputs: Vec<Vec<Condition>>) -> Vec<Condition> {
    let both = |all: Vec<Condition>, other: Vec<Condition>| {
        all.into_iter().filter(|condition| other.contains(condition)).collect()
    };
    inputs.into_iter().reduce(both).unwrap_or_default()
}

fn of_join(join: &Join, left: Vec<Condition>, right: &[Condition]) -> Vec<Condition> {
    use JoinType as Ty;
    let width = join.left.schema().fields().len();
    let right = right.iter().map(|condition| Condition {
        expr: canonical::shifted(&condition.expr, width),
        holds: condition.holds,
    });
    let all_null = |condition: &Condition| is_silent_on_nulls(&condition.expr);
    let matched = || join.filter.as_ref().and_then(|filter| holds(filter, &join.schema));
    match join.join_type {
        Ty::Inner => left.into_iter().chain(right).chain(matched()).collect(),
        Ty::Left => {
            let matched = matched_on(join, |place| place >= width).filter(all_null);
            left.into_iter().chain(right.filter(all_null)).chain(matched).collect()
        }
        Ty::Right => {
            let matched = matched_on(join, |place| place < width).filter(all_null);
            left.into_iter().filter(all_null).chain(right).chain(matched).collect()
        }
        Ty::Full => left.into_iter().chain(right).filter(all_null).collect(),
        Ty::LeftSemi | Ty::LeftAnti => left,
        Ty::RightSemi | Ty::RightAnti | Ty::LeftMark | Ty::RightMark => Vec::new(),
    }
}

/// The conditions of a join on columns at certain places alone.
fn matched_on(join: &Join, is_asked: impl Fn(usize) -> bool) -> impl Iterator<Item = Condition> {
    let all = join.filter.iter().flat_map(|filter| split_conjunction(filter));
    all.filter_map(|condition| holds(condition, &join.schema)).filter(move |condition| {
        let is_of_others = |expr: &Expr| {
            Ok(match expr {
                Expr::Column(column) => !canonical::place(column).is_some_and(&is_asked),
                _ => false,
            })
        };
        !condition.expr.exists(is_of_others).unwrap_or(true)
    })
}

/// Whether a condition says nothing of rows all of whose columns are null, as an outer join makes
/// them: comparisons are unknown there.
fn is_silent_on_nulls(condition: &Expr) -> bool {
    let speaks = |expr: &Expr| {
        Ok(!match expr {
            Expr::BinaryExpr(binary) => {
                !matches!(binary.op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
            }
            Expr::Column(_)
            | Expr::Literal(..)
            | Expr::Cast(_)
            | Expr::Not(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Negative(_) => true,
            _ => false,
        })
    };
    // A constant alone is not null.
    !matches!(condition, Expr::Literal(..)) && !condition.exists(speaks).unwrap_or(true)
}

fn of_aggregate(aggregate: &Aggregate, input: &[Condition]) -> Vec<Condition> {
    let (groups, schema) = (aggregate.group_expr.as_slice(), aggregate.input.schema());
    if matches!(groups, [Expr::GroupingSet(_)]) {
        return Vec::new();
    }
    let mut known = made_of(input, groups, schema);
    let of_rows = if groups.is_empty() { 0 } else { 1 };
    for (index, expr) in aggregate.aggr_expr.iter().enumerate() {
        known.extend(of_total(expr, of_rows, schema, input, groups.len() + index));
    }
    known
}

fn of_window(window: &Window, input: Vec<Condition>) -> Vec<Condition> {
    let schema = window.input.schema();
    let width = schema.fields().len();
    let exprs = window.window_expr.iter().enumerate();
    let found = exprs.filter_map(|(at, expr)| of_total(expr, 0, schema, &input, width + at));
    let found: Vec<_> = found.collect();
    input.into_iter().chain(found).collect()
}

/// What is known of what rows come to together, at that place; `of_rows`: at least so many rows are
/// counted.
fn of_total(
    expr: &Expr,
    of_rows: i64,
    schema: &DFSchema,
    input: &[Condition],
    place: usize,
) -> Option<Condition> {
    let (name, arguments, has_filter) = match expr {
        Expr::Alias(alias) => return of_total(&alias.expr, of_rows, schema, input, place),
        Expr::AggregateFunction(call) => {
            (call.func.name(), &call.params.args, call.params.filter.is_some())
        }
        Expr::WindowFunction(window) => {
            let name = match &window.fun {
                WindowFunctionDefinition::AggregateUDF(function) => function.name(),
                WindowFunctionDefinition::WindowUDF(function) => function.name(),
            };
            (name, &window.params.args, window.params.filter.is_some())
        }
        _ => return None,
    };
    let is_value = |expr: &Expr| matches!(expr, Expr::Literal(value, _) if !value.is_null());
    match name {
        "row_number" | "rank" | "dense_rank" | "ntile" => Some(is_between(place, 1)),
        "count" => {
            let counts_all = !has_filter && arguments.iter().all(is_value);
            Some(is_between(place, if counts_all { of_rows } else { 0 }))
        }
        // Of no values they are null.
        "sum" | "avg" | "min" | "max" => {
            let (by_place, of) =
                (ranges::by_place(schema)?, canonical(arguments.first()?, schema)?);
            let range = Known::new(&by_place, input).range(&of);
            let zero = lit(ScalarValue::Int64(Some(0)));
            let total = canonical::column(place);
            let expr = match (range.is_negative_nowhere(), range.excludes_zero()) {
                (true, true) => total.gt(zero),
                (true, false) => total.gt_eq(zero),
                (false, _) => return None,
            };
            Some(Condition { expr, holds: true })
        }
        _ => None,
    }
}

/// A number of rows: no run counts further.
fn is_between(place: usize, least: i64) -> Condition {
    let number = |number| lit(ScalarValue::Int64(Some(number)));
    let expr = canonical::column(place).between(number(least), number(i64::from(i32::MAX)));
    Condition { expr, holds: true }
}
