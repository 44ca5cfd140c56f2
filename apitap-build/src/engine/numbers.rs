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
        let RawBinaryExpr { op, left, right } = expr;
        let (left, right) = (without_exponent(left).data, without_exponent(right).data);
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

/// `1e3` is 1000; what has more than 38 digits is a binary float.
fn without_exponent(expr: Expr) -> Transformed<Expr> {
    let Expr::Literal(ScalarValue::Decimal128(Some(digits), _, scale @ ..0), metadata) = expr
    else {
        return Transformed::no(expr);
    };
    let zeros = u32::from(scale.unsigned_abs());
    let whole = 10i128.checked_pow(zeros).and_then(|power| digits.checked_mul(power));
    let precision = whole.map(|whole| whole.unsigned_abs().max(1).ilog10() + 1);
    let value = match (whole, precision.and_then(|digits| u8::try_from(digits).ok())) {
        (Some(whole), Some(precision @ ..=38)) => {
            ScalarValue::Decimal128(Some(whole), precision, 0)
        }
        _ => ScalarValue::Float64(format!("{digits}e{zeros}").parse().ok()),
    };
    Transformed::yes(Expr::Literal(value, metadata))
}

fn agreed(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        literal @ Expr::Literal(..) => without_exponent(literal),
        Expr::BinaryExpr(binary) => operator(binary, schema),
        Expr::Between(between) => {
            let Between { expr, negated, low, high } = between;
            of_all([*expr, *low, *high], schema, |[expr, low, high]| {
                Expr::Between(Between::new(Box::new(expr), negated, Box::new(low), Box::new(high)))
            })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let all = std::iter::once(*expr).chain(list).collect();
            in_floats(all, schema).update_data(|all| {
                let mut all = all.into_iter();
                let expr = all.next().unwrap_or_default();
                Expr::InList(InList::new(Box::new(expr), all.collect(), negated))
            })
        }
        Expr::InSubquery(of) => in_subquery(of, schema)?,
        Expr::Case(case) => branches(case, schema),
        Expr::ScalarFunction(ScalarFunction { func, args }) if takes_alike(func.name()) => {
            in_floats(args, schema)
                .update_data(|args| Expr::ScalarFunction(ScalarFunction { func, args }))
        }
        other => Transformed::no(other),
    })
}

/// Whether the arguments of a function get one type, which is that of what it yields.
fn takes_alike(function: &str) -> bool {
    ["coalesce", "greatest", "ifnull", "least", "nullif", "nvl", "nvl2"].contains(&function)
}

