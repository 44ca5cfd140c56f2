//! `NOT IN` beside values that may be null: one of them, and no row is left.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, SelectItem, SetExpr, Spanned, Statement,
};

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::nullability;
use super::{bare, range};
use crate::codes;

/// `x NOT IN (SELECT y FROM …)`, where `y` may be null.
pub(super) fn not_in(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let Expr::InSubquery { subquery, negated: true, .. } = expr else { return None };
    beside_nulls(context, subquery, "NOT IN")
}

/// `x <> ALL (SELECT y FROM …)`, which is the same.
pub(super) fn not_all(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let Expr::AllOp { compare_op: BinaryOperator::NotEq, right, .. } = expr else { return None };
    let Expr::Subquery(subquery) = bare(right) else { return None };
    beside_nulls(context, subquery, "`<> ALL`")
}

fn beside_nulls(context: &Context<'_>, subquery: &Query, operator: &str) -> Option<Draft> {
    // What reads the query around it cannot be planned alone, and is left alone.
    let plan = context.planner.analyze(Statement::Query(Box::new(subquery.clone()))).ok()?;
    if nullability::never_null(&plan).first().copied().unwrap_or(true) {
        return None;
    }
    let SetExpr::Select(select) = &*subquery.body else { return None };
    let column = match select.projection.first()? {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        _ => return None,
    };
    let range = range(context.text, column).or_else(|| context.text.range(subquery.span()))?;
    let written = context.text.slice(&range).to_owned();
    let message = format!("if one `{written}` is null, {operator} is true for no row");
    Some(
        Draft::warning(codes::NOT_IN_NULLS, &message, range)
            .label("may be null")
            .help(format!("leave those out, in the inner query: `WHERE {written} IS NOT NULL`")),
    )
}
