//! Commas: one too many, which the parser reads over, and one that is probably missing.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, Statement};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::Context;
use super::draft::{Draft, Fix, Site};
use super::parse::is_word;
use super::row::leftmost_select;
use super::syntax::{self, CLAUSES};
use super::text::Text;
use crate::codes;

/// A `,` after the last item, which the parser reads over: is a column missing?
pub(super) fn extra(text: &Text<'_>, fields: &BTreeSet<&str>) -> Option<Draft> {
    let words = text.words();
    let (comma, next) = words.iter().zip(words.get(1..)?).find(|(word, next)| {
        // `left(code, 2)` is a call.
        let is_call = text.after(&next.range).is_some_and(|word| word.token == Token::LParen);
        word.token == Token::Comma
            && CLAUSES.iter().any(|clause| is_word(next, clause))
            && !(is_call && is_word(next, "LEFT"))
    })?;
    let (next, range) = (text.slice(&next.range), next.range.clone());
    let is_elsewhere = text.slice(&(comma.range.end..range.start)).contains('\n');
    let is_clause = text.after(&range).is_some_and(|word| is_word(word, "BY"));
    if fields.contains(next) && !is_clause {
        return Some(syntax::quote(next, range));
    }
    let message = format!("nothing stands between this comma and `{next}`");
    let draft = Draft::error(codes::INVALID_SQL, message, comma.range.clone()).fix(
        "remove the comma, or write what is missing",
        Fix { range: comma.range.clone(), replacement: String::new(), sure: false },
    );
    Some(match is_elsewhere {
        true => draft.related(Site::Query(range), format!("`{next}` stands here")),
        false => draft,
    })
}

/// `SELECT id amount FROM …`: a name without AS that is a field's name, too.
pub(super) fn missing(context: &Context<'_>, statement: &Statement) -> Vec<Draft> {
    let Some(select) = leftmost_select(statement) else { return Vec::new() };
    let warning = |item: &SelectItem| {
        let SelectItem::ExprWithAlias { expr: Expr::Identifier(expr), alias } = item else {
            return None;
        };
        let range = context.text.range(alias.span)?;
        let before = context.text.slice(&context.text.before(&range)?.range);
        let is_field =
            |name: &str| context.tables.iter().any(|table| table.schema.field(name).is_some());
        let is_one = before == expr.value && is_field(&expr.value) && is_field(&alias.value);
        is_one.then(|| {
            let message = format!("`{}` is renamed to `{}` here", expr.value, alias.value);
            Draft::warning(codes::MISSING_COMMA, &message, range)
                .label("a field of this name exists, too")
                .help(format!(
                    "select both, `{a}, {b}`, or write `{a} AS {b}`",
                    a = expr.value,
                    b = alias.value
                ))
        })
    };
    select.projection.iter().filter_map(warning).collect()
}
