//! Rows that are picked, where nothing says which.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, FunctionArgumentClause, FunctionArguments, LimitClause, Query,
    Select, SelectItem, SetExpr, Spanned, TableFactor, WindowType,
};

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::scope::plain;
use super::range;
use crate::codes;

/// `LIMIT` and `DISTINCT ON` without `ORDER BY`.
pub(super) fn of_query(context: &Context<'_>, query: &Query) -> Option<Draft> {
    if query.order_by.is_some() {
        return None;
    }
    let SetExpr::Select(select) = &*query.body else { return None };
    if let Some(Distinct::On(columns)) = &select.distinct {
        let first = columns.first().and_then(|column| range(context.text, column))?;
        let message = "which row of each group is kept is left to chance";
        return Some(
            Draft::warning(codes::ARBITRARY_ROWS, message, first)
                .help("say which: `ORDER BY …`, with these columns first, then what decides"),
        );
    }
    let limit = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit: Some(limit), .. }
        | LimitClause::OffsetCommaLimit { limit, .. } => limit,
        LimitClause::LimitOffset { .. } => return None,
    };
    if yields_one_row(context, select) || reads_ordered(query, select) {
        return None;
    }
    let range = limit_range(context, limit)?;
    Some(
        Draft::warning(codes::ARBITRARY_ROWS, "which rows are kept is left to chance", range)
            .help("say which: `ORDER BY … LIMIT …`"),
    )
}

/// `LIMIT 10`, or `FETCH FIRST 10`.
fn limit_range(context: &Context<'_>, limit: &Expr) -> Option<Range<usize>> {
    let text = context.text;
    let Some(number) = text.range(limit.span()) else { return text.find("FETCH") };
    let word = text.before(&number)?;
    let is_first =
        ["FIRST", "NEXT"].iter().any(|w| text.slice(&word.range).eq_ignore_ascii_case(w));
    let first = if is_first { text.before(&word.range)? } else { word };
    Some(first.range.start..number.end)
}

/// Aggregates without groups.
fn yields_one_row(context: &Context<'_>, select: &Select) -> bool {
    use datafusion::sql::sqlparser::ast::GroupByExpr;
    let has_groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(groups, modifiers) => !groups.is_empty() || !modifiers.is_empty(),
    };
    let is_aggregate = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => match expr {
            Expr::Function(call) => {
                call.over.is_none() && context.planner.is_aggregate(&plain(&call.name))
            }
            _ => false,
        },
        _ => false,
    };
    !has_groups && select.projection.iter().any(is_aggregate)
}

/// Whether what is read is in an order already, as far as an inner query says so.
fn reads_ordered(query: &Query, select: &Select) -> bool {
    let [from] = select.from.as_slice() else { return false };
    match &from.relation {
        _ if !from.joins.is_empty() => false,
        TableFactor::Derived { subquery, .. } => subquery.order_by.is_some(),
        TableFactor::Table { name, .. } => {
            let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
            let mut same = ctes.filter(|cte| cte.alias.name.value == plain(name));
            same.any(|cte| cte.query.order_by.is_some())
        }
        _ => false,
    }
}

/// `first_value(x)` of rows in no order.
pub(super) fn of_call(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let Expr::Function(call) = expr else { return None };
    let name = plain(&call.name).to_lowercase();
    let picks = ["first_value", "last_value", "nth_value"].contains(&name.as_str());
    if !picks || is_ordered(call) {
        return None;
    }
    let range = context.text.range(call.name.span())?;
    let message = format!("which value `{name}` yields is left to chance");
    let help = match call.over {
        Some(_) => format!("say in which order: `{name}(…) OVER (… ORDER BY …)`"),
        None => format!("say in which order: `{name}(… ORDER BY …)`"),
    };
    Some(Draft::warning(codes::ARBITRARY_ROWS, &message, range).help(help))
}

fn is_ordered(call: &Function) -> bool {
    let in_arguments = match &call.args {
        FunctionArguments::List(list) => {
            list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
        }
        _ => false,
    };
    let in_window = match &call.over {
        Some(WindowType::WindowSpec(window)) => {
            // A window that is built on another one may be ordered there.
            !window.order_by.is_empty() || window.window_name.is_some()
        }
        Some(WindowType::NamedWindow(_)) => true,
        None => false,
    };
    in_arguments || in_window || !call.within_group.is_empty()
}
