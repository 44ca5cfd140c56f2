//! Queries that the engine would answer wrongly: refused, each with the way to write it. The list of
//! what is refused is [`crate::engine::CORRECTIONS`].

use std::ops::{ControlFlow, Range};

use datafusion::common::Column;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::{merge_schema, split_conjunction};
use datafusion::logical_expr::{Expr, ExprSchemable, JoinType, LogicalPlan, Operator};
use datafusion::sql::sqlparser::ast::{
    CharacterLength, DataType, Expr as SqlExpr, JoinConstraint, JoinOperator, Query, Select,
    SetExpr, SetOperator, SetQuantifier, Statement, Visit, Visitor,
};

use super::draft::Draft;
use super::nullability;
use super::text::Text;
use crate::codes;
use crate::engine::{each_expression, each_step};

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

/// Operators that the planner takes, and the engine cannot compute.
const NOT_COMPUTED: [Operator; 14] = [
    Operator::AtArrow,
    Operator::ArrowAt,
    Operator::Arrow,
    Operator::LongArrow,
    Operator::HashArrow,
    Operator::HashLongArrow,
    Operator::AtAt,
    Operator::HashMinus,
    Operator::AtQuestion,
    Operator::Question,
    Operator::QuestionAnd,
    Operator::QuestionPipe,
    Operator::IntegerDivide,
    Operator::Colon,
];

/// A finding for each operator of the analyzed plan that cannot be computed.
pub(super) fn operators(text: &Text<'_>, plan: &LogicalPlan) -> Vec<Draft> {
    let mut found: Vec<String> = Vec::new();
    each_expression(plan, |_, expr| {
        if let Expr::BinaryExpr(binary) = expr
            && NOT_COMPUTED.contains(&binary.op)
        {
            found.push(binary.op.to_string());
        }
    });
    found.sort();
    found.dedup();
    let refuse = |operator: &String| {
        let range = find(text, &[operator]).unwrap_or_else(|| text.first());
        let message = format!("the operator `{operator}` cannot be computed");
        Draft::error(codes::UNSUPPORTED_QUERY, message, range)
    };
    found.iter().map(refuse).collect()
}

/// What a plan must not do.
pub(super) fn in_plan(text: &Text<'_>, plan: &LogicalPlan) -> Vec<Draft> {
    let mut drafts = Vec::new();
    each_step(plan, |step| {
        if let Some(what) = unknown_lost(step)
            && drafts.is_empty()
        {
            let range = find(text, &["NOT", "IN"]).or_else(|| find(text, &["IN"]));
            drafts.push(
                Draft::error(
                    codes::WRONG_ANSWER,
                    format!("{what} over a null would be true or false, not unknown"),
                    range.unwrap_or_else(|| text.first()),
                )
                .help("write `NOT EXISTS (SELECT … WHERE b.id = a.id)`")
                .help("or leave the nulls out on both sides: `… WHERE id IS NOT NULL`"),
            );
        }
        if is_condition_pushed_too_far(step) {
            drafts.push(
                Draft::error(
                    codes::WRONG_ANSWER,
                    "a condition on no column would leave the row of an aggregate without GROUP BY, though it is \
                     not true",
                    text.first(),
                )
                .help(
                    "join what it compares, and compare its column: `… CROSS JOIN (SELECT max(id) AS most FROM b) AS \
                     b WHERE 10 < b.most`",
                ),
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

/// What of a step is an `IN (SELECT …)` that may be unknown, where that makes a difference and is lost.
fn unknown_lost(step: &LogicalPlan) -> Option<&'static str> {
    let may_be_unknown = |subquery: &InSubquery| {
        let is_never_null = nullability::never_null(&subquery.subquery.subquery);
        may_be_null(&subquery.expr, step) || !is_never_null.first().is_some_and(|never| *never)
    };
    let lost = |condition: &Expr| {
        let (inner, is_not) = match condition {
            Expr::Not(inner) if matches!(inner.as_ref(), Expr::InSubquery(_)) => {
                (inner.as_ref(), true)
            }
            other => (other, false),
        };
        if let Expr::InSubquery(subquery) = inner {
            // It is joined by no column: the join does not know of nulls.
            let is_constant = subquery.expr.column_refs().is_empty();
            let is_lost = subquery.negated != is_not && is_constant && may_be_unknown(subquery);
            return is_lost.then_some("NOT IN of a constant");
        }
        let found = inner.exists(|expr| {
            let Expr::InSubquery(subquery) = expr else { return Ok(false) };
            let is_counted = subquery.negated || !is_only_or(inner);
            Ok(is_counted && may_be_unknown(subquery))
        });
        found.unwrap_or(true).then_some("beside OR or in CASE, NOT IN")
    };
    let expressions = step.expressions();
    let mut conditions = expressions.iter().flat_map(split_conjunction);
    conditions.find_map(lost)
}

/// Whether a value in a step may be null, as far as what comes before the step says.
fn may_be_null(expr: &Expr, step: &LogicalPlan) -> bool {
    let inputs = step.inputs();
    let schema = merge_schema(&inputs);
    let is_never_null = |column: &Column| {
        let mut columns = inputs.iter().flat_map(|input| nullability::never_null(input));
        let index = schema.maybe_index_of_column(column);
        index.and_then(|index| columns.nth(index)).unwrap_or(false)
    };
    let is_known = matches!(expr, Expr::Column(column) if is_never_null(column));
    // Where that is not known, it may be.
    !is_known && expr.nullable(&schema).unwrap_or(true)
}

/// Whether a condition of a step that is neither on a column nor constant goes below an aggregate which has a row
/// even where nothing is left of its input.
fn is_condition_pushed_too_far(step: &LogicalPlan) -> bool {
    let condition = match step {
        LogicalPlan::Filter(filter) => Some(&filter.predicate),
        LogicalPlan::Join(join) => join.filter.as_ref(),
        _ => None,
    };
    let goes_far = |condition: &&Expr| {
        // One that names a column of the step becomes a join on it.
        let has_subquery = |expr: &Expr| {
            Ok(matches!(expr, Expr::ScalarSubquery(of) if of.outer_ref_columns.is_empty()))
        };
        let varies = condition.exists(has_subquery).unwrap_or(true) || condition.is_volatile();
        varies && condition.column_refs().is_empty() && !condition.contains_outer()
    };
    let mut conditions = condition.into_iter().flat_map(split_conjunction);
    conditions.any(|condition| goes_far(&condition)) && has_aggregate_of_all(step)
}

/// Whether an aggregate of all rows, or one with a total of all of them, is below.
fn has_aggregate_of_all(plan: &LogicalPlan) -> bool {
    let is_of_all = |step: &LogicalPlan| {
        let LogicalPlan::Aggregate(aggregate) = step else { return Ok(false) };
        let mut groups = aggregate.group_expr.iter();
        Ok(aggregate.group_expr.is_empty() || groups.any(|by| matches!(by, Expr::GroupingSet(_))))
    };
    plan.exists(is_of_all).unwrap_or(true)
}

/// Whether nothing but AND and OR stands around the subqueries of a condition: unknown is as good as
/// false there.
fn is_only_or(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
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
