//! A plan → which of its expressions can fail in a run, and on what values.
//!
//! What is computed, and whether it fails, the guards of the plan know ([`super::guard`]).

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode as _;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::bounds::CALL;
use super::fallible::Fallible;
use super::guard::{self, Guard, Operation, Written};
use super::guards::{self, guard_of};
use super::locate::{Place, place_of};
use super::steps::each_expression;
use super::sums;
use crate::schema::Type;
use crate::schema::arrow::from_field;
use crate::schema::described::describe_type;

/// An expression of a query that can fail.
#[derive(Debug, Clone)]
pub struct Risk {
    /// Where it stands, if that is known.
    pub place: Option<Place>,
    /// What it is, for a sentence: the expression as written, or the name of what is computed.
    pub expression: String,
    /// Goes on after the expression: ``fails on a text that cannot be parsed as `int64` ``.
    pub why: String,
    /// Whether that takes values such as no API is known to send.
    pub is_remote: bool,
    /// What to write instead, if there is a form that cannot fail.
    pub instead: Option<String>,
}

/// The expressions of a query that can fail, in the order of the query, each once. The plan is that
/// of [`super::logical_plan`].
///
/// # Errors
/// The engine's: what has been checked is not refused.
pub fn risks(state: &SessionState, plan: LogicalPlan, sql: &str) -> Result<Vec<Risk>> {
    let options = state.config_options();
    let plan = state.analyzer().execute_and_check(plan, options, |_, _| {})?;
    let of_guard = |guarded: Guarded| {
        let why = guarded.why()?;
        let Guard { operation, written, .. } = guarded.guard;
        Some((operation, written, why))
    };
    let found = guards(&plan).into_iter().filter_map(of_guard).chain(totals(&plan));
    let mut risks: Vec<_> = found.map(|found| risk(sql, found)).collect();
    let at = |risk: &Risk| risk.place.as_ref().map(|place| (place.line, place.column));
    risks.sort_by_key(at);
    risks.dedup_by(|a, b| at(a) == at(b) && a.expression == b.expression);
    Ok(risks)
}

fn risk(sql: &str, (operation, written, why): (Operation, Written, Why)) -> Risk {
    let place = place_of(sql, &operation, &written);
    let expression = place.as_ref().map(|place| place.expression.clone());
    let form = place.as_ref().and_then(|place| place.infallible.as_deref());
    Risk {
        expression: expression.unwrap_or_else(|| operation.to_string()),
        instead: form.map(|form| instead(&operation, form)),
        why: format!("fails {}", why.on),
        is_remote: why.is_remote,
        place,
    }
}

/// What to write instead of an operation that has a form that cannot fail.
pub fn instead(operation: &Operation, form: &str) -> String {
    match operation {
        Operation::Binary(Operator::Plus | Operator::Minus | Operator::Multiply)
        | Operation::Negate => format!("compute with a wider type: `{form}`"),
        _ => format!("`{form}` yields null instead"),
    }
}

/// On what an expression fails.
#[derive(Debug, Clone)]
pub struct Why {
    /// Goes on after "fails": ``on a text that cannot be parsed as `int64` ``.
    pub on: String,
    /// Whether that takes values at the ends of time and of whole numbers, or results of many MiB.
    pub is_remote: bool,
}

/// A guard, with what it is computed from.
pub struct Guarded {
    /// The guard.
    pub guard: Guard,
    /// What it is computed from.
    pub operands: Vec<Expr>,
    /// What their columns are.
    pub schema: DFSchema,
}

impl Guarded {
    /// The types of the operands.
    pub fn types(&self) -> Result<Vec<DataType>> {
        self.operands.iter().map(|operand| operand.get_type(&self.schema)).collect()
    }

