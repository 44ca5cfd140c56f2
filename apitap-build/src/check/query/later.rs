//! An analyzed plan → what of it may be so of a record only after the record was read: conditions that come to
//! hold as time goes on, and records of a join that come after their partners.
//!
//! A run of an incremental source reads each record once, when it is new: what is left out then is not read again.

use std::collections::BTreeSet;
use std::ops::Range;

use datafusion::common::tree_node::TreeNode as _;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, Join, LogicalPlan, Operator, Volatility,
};

use super::identity::{expression_field, field};
use super::text::{Text, union};
use crate::engine::{each_expression, each_step};

/// A field of a source, with what stands behind its dots.
pub(super) type FieldOf = (String, String);

/// A part of a condition that may not hold now, and hold later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// The fields in it.
    pub fields: BTreeSet<FieldOf>,
    /// The field of which it is an upper bound and nothing else: `updated_at < now()`.
    pub below: Option<FieldOf>,
    /// Where its columns stand, in bytes of the query, as far as that is known.
    pub at: Option<Range<usize>>,
}

/// Two sets of sources whose records are brought together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// The sources of one side.
    pub left: BTreeSet<String>,
    /// Those of the other.
    pub right: BTreeSet<String>,
}

impl Together {
    /// The sources on the other side of one; itself, where it stands on both.
    pub fn beside(&self, source: &str) -> impl Iterator<Item = &String> {
        let others = |own: &BTreeSet<String>, other| own.contains(source).then_some(other);
        let sides = [others(&self.left, &self.right), others(&self.right, &self.left)];
        sides.into_iter().flatten().flatten()
    }
}

/// The parts of the conditions of a plan that may come to hold.
pub(super) fn conditions(text: &Text<'_>, plan: &LogicalPlan) -> Vec<Later> {
    let mut found = Conditions { text, found: Vec::new() };
    each_step(plan, |step| match step {
        LogicalPlan::Filter(filter) => found.part(&filter.predicate, &filter.input, true),
        LogicalPlan::Join(Join { filter: Some(filter), .. }) => found.part(filter, step, false),
        _ => {}
    });
    found.found
}

struct Conditions<'t> {
    text: &'t Text<'t>,
    found: Vec<Later>,
}

impl Conditions<'_> {
    /// A condition that must hold (`is_all`), or one of several parts of which one must.
    fn part(&mut self, expr: &Expr, input: &LogicalPlan, is_all: bool) {
        if !tells_time(expr) {
            return;
        }
        let later = match expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let is_all = is_all && *op == Operator::And;
                self.part(left, input, is_all);
                return self.part(right, input, is_all);
            }
            Expr::Between(Between { expr: of, negated: false, low: _, high }) => {
                // The lower bound ceases to hold.
                if !tells_time(high) {
                    return;
                }
                self.bound(expr, of, input, is_all)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let sides = match (tells_time(left), tells_time(right)) {
                    (false, true) => Some((left, Some(*op))),
                    (true, false) => Some((right, op.swap())),
                    _ => None,
                };
                match sides {
                    Some((_, Some(Operator::Gt | Operator::GtEq))) => return,
                    Some((of, Some(Operator::Lt | Operator::LtEq))) => {
                        self.bound(expr, of, input, is_all)
                    }
                    _ => self.any(expr, input),
                }
            }
            expr => self.any(expr, input),
        };
        self.found.push(later);
    }

    /// An upper bound of `of`.
    fn bound(&self, expr: &Expr, of: &Expr, input: &LogicalPlan, is_all: bool) -> Later {
        let of = match of {
            // A comparison with `now()` is one of nanoseconds.
            Expr::Cast(cast) if cast.field.data_type().is_temporal() => &*cast.expr,
            of => of,
        };
        let below = expression_field(of, input).filter(|_| is_all);
        Later { below, ..self.any(expr, input) }
    }

    fn any(&self, expr: &Expr, input: &LogicalPlan) -> Later {
        let columns = expr.column_refs();
        let places = columns.iter().filter_map(|column| column.spans.first());
        let at = places.filter_map(|span| self.text.planner_range(Some(span)));
        let at = at.reduce(|all, range| union(all, &range));
        let columns =
            columns.into_iter().filter_map(|name| input.schema().maybe_index_of_column(name));
        let fields = columns.filter_map(|column| field(input, column)).collect();
        Later { fields, below: None, at }
    }
}

/// Whether it depends on when it is computed.
fn tells_time(expr: &Expr) -> bool {
    let tells = expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable
        ))
    });
    // Nothing in here makes an error.
    tells.unwrap_or(false)
}

/// The sources that joins and subqueries of a plan bring together.
pub(super) fn sides(plan: &LogicalPlan) -> Vec<Together> {
    let mut found = Vec::new();
    each_step(plan, |step| {
        if let LogicalPlan::Join(join) = step {
            found.push(Together { left: sources(&join.left), right: sources(&join.right) });
        }
    });
    each_expression(plan, |step, expr| {
        let within = match expr {
            Expr::Exists(exists) => &exists.subquery,
            Expr::InSubquery(within) => &within.subquery,
            Expr::ScalarSubquery(subquery) => subquery,
            _ => return,
        };
        let left = step.inputs().into_iter().flat_map(sources).collect();
        found.push(Together { left, right: sources(&within.subquery) });
    });
    found
}

fn sources(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_step(plan, |step| {
        if let LogicalPlan::TableScan(scan) = step {
            found.insert(scan.table_name.table().to_owned());
        }
    });
    found
}
