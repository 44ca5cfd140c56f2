//! The expressions of a statement: which stands in which, where, and a statement with some of them
//! replaced.
//!
//! An expression is known by its number in the order in which the parser's own visitor meets it.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Query, Select, SelectItem, Spanned, Statement, Value,
    Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::{Span, Token};

use super::text::{Text, Word, union};

/// All expressions of a statement.
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

struct Node {
    /// The expression around it, in the same query.
    parent: Option<usize>,
    /// Its bytes, if any part of it says where it stands.
    range: Option<Range<usize>>,
}

impl Tree {
    /// The expressions of this statement, and where they stand.
    pub(crate) fn new(text: &Text<'_>, statement: &Statement) -> Self {
        let mut builder = Builder { text, nodes: Vec::new(), around: Vec::new() };
        let _: ControlFlow<()> = statement.visit(&mut builder);
        Self { nodes: builder.nodes }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.nodes.len()
    }

    /// Those that stand in no other expression of the same query.
    pub(crate) fn roots(&self) -> impl Iterator<Item = usize> {
        self.all().filter(|index| self.parent(*index).is_none())
    }

    /// The expression around it, in the same query.
    pub(crate) fn parent(&self, index: usize) -> Option<usize> {
        self.nodes.get(index)?.parent
    }

    /// The outermost expression around it in the same query, or itself.
    pub(crate) fn root(&self, index: usize) -> usize {
        self.parent(index).map_or(index, |parent| self.root(parent))
    }

    /// The expressions directly in it, in the same query.
    pub(crate) fn children(&self, index: usize) -> impl Iterator<Item = usize> {
        self.all().filter(move |child| self.parent(*child) == Some(index))
    }

    /// Its bytes, else those of what stands around it.
    pub(crate) fn range(&self, index: usize) -> Option<Range<usize>> {
        let node = self.nodes.get(index)?;
        node.range.clone().or_else(|| self.range(node.parent?))
    }
}

struct Builder<'a> {
    text: &'a Text<'a>,
    nodes: Vec<Node>,
    /// What we are in: expressions, and queries (`None`).
    around: Vec<Option<usize>>,
}

impl Visitor for Builder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.around.push(None);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.around.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let parent = self.around.last().copied().flatten();
        self.around.push(Some(self.nodes.len()));
        // The spans of operators are made of those of all that they join: only those of leaves
        // are asked for, or a long chain would take quadratic time.
        let range = is_leaf(expr).then(|| self.text.range(expr.span())).flatten();
        self.nodes.push(Node { parent, range });
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Some(index) = self.around.pop().flatten() else { return ControlFlow::Continue(()) };
        let own = self.nodes.get(index).and_then(|node| node.range.clone());
        let Some(range) = own.map(|range| extent(self.text, expr, range)) else {
            return ControlFlow::Continue(());
        };
        // The next outer expression, across queries too: a subquery is part of what it stands in.
        let outer = self.around.iter().rev().find_map(|around| *around);
        if let Some(outer) = outer.and_then(|outer| self.nodes.get_mut(outer)) {
            let wider = outer.range.take().map_or(range.clone(), |other| union(other, &range));
            outer.range = Some(wider);
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.range = Some(range);
        }
        ControlFlow::Continue(())
    }
}

/// Whether its own span says more than those of the expressions in it.
fn is_leaf(expr: &Expr) -> bool {
    !matches!(
        expr,
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } | Expr::Nested(_) | Expr::Cast { .. }
    )
}

/// All bytes of an expression, from those that its parts account for.
pub(crate) fn extent(text: &Text<'_>, expr: &Expr, range: Range<usize>) -> Range<usize> {
    let range = text.balanced(range);
    match expr {
        Expr::Nested(_) | Expr::Subquery(_) => text.brackets_around(&range).unwrap_or(range),
        Expr::Function(function) => call(text, function, range),
        Expr::Cast { kind: CastKind::DoubleColon, .. } => {
            let colons = text.after(&range).map(|word| union(range.clone(), &word.range));
            let colons = colons.unwrap_or(range);
            let name = text.after(&colons).map(|word| union(colons.clone(), &word.range));
            brackets_after(text, name.unwrap_or(colons))
        }
        Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Overlay { .. }
        | Expr::Convert { .. }
        | Expr::Exists { .. }
        | Expr::Array(_) => with_word_before(text, text.brackets_around(&range).unwrap_or(range)),
        Expr::UnaryOp { .. } => match text.before(&range) {
            Some(word) => union(range, &word.range),
            None => range,
        },
        Expr::Interval(interval) => {
            let range = with_word_before(text, range);
            let unit = interval.leading_field.as_ref().and_then(|_| text.after(&range));
            unit.map_or(range.clone(), |word| union(range.clone(), &word.range))
        }
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => {
            with_words_after(text, range, &["IS", "NOT", "NULL", "TRUE", "FALSE", "UNKNOWN"])
        }
        _ => range,
    }
}

