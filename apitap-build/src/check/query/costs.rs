//! A plan that keeps all rows before it yields the first → notes that say what that costs.
//!
//! The plan says whether, the statement says where: one note for each cause.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use datafusion::logical_expr::{JoinType, LogicalPlan, TableType};
use datafusion::sql::sqlparser::ast::{
    Distinct, OrderByKind, Query, SetExpr, Spanned, Statement, Visit, Visitor,
};

use super::draft::Draft;
use super::text::Text;
use crate::check::list;
use crate::codes;
use crate::engine::{MEMORY, each_step, query_memory};

/// What holds rows back in a plan.
#[derive(Default)]
struct Holds {
    sort: bool,
    window: bool,
    /// The sources on the side of a join that is kept.
    join: Option<BTreeSet<String>>,
    /// The sources on both sides of a join without a condition.
    product: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

/// The notes about an optimized plan of a statement.
pub(super) fn notes(text: &Text<'_>, statement: &Statement, plan: &LogicalPlan) -> Vec<Draft> {
    let holds = holds(plan);
    let mebibytes = query_memory(MEMORY) >> 20;
    let memory = format!(
        "all queries of a run share {mebibytes} MiB of memory, unless `--memory` says more"
    );
    let mut notes = Vec::new();
    if holds.sort
        && let Some(range) = unlimited_order(text, statement)
    {
        notes.push(
            Draft::note_at(
                codes::FULL_SORT,
                "all rows are sorted before the first one is stored",
                range,
            )
            .note(format!("{memory}; what does not fit is sorted on disk"))
            .help("a table keeps no order: leave ORDER BY out, or add LIMIT"),
        );
    }
    if let Some((left, right)) = holds.product {
        let names = |sources: &BTreeSet<String>| {
            list(&sources.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let range = text.find("JOIN").or_else(|| text.find("FROM"));
        let message = format!(
            "this is a cross join: every record of {} is paired with every record of {}",
            names(&left),
            names(&right)
        );
        notes.push(
            Draft::note_at(codes::JOIN_IN_MEMORY, message, range.unwrap_or_else(|| text.first()))
                .note(format!("{memory}, and the records of {} are kept in it", names(&left)))
                .help("write a join condition: `JOIN … ON a.id = b.id`"),
        );
    } else if let Some(sources) = holds.join {
        let sources: Vec<_> = sources.iter().map(String::as_str).collect();
        let join = text.find("JOIN");
        let help = match join {
            Some(_) => "write the smaller source first: `FROM small JOIN large`",
            None => "filter these records first, in an inner query",
        };
        let range = join.or_else(|| text.find("EXISTS")).or_else(|| text.find("IN"));
        let message = format!("this keeps all records of {} in memory", list(&sources));
        notes.push(
            Draft::note_at(codes::JOIN_IN_MEMORY, message, range.unwrap_or_else(|| text.first()))
                .note(format!("{memory}, and this side of a join does not go to disk"))
                .help(help),
        );
    }
    if holds.window {
        let range = text.find("OVER").unwrap_or_else(|| text.first());
        notes.push(
            Draft::note_at(
                codes::FULL_WINDOW,
                "a window looks at all rows before the first one is stored",
                range,
            )
            .note(format!("{memory}; a window without ORDER BY does not go to disk"))
            .help("filter first, in an inner query, what the window need not see"),
        );
    }
    notes
}

fn holds(plan: &LogicalPlan) -> Holds {
    let mut holds = Holds::default();
    each_step(plan, |step| match step {
        LogicalPlan::Sort(sort) => holds.sort |= sort.fetch.is_none(),
        LogicalPlan::Window(window) => holds.window |= reads_source(&window.input),
        LogicalPlan::Join(join) => {
            let (left, right) = (sources(&join.left), sources(&join.right));
            let is_product =
                join.on.is_empty() && join.filter.is_none() && join.join_type == JoinType::Inner;
            if left.is_empty() || right.is_empty() {
                // A table of constants is small.
            } else if is_product {
                holds.product.get_or_insert((left, right));
            } else {
                holds.join.get_or_insert(left);
            }
        }
        _ => {}
    });
    holds
}

fn reads_source(plan: &LogicalPlan) -> bool {
    !sources(plan).is_empty()
}

/// The sources that a plan reads.
fn sources(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut sources = BTreeSet::new();
    each_step(plan, |step| {
        if let LogicalPlan::TableScan(scan) = step
            && scan.source.table_type() != TableType::Temporary
        {
            sources.insert(scan.table_name.table().to_owned());
        }
    });
    sources
}

/// The words of the first `ORDER BY` that nothing needs: of a query without `LIMIT` and `DISTINCT ON`.
fn unlimited_order(text: &Text<'_>, statement: &Statement) -> Option<Range<usize>> {
    struct Orders<'a>(&'a Text<'a>);
    impl Visitor for Orders<'_> {
        type Break = Range<usize>;

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Range<usize>> {
            // It says which rows are kept.
            let is_needed = matches!(
                &*query.body,
                SetExpr::Select(select) if matches!(select.distinct, Some(Distinct::On(_)))
            );
            let is_bounded = is_needed || query.limit_clause.is_some() || query.fetch.is_some();
            let Some(order) = query.order_by.as_ref().filter(|_| !is_bounded) else {
                return ControlFlow::Continue(());
            };
            let first = match &order.kind {
                OrderByKind::Expressions(exprs) => exprs.first().map(|expr| expr.expr.span()),
                OrderByKind::All(_) => None,
            };
            let range = first.and_then(|span| {
                let by = self.0.before(&self.0.range(span)?)?;
                let order = self.0.before(&by.range)?;
                Some(order.range.start..by.range.end)
            });
            match range.or_else(|| self.0.find("ORDER")) {
                Some(range) => ControlFlow::Break(range),
                None => ControlFlow::Continue(()),
            }
        }
    }
    match statement.visit(&mut Orders(text)) {
        ControlFlow::Break(range) => Some(range),
        ControlFlow::Continue(()) => None,
    }
}
