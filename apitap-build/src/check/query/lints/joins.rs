//! Joins that do something else than they say.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, Select, Spanned, TableFactor,
    Value, Visit, Visitor,
};

use super::super::context::Context;
use super::super::draft::{Draft, Site};
use super::super::mismatch::is_comparison;
use super::super::scope::plain;
use super::{Literal, bare, literal, parts, range};
use crate::codes;

/// The warnings about the joins of a `SELECT`.
pub(super) fn of_select(context: &Context<'_>, select: &Select) -> Vec<Draft> {
    let joins = select.from.iter().flat_map(|from| &from.joins);
    joins
        .flat_map(|join| {
            let undone = undone(context, select, join);
            undone.into_iter().chain(one_sided(context, join))
        })
        .collect()
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

/// `LEFT JOIN c … WHERE c.status = 'a'`: rows without a `c` are gone.
fn undone(context: &Context<'_>, select: &Select, join: &Join) -> Option<Draft> {
    if !matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) {
        return None;
    }
    let name = name(&join.relation)?;
    let filter = select.selection.as_ref()?;
    let removes = |part: &&Expr| needs_a_value(part, &name.value);
    let part = parts(filter, &BinaryOperator::And).into_iter().find(removes)?;
    let here = range(context.text, part)?;
    let table = context.text.range(join.relation.span())?;
    let message = format!("this removes the rows that have no `{}`", name.value);
    Some(
        Draft::warning(codes::MISLEADING_JOIN, &message, here)
            .related(Site::Query(table), "the LEFT JOIN keeps them here")
            .help("to keep them, write the condition behind ON: `ON … AND …`")
            .help("else write JOIN in place of LEFT JOIN"),
    )
}

/// Whether a condition is true only where that table has a value.
fn needs_a_value(condition: &Expr, table: &str) -> bool {
    let is_of_it = |expr: &Expr| match bare(expr) {
        Expr::CompoundIdentifier(names) => names.first().is_some_and(|name| name.value == table),
        _ => false,
    };
    match condition {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            let of_it = [left, right].into_iter().filter(|side| is_of_it(side)).count();
            let is_null = [left, right].iter().any(|side| literal(side) == Some(Literal::Null));
            of_it == 1 && !is_null
        }
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } | Expr::Between { expr, .. } => {
            is_of_it(expr)
        }
        Expr::InList { expr, negated: false, .. } => is_of_it(expr),
        _ => false,
    }
}

/// `JOIN c ON o.id = o.customer_id`: nothing is said of `c`.
fn one_sided(context: &Context<'_>, join: &Join) -> Option<Draft> {
    let JoinConstraint::On(condition) = constraint(join)? else { return None };
    let name = name(&join.relation)?;
    let mut tables = Tables::default();
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
#[derive(Default)]
struct Tables {
    names: BTreeSet<String>,
    /// Whether there is a name that may be of any table.
    is_unclear: bool,
}

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(names) => {
                self.names.extend(names.first().map(|name| name.value.clone()));
            }
            Expr::Identifier(_)
            | Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::InSubquery { .. }
            | Expr::CompoundFieldAccess { .. } => self.is_unclear = true,
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {}
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
