//! A parser's error → what is missing or too much, where, and the change that fixes it.

use std::collections::BTreeSet;
use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenizerError};

use super::draft::{Draft, Fix, Site};
use super::parse::{DEPTH, is_word, lower};
use super::text::{Text, Word};
use crate::codes;
use crate::nearest::nearest;
use crate::unclosed;

/// The words that a query can start with.
const STARTS: [&str; 3] = ["SELECT", "WITH", "VALUES"];

/// The words that start a clause.
pub(super) const CLAUSES: [&str; 12] = [
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION", "JOIN", "LEFT",
    "INNER", "QUALIFY",
];

/// The words that stand between operands.
const BETWEEN_OPERANDS: [&str; 10] =
    ["AND", "OR", "LIKE", "ILIKE", "BETWEEN", "IN", "IS", "AS", "OVER", "FILTER"];

/// What the tokenizer could not read.
pub(super) fn unreadable(sql: &str, error: &TokenizerError) -> Draft {
    let start = Text::blank(sql).offset(error.location.line, error.location.column);
    let rest = sql.get(start..).unwrap_or_default();
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    if error.message.contains("close delimiter") {
        let last = sql.rfind('"').unwrap_or(start);
        let range = unclosed::in_sql(sql, '"').unwrap_or(last..last + 1);
        return Draft::error(codes::INVALID_SQL, "a name in quotes is not closed", range)
            .help("end it with `\"`; one of the quotes before it may be missing");
    }
    let message = lower(&error.message);
    if error.message.contains("string literal") {
        let range = unclosed::in_sql(sql, '\'').unwrap_or(start..start + end);
        return Draft::error(codes::INVALID_SQL, message, range)
            .help("end it with `'`; a `'` inside a text is written twice");
    }
    let draft = Draft::error(codes::INVALID_SQL, message, start..start + end);
    if error.message.contains("comment") {
        return draft.help("end it with `*/`");
    }
    draft.help("remove it, or write it within a text: `'…'`")
}

/// Why a query cannot be parsed. `fields` are the names of all fields that it might mean.
pub(super) fn explain(text: &Text<'_>, error: &ParserError, fields: &BTreeSet<&str>) -> Draft {
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
    let at = match location {
        Some((line, column)) => text.offset(line, column),
        None => behind_half_a_join(text).unwrap_or(end),
    };
    let found = Found::new(text, at);
    let range = found.range.clone();
    if message.contains("after IS,") {
        let found = text.slice(&range);
        return Draft::error(
            codes::INVALID_SQL,
            format!("`IS` is not followed by {found}"),
            range.clone(),
        )
        .help(format!("compare with `=`: `… = {found}`"));
    }
    reserved(&found, fields)
        .or_else(|| keyword(&found, fields))
        .or_else(|| misspelled(&found, message, fields))
        .or_else(|| missing_comma(&found))
        .unwrap_or_else(|| with_help(&found, message))
}

/// Where the parser gave up.
pub(super) struct Found<'t> {
    text: &'t Text<'t>,
    /// The index of the word; as many as there are at the end.
    index: usize,
    /// Its bytes; nothing at the end and before a `;`.
    range: Range<usize>,
}

impl<'t> Found<'t> {
    /// The word at a byte.
    pub(super) fn new(text: &'t Text<'t>, at: usize) -> Self {
        let index = text.word_at(at).unwrap_or(text.words().len());
        let range = text.words().get(index).map_or(at..at, |word| word.range.clone());
        let range = if text.slice(&range) == ";" { range.start..range.start } else { range };
        Self { text, index, range }
    }

    /// The word so many before it.
    fn back(&self, count: usize) -> Option<&'t Word> {
        self.text.words().get(self.index.checked_sub(count)?)
    }

    fn here(&self) -> Option<&'t Word> {
        self.text.words().get(self.index).filter(|word| word.token != Token::SemiColon)
    }

    fn written(&self, word: &Word) -> &'t str {
        self.text.slice(&word.range)
    }

    /// The word that says which part of the query this is: the last one of the same brackets.
    fn clause(&self) -> Option<&'static str> {
        const STARTING: [&str; 9] =
            ["SELECT", "FROM", "WHERE", "HAVING", "ON", "BY", "LIMIT", "VALUES", "QUALIFY"];
        let mut index = self.index;
        while let Some(before) = index.checked_sub(1) {
            index = before;
            let word = self.text.words().get(index)?;
            match word.token {
                Token::RParen | Token::RBracket => {
                    let open = self.text.partner(word)?;
                    index = self.text.word_at(open.range.start)?;
                }
                Token::LParen | Token::LBracket => return Some("("),
                _ => {
                    let start = STARTING.into_iter().find(|start| is_word(word, start));
                    if start.is_some() {
                        return start;
                    }
                }
            }
        }
        None
    }
}

