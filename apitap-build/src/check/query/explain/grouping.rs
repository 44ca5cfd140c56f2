//! What the planner says of groups and aggregates → findings in our words.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr};

use super::super::blame::{Blame, Culprit};
use super::super::context::{Context, Explained};
use super::super::draft::{Draft, Site};
use super::super::row;
use super::super::scope::plain;
use crate::codes;

/// A column that is neither grouped nor aggregated, an aggregate where none can be.
pub(super) fn grouping(
    context: &Context<'_>,
    blame: &Blame<'_>,
    message: &str,
    range: Option<Range<usize>>,
    culprit: Option<Culprit>,
) -> Option<Draft> {
    let here = culprit.and_then(|culprit| blame.tree.range(culprit.index()));
    let place = |range: Option<Range<usize>>| range.unwrap_or_else(|| context.text.first());
    if message.starts_with("HAVING clause references") {
        let range = place(context.text.find("HAVING"));
        return Some(
            Draft::error(
                codes::MISPLACED_AGGREGATE,
                "HAVING looks at groups, but there are none",
                range,
            )
            .help("use WHERE, or say what is grouped: `GROUP BY …`"),
        );
    }
    if message.contains("For SELECT DISTINCT, ORDER BY") {
        let message = "rows that are made DISTINCT are ordered by columns of the SELECT only";
        return Some(
            Draft::error(codes::MISPLACED_AGGREGATE, message, place(here))
                .help("add it to the SELECT, or leave DISTINCT out"),
        );
    }
    if message.contains("must be in GROUP BY") || message.contains("must appear in the GROUP BY") {
        let range = place(range.or(here));
        if let Some(draft) = aggregate_without_groups(context, blame, &range) {
            return Some(draft);
        }
        let written = context.text.slice(&range);
        let message = format!("`{written}` is neither grouped by nor aggregated");
        return Some(
            Draft::error(codes::MISPLACED_AGGREGATE, message, range)
                .label("which value of the group?")
                .help(format!("add it to GROUP BY, or take one value: `max({written})`")),
        );
    }
    if message.contains("Aggregate functions are not allowed in the WHERE") {
        let calls = culprit.map(Culprit::index).and_then(|root| aggregate_in(context, blame, root));
        return Some(
            Draft::error(
                codes::MISPLACED_AGGREGATE,
                "WHERE cannot aggregate",
                place(calls.or(here)),
            )
            .label("there are no groups yet")
            .help("use HAVING, which looks at the groups"),
        );
    }
    if message.contains("Aggregate function calls cannot be nested") {
        return Some(
            Draft::error(
                codes::MISPLACED_AGGREGATE,
                "an aggregate cannot be aggregated",
                place(here.or(range)),
            )
            .help("compute the inner one in a query of its own: `FROM (SELECT … GROUP BY …)`"),
        );
    }
    None
}

/// An aggregate beside columns, in a query that has no groups at all: one mistake, however many
/// columns there are.
fn aggregate_without_groups(
    context: &Context<'_>,
    blame: &Blame<'_>,
    column: &Range<usize>,
) -> Option<Draft> {
    let select = row::leftmost_select(blame.statement())?;
    let has_groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(groups, _) => !groups.is_empty(),
    };
    // Which query a column belongs to is clear only where there is one.
    if has_groups || context.scope.selects.len() != 1 {
        return None;
    }
    let items = row::item_ranges(context.text, select);
    let is_aggregate = |item: &Range<usize>| {
        let inside = |node: &usize| {
            let range = blame.tree.range(*node);
            range.is_some_and(|range| item.start <= range.start && range.end <= item.end)
        };
        let call = |node: usize| match blame.expr(node) {
            Some(Expr::Function(call)) => {
                call.over.is_none() && context.planner.is_aggregate(&plain(&call.name))
            }
            _ => false,
        };
        blame.tree.all().filter(inside).find(|node| call(*node)).and_then(|n| blame.tree.range(n))
    };
    let aggregate = items.iter().find_map(is_aggregate)?;
    let written = context.text.slice(&aggregate);
    let message = format!("`{written}` makes one row of all, and there is no GROUP BY");
    Some(
        Draft::error(codes::MISPLACED_AGGREGATE, message, aggregate.clone())
            .related(Site::Query(column.clone()), "this column has a value for each record")
            .help("say what is grouped: `GROUP BY …`, with all columns that are not aggregated")
            .help(format!("to keep every row, write `{written} OVER ()`")),
    )
}

/// The first call of an aggregate function in an expression.
fn aggregate_in(context: &Context<'_>, blame: &Blame<'_>, root: usize) -> Option<Range<usize>> {
    let root = blame.tree.root(root);
    let is_aggregate = |node: &usize| match blame.expr(*node) {
        Some(Expr::Function(function)) => context.planner.is_aggregate(&plain(&function.name)),
        _ => false,
    };
    let inside = blame.tree.all().filter(|node| blame.tree.root(*node) == root);
    blame.tree.range(inside.into_iter().find(is_aggregate)?)
}

/// An aggregate among the groups.
pub(super) fn grouped_by_aggregate(context: &Context<'_>) -> Explained {
    let range = context.text.find("GROUP").unwrap_or_else(|| context.text.first());
    let draft =
        Draft::error(codes::MISPLACED_AGGREGATE, "GROUP BY cannot group by an aggregate", range)
            .help("group by what is not aggregated");
    Explained { draft, repair: None }
}
