//! A guard → the expression of the query that it stands for, and how that is written so that it
//! cannot fail.

use std::ops::{ControlFlow, Range};

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Operator;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, Statement, UnaryOperator, Visit, Visitor,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::dialect::Sql;
use super::failure::Failure;
use super::fetch_first;
use super::guard::{Operation, Written};
use super::outer_fields::with_outer_fields;
use crate::sql::text::Text;
use crate::sql::tree::Tree;

/// An expression of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its bytes.
    pub range: Range<usize>,
    /// How it is written so that it cannot fail; `None` where there is no such form.
    pub infallible: Option<String>,
}

/// The expression that a guard was put around.
pub(crate) fn locate(
    text: &Text<'_>,
    statement: &Statement,
    operation: &Operation,
    written: &Written,
) -> Option<Located> {
    let Some(names) = text.planner_range(written.span) else {
        return the_cast(text, statement, operation);
    };
    let tree = Tree::new(text, statement);
    let covers = |range: &Range<usize>| range.start <= names.start && names.end <= range.end;
    let found = places(statement, |expr| is_of(expr, operation)).into_iter();
    let mut around: Vec<_> =
        found.filter_map(|index| Some((index, tree.range(index).filter(covers)?))).collect();
    // The innermost first; of one extent, the one that stands in the other.
    around.sort_by_key(|(index, range)| (range.len(), std::cmp::Reverse(*index)));
    let (index, range) = around.get(written.around).or(around.last())?.clone();
    let infallible = infallible(text, statement, &tree, index, operation);
    Some(Located { range, infallible })
}

/// The cast of that type, if there is one only: what an inner query has made of a list's elements has
/// lost its place.
fn the_cast(text: &Text<'_>, statement: &Statement, operation: &Operation) -> Option<Located> {
    let Operation::Cast(to) = operation else { return None };
    let found = places(statement, |expr| is_cast_to(expr, to.data_type()));
    let [index] = found.as_slice() else { return None };
    let tree = Tree::new(text, statement);
    let range = tree.range(*index)?;
    Some(Located { range, infallible: infallible(text, statement, &tree, *index, operation) })
}

/// Whether an expression casts what is not a literal to a type.
fn is_cast_to(expr: &Expr, to: &DataType) -> bool {
    matches!(
        expr,
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, .. }
            if !matches!(&**expr, Expr::Value(_)) && is_type(data_type, to)
    )
}

/// Whether a type of SQL is that of the engine.
fn is_type(written: &SqlType, ty: &DataType) -> bool {
    let written = written.to_string().to_uppercase().replace(' ', "");
    let one_of = |names: &[&str]| names.contains(&written.as_str());
    match ty {
        DataType::Boolean => one_of(&["BOOLEAN", "BOOL"]),
        DataType::Int16 => one_of(&["SMALLINT", "INT2"]),
        DataType::Int32 => one_of(&["INT", "INTEGER", "INT4"]),
        DataType::Int64 => one_of(&["BIGINT", "INT8"]),
        DataType::Float32 => one_of(&["REAL", "FLOAT", "FLOAT4"]),
        DataType::Float64 => one_of(&["DOUBLE", "DOUBLEPRECISION", "FLOAT8"]),
        DataType::Decimal128(precision, scale) => {
            let digits = [format!("({precision},{scale})"), format!("({precision})")];
            let count = if *scale == 0 { 2 } else { 1 };
            let mut names = digits.iter().take(count);
            let own = |digits| ["DECIMAL", "NUMERIC"].map(|name| format!("{name}{digits}"));
            names.any(|digits| own(digits).contains(&written))
        }
        DataType::Date32 => one_of(&["DATE"]),
        DataType::Time64(_) => one_of(&["TIME"]),
        DataType::Timestamp(..) => written.starts_with("TIMESTAMP"),
        _ => false,
    }
}

/// The expression of an operation's kind, if there is one only: what a guard of constants stands for.
pub(crate) fn only_one(
    text: &Text<'_>,
    statement: &Statement,
    operation: &Operation,
) -> Option<Located> {
    let found = places(statement, |expr| is_of(expr, operation));
    let [index] = found.as_slice() else { return None };
    let range = Tree::new(text, statement).range(*index)?;
    Some(Located { range, infallible: None })
}

/// Where in the query an expression stands that has failed, or can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As written.
    pub expression: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How it is written so that it cannot fail.
    pub infallible: Option<String>,
}

/// Where in a query a failure happened; `None` where that is not known.
pub fn place(sql: &str, failure: &Failure) -> Option<Place> {
    place_of(sql, &failure.operation, &failure.written)
}

