//! Names that are given and never used.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Statement, Visit, Visitor};

use super::super::context::Context;
use super::super::draft::Draft;
use super::super::scope::plain;
use crate::codes;

/// Queries of a `WITH` that no other reads.
pub(super) fn ctes(context: &Context<'_>, statement: &Statement) -> Vec<Draft> {
    let mut names = Names::default();
    let _: ControlFlow<()> = statement.visit(&mut names);
    let unused = names.given.iter().filter(|given| !names.read.contains(&given.value));
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
    given: Vec<Ident>,
    read: BTreeSet<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.given.extend(ctes.map(|cte| cte.alias.name.clone()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.read.insert(plain(relation));
        ControlFlow::Continue(())
    }
}
