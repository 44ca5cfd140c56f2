//! Queries that the engine would answer wrongly: refused, each with the way to write it. The list of
//! what is refused is [`crate::engine::CORRECTIONS`].

use std::ops::{ControlFlow, Range};

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::utils::{merge_schema, split_conjunction};
use datafusion::logical_expr::{Expr, ExprSchemable, JoinType, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    CharacterLength, DataType, Expr as SqlExpr, JoinConstraint, JoinOperator, Query, Select,
    SetExpr, SetOperator, SetQuantifier, Statement, Visit, Visitor,
};

use super::draft::Draft;
use super::text::Text;
use crate::codes;
use crate::engine::each_step;

/// What a statement must not say.
pub(super) fn in_statement(text: &Text<'_>, statement: &Statement) -> Vec<Draft> {
    let mut wrong = Wrong { text, drafts: Vec::new() };
    let _: ControlFlow<()> = statement.visit(&mut wrong);
    wrong.drafts
}

struct Wrong<'a> {
    text: &'a Text<'a>,
    drafts: Vec<Draft>,
}

impl Wrong<'_> {
    /// A finding at the last of these words in a row, unless there is one at the place.
    fn refuse(&mut self, words: &[&str], message: &str, help: &str) {
        let range = find(self.text, words).unwrap_or_else(|| self.text.first());
        let draft = Draft::error(codes::WRONG_ANSWER, message, range.clone()).help(help);
        if self.drafts.iter().all(|known| known.range != range) {
            self.drafts.push(draft);
        }
    }

    fn set_operation(&mut self, body: &SetExpr) {
        let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return };
        self.set_operation(left);
        self.set_operation(right);
        let is_all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
        let help = "number the copies, and compare those, too: \
                    `SELECT a, row_number() OVER (PARTITION BY a) AS n …`";
        match op {
            SetOperator::Except | SetOperator::Minus if is_all => self.refuse(
                &["EXCEPT", "ALL"],
                "EXCEPT ALL would remove all copies of a row, not as many as the other side has",
                help,
            ),
            SetOperator::Intersect if is_all => self.refuse(
                &["INTERSECT", "ALL"],
                "INTERSECT ALL would keep all copies of a row, not as many as both sides have",
                help,
            ),
            _ => {}
        }
    }

    /// `CAST(name AS VARCHAR(3))`
    fn length(&mut self, expr: &SqlExpr, to: &DataType) {
        let (DataType::Varchar(Some(length))
        | DataType::Char(Some(length))
        | DataType::Character(Some(length))
        | DataType::CharacterVarying(Some(length))
        | DataType::CharVarying(Some(length))
        | DataType::Nvarchar(Some(length))) = to
        else {
            return;
        };
        let CharacterLength::IntegerLength { length, .. } = length else { return };
        let name = to.to_string();
        let word = name.split('(').next().unwrap_or_default();
        let words: Vec<_> = word.split(' ').collect();
        self.refuse(
            &words,
            &format!("{name} would keep the whole text"),
            &format!("cut it: `left({expr}, {length})`; or leave the length out"),
        );
    }

    fn join(&mut self, operator: &JoinOperator) {
        let (constraint, side) = match operator {
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (constraint, "RIGHT")
            }
            JoinOperator::FullOuter(constraint) => (constraint, "FULL"),
            _ => return,
        };
        let columns: Vec<_> = match constraint {
            JoinConstraint::Using(columns) => columns.iter().map(super::scope::plain).collect(),
            JoinConstraint::Natural => Vec::new(),
            _ => return,
        };
        let column = columns.first().map_or("id", String::as_str);
        self.refuse(
            &[side],
            "the key would be null in rows that only the right side has",
            &format!(
                "write `ON a.{column} = b.{column}`, and select `coalesce(a.{column}, b.{column}) AS {column}`"
            ),
        );
    }
}

impl Visitor for Wrong<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.set_operation(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
        match expr {
            SqlExpr::SimilarTo { .. } => self.refuse(
                &["SIMILAR", "TO"],
                "SIMILAR TO would take its pattern for a regular expression that may match anywhere",
                "write a regular expression, `name ~ '^(a|b).*$'`, or LIKE",
            ),
            SqlExpr::Cast { expr, data_type, .. } => self.length(expr, data_type),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for join in select.from.iter().flat_map(|table| &table.joins) {
            self.join(&join.join_operator);
        }
        ControlFlow::Continue(())
    }
}

