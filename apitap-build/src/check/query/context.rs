//! What a query is planned in, and what comes of an error: shared by all that explain one.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, Statement};

use super::draft::Draft;
use super::planner::Planner;
use super::scope::Scope;
use super::text::Text;
use super::{Callable, Table, tree};

/// What a query is planned in.
pub(super) struct Context<'a> {
    /// The query.
    pub(super) text: &'a Text<'a>,
    /// The sources.
    pub(super) tables: &'a [Table<'a>],
    /// The functions that are written in Rust.
    pub(super) functions: &'a [Callable<'a>],
    /// What the names in its `FROM` clauses mean.
    pub(super) scope: &'a Scope<'a>,
    /// The planner that refused it.
    pub(super) planner: &'a Planner,
}

/// What is wrong, and what to plan next.
pub(super) struct Explained {
    /// The finding.
    pub(super) draft: Draft,
    /// What makes the error go, so that the next one comes to light.
    pub(super) repair: Option<Repair>,
}

/// A change to a statement.
pub(super) enum Repair {
    /// Another expression in the place of these.
    Replace(Vec<usize>, Box<Expr>),
    /// Another name for the column that stands there.
    Name(Range<usize>),
}

impl Repair {
    /// The statement with the change.
    pub(super) fn apply(&self, text: &Text<'_>, statement: &Statement) -> Statement {
        match self {
            Self::Replace(nodes, by) => tree::replace(statement, nodes, by),
            Self::Name(range) => {
                let name = format!("{HIDDEN}{}", range.start);
                tree::name_column(text, statement, range, &name)
            }
        }
    }
}

/// How the names that a repair invents start.
pub(super) const HIDDEN: char = '\u{0}';
