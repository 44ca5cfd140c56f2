//! Joins that do something else than they say.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join,
    JoinConstraint, JoinOperator, Select, Spanned, TableFactor, UnaryOperator, Value, Visit,
    Visitor,
};

use super::super::context::Context;
use super::super::draft::{Draft, Site};
use super::super::mismatch::is_comparison;
use super::super::scope::plain;
use super::{Literal, bare, literal, parts, range};
use crate::codes;

/// The warnings about the joins of a `SELECT`.
pub(super) fn of_select(context: &Context<'_>, select: &Select) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for from in &select.from {
        for (index, join) in from.joins.iter().enumerate() {
            let before = from.joins.iter().take(index).map(|join| &join.relation);
            let before: Vec<_> = std::iter::once(&from.relation).chain(before).collect();
            let later = from.joins.get(index + 1..).unwrap_or_default();
            drafts.extend(undone(context, select, (&before, join, later)));
            drafts.extend(one_sided(context, join));
        }
    }
    drafts
}

/// The name under which a joined table is known.
fn name(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => Some(Ident::new(plain(name))),
        _ => None,
    }
}

fn constraint(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on) => Some(on),
        _ => None,
    }
}

/// A join, the tables before it, and the joins behind it.
type Joined<'a> = (&'a [&'a TableFactor], &'a Join, &'a [Join]);

/// `LEFT JOIN c … WHERE c.status = 'a'`: rows without a `c` are gone.
fn undone(context: &Context<'_>, select: &Select, joined: Joined<'_>) -> Option<Draft> {
    let (before, join, later) = joined;
    let (kind, lacking) = match join.join_operator {
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => ("LEFT JOIN", vec![&join.relation]),
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => ("RIGHT JOIN", before.to_vec()),
        JoinOperator::FullOuter(_) => {
            ("FULL JOIN", before.iter().copied().chain([&join.relation]).collect())
        }
        _ => return None,
    };
    let names: Vec<_> = lacking.into_iter().filter_map(name).collect();
    let filter = select.selection.iter();
    let inner = later.iter().filter_map(inner_condition);
    let parts = filter.chain(inner).flat_map(|condition| parts(condition, &BinaryOperator::And));
    let (part, name) = parts.into_iter().find_map(|part| {
        let needs = |name: &&Ident| needs_a_value(context, part, &name.value);
        Some((part, names.iter().find(needs)?))
    })?;
    let here = range(context.text, part)?;
    let table = context.text.range(join.relation.span())?;
    let message = format!("this removes the rows that have no `{}`", name.value);
    let is_filter = select.selection.as_ref().is_some_and(|all| contains(all, part));
    let draft = Draft::warning(codes::MISLEADING_JOIN, &message, here)
        .related(Site::Query(table), format!("the {kind} keeps them here"));
    Some(match is_filter {
        true => draft
            .help("to keep them, write the condition behind ON: `ON … AND …`")
            .help(format!("else write JOIN in place of {kind}")),
        false => draft
            .help("to keep them, write LEFT JOIN here, too")
            .help(format!("else write JOIN in place of {kind}")),
    })
}

/// Whether a condition is one of those that a filter is made of.
fn contains(filter: &Expr, part: &Expr) -> bool {
    parts(filter, &BinaryOperator::And).into_iter().any(|other| std::ptr::eq(other, part))
}

/// The condition of a join that keeps only what fulfils it.
fn inner_condition(join: &Join) -> Option<&Expr> {
    match &join.join_operator {
        JoinOperator::Join(JoinConstraint::On(condition))
        | JoinOperator::Inner(JoinConstraint::On(condition)) => Some(condition),
        _ => None,
    }
}

/// Whether a condition is true only where that table has a value.
fn needs_a_value(context: &Context<'_>, condition: &Expr, table: &str) -> bool {
    let is_of_it = |expr: &Expr| null_with(context, expr, table);
    match bare(condition) {
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            [left, right].into_iter().all(|side| needs_a_value(context, side, table))
        }
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            [left, right].into_iter().any(|side| needs_a_value(context, side, table))
        }
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            let is_null = [left, right].iter().any(|side| literal(side) == Some(Literal::Null));
            *op != BinaryOperator::Spaceship && !is_null && (is_of_it(left) || is_of_it(right))
        }
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::Between { expr, .. } => {
            is_of_it(expr)
        }
        Expr::InList { expr, negated: false, .. } => is_of_it(expr),
        _ => false,
    }
}

/// Functions that yield null where any of their arguments is null.
const STRICT: [&str; 16] = [
    "upper",
    "lower",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "length",
    "left",
    "right",
    "substr",
    "replace",
    "abs",
    "round",
    "date_trunc",
    "date_part",
    "to_char",
];

/// Whether an expression is null where that table has no row.
fn null_with(context: &Context<'_>, expr: &Expr, table: &str) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus, StringConcat};
    let is_null = |expr: &Expr| null_with(context, expr, table);
    match bare(expr) {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            context.scope.table_of(bare(expr)) == Some(table)
        }
        Expr::BinaryOp {
            left,
            op: Plus | Minus | Multiply | Divide | Modulo | StringConcat,
            right,
        } => is_null(left) || is_null(right),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_null(expr),
        Expr::Cast { expr, .. } | Expr::Extract { expr, .. } => is_null(expr),
        Expr::Trim { expr, .. } | Expr::Substring { expr, .. } => is_null(expr),
        Expr::Function(call) if STRICT.contains(&plain(&call.name).to_lowercase().as_str()) => {
            let FunctionArguments::List(list) = &call.args else { return false };
            list.args.iter().any(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_null(expr),
                _ => false,
            })
        }
        _ => false,
    }
}

/// `JOIN c ON o.id = o.customer_id`: nothing is said of `c`.
fn one_sided(context: &Context<'_>, join: &Join) -> Option<Draft> {
    let JoinConstraint::On(condition) = constraint(join)? else { return None };
    let name = name(&join.relation)?;
    let mut tables = Tables { context, names: BTreeSet::new(), is_unclear: false };
    let _: ControlFlow<()> = condition.visit(&mut tables);
    if tables.is_unclear
        || tables.names.is_empty()
        || tables.names.contains(&name.value) && tables.names.len() > 1
    {
        return None;
    }
    if !tables.names.contains(&name.value) || tables.names.len() == 1 {
        let here = range(context.text, condition)?;
        let only = tables.names.iter().next().map_or("", String::as_str);
        let (message, help) = match tables.names.contains(&name.value) {
            true => (
                format!("this condition names no other table than `{only}`"),
                format!("say what it has in common with the tables before it: `ON {only}.… = ….…`"),
            ),
            false => (
                format!("this condition says nothing of `{}`, which is joined", name.value),
                format!("say which of its rows go with the others: `ON {}.… = ….…`", name.value),
            ),
        };
        return Some(
            Draft::warning(codes::MISLEADING_JOIN, &message, here)
                .note("each row on the one side goes with each on the other for which it holds")
                .help(help),
        );
    }
    None
}

/// The tables that a condition names.
struct Tables<'a> {
    context: &'a Context<'a>,
    names: BTreeSet<String>,
    /// Whether there is a name that may be of any table.
    is_unclear: bool,
}

impl Visitor for Tables<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                match self.context.scope.table_of(expr) {
                    Some(name) => self.names.extend([name.to_owned()]),
                    None => self.is_unclear = true,
                }
            }
            Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::InSubquery { .. }
            | Expr::CompoundFieldAccess { .. } => self.is_unclear = true,
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {}
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
