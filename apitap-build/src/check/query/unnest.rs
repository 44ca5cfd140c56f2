//! `unnest(t.tags)` in a `FROM`, as PostgreSQL takes it → where it stands here: in the `SELECT`.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, ObjectName, Spanned, TableAlias, TableFactor,
};

use super::draft::Draft;
use super::scope::{Scope, plain};
use super::text::Text;
use crate::codes;

/// A finding for each `unnest` of a `FROM` that reads the tables beside it.
pub(super) fn in_from(text: &Text<'_>, scope: &Scope<'_>) -> Vec<Draft> {
    let from = scope.selects.iter().flat_map(|select| &select.from);
    let factors = from.flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    });
    factors.filter_map(|factor| finding(text, factor)).collect()
}

fn finding(text: &Text<'_>, factor: &TableFactor) -> Option<Draft> {
    let (list, alias) = unnested(factor).filter(|(list, _)| is_read(list))?;
    let list = text.range(list.span())?;
    let written = text.slice(&list);
    let name = alias.map(|alias| alias.columns.first().map_or(&alias.name, |column| &column.name));
    let name = name.map_or("element", |name| name.value.as_str());
    let message = "`unnest` cannot read a table that stands beside it in FROM";
    let draft = Draft::error(codes::UNSUPPORTED_QUERY, message, call(text, &list));
    Some(draft.help(format!(
        "take the list apart in the SELECT: `SELECT …, unnest({written}) AS {name} FROM …`; what \
         reads the elements goes into a query around it"
    )))
}

/// The list that a table is made of, and the table's names.
fn unnested(factor: &TableFactor) -> Option<(&Expr, Option<&TableAlias>)> {
    let is_unnest = |name: &ObjectName| plain(name).eq_ignore_ascii_case("unnest");
    match factor {
        TableFactor::UNNEST { array_exprs, alias, .. } => {
            Some((array_exprs.first()?, alias.as_ref()))
        }
        TableFactor::Function { name, args, alias, .. } if is_unnest(name) => {
            Some((argument(args)?, alias.as_ref()))
        }
        TableFactor::Table { name, args: Some(args), alias, .. } if is_unnest(name) => {
            Some((argument(&args.args)?, alias.as_ref()))
        }
        _ => None,
    }
}

fn argument(args: &[FunctionArg]) -> Option<&Expr> {
    match args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// Whether an expression is more than what is written out.
fn is_read(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => false,
        Expr::Array(array) => array.elem.iter().any(is_read),
        Expr::Nested(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::UnaryOp { expr: inner, .. } => is_read(inner),
        _ => true,
    }
}

/// `unnest(…)` around its argument.
fn call(text: &Text<'_>, list: &Range<usize>) -> Range<usize> {
    let brackets = text.brackets_around(list).unwrap_or_else(|| list.clone());
    let name = text.before(&brackets).map_or(brackets.start, |word| word.range.start);
    name..brackets.end
}
