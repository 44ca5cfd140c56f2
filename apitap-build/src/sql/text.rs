//! The text of a query as tokens, and the planner's lines and columns as bytes of it.
//!
//! The parser counts columns in characters and gives many expressions only part of their extent;
//! here a span becomes the bytes that a reader would underline.

use std::collections::HashMap;
use std::ops::Range;

use datafusion::common as df;
use datafusion::sql::sqlparser::tokenizer::{
    Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError,
};

use crate::engine::Sql;

/// A query's text.
pub(crate) struct Text<'a> {
    /// As written.
    pub(crate) sql: &'a str,
    /// Every token, blanks and comments among them: what the parser takes.
    all: Vec<TokenWithSpan>,
    /// The tokens that say something.
    words: Vec<Word>,
    /// Where tokens start and end: (line, column) → byte.
    borders: HashMap<(u64, u64), usize>,
    /// The byte at which each line starts.
    lines: Vec<usize>,
}

/// A token that says something.
pub(crate) struct Word {
    /// The token.
    pub(crate) token: Token,
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// Its index among all tokens.
    #[cfg_attr(not(feature = "compiler"), expect(dead_code, reason = "only findings go back"))]
    index: usize,
    /// For a bracket: the other one.
    partner: Option<usize>,
}

impl<'a> Text<'a> {
    /// Cuts the text into tokens.
    ///
    /// # Errors
    /// Where a literal or a comment does not end, or a character means nothing.
    pub(crate) fn new(sql: &'a str) -> Result<Self, TokenizerError> {
        let all = Tokenizer::new(&Sql::for_tokens(0), sql).tokenize_with_location()?;
        let mut text = Self { words: Vec::new(), borders: HashMap::new(), ..Self::blank(sql) };
        text.borders = borders(sql, &all);
        for (index, token) in all.iter().enumerate() {
            let says_something = !matches!(token.token, Token::Whitespace(_) | Token::EOF);
            if let Some(range) = text.range(token.span).filter(|_| says_something) {
                let token = token.token.clone();
                text.words.push(Word { token, range, index, partner: None });
            }
        }
        text.all = all;
        text.pair_brackets();
        Ok(text)
    }

    /// The text without its tokens: what is left where there are none.
    pub(crate) fn blank(sql: &'a str) -> Self {
        let newlines = sql.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(index, _)| index + 1)).collect();
        Self { sql, all: Vec::new(), words: Vec::new(), borders: HashMap::new(), lines }
    }

    fn pair_brackets(&mut self) {
        let mut open = Vec::new();
        for index in 0..self.words.len() {
            match self.words[index].token {
                Token::LParen | Token::LBracket | Token::LBrace => open.push(index),
                Token::RParen | Token::RBracket | Token::RBrace => {
                    if let Some(other) = open.pop() {
                        self.words[index].partner = Some(other);
                        self.words[other].partner = Some(index);
                    }
                }
                _ => {}
            }
        }
    }

    /// What stands there.
    pub(crate) fn slice(&self, range: &Range<usize>) -> &'a str {
        self.sql.get(range.clone()).unwrap_or_default()
    }

    /// The byte at a line and column, both from 1.
    pub(crate) fn offset(&self, line: u64, column: u64) -> usize {
        if let Some(offset) = self.borders.get(&(line, column)) {
            return *offset;
        }
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(start) = self.lines.get(index).copied() else { return self.sql.len() };
        let rest = self.sql.get(start..).unwrap_or_default();
        let skip = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        rest.char_indices().nth(skip).map_or(self.sql.len(), |(offset, _)| start + offset)
    }

    /// The bytes of a parser's span; `None` where it says nothing.
    pub(crate) fn range(&self, span: Span) -> Option<Range<usize>> {
        self.between(span.start, span.end)
    }

    /// The bytes of a planner's span; `None` where it says nothing.
    pub(crate) fn planner_range(&self, span: Option<df::Span>) -> Option<Range<usize>> {
        let span = span?;
        let location = |at: df::Location| Location { line: at.line, column: at.column };
        self.between(location(span.start), location(span.end))
    }

    fn between(&self, start: Location, end: Location) -> Option<Range<usize>> {
        if start.line == 0 || end.line == 0 {
            return None;
        }
        let start = self.offset(start.line, start.column);
        Some(start..self.offset(end.line, end.column).max(start))
    }

    /// The word just before a range.
    pub(crate) fn before(&self, range: &Range<usize>) -> Option<&Word> {
        let index = self.words.partition_point(|word| word.range.end <= range.start);
        self.words.get(index.checked_sub(1)?)
    }

    /// The word just after a range.
    pub(crate) fn after(&self, range: &Range<usize>) -> Option<&Word> {
        self.words.get(self.words.partition_point(|word| word.range.start < range.end))
    }

    /// The other bracket's word.
    pub(crate) fn partner(&self, word: &Word) -> Option<&Word> {
        self.words.get(word.partner?)
    }

    /// The range, and the brackets that it opens or closes only half.
    pub(crate) fn balanced(&self, range: Range<usize>) -> Range<usize> {
        let mut wide = range;
        loop {
            let first = self.words.partition_point(|word| word.range.end <= wide.start);
            let inside = self.words.iter().skip(first);
            let inside = inside.take_while(|word| word.range.start < wide.end);
            let partners = inside.filter_map(|word| self.partner(word));
            let wider = partners.fold(wide.clone(), |all, word| union(all, &word.range));
            if wider == wide {
                return wide;
            }
            wide = wider;
        }
    }

    /// The innermost brackets around a range, with the brackets.
    pub(crate) fn brackets_around(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let end = self.words.partition_point(|word| word.range.end <= range.start);
        let open =
            self.words.iter().take(end).rev().find(|word| {
                self.partner(word).is_some_and(|other| other.range.start >= range.end)
            })?;
        Some(open.range.start..self.partner(open)?.range.end)
    }
}

