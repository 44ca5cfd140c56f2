//! The guards of a plan → notes that say which expression can fail, on what, and how it is written so
//! that it cannot. Under `strict` they are errors.

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};

use super::context::Context;
use super::draft::Draft;
use super::words::describe_type;
use crate::codes;
use crate::engine::{self, Guard, Operation};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::sql::sqlparser::ast::Statement;

/// How many of them one query is told.
const NOTES: usize = 20;

/// A guard, with what it is computed from.
pub(super) struct Guarded {
    /// The guard.
    pub(super) guard: Guard,
    /// What it is computed from.
    pub(super) operands: Vec<Expr>,
    /// What their columns are.
    pub(super) schema: DFSchema,
}

impl Guarded {
    /// The types of the operands.
    pub(super) fn types(&self) -> Result<Vec<DataType>> {
        self.operands.iter().map(|operand| operand.get_type(&self.schema)).collect()
    }
}

/// All guards of a plan, the inner ones first.
pub(super) fn guards(plan: &LogicalPlan) -> Vec<Guarded> {
    let mut guards = Vec::new();
    // There is no error to be had: nothing in here makes one.
    let _ = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        for expr in node.expressions() {
            expr.apply(|expr| {
                if let Some((guard, arguments)) = engine::guard_of(expr) {
                    let operands = guard.operands(arguments).to_vec();
                    let schema = schema.clone();
                    guards.push(Guarded { guard: guard.clone(), operands, schema });
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    guards.reverse();
    guards
}

/// A note for each expression that can fail on some value.
pub(super) fn notes(
    context: &Context<'_>,
    statement: &Statement,
    guards: &[Guarded],
    is_strict: bool,
) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for guarded in guards {
        let Some(why) = why(guarded) else { continue };
        let (guard, text) = (&guarded.guard, context.text);
        let located = engine::locate(text, statement, &guard.operation, &guard.written);
        let range = located.as_ref().map_or_else(|| text.first(), |at| at.range.clone());
        if drafts.iter().any(|draft| draft.range == range) {
            continue;
        }
        let written = super::row::begin(text.slice(&range));
        let message = match &located {
            Some(_) => format!("`{written}` fails {why}"),
            None => format!("`{}` fails {why}", guard.operation),
        };
        let draft = match is_strict {
            true => Draft::error(codes::CAN_FAIL, message, range),
            false => Draft::note_at(codes::CAN_FAIL, message, range),
        };
        let draft =
            draft.note("a value that cannot be computed ends the run, and nothing is stored");
        drafts.push(match located.and_then(|at| at.infallible) {
            Some(form) => draft.help(help(&guard.operation, &form)),
            None => {
                draft.help("leave out the values that it cannot take, in an inner query with WHERE")
            }
        });
        if drafts.len() == NOTES {
            break;
        }
    }
    drafts
}

fn help(operation: &Operation, form: &str) -> String {
    match operation {
        Operation::Binary(Operator::Plus | Operator::Minus | Operator::Multiply)
        | Operation::Negate => format!("compute with a wider type: `{form}`"),
        _ => format!("`{form}` yields null instead"),
    }
}

/// On what an expression fails; `None` where it does not fail on any value that there can be.
fn why(guarded: &Guarded) -> Option<String> {
    let types = guarded.types().ok()?;
    let is_constant =
        |index: usize| guarded.operands.get(index).is_some_and(|operand| !varies(operand));
    let fails_on = guarded.guard.fallible(&types)?;
    let is_settled = fails_on.is_settled(is_constant) || (0..types.len()).all(is_constant);
    if is_settled || is_never_divided_by_zero(guarded) || fits_always(guarded) {
        return None;
    }
    let to = |ty: &DataType| describe_type(ty);
    Some(match (&guarded.guard.operation, types.as_slice()) {
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
            Operation::Binary(operator @ (Operator::Plus | Operator::Minus | Operator::Multiply)),
            [left, right],
        ) => {
            let ty = engine::result_type(left, *operator, right).ok()?;
            format!("where the result does not fit {}", to(&ty))
        }
        (Operation::Negate, [of]) => format!("on the smallest {}", to(of)),
        (Operation::Binary(_), _) => "on a pattern that is not a regular expression".to_owned(),
        _ => "on values that it does not take".to_owned(),
    })
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
            if let Some((guard, arguments)) = engine::guard_of(other)
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
pub(super) fn varies(expr: &Expr) -> bool {
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
