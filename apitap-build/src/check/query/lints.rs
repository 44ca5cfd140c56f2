//! A query that runs, and does something else than it seems to: warnings, each with its fix.
//!
//! A warning that is wrong teaches people to pass over the right ones. So each family looks only for
//! what has one reading, and stays silent where it cannot tell.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, Spanned, Statement, Value, Visit, Visitor,
};

use super::context::Context;
use super::draft::Draft;
use super::text::Text;
use super::tree;

mod chains;
mod conditions;
mod joins;
mod literals;
mod nulls;
mod order;
mod unused;

/// The warnings about a statement that can be planned.
pub(super) fn warnings(context: &Context<'_>, statement: &Statement) -> Vec<Draft> {
    let mut lints = Lints { context, around: Vec::new(), drafts: unused::ctes(context, statement) };
    let _: ControlFlow<()> = statement.visit(&mut lints);
    let mut drafts: Vec<Draft> = Vec::new();
    for draft in lints.drafts {
        if drafts.iter().all(|known| known.range != draft.range) {
            drafts.push(draft);
        }
    }
    drafts
}

struct Lints<'a> {
    context: &'a Context<'a>,
    /// What the expression around is, from the outside in.
    around: Vec<Around>,
    drafts: Vec<Draft>,
}

/// What matters of the expression around another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// `… AND …`
    And,
    /// `… OR …`
    Or,
    /// `… - …`
    Minus,
    /// `EXISTS (…)`
    Exists,
    /// Something else.
    Other,
}

impl Visitor for Lints<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !self.around.contains(&Around::Exists) {
            self.drafts.extend(order::of_query(self.context, query));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.drafts.extend(joins::of_select(self.context, select));
        if self.around.is_empty() {
            self.drafts.extend(literals::without_effect(self.context, select));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let context = self.context;
        let parent = self.around.last().copied().unwrap_or(Around::Other);
        let here = around(expr);
        self.drafts.extend(conditions::of_expression(context, expr));
        self.drafts.extend(conditions::of_constants(context, expr, parent == Around::Or));
        if matches!(here, Around::And | Around::Or) && here != parent {
            self.drafts.extend(chains::together(context, expr, here == Around::And));
        }
        if here != Around::Minus || parent != Around::Minus {
            self.drafts.extend(literals::of_expression(context, expr));
        }
        self.drafts.extend(nulls::not_in(context, expr));
        self.drafts.extend(nulls::not_all(context, expr));
        self.drafts.extend(order::of_call(context, expr));
        self.around.push(here);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.around.pop();
        ControlFlow::Continue(())
    }
}

fn around(expr: &Expr) -> Around {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::And, .. } => Around::And,
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => Around::Or,
        Expr::BinaryOp { op: BinaryOperator::Minus, .. } => Around::Minus,
        Expr::Exists { .. } => Around::Exists,
        _ => Around::Other,
    }
}

/// The bytes of an expression, as far as the parser tells.
fn range(text: &Text<'_>, expr: &Expr) -> Option<Range<usize>> {
    text.range(expr.span()).map(|range| tree::extent(text, expr, range))
}

/// An expression without the brackets around it.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// The parts of a chain of `AND`s, or of `OR`s.
fn parts<'e>(expr: &'e Expr, op: &BinaryOperator) -> Vec<&'e Expr> {
    let mut parts = Vec::new();
    let mut waiting = vec![expr];
    while let Some(expr) = waiting.pop() {
        match bare(expr) {
            Expr::BinaryOp { left, op: other, right } if other == op => {
                waiting.push(right);
                waiting.push(left);
            }
            other => parts.push(other),
        }
    }
    parts
}

/// What a literal holds.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Null,
    Number(f64, String),
    Text(String),
}

fn literal(expr: &Expr) -> Option<Literal> {
    let number = |text: &str, sign: &str| {
        let written = format!("{sign}{text}");
        Some(Literal::Number(written.parse().ok()?, written))
    };
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::Null => Some(Literal::Null),
            Value::Number(text, _) => number(text, ""),
            Value::SingleQuotedString(text) => Some(Literal::Text(text.clone())),
            _ => None,
        },
        // `DATE '2026-01-31'`
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => Some(Literal::Text(text.clone())),
            _ => None,
        },
        Expr::UnaryOp { op: datafusion::sql::sqlparser::ast::UnaryOperator::Minus, expr } => {
            match bare(expr) {
                Expr::Value(value) => match &value.value {
                    Value::Number(text, _) => number(text, "-"),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}