/// What only findings need.
#[cfg(feature = "compiler")]
impl Text<'_> {
    /// The tokens that say something.
    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    /// All tokens up to that word, exclusive.
    pub(crate) fn tokens_before(&self, word: Option<&Word>) -> Vec<TokenWithSpan> {
        let end = word.map_or(self.all.len(), |word| word.index);
        self.all.iter().take(end).cloned().collect()
    }

    /// The first word, for findings about the whole query.
    pub(crate) fn first(&self) -> Range<usize> {
        self.words.first().map_or(0..0, |word| word.range.clone())
    }

    /// The index of the word that starts at this byte or covers it.
    pub(crate) fn word_at(&self, offset: usize) -> Option<usize> {
        let index = self.words.partition_point(|word| word.range.end <= offset);
        (self.words.get(index)?.range.start <= offset).then_some(index)
    }

    /// The first word that reads so, in any case.
    pub(crate) fn find(&self, word: &str) -> Option<Range<usize>> {
        let same = |other: &&Word| self.slice(&other.range).eq_ignore_ascii_case(word);
        self.words.iter().find(same).map(|word| word.range.clone())
    }
}

/// The smallest range that covers both.
pub(crate) fn union(a: Range<usize>, b: &Range<usize>) -> Range<usize> {
    a.start.min(b.start)..a.end.max(b.end)
}

/// Whether two ranges share a byte.
#[cfg(feature = "compiler")]
pub(crate) fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Walks the text once, and notes the byte of every start and end of a token.
fn borders(sql: &str, tokens: &[TokenWithSpan]) -> HashMap<(u64, u64), usize> {
    let mut borders = HashMap::new();
    let mut locations = tokens.iter().flat_map(|token| [token.span.start, token.span.end]);
    let mut wanted = locations.next();
    let mut here = (1, 1);
    let ends = std::iter::once((sql.len(), '\n'));
    for (offset, char) in sql.char_indices().chain(ends) {
        while let Some(at) = wanted.filter(|at| (at.line, at.column) <= here) {
            borders.entry((at.line, at.column)).or_insert(offset);
            wanted = locations.next();
        }
        here = if char == '\n' { (here.0 + 1, 1) } else { (here.0, here.1 + 1) };
    }
    borders
}