    /// The name of a type, `json` or `uuid`, none of whose values is one of the type of this cast: a
    /// text in JSON stands in quotes.
    pub fn never_fits(&self) -> Option<&'static str> {
        let (Operation::Cast(to), [operand]) = (&self.guard.operation, self.operands.as_slice())
        else {
            return None;
        };
        let (_, from) = operand.to_field(&self.schema).ok()?;
        let to = to.data_type();
        let is_bare = to.is_temporal() || matches!(to, DataType::Interval(_));
        match from_field(&from)? {
            Type::Json if is_bare => Some("json"),
            Type::Uuid if is_bare || to.is_numeric() || *to == DataType::Boolean => Some("uuid"),
            _ => None,
        }
    }

    /// On what an expression fails; `None` where it does not fail on any value that there can be.
    pub fn why(&self) -> Option<Why> {
        let types = self.types().ok()?;
        let is_constant =
            |index: usize| self.operands.get(index).is_some_and(|operand| !varies(operand));
        let fails_on = self.guard.fallible(&types)?;
        let is_settled = fails_on.is_settled(is_constant)
            || (0..types.len()).all(is_constant) && self.is_computed();
        if is_settled || is_never_divided_by_zero(self) || fits_always(self) {
            return None;
        }
        let is_remote = matches!(fails_on, Fallible::AtTheEnds | Fallible::BySize);
        Some(Why { on: self.fails_on(fails_on, &types)?, is_remote })
    }

    /// Whether it is a constant. One that cannot be computed stays an expression: where it stands in
    /// a branch that no record has come to so far, nothing else tells.
    fn is_computed(&self) -> bool {
        let call = guards::call(self.guard.unconditional(), self.operands.clone());
        let context = SimplifyContext::builder().with_schema(Arc::new(self.schema.clone())).build();
        matches!(ExprSimplifier::new(context).simplify(call), Ok(Expr::Literal(..)))
    }

    fn fails_on(&self, fallible: Fallible, types: &[DataType]) -> Option<String> {
        let to = |ty: &DataType| describe_type(ty);
        if fallible == Fallible::BySize {
            return Some(format!(
                "where the results of some records take more than {} MiB",
                CALL >> 20
            ));
        }
        Some(match (&self.guard.operation, types) {
            (Operation::Cast(field), [from]) if from.is_string() => {
                format!("on a text that cannot be parsed as {}", to(field.data_type()))
            }
            (Operation::Cast(field), _) => {
                format!("on a value that does not fit {}", to(field.data_type()))
            }
            (Operation::Binary(Operator::Divide | Operator::Modulo), _) => {
                "where the divisor is 0".to_owned()
            }
            (
                Operation::Binary(
                    operator @ (Operator::Plus | Operator::Minus | Operator::Multiply),
                ),
                [left, right],
            ) => {
                let ty = guard::result_type(left, *operator, right).ok()?;
                format!("where the result does not fit {}", to(&ty))
            }
            (Operation::Negate, [of]) => format!("on the smallest {}", to(of)),
            (Operation::Binary(_), _) => "on a pattern that is not a regular expression".to_owned(),
            _ => "on values that it does not take".to_owned(),
        })
    }
}

/// All guards of a plan, the inner ones first.
pub fn guards(plan: &LogicalPlan) -> Vec<Guarded> {
    let mut guards = Vec::new();
    each_expression(plan, |step, expr| {
        if let Some((guard, arguments)) = guard_of(expr) {
            let operands = guard.operands(arguments).to_vec();
            let schema = merge_schema(&step.inputs());
            guards.push(Guarded { guard: guard.clone(), operands, schema });
        }
    });
    guards.reverse();
    guards
}

/// The sums and averages of a plan that may not fit their types.
fn totals(plan: &LogicalPlan) -> Vec<(Operation, Written, Why)> {
    let mut found = Vec::new();
    each_expression(plan, |step, expr| found.extend(total(expr, step)));
    found
}