/// A word of SQL that a field is called, too: it is a name only in quotes.
fn reserved(found: &Found<'_>, fields: &BTreeSet<&str>) -> Option<Draft> {
    let is_one = |word: &&Word| {
        matches!(&word.token, Token::Word(name)
            if name.quote_style.is_none() && fields.contains(name.value.as_str())
                && is_reserved(&name.value, name.keyword))
    };
    let is_clause = |word: &&Word| {
        // `ORDER BY`, `GROUP BY`: that it goes on so shows that it is no name.
        let next = found.text.after(&word.range);
        let begins = CLAUSES.iter().any(|clause| is_word(word, clause));
        !(begins && next.is_some_and(|next| is_word(next, "BY")))
    };
    let word = [found.here(), found.back(1), found.back(2)]
        .into_iter()
        .flatten()
        .filter(is_clause)
        .find(is_one)?;
    Some(quote(found.written(word), word.range.clone()))
}

/// Whether a word must be quoted to be the name of a column.
fn is_reserved(word: &str, keyword: Keyword) -> bool {
    if keyword == Keyword::NoKeyword {
        return false;
    }
    let sql = format!("SELECT a, {word} FROM t");
    let parsed = Parser::parse_sql(&GenericDialect {}, &sql);
    let Ok([Statement::Query(query)]) = parsed.as_deref() else { return true };
    let SetExpr::Select(select) = &*query.body else { return true };
    let is_name =
        matches!(&select.projection[..], [_, SelectItem::UnnamedExpr(Expr::Identifier(_))]);
    !is_name || select.from.is_empty()
}

/// A reserved word that is meant as a name.
pub(super) fn quote(written: &str, range: Range<usize>) -> Draft {
    let quoted = format!("\"{written}\"");
    Draft::error(codes::INVALID_SQL, format!("`{written}` is a reserved word"), range.clone()).fix(
        format!("the field of that name is written in quotes: `{quoted}`"),
        Fix { range, replacement: quoted, sure: true },
    )
}

/// Whether something is complete with that word.
fn ends_operand(word: &Word) -> bool {
    match &word.token {
        Token::Word(name) => {
            name.quote_style.is_some()
                || ["END", "NULL", "TRUE", "FALSE"].iter().any(|end| is_word(word, end))
                || !is_between(word)
        }
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
        _ => false,
    }
}

/// Whether something begins with that word.
fn begins_operand(word: &Word) -> bool {
    match &word.token {
        Token::Word(name) => name.quote_style.is_some() || !is_between(word),
        Token::Number(..) | Token::SingleQuotedString(_) => true,
        _ => false,
    }
}

/// Whether that is a word that stands between others, or begins a part of the query.
fn is_between(word: &Word) -> bool {
    const OTHERS: [&str; 17] = [
        "SELECT",
        "DISTINCT",
        "ON",
        "BY",
        "NOT",
        "WHEN",
        "THEN",
        "ELSE",
        "CASE",
        "WITH",
        "USING",
        "ASC",
        "DESC",
        "EXCEPT",
        "INTERSECT",
        "RIGHT",
        "END",
    ];
    let list = BETWEEN_OPERANDS.iter().chain(&OTHERS).chain(&CLAUSES);
    list.into_iter().any(|one| is_word(word, one))
}

/// Two items of a list, with nothing between them.
fn missing_comma(found: &Found<'_>) -> Option<Draft> {
    if !matches!(found.clause(), Some("SELECT" | "(" | "BY")) {
        return None;
    }
    let here = found.here()?;
    let before = found.back(1)?;
    // `subject upper(`, `id o.`: what looked like an alias is the next item.
    let is_item = matches!(here.token, Token::LParen | Token::Period)
        && matches!(before.token, Token::Word(_))
        && begins_operand(before)
        && found.back(2).is_some_and(ends_operand);
    let (last, next, sure) = match is_item {
        true => (found.back(2)?, before, true),
        false if begins_operand(here) && ends_operand(before) => {
            let has_as = found.back(2).is_some_and(|word| is_word(word, "AS"));
            (before, here, has_as || before.token == Token::RParen)
        }
        false => return None,
    };
    let (last_is, next_is) = (found.written(last), found.written(next));
    let message = format!("a comma is missing between `{last_is}` and `{next_is}`");
    let fix = Fix { range: last.range.clone(), replacement: format!("{last_is},"), sure };
    Some(
        Draft::error(codes::INVALID_SQL, message, last.range.clone())
            .related(Site::Query(next.range.clone()), "the next item begins here")
            .fix(format!("write `{last_is}, {next_is}`"), fix),
    )
}

