//! Text → JSON, one token after the other: borrowed, fully validated (RFC 8259), no tree.
//!
//! A [`Cursor`] knows the grammar and nothing of fields, types or requests. What it passes over is
//! proven: escapes, surrogates, numbers, nesting no deeper than [`MAX_DEPTH`]. Text that it has passed
//! over needs no second look.

mod fault;
pub(super) mod string;

use std::fmt;

pub use fault::Fault;
pub use string::Text;

/// How deep lists and records may be nested.
pub const MAX_DEPTH: u8 = 128;

/// The most characters of a value that a message shows.
const SHOWN: usize = 40;

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    /// Always at a character's boundary, at most the text's length.
    at: usize,
    depth: u8,
}

/// What kind of value stands at a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// `[…]`.
    Array,
    /// `{…}`.
    Object,
}

/// A value without what is inside it.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string.
    String(Text<'a>),
    /// `[…]`: the cursor still stands before it.
    Array,
    /// `{…}`: the cursor still stands before it.
    Object,
}

impl fmt::Display for Scalar<'_> {
    /// As messages name a value that was found, shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Number(raw) => write!(f, "the number `{}`", Shortened(raw)),
            Self::String(text) => write!(f, "the string `\"{}\"`", Shortened(text.raw())),
            Self::Array => f.write_str("a list"),
            Self::Object => f.write_str("a record"),
        }
    }
}

struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN).and_then(|(end, _)| self.0.get(..end)) {
            Some(start) => write!(f, "{start}…"),
            None => f.write_str(self.0),
        }
    }
}

/// The members of an object that is being read.
#[derive(Debug)]
pub struct Members {
    first: bool,
    /// Holds a key that is written with escapes.
    unescaped: String,
}

impl Members {
    /// The next key, with the cursor before its value; `None` after the last one.
    #[inline]
    pub fn key<'k, 'a: 'k>(
        &'k mut self,
        cursor: &mut Cursor<'a>,
    ) -> Result<Option<&'k str>, Fault> {
        match self.text(cursor)? {
            Some(key) => key.unescape(&mut self.unescaped).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn text<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Option<Text<'a>>, Fault> {
        let first = std::mem::replace(&mut self.first, false);
        match (cursor.skip_whitespace(), first) {
            (Some(b'}'), _) => {
                cursor.close();
                return Ok(None);
            }
            (Some(b','), false) => {
                cursor.at += 1;
                cursor.skip_whitespace();
            }
            (Some(_), true) => {}
            (Some(_), false) => return Err(cursor.unexpected("`,` or `}`")),
            (None, _) => return Err(Fault::ends("an object")),
        }
        match cursor.byte() {
            Some(b'"') => {}
            Some(_) => return Err(cursor.unexpected("a key in double quotes")),
            None => return Err(Fault::ends("an object")),
        }
        let key = cursor.string()?;
        match cursor.skip_whitespace() {
            Some(b':') => cursor.at += 1,
            Some(_) => return Err(cursor.unexpected("`:`")),
            None => return Err(Fault::ends("an object")),
        }
        Ok(Some(key))
    }
}

/// The elements of an array that is being read.
#[derive(Debug)]
pub struct Elements {
    first: bool,
}

impl Elements {
    /// Whether there is one more, with the cursor before it.
    #[inline]
    pub fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
        let first = std::mem::replace(&mut self.first, false);
        match (cursor.skip_whitespace(), first) {
            (Some(b']'), _) => {
                cursor.close();
                Ok(false)
            }
            (Some(b','), false) => {
                cursor.at += 1;
                Ok(true)
            }
            (Some(_), true) => Ok(true),
            (Some(_), false) => Err(cursor.unexpected("`,` or `]`")),
            (None, _) => Err(Fault::ends("an array")),
        }
    }
}

impl<'a> Cursor<'a> {
    /// Before the value that `text` is.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Bytes from the start of the text.
    #[inline]
    pub fn position(&self) -> usize {
        self.at
    }

