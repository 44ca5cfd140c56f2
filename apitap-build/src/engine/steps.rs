//! A plan → each of its steps, and each expression in them, those of subqueries too.

use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Shows each step of a plan to `see`, a step before those that it reads from.
pub fn each_step(plan: &LogicalPlan, mut see: impl FnMut(&LogicalPlan)) {
    // `see` cannot fail: there is no error.
    let _ = plan.apply_with_subqueries(|step| {
        see(step);
        Ok(TreeNodeRecursion::Continue)
    });
}

/// Shows each expression of a plan to `see`, with its step; the outer ones before those in them.
pub fn each_expression(plan: &LogicalPlan, mut see: impl FnMut(&LogicalPlan, &Expr)) {
    each_step(plan, |step| {
        for expr in step.expressions() {
            // As above.
            let _ = expr.apply(|expr| {
                see(step, expr);
                Ok(TreeNodeRecursion::Continue)
            });
        }
    });
}
