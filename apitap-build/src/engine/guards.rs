//! Puts a guard around each expression of a plan that can fail: see [`super::guard`].
//!
//! A guard computes only what the query says that is to be computed: what stands behind an `AND`, an
//! `OR`, a `FILTER` or in a `CASE` is not computed where the condition before it has decided. The
//! engine computes both sides of these for all rows, and moves conditions about; so the condition
//! travels with the expression.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, Span, plan_err};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, ScalarFunction, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, ExprSchemable, Filter, LogicalPlan, Operator, ScalarUDF,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;

use super::fallible::{self, Fallible};
use super::function::is_declared;
use super::guard::{Failing, Guard, Operation, Written};

/// The rule that puts them.
#[derive(Debug)]
pub(super) struct Guards {
    /// What happens to a value that cannot be computed.
    pub(super) failing: Failing,
}

impl AnalyzerRule for Guards {
    fn name(&self) -> &str {
        "guards"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| self.guard_plan(plan))?.data)
    }
}

impl Guards {
    fn guard_plan(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        if matches!(
            plan,
            LogicalPlan::TableScan(_) | LogicalPlan::Limit(_) | LogicalPlan::Unnest(_)
        ) {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        let spans = computed_spans(&plan);
        let rewrite = Rewrite { failing: self.failing, schema: &schema, spans: &spans };
        let names = NamePreserver::new(&plan);
        let guarded = plan.map_expressions(|expr| {
            if !rewrite.can_fail(&expr)? {
                return Ok(Transformed::no(expr));
            }
            if let Expr::GroupingSet(sets) = expr {
                // Each part of it is a column of its own.
                return Expr::GroupingSet(sets).map_children(|part| {
                    let name = names.save(&part);
                    Ok(Transformed::yes(name.restore(rewrite.guard(part, None)?)))
                });
            }
            let name = names.save(&expr);
            Ok(Transformed::yes(name.restore(rewrite.guard(expr, None)?)))
        })?;
        guarded.map_data(|plan| plan.recompute_schema())
    }
}

/// The places of what a plan below computes, by the names under which it is known above.
type ComputedSpans = HashMap<String, Span>;

/// Above an aggregation, what it has computed is a column without a place.
fn computed_spans(plan: &LogicalPlan) -> ComputedSpans {
    let mut spans = HashMap::new();
    for input in plan.inputs() {
        let computed: Vec<&Expr> = match input {
            LogicalPlan::Aggregate(aggregate) => {
                aggregate.group_expr.iter().chain(&aggregate.aggr_expr).collect()
            }
            LogicalPlan::Window(window) => {
                spans.extend(computed_spans(input));
                window.window_expr.iter().collect()
            }
            LogicalPlan::Filter(_) => {
                spans.extend(computed_spans(input));
                continue;
            }
            _ => continue,
        };
        for expr in computed {
            if let Some(span) = span(expr, &HashMap::new()) {
                spans.insert(expr.schema_name().to_string(), span);
            }
        }
    }
    spans
}

/// From the first to the last name of a column in an expression.
pub(super) fn span_of(expr: &Expr) -> Option<Span> {
    span(expr, &ComputedSpans::new())
}

/// The same where some columns are computed below.
fn span(expr: &Expr, computed: &ComputedSpans) -> Option<Span> {
    let mut span: Option<Span> = None;
    let _ = expr.apply(|expr| {
        let (Expr::Column(column) | Expr::OuterReferenceColumn(_, column)) = expr else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let here = column.spans.first().or_else(|| computed.get(&column.name).copied());
        span = match (span, here) {
            (Some(span), here) => Some(span.union_opt(&here)),
            (None, here) => here,
        };
        Ok(TreeNodeRecursion::Continue)
    });
    span
}

struct Rewrite<'a> {
    failing: Failing,
    schema: &'a DFSchema,
    spans: &'a ComputedSpans,
}

