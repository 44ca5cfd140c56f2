//! The text of a query → one parsed `SELECT`, or findings about its grammar.

use std::collections::BTreeSet;
use std::ops::Range;

use datafusion::sql::sqlparser::ast::{SetExpr, Statement};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::draft::Draft;
use super::text::{Text, Word};
use super::{commas, spelling, syntax};
use crate::codes;
use crate::engine::{self, Sql};

/// How deeply a query may nest, as in the runtime.
pub(super) const DEPTH: usize = 50;

/// Parses exactly one query. `fields` are the names of all fields that it might mean.
pub(super) fn parse(text: &Text<'_>, fields: &BTreeSet<&str>) -> Result<Statement, Box<Draft>> {
    let is_end = |word: &&Word| word.token == Token::SemiColon;
    let end = text.words().iter().find(is_end);
    if text.words().iter().all(|word| is_end(&word)) {
        return Err(Box::new(empty()));
    }
    if let Some(draft) = commas::extra(text, fields) {
        return Err(Box::new(draft));
    }
    let statement = parse_one(text, end, fields)?;
    if let Some(second) = end.and_then(|end| second(text, end)) {
        return Err(Box::new(several(second)));
    }
    match statement {
        Statement::Query(query) if reads(&query.body) => {
            let statement = engine::with_outer_fields(Statement::Query(query));
            Ok(engine::as_limit(spelling::with_fields(statement)))
        }
        _ => Err(Box::new(not_a_query(text))),
    }
}

/// Whether that is this word of SQL, and no name in quotes.
pub(super) fn is_word(word: &Word, sql: &str) -> bool {
    matches!(&word.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(sql))
}

/// Whether it reads rows, and nothing but that.
fn reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Values(_) => true,
        SetExpr::Query(query) => reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
        _ => false,
    }
}

/// The words after the first `;`, if there are any.
fn second(text: &Text<'_>, end: &Word) -> Option<Range<usize>> {
    let mut rest = text
        .words()
        .iter()
        .filter(|word| word.range.start >= end.range.end)
        .skip_while(|word| word.token == Token::SemiColon)
        .take_while(|word| word.token != Token::SemiColon);
    let first = rest.next()?;
    Some(first.range.start..rest.last().unwrap_or(first).range.end)
}

fn parse_one(
    text: &Text<'_>,
    end: Option<&Word>,
    fields: &BTreeSet<&str>,
) -> Result<Statement, Box<Draft>> {
    let tokens = spelling::with_names(text.tokens_before(end));
    let dialect = Sql::for_tokens(tokens.len());
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(DEPTH).with_tokens_with_locations(tokens);
    let parsed = parser.parse_statement().and_then(|statement| {
        // `SELECT id, end`: the parser of statements would stop there as if all were well.
        let rest = parser.peek_token();
        match rest.token {
            Token::EOF => Ok(statement),
            _ => parser.expected("end of statement", rest),
        }
    });
    parsed.map_err(|error| Box::new(syntax::explain(text, &error, fields)))
}

/// Whether a text is one query, as far as the grammar is concerned.
pub(super) fn is_query(sql: &str) -> bool {
    let Ok(text) = Text::new(sql) else { return false };
    let end = text.words().iter().find(|word| word.token == Token::SemiColon);
    let tokens = spelling::with_names(text.tokens_before(end));
    let dialect = Sql::for_tokens(tokens.len());
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(DEPTH).with_tokens_with_locations(tokens);
    let parsed = parser.parse_statement();
    matches!(parsed, Ok(Statement::Query(query)) if reads(&query.body))
        && parser.peek_token().token == Token::EOF
}

fn empty() -> Draft {
    Draft::error(codes::NOT_A_QUERY, "there is no query", 0..0).help("write one: `SELECT … FROM …`")
}

fn several(second: Range<usize>) -> Draft {
    Draft::error(
        codes::SECOND_STATEMENT,
        "a pipeline has one statement, this is the second",
        second,
    )
    .label("after the `;`")
    .help("put it into a file of its own: each SQL file is a pipeline")
}

fn not_a_query(text: &Text<'_>) -> Draft {
    let first = text.first();
    let message = format!("`{}` does not yield rows", text.slice(&first).to_uppercase());
    Draft::error(codes::NOT_A_QUERY, message, first)
        .label("not a query")
        .help("write the query that yields the rows: `SELECT … FROM …`")
}

/// A message as we write them: lower case, no full stop.
pub(super) fn lower(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        // A word in capitals is a word of SQL.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(message.chars().skip(1)).collect()
        }
        _ => message.to_owned(),
    }
}