    /// The text between an earlier position and the cursor.
    pub fn since(&self, start: usize) -> Result<&'a str, Fault> {
        self.slice(start, self.at)
    }

    /// What kind of value comes next, with the cursor at its first byte.
    #[inline]
    pub fn peek(&mut self) -> Result<Kind, Fault> {
        Ok(match self.skip_whitespace() {
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(_) => return Err(self.unexpected("a value")),
            None if self.depth == 0 => return Err(Fault::nothing()),
            None => return Err(Fault::ends("an object or array")),
        })
    }

    /// The next value; an array or object is not entered.
    #[inline]
    pub fn scalar(&mut self) -> Result<Scalar<'a>, Fault> {
        Ok(match self.peek()? {
            Kind::String => Scalar::String(self.string()?),
            Kind::Number => Scalar::Number(self.number()?),
            Kind::Null => {
                self.word("null")?;
                Scalar::Null
            }
            Kind::Bool => Scalar::Bool(self.bool()?),
            Kind::Array => Scalar::Array,
            Kind::Object => Scalar::Object,
        })
    }

    /// Passes over `null`, if that comes next.
    #[inline]
    pub fn null(&mut self) -> Result<bool, Fault> {
        match self.skip_whitespace() {
            Some(b'n') => self.word("null").map(|()| true),
            _ => Ok(false),
        }
    }

    /// Enters an object, if one comes next.
    #[inline]
    pub fn object(&mut self) -> Result<Option<Members>, Fault> {
        if self.peek()? != Kind::Object {
            return Ok(None);
        }
        self.open()?;
        Ok(Some(Members { first: true, unescaped: String::new() }))
    }

    /// Enters an array, if one comes next.
    #[inline]
    pub fn array(&mut self) -> Result<Option<Elements>, Fault> {
        if self.peek()? != Kind::Array {
            return Ok(None);
        }
        self.open()?;
        Ok(Some(Elements { first: true }))
    }

    /// Passes over the next value, whatever it is, and proves that it is one.
    pub fn skip_value(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            Kind::String => self.string().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Null => self.word("null"),
            Kind::Bool => self.bool().map(drop),
            // `open` bounds the recursion.
            Kind::Object => {
                self.open()?;
                let mut members = Members { first: true, unescaped: String::new() };
                while members.text(self)?.is_some() {
                    self.skip_value()?;
                }
                Ok(())
            }
            Kind::Array => {
                self.open()?;
                let mut elements = Elements { first: true };
                while elements.next(self)? {
                    self.skip_value()?;
                }
                Ok(())
            }
        }
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.skip_whitespace() {
            Some(_) => Err(self.unexpected("nothing after the end of the value")),
            None => Ok(()),
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_whitespace(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }

    fn slice(&self, start: usize, end: usize) -> Result<&'a str, Fault> {
        self.text.get(start..end).ok_or_else(|| Fault::ends("a character"))
    }

    fn open(&mut self) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(too_deep(self.at));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
    }

    fn bool(&mut self) -> Result<bool, Fault> {
        let value = self.byte() == Some(b't');
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        if word.as_bytes().starts_with(rest) {
            return Err(Fault::ends(format!("`{word}`")));
        }
        Err(self.unexpected(&format!("`{word}`")))
    }

    /// A number: the cursor stands at its first byte.
    #[inline]
    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.slice(start, self.at)
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        match self.byte() {
            _ if self.at > start => Ok(()),
            Some(_) => Err(self.unexpected("a digit")),
            None => Err(Fault::ends("a number")),
        }
    }

    #[cold]
    fn unexpected(&self, expected: &str) -> Fault {
        unexpected(self.text, self.at, expected)
    }
}

/// What stands at a byte of a text where something else was expected.
#[cold]
pub(super) fn unexpected(text: &str, at: usize, expected: &str) -> Fault {
    let found = found(text.get(at..).unwrap_or_default());
    let fault = Fault::syntax(at, format!("expected {expected}{found}"));
    let word = text.get(at..).unwrap_or_default().trim_start_matches(['-', '+']);
    match NO_VALUES.iter().find(|no_value| word.starts_with(**no_value)) {
        Some(no_value) if expected.starts_with("a ") => {
            fault.help(format!("JSON has no `{no_value}`: the API should send null there"))
        }
        _ if is_behind_comma(text, at) => {
            fault.help("the comma before it is one too many: the API should not send it")
        }
        _ => fault,
    }
}

/// Whether a list or an object ends at a byte, right behind a comma.
fn is_behind_comma(text: &str, at: usize) -> bool {
    let (before, rest) = text.split_at_checked(at).unwrap_or_default();
    rest.starts_with([']', '}']) && before.trim_end().ends_with(',')
}

/// What other languages write where a value is missing.
const NO_VALUES: [&str; 7] = ["NaN", "nan", "Infinity", "inf", "None", "undefined", "nil"];

/// `, found …` with the word or the character that comes next.
fn found(rest: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "+-._'".contains(c);
    let word: String = rest.chars().take_while(|c| is_word(*c)).take(SHOWN).collect();
    let next = rest.chars().next().map(|c| c.escape_debug().to_string());
    match next {
        Some(_) if !word.is_empty() => format!(", found `{word}`"),
        Some(character) => format!(", found `{character}`"),
        None => String::new(),
    }
}

#[cold]
pub(super) fn too_deep(at: usize) -> Fault {
    Fault::malformed(format!("is nested deeper than {MAX_DEPTH} levels"), at, "")
}

#[cfg(test)]
pub(super) mod tests;