impl Rewrite<'_> {
    /// Whether anything in an expression gets a guard.
    fn can_fail(&self, expr: &Expr) -> Result<bool> {
        expr.exists(|expr| Ok(self.operation(expr)?.is_some()))
    }

    /// What can fail in an expression itself, and what it is computed from.
    fn operation(&self, expr: &Expr) -> Result<Option<Operation>> {
        Ok(match expr {
            Expr::Cast(cast) => {
                let (from, to) = (cast.expr.get_type(self.schema)?, cast.field.data_type());
                // What no cast can do, and constants, are the planner's to look at.
                let is_constant = matches!(*cast.expr, Expr::Literal(..));
                let is_known = is_constant || !can_cast_types(&from, to);
                let is_fallible = !is_known && fallible::cast(&from, to);
                is_fallible.then(|| Operation::Cast(cast.field.clone()))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if !fallible::can_fail(*op) || is_division_by_constant(*op, right) {
                    return Ok(None);
                }
                let (left, right) = (left.get_type(self.schema)?, right.get_type(self.schema)?);
                let is_fallible = fallible::operator(&left, *op, &right) != Fallible::Never;
                is_fallible.then_some(Operation::Binary(*op))
            }
            Expr::Negative(of) => match of.get_type(self.schema)? {
                // The planner takes it, and no value can be computed.
                DataType::Timestamp(..) => {
                    return plan_err!("Unary operator '-' cannot be used with a timestamp");
                }
                of => (!of.is_floating()).then_some(Operation::Negate),
            },
            Expr::ScalarFunction(ScalarFunction { func, args }) => {
                // What is written in Rust says by itself what it has met.
                let is_ours = func.inner().downcast_ref::<Guard>().is_some() || is_declared(func);
                let types = args.iter().map(|arg| arg.get_type(self.schema));
                let types = types.collect::<Result<Vec<_>>>()?;
                let is_fallible = fallible::function(func.name(), &types) != Fallible::Never;
                (is_fallible && !is_ours).then(|| Operation::Call(func.clone()))
            }
            _ => None,
        })
    }

    /// The expression with guards, computed where the condition is true.
    fn guard(&self, expr: Expr, condition: Option<&Expr>) -> Result<Expr> {
        let expr = as_cast(expr, self.schema)?;
        let operation = self.operation(&expr)?;
        let names = operation.as_ref().map(|_| span(&expr, self.spans));
        let guarded = match expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => self.guard_logical(*left, op, *right, condition)?,
            Expr::Case(case) if case.expr.is_none() && self.is_boolean(&case)? => {
                self.guard_case(case, condition)?
            }
            Expr::AggregateFunction(AggregateFunction { func, params }) => {
                let params = self.guard_aggregate(params)?;
                Expr::AggregateFunction(AggregateFunction { func, params })
            }
            Expr::WindowFunction(window) => self.guard_window(*window)?,
            other => {
                other
                    .map_children(|child| Ok(Transformed::yes(self.guard(child, condition)?)))?
                    .data
            }
        };
        match operation {
            Some(operation) => Ok(self.put(operation, guarded, names.flatten(), condition)),
            None => Ok(guarded),
        }
    }

    /// The right side is computed where the left one has not decided.
    fn guard_logical(
        &self,
        left: Expr,
        operator: Operator,
        right: Expr,
        condition: Option<&Expr>,
    ) -> Result<Expr> {
        let left = self.guard(left, condition)?;
        let right = match self.can_fail(&right)? {
            false => right,
            true => {
                let undecided = Box::new(left.clone());
                let undecided = match operator {
                    Operator::And => Expr::IsNotFalse(undecided),
                    _ => Expr::IsNotTrue(undecided),
                };
                self.guard(right, both(condition, undecided).as_ref())?
            }
        };
        Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))))
    }

    fn is_boolean(&self, case: &Case) -> Result<bool> {
        match case.when_then_expr.first() {
            Some((_, then)) => Ok(then.get_type(self.schema)? == DataType::Boolean),
            None => Ok(false),
        }
    }

    /// The engine makes ANDs and ORs of a `CASE` between truth values, and computes all of them.
    fn guard_case(&self, case: Case, condition: Option<&Expr>) -> Result<Expr> {
        let mut before = condition.cloned();
        let mut when_then_expr = Vec::with_capacity(case.when_then_expr.len());
        for (when, then) in case.when_then_expr {
            let when = self.guard(*when, before.as_ref())?;
            let holds = Expr::IsTrue(Box::new(when.clone()));
            let then = self.guard(*then, both(before.as_ref(), holds).as_ref())?;
            before = both(before.as_ref(), Expr::IsNotTrue(Box::new(when.clone())));
            when_then_expr.push((Box::new(when), Box::new(then)));
        }
        let otherwise = case.else_expr.map(|expr| self.guard(*expr, before.as_ref()));
        let else_expr = otherwise.transpose()?.map(Box::new);
        Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr }))
    }

    /// What a `FILTER` leaves out is not computed.
    fn guard_aggregate(&self, params: AggregateFunctionParams) -> Result<AggregateFunctionParams> {
        let filter = params.filter.map(|filter| self.guard(*filter, None)).transpose()?;
        let holds =
            filter.as_ref().and_then(|filter| both(None, Expr::IsTrue(Box::new(filter.clone()))));
        let guard = |expr| self.guard(expr, holds.as_ref());
        let args = params.args.into_iter().map(guard).collect::<Result<_>>()?;
        let order_by = params
            .order_by
            .into_iter()
            .map(|sort| Ok(sort.with_expr(self.guard(sort.expr.clone(), holds.as_ref())?)))
            .collect::<Result<_>>()?;
        Ok(AggregateFunctionParams { args, filter: filter.map(Box::new), order_by, ..params })
    }

    fn guard_window(&self, window: WindowFunction) -> Result<Expr> {
        let mut window = window;
        let params = &mut window.params;
        if let Some(filter) = &params.filter
            && let Some(holds) = both(None, Expr::IsTrue(filter.clone()))
        {
            let args = std::mem::take(&mut params.args);
            let guard = |expr| self.guard(expr, Some(&holds));
            params.args = args.into_iter().map(guard).collect::<Result<_>>()?;
        }
        let window = Expr::WindowFunction(Box::new(window));
        Ok(window.map_children(|child| Ok(Transformed::yes(self.guard(child, None)?)))?.data)
    }

    /// The guard in the place of an expression whose operands have theirs.
    fn put(
        &self,
        operation: Operation,
        expr: Expr,
        span: Option<Span>,
        condition: Option<&Expr>,
    ) -> Expr {
        let mut operands = operands(expr);
        let around = operands.iter().map(|operand| same_kind(operand, &operation, span)).sum();
        let names = operands.iter().map(|operand| match operand {
            Expr::Column(column) => Some(column.name.clone()),
            _ => None,
        });
        let written = Written { span, around, operands: names.collect() };
        let mut guard = Guard::new(operation, written, self.failing);
        if let Some(condition) = condition {
            guard = guard.conditional();
            operands.insert(0, condition.clone());
        }
        call(guard, operands)
    }
}

