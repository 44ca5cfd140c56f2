//! An expression in a form that is the same wherever the same is computed: without guards and
//! aliases, and with columns by their places in the rows that it is computed from.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr};

use super::guard::Operation;
use super::guards::guard_of;

/// Before the place of a column.
const PLACE: char = '#';

/// The column at a place.
pub(crate) fn column(place: usize) -> Expr {
    Expr::Column(Column::new_unqualified(format!("{PLACE}{place}")))
}

/// The place of a column of a canonical expression.
pub(crate) fn place(column: &Column) -> Option<usize> {
    column.name.strip_prefix(PLACE)?.parse().ok()
}

/// The canonical form; `None` where the expression is more than its columns and constants make it: a
/// subquery, a random number.
pub(crate) fn canonical(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    if expr.is_volatile() {
        return None;
    }
    let mut is_known = true;
    let canonical = expr.clone().transform_up(|expr| {
        Ok(match expr {
            Expr::Column(named) => match schema.maybe_index_of_column(&named) {
                Some(index) => Transformed::yes(column(index)),
                None => {
                    is_known = false;
                    Transformed::no(Expr::Column(named))
                }
            },
            Expr::Alias(alias) => Transformed::yes(*alias.expr),
            Expr::OuterReferenceColumn(..)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::SetComparison(_)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::LambdaVariable(_)
            | Expr::Placeholder(_) => {
                is_known = false;
                Transformed::no(expr)
            }
            other => without_guard(other),
        })
    });
    canonical.ok().map(|canonical| canonical.data).filter(|_| is_known)
}

/// The expression that a guard was put around, or any other as it is.
fn without_guard(expr: Expr) -> Transformed<Expr> {
    let Some((guard, arguments)) = guard_of(&expr) else { return Transformed::no(expr) };
    let operands = guard.operands(arguments);
    Transformed::yes(match (&guard.operation, operands) {
        (Operation::Cast(field), [of]) => {
            Expr::Cast(Cast::new_from_field(Box::new(of.clone()), field.clone()))
        }
        (Operation::Binary(operator), [left, right]) => Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left.clone()),
            *operator,
            Box::new(right.clone()),
        )),
        (Operation::Negate, [of]) => Expr::Negative(Box::new(of.clone())),
        (Operation::Call(function), operands) => {
            Expr::ScalarFunction(ScalarFunction::new_udf(function.clone(), operands.to_vec()))
        }
        _ => return Transformed::no(expr),
    })
}

/// A plan without guards, whose columns are named as before.
///
/// # Errors
/// The engine's.
#[cfg(feature = "compiler")]
pub(crate) fn without_guards(
    plan: datafusion::logical_expr::LogicalPlan,
) -> datafusion::common::Result<datafusion::logical_expr::LogicalPlan> {
    let bare = plan.transform_up_with_subqueries(|plan| {
        plan.map_expressions(|expr| expr.transform_up(|expr| Ok(without_guard(expr))))
    })?;
    Ok(bare.data)
}

/// A canonical expression of some rows, as one of the rows that are made of these: each part that is
/// computed by the expression at a place is the column there. `None` where something else is needed.
pub(crate) fn over(expr: &Expr, made: &[Option<Expr>]) -> Option<Expr> {
    let mut is_known = true;
    let moved = expr.clone().transform_down(|expr| {
        let at = made.iter().position(|made| made.as_ref() == Some(&expr));
        Ok(match at {
            Some(at) => Transformed::new(column(at), true, TreeNodeRecursion::Jump),
            None => {
                is_known &= !matches!(expr, Expr::Column(_));
                Transformed::no(expr)
            }
        })
    });
    moved.ok().map(|moved| moved.data).filter(|_| is_known)
}

/// A canonical expression of columns that stand behind so many others.
pub(crate) fn shifted(expr: &Expr, by: usize) -> Expr {
    let moved = expr.clone().transform_up(|expr| {
        Ok(match expr {
            Expr::Column(named) => match place(&named) {
                Some(at) => Transformed::yes(column(at + by)),
                None => Transformed::no(Expr::Column(named)),
            },
            other => Transformed::no(other),
        })
    });
    moved.map_or_else(|_| expr.clone(), |moved| moved.data)
}
