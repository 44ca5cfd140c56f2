//! The calls of `sink`, `use_source` and `map` as they stand in a template: names, arguments and their bytes.
//!
//! minijinja gives a function its values, not their places; literals are found again here.

use std::ops::Range;

use super::origin::block_end;

/// A call as written.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) arguments: Vec<Argument>,
}

/// An argument as written.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    /// `table` of `table="x"`, and where it stands.
    pub(super) key: Option<(String, Range<usize>)>,
    /// The content of a string literal.
    pub(super) text: Option<String>,
    pub(super) value: Written,
}

/// A value's bytes (within the quotes of a string), and those of a list's items.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) range: Range<usize>,
    pub(super) text: String,
    pub(super) items: Vec<Written>,
}

impl Call {
    pub(super) fn argument(&self, key: &str) -> Option<&Argument> {
        self.arguments
            .iter()
            .find(|argument| argument.key.as_ref().is_some_and(|(name, _)| name == key))
    }
}

/// All calls of the three functions, in order.
pub(super) fn find(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut index = 0;
    while let Some(found) = text[index..].find('{') {
        let start = index + found;
        let Some(end) = block_end(text, start).filter(|_| !text[start..].starts_with("{#")) else {
            index = block_end(text, start).unwrap_or(start + 1);
            continue;
        };
        let tokens = tokens(text, start + 2..end.saturating_sub(2));
        for (position, token) in tokens.iter().enumerate() {
            let opens = tokens.get(position + 1).is_some_and(|next| next.is(text, "("));
            let name = &text[token.range.clone()];
            if opens && ["sink", "use_source", "map"].contains(&name) {
                calls.push(call(text, &tokens[position..]));
            }
        }
        index = end;
    }
    calls
}

/// The names that a template sets: `{% set limit = 10 %}`, `{% for name in … %}`.
pub(super) fn set(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut index = 0;
    while let Some(found) = text[index..].find("{%") {
        let start = index + found;
        let end = block_end(text, start).unwrap_or(text.len());
        let tokens = tokens(text, start + 2..end.saturating_sub(2));
        let mut words = tokens.iter().map(|token| &text[token.range.clone()]);
        if let (Some("set" | "for" | "macro"), Some(name)) = (words.next(), words.next()) {
            names.push(name);
        }
        index = end;
    }
    names
}

/// Where a template sets a variable or a macro that nothing in it reads.
pub(super) fn unused(text: &str) -> Vec<Range<usize>> {
    let mut set: Vec<Range<usize>> = Vec::new();
    let mut named: Vec<Range<usize>> = Vec::new();
    let mut index = 0;
    while let Some(found) = text[index..].find('{') {
        let start = index + found;
        let Some(end) = block_end(text, start) else {
            index = start + 1;
            continue;
        };
        if !text[start..].starts_with("{#") {
            let tokens = tokens(text, start + 2..end.saturating_sub(2));
            if let [first, second, ..] = tokens.as_slice()
                && ["set", "macro"].iter().any(|word| first.is(text, word))
                && text[second.range.clone()].starts_with(|c: char| c.is_alphabetic() || c == '_')
            {
                set.push(second.range.clone());
            }
            named.extend(tokens.into_iter().map(|token| token.range));
        }
        index = end.max(start + 1);
    }
    set.retain(|here| {
        let name = &text[here.clone()];
        named.iter().filter(|other| &text[(*other).clone()] == name).count() == 1
    });
    set
}

struct Token {
    range: Range<usize>,
    quoted: bool,
}

impl Token {
    fn is(&self, text: &str, what: &str) -> bool {
        !self.quoted && &text[self.range.clone()] == what
    }

    /// The bytes within the quotes.
    fn inner(&self) -> Range<usize> {
        if self.quoted { self.range.start + 1..self.range.end - 1 } else { self.range.clone() }
    }
}

/// Names, strings and single signs.
fn tokens(text: &str, range: Range<usize>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text[range.clone()].char_indices().peekable();
    while let Some((offset, first)) = chars.next() {
        let start = range.start + offset;
        let mut end = start + first.len_utf8();
        let quoted = first == '"' || first == '\'';
        if first.is_whitespace() {
            continue;
        }
        if quoted {
            let mut closed = false;
            while let Some((offset, c)) = chars.next() {
                end = range.start + offset + c.len_utf8();
                if c == '\\' {
                    chars.next();
                } else if c == first {
                    closed = true;
                    break;
                }
            }
            if !closed {
                break;
            }
        } else if first.is_alphanumeric() || first == '_' {
            while let Some((offset, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                end = range.start + offset + c.len_utf8();
            }
        }
        tokens.push(Token { range: start..end, quoted });
    }
    tokens
}

/// Reads a call whose first two tokens are its name and `(`.
fn call(text: &str, tokens: &[Token]) -> Call {
    let name = text[tokens[0].range.clone()].to_owned();
    let mut end = tokens[1].range.end;
    let mut arguments = Vec::new();
    let mut depth = 0usize;
    let mut current: Vec<&Token> = Vec::new();
    for token in &tokens[2..] {
        let closes = [")", "]", "}"].iter().any(|sign| token.is(text, sign));
        if depth == 0 && (closes || token.is(text, ",")) {
            arguments.extend(argument(text, &current));
            current.clear();
            if closes {
                end = token.range.end;
                break;
            }
            continue;
        }
        if ["(", "[", "{"].iter().any(|sign| token.is(text, sign)) {
            depth += 1;
        } else if closes {
            depth -= 1;
        }
        current.push(token);
    }
    Call { name, range: tokens[0].range.start..end, arguments }
}

fn argument(text: &str, tokens: &[&Token]) -> Option<Argument> {
    let named = tokens.len() > 2 && tokens[1].is(text, "=");
    let (key, value) = if named {
        let range = tokens[0].range.clone();
        (Some((text[range.clone()].to_owned(), range)), &tokens[2..])
    } else {
        (None, tokens)
    };
    let (first, last) = (value.first()?, value.last()?);
    let single = value.len() == 1;
    let literal = (single && first.quoted).then(|| text[first.inner()].to_owned());
    let range = if single { first.inner() } else { first.range.start..last.range.end };
    // Only the items of a flat list are worth a place of their own.
    let items = if first.is(text, "[") {
        value
            .iter()
            .filter(|token| !["[", "]", ","].iter().any(|sign| token.is(text, sign)))
            .map(|token| {
                let range = token.inner();
                Written { text: text[range.clone()].to_owned(), range, items: Vec::new() }
            })
            .collect()
    } else {
        Vec::new()
    };
    Some(Argument {
        key,
        text: literal,
        value: Written { text: text[range.clone()].to_owned(), range, items },
    })
}