/// Where in a query the expression stands that a guard was put around.
pub(super) fn place_of(sql: &str, operation: &Operation, written: &Written) -> Option<Place> {
    let text = Text::new(sql).ok()?;
    let statement = parse(sql).ok()?;
    let located = locate(&text, &statement, operation, written)
        .or_else(|| only_one(&text, &statement, operation))?;
    let before = sql.get(..located.range.start)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some(Place {
        expression: one_line(text.slice(&located.range)),
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        infallible: located.infallible,
    })
}

/// Parses the one statement of a query.
///
/// # Errors
/// The parser's.
pub fn parse(sql: &str) -> Result<Statement, datafusion::sql::sqlparser::parser::ParserError> {
    // No text has more tokens than bytes.
    let dialect = Sql::for_tokens(sql.len());
    let mut parser = Parser::new(&dialect).try_with_sql(sql)?;
    parser.parse_statement().map(fetch_first::as_limit).map(with_outer_fields)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The expressions of a statement that are such, by their places in the order of its visitor.
fn places(statement: &Statement, is_it: impl Fn(&Expr) -> bool) -> Vec<usize> {
    struct Places<F> {
        is_it: F,
        at: usize,
        found: Vec<usize>,
    }

    impl<F: Fn(&Expr) -> bool> Visitor for Places<F> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if (self.is_it)(expr) {
                self.found.push(self.at);
            }
            self.at += 1;
            ControlFlow::Continue(())
        }
    }

    let mut places = Places { is_it, at: 0, found: Vec::new() };
    let _: ControlFlow<()> = statement.visit(&mut places);
    places.found
}

fn is_of(expr: &Expr, operation: &Operation) -> bool {
    match (operation, expr) {
        (Operation::Cast(_), Expr::Cast { kind, .. }) => {
            !matches!(kind, CastKind::TryCast | CastKind::SafeCast)
        }
        (Operation::Cast(_), Expr::AtTimeZone { .. } | Expr::TypedString(_)) => true,
        (Operation::Binary(operator), Expr::BinaryOp { op, .. }) => {
            op.to_string() == operator.to_string()
        }
        (Operation::Negate, Expr::UnaryOp { op: UnaryOperator::Minus, .. }) => true,
        (Operation::Call(function), Expr::Function(call)) => {
            let name = call.name.to_string().to_lowercase();
            function.name() == name || function.aliases().contains(&name)
        }
        (Operation::Total("avg"), Expr::Function(call)) => {
            ["avg", "mean"].contains(&call.name.to_string().to_lowercase().as_str())
        }
        (Operation::Total(name), Expr::Function(call)) => {
            call.name.to_string().eq_ignore_ascii_case(name)
        }
        (Operation::Call(function), Expr::Substring { .. }) => function.name() == "substr",
        (Operation::Call(function), Expr::Extract { .. }) => function.name() == "date_part",
        (Operation::Call(function), Expr::Overlay { .. }) => function.name() == "overlay",
        _ => false,
    }
}

/// The text that does the same, and yields null or a wider number where the expression fails.
fn infallible(
    text: &Text<'_>,
    statement: &Statement,
    tree: &Tree,
    index: usize,
    operation: &Operation,
) -> Option<String> {
    let children: Vec<_> = tree.children(index).filter_map(|child| tree.range(child)).collect();
    let written = |range: &Range<usize>| one_line(text.slice(range));
    match (operation, children.as_slice()) {
        (Operation::Cast(_), [operand]) => {
            let ty = cast_type(statement, index)?;
            Some(format!("TRY_CAST({} AS {ty})", written(operand)))
        }
        (Operation::Binary(operator @ (Operator::Divide | Operator::Modulo)), [left, right]) => {
            Some(format!("{} {operator} nullif({}, 0)", written(left), bare(&written(right))))
        }
        (
            Operation::Binary(operator @ (Operator::Plus | Operator::Minus | Operator::Multiply)),
            [left, right],
        ) => {
            let wide = format!("CAST({} AS DECIMAL(20, 0))", bare(&written(left)));
            Some(format!("{wide} {operator} {}", written(right)))
        }
        (Operation::Call(function), [operand, ..]) => {
            let ty = match function.name() {
                "to_date" => "DATE",
                "to_time" => "TIME",
                "to_timestamp" | "to_timestamp_micros" if children.len() == 1 => "TIMESTAMP",
                _ => return None,
            };
            (children.len() == 1).then(|| format!("TRY_CAST({} AS {ty})", written(operand)))
        }
        _ => None,
    }
}

/// `(a + b)` → `a + b`.
fn bare(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(text)
}

/// The type that a `CAST` names.
fn cast_type(statement: &Statement, index: usize) -> Option<SqlType> {
    match crate::sql::tree::expr(statement, index)? {
        Expr::Cast { data_type, .. } => Some(data_type),
        _ => None,
    }
}
