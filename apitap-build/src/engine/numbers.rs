//! Operands of two types get one that loses nothing, before the engine agrees on another.
//!
//! A binary float beside a decimal becomes a decimal of 30 digits in DataFusion, which rounds it, or does
//! not hold it; the difference of two row numbers is unsigned; a day plus some hours is a day; and a
//! literal with an exponent is a decimal with a scale below zero, which it cannot compute with.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, Case, Expr, ExprSchemable, LogicalPlan, Operator, Projection, Union, cast,
};
use datafusion::optimizer::AnalyzerRule;

use crate::schema::scalar::UTC;

/// The rule for what stands in a plan.
#[derive(Debug)]
pub(super) struct Numbers;

impl AnalyzerRule for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan: LogicalPlan| {
            let plan = columns(plan)?;
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let agreed = expr.transform_up(|expr| agreed(expr, &schema))?;
                Ok(agreed.update_data(|expr| name.restore(expr)))
            })?
            .map_data(LogicalPlan::recompute_schema)
        };
        Ok(plan.transform_up_with_subqueries(rewrite)?.data)
    }
}

/// Literals with exponents are made whole before the engine asks for the type of what is computed of
/// them.
#[derive(Debug)]
pub(super) struct Exponents;

impl ExprPlanner for Exponents {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, mut left, mut right } = expr;
        for operand in [&mut left, &mut right] {
            if let Expr::Literal(value, _) = operand {
                without_exponent(value);
            }
        }
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

/// `1e3` → 1000; what has more than 38 digits → a binary float. Whether the literal had an exponent.
fn without_exponent(value: &mut ScalarValue) -> bool {
    let ScalarValue::Decimal128(Some(digits), _, scale @ ..0) = *value else { return false };
    let zeros = u32::from(scale.unsigned_abs());
    let whole = 10i128.checked_pow(zeros).and_then(|power| digits.checked_mul(power));
    let precision = whole.map(|whole| whole.unsigned_abs().max(1).ilog10() + 1);
    *value = match (whole, precision.and_then(|digits| u8::try_from(digits).ok())) {
        (Some(whole), Some(precision @ ..=38)) => {
            ScalarValue::Decimal128(Some(whole), precision, 0)
        }
        _ => ScalarValue::Float64(format!("{digits}e{zeros}").parse().ok()),
    };
    true
}

fn agreed(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_changed = match &mut expr {
        Expr::Literal(value, _) => without_exponent(value),
        Expr::BinaryExpr(binary) => operator(binary, schema),
        Expr::Between(Between { expr, low, high, .. }) => {
            in_floats([&mut **expr, &mut **low, &mut **high], schema)
        }
        Expr::InList(InList { expr, list, .. }) => {
            in_floats(std::iter::once(&mut **expr).chain(list), schema)
        }
        Expr::InSubquery(of) => in_subquery(of, schema)?,
        Expr::Case(case) => branches(case, schema),
        Expr::ScalarFunction(ScalarFunction { func, args }) if takes_alike(func.name()) => {
            in_floats(args, schema)
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, is_changed))
}

/// Whether the arguments of a function get one type, which is that of what it yields.
fn takes_alike(function: &str) -> bool {
    ["coalesce", "greatest", "ifnull", "least", "nullif", "nvl", "nvl2"].contains(&function)
}

fn operator(binary: &mut BinaryExpr, schema: &DFSchema) -> bool {
    let BinaryExpr { left, op, right } = binary;
    if compares(*op) {
        return in_floats([&mut **left, &mut **right], schema);
    }
    if !matches!(op, Operator::Plus | Operator::Minus) {
        return false;
    }
    let (Ok(a), Ok(b)) = (left.get_type(schema), right.get_type(schema)) else { return false };
    match (*op, &a, &b) {
        (Operator::Minus, DataType::UInt64, DataType::UInt64) => {
            become_type(left, DataType::Int64);
            become_type(right, DataType::Int64);
        }
        (_, DataType::Date32, ty) if is_finer_than_a_day(right, ty) => {
            become_type(left, timestamp());
        }
        (Operator::Plus, ty, DataType::Date32) if is_finer_than_a_day(left, ty) => {
            become_type(right, timestamp());
        }
        _ => return false,
    }
    true
}

fn become_type(expr: &mut Expr, ty: DataType) {
    *expr = cast(std::mem::take(expr), ty);
}

fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// Whether an interval has, or may have, hours in it.
fn is_finer_than_a_day(expr: &Expr, ty: &DataType) -> bool {
    match (ty, expr) {
        (DataType::Interval(IntervalUnit::YearMonth), _) => false,
        (_, Expr::Literal(ScalarValue::IntervalMonthDayNano(value), _)) => {
            value.is_some_and(|value| value.nanoseconds != 0)
        }
        (_, Expr::Literal(ScalarValue::IntervalDayTime(value), _)) => {
            value.is_some_and(|value| value.milliseconds != 0)
        }
        (DataType::Interval(_), _) => true,
        _ => false,
    }
}

