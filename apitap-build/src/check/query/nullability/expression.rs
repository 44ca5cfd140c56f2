//! An expression over rows of which something is known → whether it is ever null.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    Case, Expr, ExprSchemable, LogicalPlan, Operator, WindowFrameBound, WindowFunctionDefinition,
};

use super::functions::{self, Nulls};
use super::{Facts, Path, WorkTables};
use crate::engine::{self, canonical::canonical};

/// The column or field that an expression names.
pub(super) fn path(expr: &Expr, schema: &DFSchema) -> Option<Path> {
    match expr {
        Expr::Column(column) => Some(Path::column(schema.maybe_index_of_column(column)?)),
        Expr::Alias(alias) => path(&alias.expr, schema),
        Expr::ScalarFunction(call) if call.name() == "get_field" => {
            let (base, names) = call.args.split_first()?;
            let mut path = path(base, schema)?;
            for name in names {
                let Expr::Literal(name, _) = name else { return None };
                path.fields.push(name.try_as_str()??.to_owned());
            }
            Some(path)
        }
        _ => None,
    }
}

/// Whether an expression is null for none of the rows.
pub(super) fn is_never_null(expr: &Expr, facts: &Facts, schema: &DFSchema) -> bool {
    let all = |exprs: &[&Expr]| exprs.iter().all(|expr| is_never_null(expr, facts, schema));
    if let Some(path) = path(expr, schema) {
        return facts.holds(schema, &path);
    }
    let is_computed = |expr| canonical(expr, schema).is_some_and(|e| facts.computed.contains(&e));
    if !facts.computed.is_empty() && is_computed(expr) {
        return true;
    }
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Alias(alias) => all(&[&alias.expr]),
        Expr::Not(inner) | Expr::Negative(inner) => all(&[inner]),
        Expr::Cast(cast) => all(&[&cast.expr]),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::Exists(_) => true,
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => true,
            op if is_total(op) => all(&[&binary.left, &binary.right]),
            _ => false,
        },
        Expr::Like(like) | Expr::SimilarTo(like) => all(&[&like.expr, &like.pattern]),
        Expr::Between(between) => all(&[&between.expr, &between.low, &between.high]),
        Expr::InList(list) => all(&[&list.expr]) && list.list.iter().all(|item| all(&[item])),
        Expr::Case(case) => is_case_never_null(case, facts, schema),
        Expr::ScalarFunction(call) => is_call_never_null(call, facts, schema),
        Expr::ScalarSubquery(subquery) => {
            has_one_row(&subquery.subquery)
                && Facts::of(&subquery.subquery, &WorkTables::new())
                    .holds(subquery.subquery.schema(), &Path::column(0))
        }
        _ => false,
    }
}

/// Whether an operator yields null only for null.
fn is_total(op: Operator) -> bool {
    use Operator::{
        And, BitwiseAnd, BitwiseOr, BitwiseShiftLeft, BitwiseShiftRight, BitwiseXor, Divide, Eq,
        Gt, GtEq, ILikeMatch, LikeMatch, Lt, LtEq, Minus, Modulo, Multiply, NotEq, NotILikeMatch,
        NotLikeMatch, Or, Plus, RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch,
        StringConcat,
    };
    matches!(
        op,
        And | Or
            | Eq
            | NotEq
            | Lt
            | LtEq
            | Gt
            | GtEq
            | Plus
            | Minus
            | Multiply
            | Divide
            | Modulo
            | BitwiseAnd
            | BitwiseOr
            | BitwiseXor
            | BitwiseShiftLeft
            | BitwiseShiftRight
            | StringConcat
            | LikeMatch
            | ILikeMatch
            | NotLikeMatch
            | NotILikeMatch
            | RegexMatch
            | RegexIMatch
            | RegexNotMatch
            | RegexNotIMatch
    )
}

