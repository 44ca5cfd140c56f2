//! A planner's error without a place → the expression that is to blame.
//!
//! The planner itself is asked: an expression contains the culprit if the error goes when the
//! expression is replaced by `NULL`, and stays when only the expression is left of what it stands
//! in. That needs some more planning, of a query that fails anyway.

use std::cell::Cell;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::{Expr, Statement};

use super::planner::Planner;
use super::text::Text;
use super::tree::{self, Tree};

/// How often a query is planned to find one culprit.
const ATTEMPTS: u32 = 200;

/// A statement that the planner refuses.
pub(super) struct Blame<'a> {
    planner: &'a Planner,
    text: &'a Text<'a>,
    statement: &'a Statement,
    /// Its expressions.
    pub(super) tree: Tree,
    /// The error, as the planner words it.
    error: String,
    left: Cell<u32>,
}

/// What is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Culprit {
    /// The expression does not make sense.
    Expression(usize),
    /// The expression makes sense, but not where it stands.
    Position(usize),
}

impl Culprit {
    /// The expression.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Expression(index) | Self::Position(index) => index,
        }
    }
}

impl<'a> Blame<'a> {
    /// A statement and the error that planning it yields.
    pub(super) fn new(
        planner: &'a Planner,
        text: &'a Text<'a>,
        statement: &'a Statement,
        error: &DataFusionError,
    ) -> Self {
        let tree = Tree::new(text, statement);
        let error = error.to_string();
        Self { planner, text, statement, tree, error, left: Cell::new(ATTEMPTS) }
    }

    /// What the planner refuses.
    pub(super) fn statement(&self) -> &'a Statement {
        self.statement
    }

    /// The smallest expression that causes the error, if it is an expression at all.
    pub(super) fn culprit(&self) -> Option<Culprit> {
        let suspects: Vec<_> = self.tree.roots().filter(|root| self.may_be_it(*root)).collect();
        // A subquery comes after the expression that it stands in, so the last is the innermost.
        let inside = suspects.iter().rev().find(|root| self.is_inside(**root, **root));
        match inside {
            Some(root) => {
                let first = self.same(*root).first().copied().unwrap_or(*root);
                Some(Culprit::Expression(self.descend(first)))
            }
            None => suspects.last().copied().map(Culprit::Position),
        }
    }

    /// Whether the error goes with that expression.
    ///
    /// A condition that is NULL empties the plan, and every error of what comes after it goes: so
    /// what is in its place must be of no known value, too.
    fn may_be_it(&self, root: usize) -> bool {
        let unknown = tree::call_of(self.planner.probe.name(), tree::null());
        let goes_with = |by: &Expr| self.stays(&self.with(root, by)) == Some(false);
        goes_with(&tree::null()) && goes_with(&unknown)
    }

    /// From an expression that contains the culprit to the culprit.
    fn descend(&self, root: usize) -> usize {
        let mut at = root;
        while let Some(child) = self.tree.children(at).find(|child| self.is_inside(root, *child)) {
            at = child;
        }
        at
    }

    /// Whether the error stays when that expression is all that is left of the root.
    fn is_inside(&self, root: usize, index: usize) -> bool {
        let alone = self.expr(index).map(|expr| self.with(root, &self.probed(index, expr)));
        alone.and_then(|statement| self.stays(&statement)) == Some(true)
    }

    /// Whether removing that one expression removes the error.
    pub(super) fn goes_without(&self, index: usize) -> bool {
        let statement = tree::replace(self.statement, &[index], &tree::null());
        self.stays(&statement) == Some(false)
    }

    /// Whether a statement fails with the same error; `None` when it has been asked often enough.
    fn stays(&self, statement: &Statement) -> Option<bool> {
        self.left.set(self.left.get().checked_sub(1)?);
        let planned = self.planner.plan(statement.clone());
        Some(planned.is_err_and(|error| error.to_string() == self.error))
    }

    /// The expression of that number.
    pub(super) fn expr(&self, index: usize) -> Option<Expr> {
        tree::expr(self.statement, index)
    }

    /// The statement with another expression in the place of this one, wherever it is written.
    fn with(&self, index: usize, by: &Expr) -> Statement {
        tree::replace(self.statement, &self.same(index), by)
    }

    /// The expressions that read as this one does: `GROUP BY a + 1` goes with `SELECT a + 1`.
    pub(super) fn same(&self, index: usize) -> Vec<usize> {
        let read = |index| self.tree.range(index).map(|range| self.text.slice(&range));
        let is_root = self.tree.parent(index).is_none();
        let Some(here) = read(index).filter(|here| !here.is_empty() && is_root) else {
            return vec![index];
        };
        self.tree.roots().filter(|root| *root == index || read(*root) == Some(here)).collect()
    }

    /// The type of an expression that would stand where the one of that number does.
    pub(super) fn type_of(&self, index: usize, expr: Expr) -> Option<FieldRef> {
        let root = self.tree.root(index);
        let statement = self.with(root, &self.probed(index, expr));
        self.left.set(self.left.get().checked_sub(1)?);
        let _ = self.planner.probe.take();
        // What else is wrong does not matter: the probe has seen the type, or it has not.
        let _ = self.planner.analyze(statement.clone());
        self.planner.probe.take().or_else(|| {
            // In an ORDER BY, types are asked for at the very end only.
            let _ = self.planner.plan(statement);
            self.planner.probe.take()
        })
    }

    /// The expression under the probe, and under an aggregate function where it stood under one.
    fn probed(&self, index: usize, expr: Expr) -> Expr {
        let probe = tree::call_of(self.planner.probe.name(), expr);
        if self.is_aggregated(index) { tree::call_of("count", probe) } else { probe }
    }

    fn is_aggregated(&self, index: usize) -> bool {
        let Some(parent) = self.tree.parent(index) else { return false };
        let is_aggregate = match self.expr(parent) {
            Some(Expr::Function(function)) => {
                function.over.is_none() && self.planner.is_aggregate(&function.name.to_string())
            }
            _ => false,
        };
        is_aggregate || self.is_aggregated(parent)
    }
}
