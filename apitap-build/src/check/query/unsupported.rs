//! Queries that are refused before they are planned: clauses that the planner reads over without
//! doing what they say, and sizes that would take it minutes, or more stack than there is.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, Select, SelectFlavor, Statement, TableFactor, Visit,
    Visitor,
};

use super::draft::Draft;
use super::parse::is_word;
use super::text::Text;
use crate::codes;

/// Tokens in a query.
const WORDS: usize = 100_000;

/// Expressions that stand in each other, as they do in `a OR b OR c OR …`.
const DEPTH: usize = 500;

/// How much the types of all expressions may be asked for: the planner asks for that of each part of
/// an expression at each of its levels, so `a + b + c + …` takes time that grows with the cube of its
/// terms. These are some 200 terms in one expression, or 30 in each of 250.
const TYPES: usize = 5_000_000;

/// `SELECT`s in a query.
const SELECTS: usize = 200;

/// Tables that a query reads, where each use of a `WITH` counts as the tables that it reads: it is
/// planned anew for each.
const READS: usize = 300;

/// `CASE`s in each other. From some 46 on the parser takes the inner ones for names of columns.
const CASES: usize = 40;

/// A text that is too long, or too deep, even to be parsed.
pub(super) fn too_long(text: &Text<'_>) -> Option<Draft> {
    let words = text.words().len();
    if words > WORDS {
        let message = format!("the query is too long: {words} tokens, where {WORDS} are the limit");
        let draft = Draft::error(codes::UNSUPPORTED_QUERY, message, text.first());
        return Some(draft.help("put constant data into a source"));
    }
    let mut depth = 0_usize;
    let deepest = text.words().iter().find(|word| {
        if is_word(word, "CASE") {
            depth += 1;
        } else if is_word(word, "END") {
            depth = depth.saturating_sub(1);
        }
        depth > CASES
    })?;
    let message = format!("CASE is nested more than {CASES} levels deep");
    let draft = Draft::error(codes::UNSUPPORTED_QUERY, message, deepest.range.clone());
    Some(draft.help("write the conditions one after the other: `CASE WHEN … WHEN … END`"))
}

/// A query with more in it than can be planned.
pub(super) fn too_large(text: &Text<'_>, statement: &Statement) -> Option<Draft> {
    let mut size = Size::default();
    let ControlFlow::Break(message) = statement.visit(&mut size) else { return None };
    Some(
        Draft::error(codes::UNSUPPORTED_QUERY, message, text.first())
            .help("compute parts of it in inner queries"),
    )
}

#[derive(Default)]
struct Size {
    depth: usize,
    /// The same without `AND` and `OR`, whose type nobody has to ask for.
    typed_depth: usize,
    selects: usize,
    /// The queries of `WITH`, by where they are: the names that they go by.
    named: HashMap<*const Query, String>,
    /// What each of them comes to.
    loads: HashMap<String, Load>,
    /// What the queries around the place come to, the innermost last.
    around: Vec<Load>,
}

/// What a query comes to, with what it names.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    /// Tables that it reads.
    reads: usize,
    /// See [`TYPES`].
    types: usize,
}

impl Load {
    fn add(&mut self, other: Self) {
        self.reads = self.reads.saturating_add(other.reads);
        self.types = self.types.saturating_add(other.types);
    }

    fn too_large(self) -> Option<String> {
        if self.reads > READS {
            return Some(format!("the query reads more than {READS} tables"));
        }
        (self.types > TYPES).then(|| "the expressions of the query are too long".to_owned())
    }
}

/// Whether it joins truth values.
fn is_logical(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
}

impl Visitor for Size {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(&raw const *cte.query, cte.alias.name.value.clone());
        }
        self.around.push(Load::default());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let load = self.around.pop().unwrap_or_default();
        if let Some(message) = load.too_large() {
            return ControlFlow::Break(message);
        }
        match (self.named.remove(&(&raw const *query)), self.around.last_mut()) {
            (Some(name), _) => drop(self.loads.insert(name, load)),
            (None, Some(around)) => around.add(load),
            (None, None) => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<String> {
        let named = name.0.last().and_then(|part| part.as_ident());
        let load = named.and_then(|name| self.loads.get(&name.value)).copied();
        if let Some(around) = self.around.last_mut() {
            around.add(load.unwrap_or(Load { reads: 1, types: 0 }));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, _select: &Select) -> ControlFlow<String> {
        self.selects += 1;
        match self.selects > SELECTS {
            true => ControlFlow::Break(format!("the query has more than {SELECTS} SELECTs")),
            false => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        self.depth += 1;
        self.typed_depth += usize::from(!is_logical(expr));
        if let Some(around) = self.around.last_mut() {
            around.types = around.types.saturating_add(self.typed_depth * self.typed_depth);
        }
        match self.depth > DEPTH {
            true => ControlFlow::Break(format!("an expression joins more than {DEPTH} others")),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        self.depth -= 1;
        self.typed_depth -= usize::from(!is_logical(expr));
        ControlFlow::Continue(())
    }
}

/// A finding for each such clause.
pub(super) fn check(text: &Text<'_>, statement: &Statement) -> Vec<Draft> {
    let mut clauses = Clauses(Vec::new());
    let _: ControlFlow<()> = statement.visit(&mut clauses);
    clauses.0.into_iter().map(|clause| refuse(text, clause)).collect()
}

fn refuse(text: &Text<'_>, clause: &'static str) -> Draft {
    let first = clause.split(' ').next().unwrap_or(clause);
    let range = text.find(first).unwrap_or_else(|| text.first());
    let draft = Draft::error(codes::UNSUPPORTED_QUERY, format!("{clause} is not supported"), range);
    match super::dialects::clause(clause) {
        Some(help) => draft.help(help),
        None => draft,
    }
}

struct Clauses(Vec<&'static str>);

impl Clauses {
    fn refuse_if(&mut self, is_there: bool, clause: &'static str) {
        if is_there && !self.0.contains(&clause) {
            self.0.push(clause);
        }
    }
}

impl Visitor for Clauses {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.refuse_if(!query.locks.is_empty(), "FOR UPDATE");
        self.refuse_if(query.for_clause.is_some(), "FOR");
        self.refuse_if(query.settings.is_some(), "SETTINGS");
        self.refuse_if(query.format_clause.is_some(), "FORMAT");
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.refuse_if(select.into.is_some(), "INTO");
        self.refuse_if(select.prewhere.is_some(), "PREWHERE");
        self.refuse_if(!select.connect_by.is_empty(), "CONNECT BY");
        self.refuse_if(!select.distribute_by.is_empty(), "DISTRIBUTE BY");
        self.refuse_if(select.value_table_mode.is_some(), "AS STRUCT");
        self.refuse_if(select.exclude.is_some(), "EXCLUDE after the columns");
        self.refuse_if(select.flavor != SelectFlavor::Standard, "FROM before SELECT");
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { sample, version, partitions, index_hints, .. } = factor {
            self.refuse_if(sample.is_some(), "TABLESAMPLE");
            self.refuse_if(version.is_some(), "FOR SYSTEM_TIME");
            self.refuse_if(!partitions.is_empty(), "PARTITION");
            self.refuse_if(!index_hints.is_empty(), "INDEX hints");
        }
        ControlFlow::Continue(())
    }
}
