//! Fields of a record of the query around a subquery: the engine looks for `o.customer.id` in the
//! tables of the subquery alone, and reads `(o.customer).id` as meant.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, Select, Statement, TableFactor, TableWithJoins, Value, VisitMut as _,
    VisitorMut,
};

/// The statement in which such fields are written so that the engine reads them.
pub(crate) fn with_outer_fields(mut statement: Statement) -> Statement {
    let _: ControlFlow<()> = statement.visit(&mut Scopes::default());
    statement
}

/// The names of the tables of each query around a place, the innermost last.
#[derive(Default)]
struct Scopes(Vec<BTreeSet<String>>);

impl Scopes {
    /// Whether a name is that of a table of a query around the innermost.
    fn is_outer(&self, name: &Ident) -> bool {
        let Some((inner, outer)) = self.0.split_last() else { return false };
        !inner.contains(&name.value) && outer.iter().any(|names| names.contains(&name.value))
    }
}

impl VisitorMut for Scopes {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.0.push(select.from.iter().flat_map(names).collect());
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<()> {
        self.0.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(read) = self.outer_field(expr) {
            *expr = read;
        }
        ControlFlow::Continue(())
    }
}

impl Scopes {
    fn outer_field(&self, expr: &Expr) -> Option<Expr> {
        let (names, rest) = match expr {
            Expr::CompoundIdentifier(names) => (names.as_slice(), &[][..]),
            Expr::CompoundFieldAccess { root, access_chain } => match root.as_ref() {
                Expr::CompoundIdentifier(names) => (names.as_slice(), access_chain.as_slice()),
                Expr::Identifier(table) => {
                    let [AccessExpr::Dot(Expr::Identifier(column)), rest @ ..] =
                        access_chain.as_slice()
                    else {
                        return None;
                    };
                    let names = [table.clone(), column.clone()];
                    return self.is_outer(table).then(|| field_of(&names, &[], rest));
                }
                _ => return None,
            },
            _ => return None,
        };
        let (column, fields) = names.split_at_checked(2)?;
        let is_more = !fields.is_empty() || !rest.is_empty();
        (is_more && self.is_outer(column.first()?)).then(|| field_of(column, fields, rest))
    }
}

/// What stands in a column.
fn field_of(column: &[Ident], fields: &[Ident], rest: &[AccessExpr]) -> Expr {
    let field = |name: &Ident| {
        let text = Value::SingleQuotedString(name.value.clone());
        AccessExpr::Dot(Expr::Value(text.with_span(name.span)))
    };
    let column = Expr::CompoundIdentifier(column.to_vec());
    Expr::CompoundFieldAccess {
        root: Box::new(Expr::Nested(Box::new(column))),
        access_chain: fields.iter().map(field).chain(rest.iter().cloned()).collect(),
    }
}

/// The names by which tables can be called.
fn names(table: &TableWithJoins) -> Vec<String> {
    let joined = table.joins.iter().map(|join| &join.relation);
    std::iter::once(&table.relation).chain(joined).flat_map(names_of).collect()
}

fn names_of(factor: &TableFactor) -> Vec<String> {
    match factor {
        TableFactor::NestedJoin { table_with_joins, alias: None, .. } => names(table_with_joins),
        TableFactor::Table { name, alias: None, .. } => {
            let last = name.0.last().and_then(|part| part.as_ident());
            last.map(|name| name.value.clone()).into_iter().collect()
        }
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::UNNEST { alias, .. } => {
            alias.as_ref().map(|alias| alias.name.value.clone()).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
