//! An analyzed plan → what of it may be so of a record only after the record was read: conditions that come to
//! hold as time goes on, and records of a join that come after their partners.
//!
//! A run of an incremental source reads each record once, when it is new: what is left out then is not read again.

use std::collections::BTreeSet;

use datafusion::common::tree_node::TreeNode as _;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, Join, LogicalPlan, Operator, Volatility,
};

use super::identity::{expression_field, field};
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
pub(super) fn conditions(plan: &LogicalPlan) -> Vec<Later> {
    let mut found = Vec::new();
    each_step(plan, |step| match step {
        LogicalPlan::Filter(filter) => part(&filter.predicate, &filter.input, true, &mut found),
        LogicalPlan::Join(Join { filter: Some(filter), .. }) => {
            part(filter, step, false, &mut found)
        }
        _ => {}
    });
    found
}

/// A condition that must hold (`is_all`), or one of several parts of which one must.
fn part(expr: &Expr, input: &LogicalPlan, is_all: bool, found: &mut Vec<Later>) {
    if !tells_time(expr) {
        return;
    }
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let is_all = is_all && *op == Operator::And;
            part(left, input, is_all, found);
            part(right, input, is_all, found);
        }
        Expr::Between(Between { expr: of, negated: false, low: _, high }) => {
            // The lower bound ceases to hold.
            if tells_time(high) {
                found.push(bound(expr, of, input, is_all));
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (of, op) = match (tells_time(left), tells_time(right)) {
                (false, true) => (left, Some(*op)),
                (true, false) => (right, op.swap()),
                _ => return found.push(any(expr, input)),
            };
            match op {
                Some(Operator::Gt | Operator::GtEq) => {}
                Some(Operator::Lt | Operator::LtEq) => found.push(bound(expr, of, input, is_all)),
                _ => found.push(any(expr, input)),
            }
        }
        expr => found.push(any(expr, input)),
    }
}

/// An upper bound of `of`.
fn bound(expr: &Expr, of: &Expr, input: &LogicalPlan, is_all: bool) -> Later {
    let of = match of {
        // A comparison with `now()` is one of nanoseconds.
        Expr::Cast(cast) if cast.field.data_type().is_temporal() => &*cast.expr,
        of => of,
    };
    let below = expression_field(of, input).filter(|_| is_all);
    Later { below, ..any(expr, input) }
}

fn any(expr: &Expr, input: &LogicalPlan) -> Later {
    let columns = expr.column_refs();
    let columns = columns.into_iter().filter_map(|name| input.schema().maybe_index_of_column(name));
    Later { fields: columns.filter_map(|column| field(input, column)).collect(), below: None }
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
