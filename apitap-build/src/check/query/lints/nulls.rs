//! `NOT IN` beside values that may be null: one of them, and no row is left.

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Spanned, Statement};

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::nullability;
use super::range;
use crate::codes;

/// `x NOT IN (SELECT y FROM …)`, where `y` may be null.
pub(super) fn not_in(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let Expr::InSubquery { subquery, negated: true, .. } = expr else { return None };
    // What reads the query around it cannot be planned alone, and is left alone.
    let plan = context.planner.analyze(Statement::Query(subquery.clone())).ok()?;
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
    let message = format!("if one `{written}` is null, NOT IN is true for no row");
    Some(
        Draft::warning(codes::NOT_IN_NULLS, &message, range)
            .label("may be null")
            .help(format!("leave those out, in the inner query: `WHERE {written} IS NOT NULL`")),
    )
}