/// The bytes of words that follow each other.
fn find(text: &Text<'_>, words: &[&str]) -> Option<Range<usize>> {
    let all = text.words();
    let first = all.windows(words.len()).find(|window| {
        let mut pairs = window.iter().zip(words);
        pairs.all(|(found, word)| text.slice(&found.range).eq_ignore_ascii_case(word))
    })?;
    Some(first.first()?.range.start..first.last()?.range.end)
}

/// What a plan must not do.
pub(super) fn in_plan(text: &Text<'_>, plan: &LogicalPlan) -> Vec<Draft> {
    let mut drafts = Vec::new();
    each_step(plan, |step| {
        if is_unknown_lost(step) && drafts.is_empty() {
            let range = find(text, &["NOT", "IN"]).or_else(|| find(text, &["IN"]));
            drafts.push(
                Draft::error(
                    codes::WRONG_ANSWER,
                    "beside OR or in CASE, NOT IN over a null would be true or false, not unknown",
                    range.unwrap_or_else(|| text.first()),
                )
                .help("write `NOT EXISTS (SELECT … WHERE b.id = a.id)`")
                .help("or leave the nulls out on both sides: `… WHERE id IS NOT NULL`"),
            );
        }
        if is_optional_side_correlated(step) {
            let join =
                ["LEFT", "RIGHT", "FULL"].iter().find_map(|side| find(text, &[side, "JOIN"]));
            drafts.push(
                Draft::error(
                    codes::WRONG_ANSWER,
                    "a condition on the row around this subquery would lose rows of this join",
                    join.unwrap_or_else(|| text.first()),
                )
                .help("move the condition into the ON of the join, or out of its optional side"),
            );
        }
    });
    drafts
}

/// Whether an `IN (SELECT …)` that may be unknown stands where that makes a difference.
fn is_unknown_lost(step: &LogicalPlan) -> bool {
    let schema = merge_schema(&step.inputs());
    let is_lost = |condition: &Expr| {
        let inner = match condition {
            Expr::InSubquery(_) => return false,
            Expr::Not(inner) if matches!(inner.as_ref(), Expr::InSubquery(_)) => return false,
            other => other,
        };
        let found = inner.exists(|expr| {
            let Expr::InSubquery(subquery) = expr else { return Ok(false) };
            let is_counted = subquery.negated || !is_only_or(inner);
            // Where that is not known, it may be.
            Ok(is_counted && expr.nullable(&schema).unwrap_or(true))
        });
        found.unwrap_or(true)
    };
    step.expressions().iter().any(|expr| split_conjunction(expr).into_iter().any(is_lost))
}

/// Whether nothing but AND and OR stands around the subqueries of a condition: unknown is as good as
/// false there.
fn is_only_or(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary)
            if matches!(
                binary.op,
                datafusion::logical_expr::Operator::And | datafusion::logical_expr::Operator::Or
            ) =>
        {
            is_only_or(&binary.left) && is_only_or(&binary.right)
        }
        Expr::InSubquery(_) => true,
        other => !other.exists(|e| Ok(matches!(e, Expr::InSubquery(_)))).unwrap_or(true),
    }
}

/// Whether the optional side of an outer join names a column of the query around.
fn is_optional_side_correlated(step: &LogicalPlan) -> bool {
    let LogicalPlan::Join(join) = step else { return false };
    let optional: &[&LogicalPlan] = match join.join_type {
        JoinType::Left => &[&join.right],
        JoinType::Right => &[&join.left],
        JoinType::Full => &[&join.left, &join.right],
        _ => return false,
    };
    let names_outer = |side: &&LogicalPlan| {
        let of_step = |step: &LogicalPlan| step.expressions().iter().any(Expr::contains_outer);
        side.exists(|step| Ok(of_step(step))).unwrap_or(true)
    };
    optional.iter().any(names_outer)
}