fn branches(case: &mut Case, schema: &DFSchema) -> bool {
    let Case { expr, when_then_expr, else_expr } = case;
    // Conditions are no numbers; values are compared with the one in front of them.
    let compared = match expr {
        Some(expr) => {
            let whens = when_then_expr.iter_mut().map(|(when, _)| &mut **when);
            in_floats(std::iter::once(&mut **expr).chain(whens), schema)
        }
        None => false,
    };
    let thens = when_then_expr.iter_mut().map(|(_, then)| &mut **then);
    in_floats(thens.chain(else_expr.as_deref_mut()), schema) || compared
}

fn in_subquery(of: &mut InSubquery, schema: &DFSchema) -> Result<bool> {
    let InSubquery { expr, subquery, .. } = of;
    let theirs = subquery.subquery.schema().fields().first().map(|f| f.data_type().clone());
    let (Ok(ours), Some(theirs)) = (expr.get_type(schema), theirs) else { return Ok(false) };
    if ours.is_decimal() && theirs.is_floating() {
        **expr = float(std::mem::take(&mut **expr));
    } else if ours.is_floating() && theirs.is_decimal() {
        subquery.subquery = with_floats(Arc::clone(&subquery.subquery), &[true])?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The columns of plans that become one: those of a union, and of the two sides of a join.
fn columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Union(Union { inputs, schema }) => {
            let width = schema.fields().len();
            let of = |test: fn(&DataType) -> bool, column: usize| {
                inputs.iter().any(|input| {
                    let field = input.schema().fields().get(column);
                    field.is_some_and(|field| test(field.data_type()))
                })
            };
            let mixed: Vec<_> = (0..width)
                .map(|column| of(DataType::is_floating, column) && of(DataType::is_decimal, column))
                .collect();
            if !mixed.contains(&true) {
                return Ok(LogicalPlan::Union(Union { inputs, schema }));
            }
            let inputs = inputs
                .into_iter()
                .map(|input| with_floats(input, &mixed))
                .collect::<Result<_>>()?;
            LogicalPlan::Union(Union { inputs, schema })
        }
        LogicalPlan::Join(mut join) => {
            for (left, right) in &mut join.on {
                let types =
                    (left.get_type(join.left.schema()), right.get_type(join.right.schema()));
                match types {
                    (Ok(a), Ok(b)) if a.is_floating() && b.is_decimal() => {
                        *right = float(std::mem::take(right));
                    }
                    (Ok(a), Ok(b)) if a.is_decimal() && b.is_floating() => {
                        *left = float(std::mem::take(left));
                    }
                    _ => {}
                }
            }
            LogicalPlan::Join(join)
        }
        other => other,
    })
}

/// The same with the decimals among some of its columns as binary floats.
fn with_floats(plan: Arc<LogicalPlan>, columns: &[bool]) -> Result<Arc<LogicalPlan>> {
    let fields = plan.schema().iter().zip(columns.iter().chain(std::iter::repeat(&false)));
    let exprs = fields.map(|((qualifier, field), is_mixed)| {
        let column = Expr::from((qualifier, field));
        match *is_mixed && field.data_type().is_decimal() {
            true => float(column).alias_qualified(qualifier.cloned(), field.name()),
            false => column,
        }
    });
    let exprs = exprs.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(exprs, plan)?)))
}

/// Makes binary floats of the decimals among expressions, where one of them is a binary float; whether it did.
fn in_floats<'a>(exprs: impl IntoIterator<Item = &'a mut Expr>, schema: &DFSchema) -> bool {
    let typed = exprs.into_iter().map(|expr| (expr.get_type(schema).ok(), expr));
    let typed: Vec<_> = typed.collect();
    let any =
        |test: fn(&DataType) -> bool| typed.iter().any(|(ty, _)| ty.as_ref().is_some_and(test));
    if !(any(DataType::is_floating) && any(DataType::is_decimal)) {
        return false;
    }
    for (ty, expr) in typed {
        if ty.is_some_and(|ty| ty.is_decimal()) {
            *expr = float(std::mem::take(expr));
        }
    }
    true
}

/// A decimal as a binary float.
fn float(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(value, metadata) => match value.cast_to(&DataType::Float64) {
            Ok(float) => Expr::Literal(float, metadata),
            Err(_) => cast(Expr::Literal(value, metadata), DataType::Float64),
        },
        other => cast(other, DataType::Float64),
    }
}