/// Keywords that are looked for where the parser gives up.
#[rustfmt::skip]
const KEYWORDS: [&str; 67] = [
    "ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CROSS", "CURRENT", "DATE", "DESC",
    "DISTINCT", "ELSE", "END", "EXCEPT", "EXISTS", "EXTRACT", "FALSE", "FILTER", "FIRST",
    "FOLLOWING", "FROM", "FULL", "GROUP", "GROUPING", "HAVING", "ILIKE", "IN", "INNER", "INTERSECT",
    "INTERVAL", "IS", "JOIN", "LAST", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OFFSET",
    "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION", "PRECEDING", "QUALIFY", "RANGE", "RECURSIVE",
    "RIGHT", "ROW", "ROWS", "SELECT", "SETS", "THEN", "TIMESTAMP", "TRUE", "TRY_CAST", "UNBOUNDED",
    "UNION", "USING", "VALUES", "WHEN", "WHERE",
];

/// How far before the place where the parser gives up a misspelled word is looked for.
const BACK: usize = 4;

/// Bytes of a query that is parsed again for each word that may be meant.
const TRIED: usize = 50_000;

/// A keyword that is misspelled: with the right one, the text is a query.
fn keyword(found: &Found<'_>, fields: &BTreeSet<&str>) -> Option<Draft> {
    if found.text.sql.len() > TRIED {
        return None;
    }
    let near = std::iter::once(found.here()).chain((1..=BACK).map(|count| found.back(count)));
    let mut candidates = Vec::new();
    for word in near.flatten() {
        let Token::Word(name) = &word.token else { continue };
        let written = name.value.to_uppercase();
        // What a query begins with is known better than by its letters.
        let is_other = name.quote_style.is_some()
            || word.range == found.text.first()
            || fields.contains(name.value.as_str())
            || KEYWORDS.contains(&written.as_str());
        if is_other {
            continue;
        }
        let most = if written.len() > 4 { 2 } else { 1 };
        let near = KEYWORDS.iter().map(|one| (strsim::damerau_levenshtein(&written, one), *one));
        let near = near.filter(|(distance, _)| *distance <= most);
        candidates.extend(near.map(|(distance, meant)| (distance, word, meant)));
    }
    candidates.sort_by_key(|(distance, ..)| *distance);
    let sql = found.text.sql;
    let replaced = |word: &Word, meant: &str| {
        let (before, after) = (sql.get(..word.range.start), sql.get(word.range.end..));
        [before, Some(meant), after].into_iter().flatten().collect::<String>()
    };
    let is_meant =
        |(_, word, meant): &&(usize, &Word, &str)| super::parse::is_query(&replaced(word, meant));
    let mut meant = candidates.iter().filter(is_meant);
    let (distance, word, first) = meant.next()?;
    let sure = meant.next().is_none_or(|(other, ..)| other > distance);
    let written = found.written(word);
    let is_small = written.chars().all(char::is_lowercase);
    let meant = if is_small { first.to_lowercase() } else { (*first).to_owned() };
    let fix = Fix { range: word.range.clone(), replacement: meant.clone(), sure };
    let message = format!("unexpected `{written}`: not an SQL keyword");
    Some(
        Draft::error(codes::INVALID_SQL, message, word.range.clone())
            .fix(format!("a similar keyword exists: `{meant}`"), fix),
    )
}

/// The word that is misspelled: the one that the parser did not expect, or the one before it, which
/// it took for a name.
fn misspelled(found: &Found<'_>, message: &str, fields: &BTreeSet<&str>) -> Option<Draft> {
    let near = |word: Option<&Word>| {
        let word = word?;
        let Token::Word(name) = &word.token else { return None };
        let is_name = name.quote_style.is_some() || fields.contains(name.value.as_str());
        let name = (!is_name).then(|| name.value.to_uppercase())?;
        let most = if name.len() > 4 { 2 } else { 1 };
        let distance = |clause: &str| strsim::damerau_levenshtein(&name, clause);
        let list = CLAUSES.into_iter().chain(BETWEEN_OPERANDS).filter(|one| one.len() > 2);
        let near = list.min_by_key(|one| distance(one))?;
        (1..=most).contains(&distance(near)).then_some((word.range.clone(), near))
    };
    let is_end = message.starts_with("Expected: end of statement");
    let (range, meant) = is_end.then(|| near(found.here()).or_else(|| near(found.back(1))))??;
    let written = found.text.slice(&range);
    let fix = Fix { range: range.clone(), replacement: meant.to_owned(), sure: true };
    Some(
        Draft::error(
            codes::INVALID_SQL,
            format!("unexpected `{written}`: not an SQL keyword"),
            range,
        )
        .fix(format!("a similar keyword exists: `{meant}`"), fix),
    )
}