fn total(expr: &Expr, step: &LogicalPlan) -> Option<(Operation, Written, Why)> {
    let (function, arguments) = match expr {
        Expr::AggregateFunction(call) => (&call.func, &call.params.args),
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::AggregateUDF(function) => (function, &window.params.args),
            WindowFunctionDefinition::WindowUDF(_) => return None,
        },
        _ => return None,
    };
    let of = arguments.first()?;
    let schema = &merge_schema(&step.inputs());
    // So many rows of so small numbers there are not.
    if largest(of, schema).is_some_and(|largest| largest <= 1 << 32) {
        return None;
    }
    let (operation, is_remote) = sums::risk(function, &of.get_type(schema).ok()?)?;
    let written = Written { span: guards::span_of(expr), ..Written::default() };
    let what = "where the result does not fit its type".to_owned();
    Some((operation, written, Why { on: what, is_remote }))
}

/// Whether the sum, difference or product of whole numbers fits its type, whatever they are:
/// `quantity * 2`, where `quantity` is an `int32`.
fn fits_always(guarded: &Guarded) -> bool {
    let (Operation::Binary(operator), [left, right]) =
        (&guarded.guard.operation, guarded.operands.as_slice())
    else {
        return false;
    };
    let is_int64 =
        |expr: &Expr| expr.get_type(&guarded.schema).is_ok_and(|ty| ty == DataType::Int64);
    if !is_int64(left) || !is_int64(right) {
        return false;
    }
    let largest = |expr| largest(expr, &guarded.schema);
    computed(*operator, largest(left), largest(right)).is_some_and(|n| n <= i64::MAX as u128)
}

/// How far from 0 a whole number can be; `None` where that is not known.
fn largest(expr: &Expr, schema: &DFSchema) -> Option<u128> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => Some(number.unsigned_abs().into()),
            _ => None,
        },
        Expr::Cast(cast) => largest(&cast.expr, schema),
        Expr::Alias(alias) => largest(&alias.expr, schema),
        other => {
            if let Some((guard, arguments)) = guard_of(other)
                && let (Operation::Binary(operator), [left, right]) =
                    (&guard.operation, guard.operands(arguments))
            {
                return computed(*operator, largest(left, schema), largest(right, schema));
            }
            match other.get_type(schema).ok()? {
                DataType::Int8 | DataType::UInt8 => Some(1 << 8),
                DataType::Int16 | DataType::UInt16 => Some(1 << 16),
                DataType::Int32 | DataType::UInt32 => Some(1 << 32),
                DataType::Int64 => Some(1 << 63),
                _ => None,
            }
        }
    }
}

/// The same of what an operator makes of two.
fn computed(operator: Operator, left: Option<u128>, right: Option<u128>) -> Option<u128> {
    match operator {
        Operator::Plus | Operator::Minus => left?.checked_add(right?),
        Operator::Multiply => left?.checked_mul(right?),
        _ => None,
    }
}

/// Whether it is a division by `nullif(…, 0)`.
fn is_never_divided_by_zero(guarded: &Guarded) -> bool {
    let divides =
        matches!(guarded.guard.operation, Operation::Binary(Operator::Divide | Operator::Modulo));
    let mut divisor = guarded.operands.get(1);
    while let Some(Expr::Cast(cast)) = divisor {
        divisor = Some(&cast.expr);
    }
    let Some(Expr::ScalarFunction(call)) = divisor.filter(|_| divides) else { return false };
    let is_zero = |expr: &Expr| match expr {
        Expr::Literal(value, _) => {
            value.cast_to(&DataType::Float64).is_ok_and(|n| n == ScalarValue::Float64(Some(0.0)))
        }
        _ => false,
    };
    call.func.name() == "nullif" && call.args.get(1).is_some_and(is_zero)
}

/// Whether an expression has different values for different records.
pub(crate) fn varies(expr: &Expr) -> bool {
    let varies = |expr: &Expr| {
        Ok(match expr {
            Expr::Column(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::LambdaVariable(_) => true,
            Expr::ScalarFunction(call) => {
                call.func.signature().volatility != datafusion::logical_expr::Volatility::Immutable
            }
            _ => false,
        })
    };
    expr.exists(varies).unwrap_or(true)
}