/// `arrow_cast(a, 'Int32')` is a cast, which the engine finds out after guards are put.
fn as_cast(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return Ok(expr) };
    if !matches!(func.name(), "arrow_cast" | "arrow_try_cast" | "cast_to_type" | "try_cast_to_type")
    {
        return Ok(Expr::ScalarFunction(ScalarFunction { func, args }));
    }
    let context = SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build();
    Ok(match func.simplify(args, &context)? {
        ExprSimplifyResult::Simplified(cast) => cast,
        ExprSimplifyResult::Original(args) => Expr::ScalarFunction(ScalarFunction { func, args }),
    })
}

/// Whether it divides a whole number by a constant that is neither 0 nor -1.
fn is_division_by_constant(operator: Operator, divisor: &Expr) -> bool {
    let Expr::Literal(value, _) = divisor else { return false };
    let number = value.cast_to(&DataType::Int64).ok();
    let is_harmless = matches!(number, Some(ScalarValue::Int64(Some(n))) if n != 0 && n != -1);
    let divides = matches!(operator, Operator::Divide | Operator::Modulo);
    divides && value.data_type().is_integer() && is_harmless
}

/// How many guards in an expression are of that kind and have the same names of columns.
fn same_kind(expr: &Expr, operation: &Operation, span: Option<Span>) -> usize {
    let mut count = 0;
    let _ = expr.apply(|expr| {
        if let Some((guard, _)) = guard_of(expr) {
            let kind =
                std::mem::discriminant(operation) == std::mem::discriminant(&guard.operation);
            count += usize::from(kind && guard.written.span == span);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    count
}

/// What an expression is computed from.
fn operands(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::Cast(cast) => vec![*cast.expr],
        Expr::Negative(of) => vec![*of],
        Expr::BinaryExpr(binary) => vec![*binary.left, *binary.right],
        Expr::ScalarFunction(call) => call.args,
        other => vec![other],
    }
}

/// A guard, called.
pub(super) fn call(guard: Guard, operands: Vec<Expr>) -> Expr {
    let function = Arc::new(ScalarUDF::from(guard));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, operands))
}

/// The guard that an expression is, and all of its arguments.
pub fn guard_of(expr: &Expr) -> Option<(&Guard, &[Expr])> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    Some((func.inner().downcast_ref::<Guard>()?, args))
}