/// Every branch, with what its condition shows; and what is left where none is true.
fn is_case_never_null(case: &Case, facts: &Facts, schema: &DFSchema) -> bool {
    let Some(otherwise) = &case.else_expr else { return false };
    let mut before = facts.clone();
    for (when, then) in &case.when_then_expr {
        let is_never = match &case.expr {
            Some(_) => is_never_null(then, facts, schema),
            None => is_never_null(then, &before.clone().and_true(when, schema), schema),
        };
        if !is_never {
            return false;
        }
        if case.expr.is_none() {
            before = before.and_not_true(when, schema);
        }
    }
    is_never_null(otherwise, &before, schema)
}

fn is_call_never_null(call: &ScalarFunction, facts: &Facts, schema: &DFSchema) -> bool {
    let never = |expr: &Expr| is_never_null(expr, facts, schema);
    if let Some(function) = engine::declared(&call.func) {
        // A null where none can be is answered with null, and the function is not called.
        let mut required = function.parameters.iter().zip(&call.args);
        return !function.returns.nullable
            && required.all(|(parameter, argument)| parameter.nullable || never(argument));
    }
    match functions::nulls(call.name()) {
        Some(Nulls::Never) => true,
        Some(Nulls::OfArguments | Nulls::OnlyIfAny) => call.args.iter().all(never),
        Some(Nulls::OfFirst) => call.args.first().is_some_and(never),
        Some(Nulls::IfAll) => call.args.iter().any(never),
        None => {
            let expr = Expr::ScalarFunction(call.clone());
            call.args.iter().all(never) && expr.nullable(schema).is_ok_and(|nullable| !nullable)
        }
    }
}

/// Whether a plan yields a row even of nothing, as an aggregate without groups does.
fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => has_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_one_row(&alias.input),
        LogicalPlan::Subquery(subquery) => has_one_row(&subquery.subquery),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

/// Aggregates of at least one value that is not null are not null.
const OF_VALUES: [&str; 14] = [
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "first_value",
    "last_value",
    "max",
    "median",
    "min",
    "string_agg",
    "sum",
];

/// Whether an aggregate is null for no group; `has_rows`: each group has a row.
pub(super) fn is_aggregate_never_null(
    expr: &Expr,
    has_rows: bool,
    facts: &Facts,
    schema: &DFSchema,
) -> bool {
    match expr {
        Expr::Alias(alias) => is_aggregate_never_null(&alias.expr, has_rows, facts, schema),
        Expr::AggregateFunction(call) if call.func.name() == "count" => true,
        Expr::AggregateFunction(call) => {
            let value = call.params.args.first();
            has_rows
                && call.params.filter.is_none()
                && OF_VALUES.contains(&call.func.name())
                && value.is_some_and(|value| is_never_null(value, facts, schema))
        }
        _ => false,
    }
}

/// Functions of a window that number its rows.
const NUMBERING: [&str; 6] =
    ["cume_dist", "dense_rank", "ntile", "percent_rank", "rank", "row_number"];

/// Whether a function of a window is null for no row.
pub(super) fn is_window_never_null(expr: &Expr, facts: &Facts, schema: &DFSchema) -> bool {
    match expr {
        Expr::Alias(alias) => is_window_never_null(&alias.expr, facts, schema),
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::WindowUDF(function) => NUMBERING.contains(&function.name()),
            WindowFunctionDefinition::AggregateUDF(function) => {
                function.name() == "count"
                    || OF_VALUES.contains(&function.name())
                        && sees_its_own_row(window)
                        && (window.params.args.first())
                            .is_some_and(|value| is_never_null(value, facts, schema))
            }
        },
        _ => false,
    }
}

fn sees_its_own_row(window: &WindowFunction) -> bool {
    let frame = &window.params.window_frame;
    let starts = match &frame.start_bound {
        WindowFrameBound::Preceding(distance) => distance.is_null() || !is_negative(distance),
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Following(_) => false,
    };
    let ends = match &frame.end_bound {
        WindowFrameBound::Following(distance) => distance.is_null() || !is_negative(distance),
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(_) => false,
    };
    starts && ends && window.params.filter.is_none()
}

fn is_negative(distance: &ScalarValue) -> bool {
    distance.to_string().starts_with('-')
}
