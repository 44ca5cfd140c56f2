//! The text of a query → one parsed `SELECT`, or findings about its grammar.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenizerError};

use super::commas;
use super::draft::Draft;
use super::text::{Text, Word};
use crate::codes;
use crate::nearest::{nearest, nearest_within};

/// How deeply a query may nest, as in the runtime.
const DEPTH: usize = 50;

/// The words that a query can start with.
const STARTS: [&str; 3] = ["SELECT", "WITH", "VALUES"];

/// Parses exactly one query.
pub(super) fn parse(text: &Text<'_>) -> Result<Statement, Box<Draft>> {
    let is_end = |word: &&Word| word.token == Token::SemiColon;
    let end = text.words().iter().find(is_end);
    if text.words().iter().all(|word| is_end(&word)) {
        return Err(Box::new(empty()));
    }
    if let Some(draft) = commas::extra(text) {
        return Err(Box::new(draft));
    }
    let statement = parse_one(text, end)?;
    if let Some(second) = end.and_then(|end| second(text, end)) {
        return Err(Box::new(several(second)));
    }
    match statement {
        Some(Statement::Query(query)) if reads(&query.body) => Ok(Statement::Query(query)),
        _ => Err(Box::new(not_a_query(text))),
    }
}

/// The words that start a clause.
pub(super) const CLAUSES: [&str; 12] = [
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION", "JOIN", "LEFT",
    "INNER", "QUALIFY",
];

/// Whether that is this word of SQL, and no name in quotes.
pub(super) fn is_word(word: &Word, sql: &str) -> bool {
    matches!(&word.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(sql))
}

/// The word that starts a clause and is misspelled: the one that the parser did not expect, or the
/// one before it, which it took for a name.
fn misspelled<'t>(text: &'t Text<'_>, range: &Range<usize>) -> Option<(&'t Word, &'static str)> {
    let index = text.word_at(range.start).unwrap_or(text.words().len());
    let near = |index: usize| {
        let word = text.words().get(index)?;
        let Token::Word(name) = &word.token else { return None };
        let name = name.quote_style.is_none().then(|| name.value.to_uppercase())?;
        let most = if name.len() > 4 { 2 } else { 1 };
        let near = nearest_within(&name, CLAUSES, most)?;
        (near != name).then_some((word, near))
    };
    near(index).or_else(|| near(index.checked_sub(1)?))
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

fn parse_one(text: &Text<'_>, end: Option<&Word>) -> Result<Option<Statement>, Box<Draft>> {
    let tokens = text.tokens_before(end);
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .with_tokens_with_locations(tokens)
        .parse_statements();
    match parsed {
        Ok(statements) => Ok(statements.into_iter().next()),
        Err(error) => Err(Box::new(syntax(text, &error))),
    }
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

/// What the tokenizer could not read.
pub(super) fn unreadable(sql: &str, error: &TokenizerError) -> Draft {
    let start = Text::blank(sql).offset(error.location.line, error.location.column);
    let rest = sql.get(start..).unwrap_or_default();
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    if error.message.contains("close delimiter") {
        let quotes = sql.rfind('"').unwrap_or(start);
        return Draft::error(
            codes::INVALID_SQL,
            "a name in quotes is not closed",
            quotes..quotes + 1,
        )
        .help("end it with `\"`; one of the quotes before it may be missing");
    }
    let mut draft = Draft::error(codes::INVALID_SQL, lower(&error.message), start..start + end);
    if error.message.contains("string literal") {
        draft = draft.help("end it with `'`; a `'` inside a text is written twice");
    }
    draft
}

fn syntax(text: &Text<'_>, error: &ParserError) -> Draft {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return Draft::error(
                codes::INVALID_SQL,
                "the query is nested too deeply",
                text.first(),
            )
            .note(format!("the limit is {DEPTH} levels"))
            .help("name the inner queries in a WITH clause");
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let (message, location) = split_location(message);
    let end = text.sql.trim_end().len();
    let range = match location {
        Some((line, column)) => {
            let offset = text.offset(line, column);
            let word = text.word_at(offset).and_then(|index| text.words().get(index));
            word.map_or(offset..offset, |word| word.range.clone())
        }
        None => end..end,
    };
    let range = if text.slice(&range) == ";" { range.start..range.start } else { range };
    if message.starts_with("Expected: end of statement")
        && let Some((word, meant)) = misspelled(text, &range)
    {
        let message = format!("unexpected `{}`: not an SQL keyword", text.slice(&word.range));
        return Draft::error(codes::INVALID_SQL, message, word.range.clone())
            .help(format!("a similar keyword exists: `{meant}`"));
    }
    if message.contains("after IS,") {
        let found = text.slice(&range);
        return Draft::error(
            codes::INVALID_SQL,
            format!("`IS` is not followed by {found}"),
            range.clone(),
        )
        .help(format!("compare with `=`: `… = {found}`"));
    }
    let mut draft = Draft::error(codes::INVALID_SQL, expectation(message), range.clone());
    if range == text.first()
        && let Some(start) = nearest(text.slice(&range), STARTS)
    {
        draft = draft.help(format!("a similar keyword exists: `{start}`"));
    }
    draft
}

/// `… at Line: 1, Column: 8` → `…` and where.
fn split_location(message: &str) -> (&str, Option<(u64, u64)>) {
    let Some((head, tail)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = tail.split_once(", Column: ") else { return (message, None) };
    match (line.trim().parse(), column.trim().parse()) {
        (Ok(line), Ok(column)) => (head, Some((line, column))),
        _ => (message, None),
    }
}

/// `Expected: an expression, found: FROM` → ``expected an expression, found `FROM` ``.
fn expectation(message: &str) -> String {
    let Some((expected, found)) =
        message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: "))
    else {
        return lower(message);
    };
    let expected = expected.trim_end_matches(':');
    let is_sign = !expected.is_empty() && !expected.contains(char::is_alphanumeric);
    let expected = if is_sign { format!("`{expected}`") } else { expected.to_owned() };
    match found {
        "EOF" => format!("expected {expected}, but the query ends here"),
        found => format!("expected {expected}, found `{found}`"),
    }
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