fn operator(binary: BinaryExpr, schema: &DFSchema) -> Transformed<Expr> {
    let BinaryExpr { left, op, right } = binary;
    let types = (left.get_type(schema).ok(), right.get_type(schema).ok());
    let made = |left, right| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
    match (op, types) {
        (op, _) if compares(op) => {
            of_all([*left, *right], schema, |[left, right]| made(left, right))
        }
        (Operator::Minus, (Some(DataType::UInt64), Some(DataType::UInt64))) => {
            Transformed::yes(made(cast(*left, DataType::Int64), cast(*right, DataType::Int64)))
        }
        (Operator::Plus | Operator::Minus, (Some(DataType::Date32), Some(ty)))
            if is_finer_than_a_day(&right, &ty) =>
        {
            Transformed::yes(made(cast(*left, timestamp()), *right))
        }
        (Operator::Plus, (Some(ty), Some(DataType::Date32))) if is_finer_than_a_day(&left, &ty) => {
            Transformed::yes(made(*left, cast(*right, timestamp())))
        }
        _ => Transformed::no(made(*left, *right)),
    }
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

fn branches(case: Case, schema: &DFSchema) -> Transformed<Expr> {
    let Case { expr, when_then_expr, else_expr } = case;
    let (whens, thens): (Vec<_>, Vec<_>) =
        when_then_expr.into_iter().map(|(when, then)| (*when, *then)).unzip();
    let (count, has_base, has_else) = (whens.len(), expr.is_some(), else_expr.is_some());
    let compared = expr.map(|expr| *expr).into_iter().chain(whens).collect();
    // Conditions are no numbers; values are compared with the one in front of them.
    let compared = match has_base {
        true => in_floats(compared, schema),
        false => Transformed::no(compared),
    };
    let yielded = thens.into_iter().chain(else_expr.map(|expr| *expr)).collect();
    let yielded = in_floats(yielded, schema);
    let is_changed = compared.transformed || yielded.transformed;
    let mut compared = compared.data.into_iter();
    let expr = if has_base { compared.next().map(Box::new) } else { None };
    let mut yielded = yielded.data;
    let else_expr = if has_else { yielded.pop().map(Box::new) } else { None };
    let pairs = compared.zip(yielded).take(count);
    let when_then_expr = pairs.map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    let case = Expr::Case(Case { expr, when_then_expr, else_expr });
    if is_changed { Transformed::yes(case) } else { Transformed::no(case) }
}

fn in_subquery(of: InSubquery, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let InSubquery { expr, mut subquery, negated } = of;
    let theirs = subquery.subquery.schema().fields().first().map(|f| f.data_type().clone());
    let ours = expr.get_type(schema).ok();
    let (expr, is_changed) = match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.is_decimal() && is_float(&theirs) => {
            (Box::new(float(*expr)), true)
        }
        (Some(ours), Some(theirs)) if is_float(&ours) && theirs.is_decimal() => {
            let plan = Arc::unwrap_or_clone(subquery.subquery);
            subquery.subquery = Arc::new(with_floats(plan, &[true])?);
            (expr, true)
        }
        _ => (expr, false),
    };
    let made = Expr::InSubquery(InSubquery { expr, subquery, negated });
    Ok(if is_changed { Transformed::yes(made) } else { Transformed::no(made) })
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
                .map(|column| of(is_float, column) && of(DataType::is_decimal, column))
                .collect();
            if !mixed.contains(&true) {
                return Ok(LogicalPlan::Union(Union { inputs, schema }));
            }
            let inputs = inputs
                .into_iter()
                .map(|input| with_floats(Arc::unwrap_or_clone(input), &mixed).map(Arc::new))
                .collect::<Result<_>>()?;
            LogicalPlan::Union(Union { inputs, schema })
        }
        LogicalPlan::Join(mut join) => {
            for (left, right) in &mut join.on {
                let types =
                    (left.get_type(join.left.schema()), right.get_type(join.right.schema()));
                match types {
                    (Ok(a), Ok(b)) if is_float(&a) && b.is_decimal() => {
                        *right = float(std::mem::take(right));
                    }
                    (Ok(a), Ok(b)) if a.is_decimal() && is_float(&b) => {
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
fn with_floats(plan: LogicalPlan, columns: &[bool]) -> Result<LogicalPlan> {
    let fields = plan.schema().iter().zip(columns.iter().chain(std::iter::repeat(&false)));
    let exprs = fields.map(|((qualifier, field), is_mixed)| {
        let column = Expr::from((qualifier, field));
        match *is_mixed && field.data_type().is_decimal() {
            true => float(column).alias_qualified(qualifier.cloned(), field.name()),
            false => column,
        }
    });
    let exprs = exprs.collect();
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
}

fn of_all<const N: usize>(
    exprs: [Expr; N],
    schema: &DFSchema,
    make: impl FnOnce([Expr; N]) -> Expr,
) -> Transformed<Expr> {
    let Transformed { data, transformed, tnr } = in_floats(exprs.into(), schema);
    let mut data = data.into_iter();
    let exprs = std::array::from_fn(|_| data.next().unwrap_or_default());
    Transformed { data: make(exprs), transformed, tnr }
}

/// The same expressions; the decimals among them as binary floats, where there is one of those.
fn in_floats(exprs: Vec<Expr>, schema: &DFSchema) -> Transformed<Vec<Expr>> {
    let types: Vec<_> = exprs.iter().map(|expr| expr.get_type(schema).ok()).collect();
    let any = |test: fn(&DataType) -> bool| types.iter().flatten().any(test);
    if !(any(is_float) && any(DataType::is_decimal)) {
        return Transformed::no(exprs);
    }
    let is_decimal = types.iter().map(|ty| ty.as_ref().is_some_and(DataType::is_decimal));
    let exprs = exprs.into_iter().zip(is_decimal);
    Transformed::yes(exprs.map(|(expr, is)| if is { float(expr) } else { expr }).collect())
}

fn is_float(ty: &DataType) -> bool {
    ty.is_floating()
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