/// What the parser says, and what is probably missing.
fn with_help(found: &Found<'_>, message: &str) -> Draft {
    let range = found.range.clone();
    let draft = Draft::error(codes::INVALID_SQL, expectation(message), range.clone());
    let written = found.text.slice(&range);
    if range == found.text.first()
        && let Some(start) = nearest(written, STARTS)
    {
        let fix = Fix { range, replacement: start.to_owned(), sure: true };
        return draft.fix(format!("a similar keyword exists: `{start}`"), fix);
    }
    if let Some(open) = open_case(found) {
        let ends = |word: &&Word| {
            let written = found.written(word).to_uppercase();
            matches!(word.token, Token::Word(_))
                && strsim::damerau_levenshtein(&written, "END") == 1
        };
        if let Some(word) = [found.here(), found.back(1)].into_iter().flatten().find(ends) {
            let fix = Fix { range: word.range.clone(), replacement: "END".to_owned(), sure: true };
            return draft.fix(format!("write `END` in place of `{}`", found.written(word)), fix);
        }
        return draft
            .related(Site::Query(open), "this CASE has no END")
            .help("end it: `CASE WHEN … THEN … ELSE … END`");
    }
    if let Some(word) = found.here().filter(|word| closes_nothing(found.text, word)) {
        let fix = Fix { range: word.range.clone(), replacement: String::new(), sure: false };
        return draft.fix(format!("no bracket is open here: remove `{written}`"), fix);
    }
    let open = found.text.words().iter().rev().find(|word| {
        word.range.end <= range.start
            && matches!(word.token, Token::LParen | Token::LBracket | Token::LBrace)
            && found.text.partner(word).is_none()
    });
    if let Some(open) = open {
        let close = match open.token {
            Token::LParen => ")",
            Token::LBracket => "]",
            _ => "}",
        };
        return draft
            .related(Site::Query(open.range.clone()), "this bracket is not closed")
            .help(format!("close it with `{close}`"));
    }
    draft.help(missing(found, message))
}

/// The last CASE before a place that has no END.
fn open_case(found: &Found<'_>) -> Option<Range<usize>> {
    let mut open: Vec<Range<usize>> = Vec::new();
    for word in found.text.words().iter().take(found.index) {
        if is_word(word, "CASE") {
            open.push(word.range.clone());
        } else if is_word(word, "END") {
            open.pop();
        }
    }
    open.pop()
}

fn closes_nothing(text: &Text<'_>, word: &Word) -> bool {
    matches!(word.token, Token::RParen | Token::RBracket | Token::RBrace)
        && text.partner(word).is_none()
}

/// What is probably missing just before a place.
fn missing(found: &Found<'_>, message: &str) -> String {
    let written = found.text.slice(&found.range);
    let before = found.back(1).map(|word| found.written(word)).unwrap_or_default();
    let expects = |what: &str| message.starts_with(&format!("Expected: {what}"));
    if expects("BY,") {
        return format!("write `{before} BY …`");
    }
    if expects("AND,") {
        return "write both ends: `BETWEEN low AND high`".to_owned();
    }
    if expects("(,") && before.eq_ignore_ascii_case("IN") {
        return "write the list in brackets: `IN (1, 2)`".to_owned();
    }
    if expects("an expression") || expects("joined table") || expects("identifier") {
        return match (before, written) {
            ("", _) => "write `SELECT … FROM …`".to_owned(),
            (",", "") => "remove the comma, or write what comes behind it".to_owned(),
            (before, "") => format!("write what comes behind `{before}`"),
            (",", written) => {
                format!("write what is missing before `{written}`, or remove the comma")
            }
            (before, written) => {
                format!("write what is missing between `{before}` and `{written}`")
            }
        };
    }
    if matches!(found.clause(), Some("WHERE" | "ON" | "HAVING" | "QUALIFY")) && !written.is_empty()
    {
        return format!(
            "something is missing before `{written}`: `AND`, `OR`, or an operator such as `=`"
        );
    }
    match written {
        "" => "write what is missing at the end".to_owned(),
        written => format!(
            "something is missing before `{written}`, such as a comma, an operator or a quote; or \
             `{written}` is too much"
        ),
    }
}

/// Where the word stands that follows LEFT or RIGHT and makes no join of it: the parser does not say where.
fn behind_half_a_join(text: &Text<'_>) -> Option<usize> {
    let mut pairs = text.words().windows(2);
    let followed = |pair: &[Word]| {
        let [side, next] = pair else { return None };
        let is_side = ["LEFT", "RIGHT"].iter().any(|word| is_word(side, word));
        let of_join = ["OUTER", "SEMI", "ANTI", "JOIN"];
        let is_join = next.token == Token::LParen || of_join.iter().any(|word| is_word(next, word));
        (is_side && !is_join).then_some(next.range.start)
    };
    pairs.find_map(followed)
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
