//! A query that reads fields whose types are not known, because their declarations have findings: what
//! is wrong with it whatever those types are.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::Context;
use super::draft::Draft;
use super::text::{Text, Word};
use crate::codes::{self, Code};

/// What does not hang on any type.
const OF_NAMES: [&Code; 3] = [codes::UNKNOWN_COLUMN, codes::UNKNOWN_TABLE, codes::UNKNOWN_FUNCTION];

/// The names of such fields, and the query that reads some of them.
pub(super) struct Untyped<'a> {
    text: &'a Text<'a>,
    names: BTreeSet<&'a str>,
}

impl<'a> Untyped<'a> {
    /// `None` where the query reads no such field.
    pub(super) fn read_by(context: &Context<'a>) -> Option<Self> {
        let names = context.tables.iter().flat_map(|table| table.untyped);
        let names: BTreeSet<_> = names.map(String::as_str).collect();
        let untyped = Self { text: context.text, names };
        // `SELECT *`, `o.*`: all of them.
        let is_all = |token: &Token| *token == Token::Mul;
        let mut words = context.text.words().iter();
        let reads = words.any(|word| is_all(&word.token) || untyped.is_one(&word.token));
        (reads && !untyped.names.is_empty()).then_some(untyped)
    }

    fn is_one(&self, token: &Token) -> bool {
        matches!(token, Token::Word(word) if self.names.contains(word.value.as_str()))
    }

    /// The findings that are not about such a field, and would be there whatever its type was.
    pub(super) fn certain(&self, drafts: Vec<Draft>) -> Vec<Draft> {
        let is_certain = |draft: &Draft| {
            let inside = |word: &&Word| {
                draft.range.start <= word.range.start && word.range.end <= draft.range.end
            };
            let mut words = self.text.words().iter().filter(inside);
            draft.is_of(&OF_NAMES) && !words.any(|word| self.is_one(&word.token))
        };
        drafts.into_iter().filter(is_certain).collect()
    }
}
