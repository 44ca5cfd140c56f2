//! `FETCH FIRST 10 ROWS ONLY`, as the SQL standard has it → `LIMIT 10`, as the engine reads it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, LimitClause, Query, Statement, Value, VisitMut as _, VisitorMut,
};

/// The statement with the one in the place of the other, in every query of it. `WITH TIES` and
/// `PERCENT`, which no `LIMIT` can say, are left for the planner to refuse.
pub(crate) fn as_limit(mut statement: Statement) -> Statement {
    let _: ControlFlow<()> = statement.visit(&mut Queries);
    statement
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let offset = match &query.limit_clause {
            None => None,
            Some(LimitClause::LimitOffset { limit: None, offset, .. }) => offset.clone(),
            Some(_) => return ControlFlow::Continue(()),
        };
        let plain = query.fetch.take_if(|fetch| !fetch.with_ties && !fetch.percent);
        if let Some(Fetch { quantity, .. }) = plain {
            let one = || Expr::value(Value::Number("1".to_owned(), false));
            let limit = Some(quantity.unwrap_or_else(one));
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit, offset, limit_by: Vec::new() });
        }
        ControlFlow::Continue(())
    }
}