/// `f`, `f(…` → `f(…) FILTER (…) OVER (…)`.
fn call(text: &Text<'_>, function: &Function, range: Range<usize>) -> Range<usize> {
    let mut range = match function.args {
        FunctionArguments::None => range,
        _ => brackets_after(text, range),
    };
    let clauses = [function.filter.is_some(), function.over.is_some()];
    for (word, _) in ["FILTER", "OVER"].iter().zip(clauses).filter(|(_, has)| *has) {
        let is = |next: &&Word| text.slice(&next.range).eq_ignore_ascii_case(word);
        let Some(next) = text.after(&range).filter(is) else { continue };
        let over = union(range, &next.range);
        let wide = brackets_after(text, over.clone());
        range = match text.after(&over) {
            // OVER and the name of a window.
            Some(name) if wide == over => union(over, &name.range),
            _ => wide,
        };
    }
    range
}

/// The range, and the brackets that open just after it.
fn brackets_after(text: &Text<'_>, range: Range<usize>) -> Range<usize> {
    let open = text.after(&range).filter(|word| word.token == Token::LParen);
    match open.and_then(|open| text.partner(open)) {
        Some(close) => union(range, &close.range),
        None => range,
    }
}

/// The words of expressions that look like calls, and are none.
const LIKE_CALLS: [&str; 16] = [
    "ARRAY",
    "CAST",
    "CEIL",
    "CONVERT",
    "EXISTS",
    "EXTRACT",
    "FLOOR",
    "INTERVAL",
    "OVERLAY",
    "POSITION",
    "SAFE_CAST",
    "SUBSTR",
    "SUBSTRING",
    "TRIM",
    "TRY_CAST",
    "TRY_CONVERT",
];

/// The range, and the word before it that makes it an expression.
fn with_word_before(text: &Text<'_>, range: Range<usize>) -> Range<usize> {
    let is_one = |word: &&Word| {
        LIKE_CALLS.iter().any(|one| text.slice(&word.range).eq_ignore_ascii_case(one))
    };
    match text.before(&range).filter(is_one) {
        Some(word) => union(range, &word.range),
        None => range,
    }
}

fn with_words_after(text: &Text<'_>, mut range: Range<usize>, words: &[&str]) -> Range<usize> {
    let is_one =
        |word: &&Word| words.iter().any(|one| text.slice(&word.range).eq_ignore_ascii_case(one));
    while let Some(word) = text.after(&range).filter(is_one) {
        range = union(range, &word.range);
    }
    range
}

/// The expression of that number.
pub(crate) fn expr(statement: &Statement, index: usize) -> Option<Expr> {
    struct Find(usize);
    impl Visitor for Find {
        type Break = Expr;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Expr> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return ControlFlow::Break(expr.clone()),
            }
            ControlFlow::Continue(())
        }
    }
    match statement.visit(&mut Find(index)) {
        ControlFlow::Break(expr) => Some(expr),
        ControlFlow::Continue(()) => None,
    }
}

/// The statement with another expression in the place of these, which do not stand in each other.
///
/// A column of a `SELECT` that is replaced keeps its name.
pub(crate) fn replace(statement: &Statement, indices: &[usize], by: &Expr) -> Statement {
    let spans = indices.iter().filter_map(|index| expr(statement, *index)).map(|e| e.span());
    let spans = spans.collect();
    let mut replace = Replace { next: 0, around: Vec::new(), indices, by, spans };
    let mut statement = statement.clone();
    let _: ControlFlow<()> = VisitMut::visit(&mut statement, &mut replace);
    statement
}

struct Replace<'a> {
    next: usize,
    around: Vec<usize>,
    indices: &'a [usize],
    by: &'a Expr,
    spans: Vec<Span>,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            keep_name(item, &self.spans);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _expr: &mut Expr) -> ControlFlow<()> {
        self.around.push(self.next);
        self.next += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.around.pop().is_some_and(|index| self.indices.contains(&index)) {
            *expr = self.by.clone();
        }
        ControlFlow::Continue(())
    }
}

/// `a.b` → `a.b AS b`, if it is one of those that are about to go.
fn keep_name(item: &mut SelectItem, going: &[Span]) {
    let SelectItem::UnnamedExpr(expr) = item else { return };
    let name = match expr {
        Expr::Identifier(ident) => Some(ident.clone()),
        Expr::CompoundIdentifier(idents) => idents.last().cloned(),
        _ => None,
    };
    if let Some(alias) = name.filter(|_| going.contains(&expr.span())) {
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// The statement with a name for the column that stands at these bytes.
pub(crate) fn name_column(
    text: &Text<'_>,
    statement: &Statement,
    range: &Range<usize>,
    name: &str,
) -> Statement {
    struct Name<'a>(&'a Text<'a>, &'a Range<usize>, Ident);
    impl VisitorMut for Name<'_> {
        type Break = ();
        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            for item in &mut select.projection {
                let is_it = self
                    .0
                    .range(item.span())
                    .is_some_and(|range| self.1.start <= range.start && range.end <= self.1.end);
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
                    && is_it
                {
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: self.2.clone() };
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut statement = statement.clone();
    let _: ControlFlow<()> =
        VisitMut::visit(&mut statement, &mut Name(text, range, Ident::with_quote('"', name)));
    statement
}

/// `NULL`, which fits everywhere.
pub(crate) fn null() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

/// `NULL` in the place of an expression, which it remembers.
pub(crate) fn null_for(expr: &Expr) -> Expr {
    Expr::Value(Value::Null.with_span(expr.span()))
}

/// A call of a function with one argument.
pub(crate) fn call_of(name: &str, argument: Expr) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
