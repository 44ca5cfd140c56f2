//! Rows that are picked, where nothing says which.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, FunctionArgumentClause, FunctionArguments, LimitClause, OrderBy,
    OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned, TableFactor, WindowType,
};

use super::super::context::Context;
use super::super::draft::{Draft, Fix};
use super::super::scope::plain;
use super::{Literal, literal, range};
use crate::codes;

/// `LIMIT` and `DISTINCT ON` without `ORDER BY`.
pub(super) fn of_query(context: &Context<'_>, query: &Query) -> Option<Draft> {
    let SetExpr::Select(select) = &*query.body else { return None };
    if let Some(draft) = query.order_by.as_ref().and_then(|order| by_constant(context, order)) {
        return Some(draft);
    }
    if let Some(Distinct::On(columns)) = &select.distinct {
        if query.order_by.as_ref().is_some_and(|order| decides(order, columns)) {
            return None;
        }
        let first = columns.first().and_then(|column| range(context.text, column))?;
        let message = "which row of each group is kept is left to chance";
        return Some(
            Draft::warning(codes::ARBITRARY_ROWS, message, first)
                .help("say which: `ORDER BY …`, with these columns first, then what decides"),
        );
    }
    if query.order_by.is_some() {
        return None;
    }
    let limit = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit: Some(limit), .. }
        | LimitClause::OffsetCommaLimit { limit, .. } => limit,
        LimitClause::LimitOffset { offset: Some(offset), .. } => &offset.value,
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

/// Whether an ORDER BY says more than which columns are the same.
fn decides(order: &OrderBy, columns: &[Expr]) -> bool {
    let OrderByKind::Expressions(by) = &order.kind else { return true };
    let is_among = |by: &OrderByExpr| columns.iter().any(|c| c.to_string() == by.expr.to_string());
    !by.iter().all(is_among)
}

/// `ORDER BY 'name'`: a text, and no column.
fn by_constant(context: &Context<'_>, order: &OrderBy) -> Option<Draft> {
    let OrderByKind::Expressions(by) = &order.kind else { return None };
    let (text, range) = by.iter().find_map(|by| match literal(&by.expr)? {
        Literal::Text(text) => Some((text, range(context.text, &by.expr)?)),
        _ => None,
    })?;
    let name = format!("\"{}\"", text.replace('"', "\"\""));
    let fix = Fix { range: range.clone(), replacement: name.clone(), sure: true };
    let message = "this orders nothing: a text in single quotes is the same for every row";
    Some(
        Draft::warning(codes::ARBITRARY_ROWS, message, range)
            .fix(format!("a column is written without quotes, or in double ones: `{name}`"), fix),
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
    let is_one_of = |names: &[&str]| names.contains(&name.as_str());
    let picks = is_one_of(&["first_value", "last_value", "nth_value"]);
    let counts = is_one_of(&["row_number", "ntile", "lag", "lead"]);
    if !picks && !counts || is_ordered(call) {
        return None;
    }
    let range = context.text.range(call.name.span())?;
    let message = match picks {
        true => format!("which value `{name}` yields is left to chance"),
        false => format!("the order in which `{name}` goes through the rows is left to chance"),
    };
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
