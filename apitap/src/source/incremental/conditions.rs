//! A query → the conditions of its WHERE, as far as they say which records it wants.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use apitap_build::engine;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, SetExpr, Visit as _, Visitor, visit_expressions,
};

/// The conditions of a query's WHERE, as they are written, without those that compare the field with a constant:
/// what they mean is known better.
pub(crate) fn conditions(sql: &str, field: &str) -> BTreeSet<String> {
    struct Conditions<'a> {
        field: &'a str,
        found: BTreeSet<String>,
    }

    impl Conditions<'_> {
        fn of(&mut self, body: &SetExpr) {
            match body {
                SetExpr::Select(select) => {
                    select.selection.iter().for_each(|condition| self.add(condition));
                }
                SetExpr::SetOperation { left, right, .. } => {
                    self.of(left);
                    self.of(right);
                }
                // A query in brackets is visited itself.
                _ => {}
            }
        }

        fn add(&mut self, condition: &Expr) {
            match condition {
                Expr::Nested(inner) => self.add(inner),
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    self.add(left);
                    self.add(right);
                }
                condition if is_bound(condition, self.field) => {}
                condition => drop(self.found.insert(condition.to_string())),
            }
        }
    }

    impl Visitor for Conditions<'_> {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            self.of(&query.body);
            ControlFlow::Continue(())
        }
    }

    let mut conditions = Conditions { field, found: BTreeSet::new() };
    // What cannot be parsed is said where it is run.
    if let Ok(statement) = engine::parse(sql) {
        let _: ControlFlow<()> = statement.visit(&mut conditions);
    }
    conditions.found
}

/// Whether a condition compares the field with what no record says.
fn is_bound(condition: &Expr, field: &str) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq};

    let is_field = |expr: &Expr| {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        name.is_some_and(|Ident { value, .. }| field.rsplit('.').next() == Some(value))
    };
    match condition {
        Expr::BinaryOp { left, op: Eq | Gt | GtEq | Lt | LtEq, right } => {
            is_field(left) && is_constant(right) || is_constant(left) && is_field(right)
        }
        Expr::Between { expr, negated: false, low, high } => {
            is_field(expr) && is_constant(low) && is_constant(high)
        }
        _ => false,
    }
}

fn is_constant(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_continue()
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn conditions_are_those_of_all_queries_but_for_bounds() {
        let check = |sql: &str, expected: &[&str]| {
            let found = conditions(sql, "meta.at");
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{sql}");
        };
        check("SELECT a FROM e", &[]);
        check("SELECT a FROM e WHERE (b = 'x' AND c>1) AND d", &["b = 'x'", "c > 1", "d"]);
        check("SELECT a FROM e WHERE e.meta.at >= '2026-01-01' AND at < now()", &[]);
        check("SELECT a FROM e WHERE at BETWEEN '2026-01-01' AND '2026-01-02'", &[]);
        check("SELECT a FROM e WHERE at > b", &["at > b"]);
        check(
            "SELECT a FROM (SELECT a FROM e WHERE b) WHERE c UNION SELECT a FROM e WHERE d",
            &["b", "c", "d"],
        );
        check("no query", &[]);
    }
}
