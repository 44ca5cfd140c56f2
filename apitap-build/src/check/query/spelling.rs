//! A query as people write it → the same as the engine reads it.
//!
//! Behind a dot there is a name, whatever else the word means in SQL (`t.user`, `o.order`), and a
//! record may come out of a list (`comments[1].text`). The engine's parser reads neither, and spells
//! them `t."user"` and `comments[1]['text']`.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, FunctionArguments, Spanned, Statement, Value, Visit, VisitMut, Visitor,
    VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::draft::Draft;
use super::scope::plain;
use super::syntax;
use super::text::Text;

/// The query in the engine's spelling; as it is where it has no other, or cannot be read.
pub fn for_engine(sql: &str) -> String {
    let Ok(text) = Text::new(sql) else { return sql.to_owned() };
    let words = text.words();
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    for (index, [before, dot, name]) in words.array_windows::<3>().enumerate() {
        let Token::Word(word) = &name.token else { continue };
        let is_call = words.get(index + 3).is_some_and(|next| next.token == Token::LParen);
        if dot.token != Token::Period || is_call {
            continue;
        }
        let (range, spelling): (Range<usize>, String) = match before.token {
            Token::RBracket | Token::RParen => {
                let text = word.value.replace('\'', "''");
                (dot.range.start..name.range.end, format!("['{text}']"))
            }
            _ if word.quote_style.is_none() && is_no_name(&word.value, word.keyword) => {
                (name.range.clone(), format!("\"{}\"", word.value))
            }
            _ => continue,
        };
        out.push_str(sql.get(at..range.start).unwrap_or_default());
        out.push_str(&spelling);
        at = range.end;
    }
    out.push_str(sql.get(at..).unwrap_or_default());
    out
}

/// Whether the parser takes that word for something else even behind a dot.
fn is_no_name(word: &str, keyword: Keyword) -> bool {
    if keyword == Keyword::NoKeyword {
        return false;
    }
    let sql = format!("a.{word}.b");
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(&sql).and_then(|mut parser| {
        let expr = parser.parse_expr()?;
        parser.expect_token(&Token::EOF)?;
        Ok(expr)
    });
    !matches!(parsed, Ok(Expr::CompoundIdentifier(names)) if names.len() == 3)
}

/// Tokens whose words behind a dot are names.
pub(super) fn with_names(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_blank = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let says: Vec<_> = (0..tokens.len())
        .filter(|index| tokens.get(*index).is_some_and(|token| !is_blank(token)))
        .collect();
    for (place, pair) in says.array_windows::<2>().enumerate() {
        let [dot, name] = *pair;
        let is = |index: usize, what: &Token| tokens.get(index).is_some_and(|t| t.token == *what);
        let is_call = says.get(place + 2).is_some_and(|next| is(*next, &Token::LParen));
        if !is(dot, &Token::Period) || is_call {
            continue;
        }
        if let Some(Token::Word(word)) = tokens.get_mut(name).map(|token| &mut token.token)
            && word.quote_style.is_none()
            && word.keyword != Keyword::NoKeyword
        {
            word.quote_style = Some('"');
            word.keyword = Keyword::NoKeyword;
        }
    }
    tokens
}

/// Names behind what is no name, as the engine reads them: `comments[1]['text']`.
pub(super) fn with_fields(mut statement: Statement) -> Statement {
    struct Fields;
    impl VisitorMut for Fields {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let Expr::CompoundFieldAccess { root, access_chain } = expr else {
                return ControlFlow::Continue(());
            };
            // What stands before the first bracket is a table and its column: `o.comments[1].text`.
            let is_name = |access: &&mut AccessExpr| {
                matches!(**root, Expr::Identifier(_))
                    && matches!(access, AccessExpr::Dot(Expr::Identifier(_)))
            };
            for access in access_chain.iter_mut().skip_while(is_name) {
                if let AccessExpr::Dot(Expr::Identifier(name)) = access {
                    let text = Value::SingleQuotedString(name.value.clone());
                    *access = AccessExpr::Dot(Expr::Value(text.with_span(name.span)));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let _: ControlFlow<()> = VisitMut::visit(&mut statement, &mut Fields);
    statement
}

/// Keywords that stand for something of the engine's, where a field of that name is read: `user`,
/// `current_date`.
pub(super) fn misread(
    text: &Text<'_>,
    statement: &Statement,
    fields: &BTreeSet<&str>,
) -> Vec<Draft> {
    let mut words = Words { text, fields, found: Vec::new() };
    let _: ControlFlow<()> = statement.visit(&mut words);
    words.found
}

struct Words<'a> {
    text: &'a Text<'a>,
    fields: &'a BTreeSet<&'a str>,
    found: Vec<Draft>,
}

impl Visitor for Words<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(call) = expr
            && matches!(call.args, FunctionArguments::None)
            && let name = plain(&call.name)
            && self.fields.contains(name.as_str())
            && let Some(range) = self.text.range(call.name.span())
        {
            self.found.push(syntax::quote(&name, range));
        }
        ControlFlow::Continue(())
    }
}