/// Whether anything that a plan computes can fail.
///
/// # Errors
/// The engine's.
pub fn has_guards(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let is_guard = |expr: &Arc<dyn PhysicalExpr>| {
        let call = expr.downcast_ref::<ScalarFunctionExpr>();
        call.is_some_and(|call| call.fun().inner().downcast_ref::<Guard>().is_some())
    };
    plan.exists(|node| {
        let mut found = false;
        node.apply_expressions(&mut |expr| {
            found = found || expr.exists(|expr| Ok(is_guard(expr)))?;
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        Ok(found)
    })
}

/// Both conditions; only those that can be computed twice with the same result, and cheaply.
fn both(condition: Option<&Expr>, another: Expr) -> Option<Expr> {
    let can_be_repeated = |expr: &Expr| {
        let is_subquery = |expr: &Expr| {
            Ok(matches!(
                expr,
                Expr::InSubquery(_)
                    | Expr::Exists(_)
                    | Expr::ScalarSubquery(_)
                    | Expr::SetComparison(_)
            ))
        };
        !expr.is_volatile() && !expr.exists(is_subquery).unwrap_or(true)
    };
    let size = condition.map_or(0, nodes) + nodes(&another);
    let another = Some(another).filter(|another| size <= CONDITION && can_be_repeated(another));
    match (condition, another) {
        (Some(condition), Some(another)) => Some(condition.clone().and(another)),
        (condition, another) => condition.cloned().or(another),
    }
}

/// Expressions in a condition that a guard has: each guard has its own.
const CONDITION: usize = 64;

fn nodes(expr: &Expr) -> usize {
    let mut count = 0;
    let _ = expr.apply(|_| {
        count += 1;
        Ok(if count > CONDITION { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    count
}

/// What the optimizer has put behind one `WHERE` or `ON` is computed where the conditions beside it hold,
/// whichever order they have got.
#[derive(Debug)]
pub(super) struct FilterGuards;

impl OptimizerRule for FilterGuards {
    fn name(&self) -> &str {
        "filter_guards"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Filter(filter) => Ok(match conjunction(&filter.predicate)? {
                Some(predicate) => {
                    Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?))
                }
                None => Transformed::no(LogicalPlan::Filter(filter)),
            }),
            LogicalPlan::Join(mut join) => {
                let guarded = join.filter.as_ref().map(conjunction).transpose()?.flatten();
                let is_changed = guarded.is_some();
                join.filter = guarded.or(join.filter);
                let join = LogicalPlan::Join(join);
                Ok(if is_changed { Transformed::yes(join) } else { Transformed::no(join) })
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// A conjunction whose guards are computed where the parts of it that cannot fail hold; `None` where
/// they already are, or nothing can fail.
fn conjunction(predicate: &Expr) -> Result<Option<Expr>> {
    let conditions = datafusion::logical_expr::utils::split_conjunction(predicate);
    let is_guarded = |expr: &&Expr| expr.exists(|e| Ok(guard_of(e).is_some()));
    let mut safe = Vec::new();
    let mut fallible = Vec::new();
    for condition in conditions {
        match is_guarded(&condition)? {
            true => fallible.push(condition),
            false => safe.push(condition),
        }
    }
    let is_done = |expr: &&Expr| {
        expr.exists(|e| Ok(guard_of(e).is_some_and(|(guard, _)| !guard.is_conditional)))
    };
    let holds = safe.iter().fold(None, |all, one| both(all.as_ref(), Expr::clone(one)));
    let Some(holds) = holds.filter(|_| fallible.iter().any(|e| is_done(e).unwrap_or(false))) else {
        return Ok(None);
    };
    let guarded = fallible.into_iter().map(|expr| under(expr.clone(), &holds));
    let guarded = guarded.collect::<Result<Vec<_>>>()?;
    Ok(safe.into_iter().cloned().chain(guarded).reduce(Expr::and))
}

/// The guards in an expression that have no condition, under this one.
fn under(expr: Expr, condition: &Expr) -> Result<Expr> {
    let guarded = expr.transform_up(|expr| {
        let unconditional = guard_of(&expr).filter(|(guard, _)| !guard.is_conditional);
        let Some((guard, operands)) = unconditional else { return Ok(Transformed::no(expr)) };
        let mut arguments = vec![Expr::IsTrue(Box::new(condition.clone()))];
        arguments.extend_from_slice(operands);
        Ok(Transformed::yes(call(guard.conditional(), arguments)))
    })?;
    Ok(guarded.data)
}
