//! Names that are given and never used.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Cte, ObjectName, Query, Statement, Visit, Visitor};

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::scope::plain;
use crate::codes;

/// Queries of a `WITH` that no other reads.
pub(super) fn ctes(context: &Context<'_>, statement: &Statement) -> Vec<Draft> {
    let mut names = Names::default();
    let _: ControlFlow<()> = statement.visit(&mut names);
    // A recursive query reads itself, which nobody else may do.
    let is_read = |cte: &Cte| {
        let name = &cte.alias.name.value;
        let mut within = Names::default();
        let _: ControlFlow<()> = cte.query.visit(&mut within);
        names.times(name) > within.times(name)
    };
    let unused = names.given.iter().filter(|cte| !is_read(cte)).map(|cte| &cte.alias.name);
    unused
        .filter_map(|given| {
            let range = context.text.range(given.span)?;
            let message = format!("`{}` is never read", given.value);
            Some(
                Draft::warning(codes::UNUSED_NAME, &message, range)
                    .help("read it in a FROM, or remove it"),
            )
        })
        .collect()
}

#[derive(Default)]
struct Names {
    given: Vec<Cte>,
    /// Once for each time that it is read.
    read: Vec<String>,
}

impl Names {
    fn times(&self, name: &str) -> usize {
        self.read.iter().filter(|read| *read == name).count()
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.given.extend(ctes.cloned());
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.read.push(plain(relation));
        ControlFlow::Continue(())
    }
}
