//! The grammar of JSON, byte by byte: it can stop between any two bytes and go on with the next piece.
//!
//! What it passes over is proven. It knows nothing of what is looked for: each value and each key is an
//! [`Event`], with its text where that was asked for.

use crate::source::json::string::{bad_escape, control_character, plain_end};
use crate::source::json::{Fault, Kind, MAX_DEPTH, too_deep, unexpected};

/// The most bytes of a key, or of a value that is wanted.
const CAPTURED: usize = 64 << 10;

/// What a step has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing that matters.
    Nothing,
    /// A key has ended: [`Grammar::captured`].
    Key,
    /// A value begins; of a list or an object, its bracket has been passed over.
    Begin(Kind),
    /// That value has ended, which is neither a list nor an object.
    Scalar(Kind),
    /// A list or an object has ended, which was the so-manyeth that was open.
    Close(usize),
}

/// How far a JSON text has been read.
#[derive(Debug)]
pub(super) struct Grammar {
    state: State,
    /// Of each list or object that is open, whether it is a list: the innermost is the lowest bit.
    lists: u128,
    depth: usize,
    /// The text of the last key or scalar, as it is written.
    captured: String,
    /// Whether it has more than [`CAPTURED`] bytes.
    overflows: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// The rest of a string; of a key, if that is so.
    String(bool, InString),
    Number(InNumber),
    /// The rest of a word of which so many bytes have been read.
    Word(&'static str, usize),
}

/// Where in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InString {
    Plain,
    /// Behind a backslash; behind the first half of a surrogate pair, if that is so.
    Escape(bool),
    /// Behind so many digits of `\u`, and what they come to.
    Unicode {
        digits: u8,
        code: u16,
        second: bool,
    },
    /// Behind the first half of a surrogate pair.
    Half,
}

/// Where in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InNumber {
    Start,
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Default for Grammar {
    fn default() -> Self {
        Self { state: State::Value, lists: 0, depth: 0, captured: String::new(), overflows: false }
    }
}

impl Grammar {
    /// Reads on from `at`, which is in the piece: where the step ends, and what it has come to.
    pub(super) fn step(
        &mut self,
        piece: &str,
        at: usize,
        capture: bool,
    ) -> Result<(usize, Event), Fault> {
        match self.state {
            State::String(is_key, place) => self.string(piece, at, is_key, place, capture),
            State::Number(place) => self.number(piece, at, place, capture),
            State::Word(word, read) => self.word(piece, at, word, read),
            _ => {
                let rest = piece.as_bytes().get(at..).unwrap_or_default();
                let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
                match rest.iter().position(|byte| !is_space(byte)) {
                    Some(space) => self.token(piece, at + space),
                    None => Ok((piece.len(), Event::Nothing)),
                }
            }
        }
    }

    /// The text of the last key or scalar, as it is written; `None` where it is too long to be kept.
    pub(super) fn captured(&self) -> Option<&str> {
        if self.overflows { None } else { Some(&self.captured) }
    }

    /// Whether a value comes next.
    pub(super) fn expects_value(&self) -> bool {
        matches!(self.state, State::Value | State::ValueOrEnd)
    }

    /// Whether the value has ended.
    pub(super) fn is_over(&self) -> bool {
        self.depth == 0 && self.state == State::CommaOrEnd
    }

    /// How many lists and objects are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Leaves the innermost list or object.
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.lists >>= 1;
        self.state = State::CommaOrEnd;
    }

    /// Nothing comes any more: it must be the end of a value, if of a number that could go on.
    pub(super) fn end(&self) -> Result<Event, Fault> {
        Err(match self.state {
            State::CommaOrEnd if self.depth == 0 => return Ok(Event::Nothing),
            State::Number(place) if self.depth == 0 && place.may_end() => {
                return Ok(Event::Scalar(Kind::Number));
            }
            State::Value if self.depth == 0 => Fault::nothing(),
            State::Value => Fault::ends("an object or array"),
            State::String(..) => Fault::ends("a string"),
            State::Number(place) if !place.may_end() => Fault::ends("a number"),
            State::Word(word, _) => Fault::ends(format!("`{word}`")),
            _ if self.in_list() => Fault::ends("an array"),
            _ => Fault::ends("an object"),
        })
    }

    fn in_list(&self) -> bool {
        self.depth > 0 && self.lists & 1 == 1
    }

    /// Reads the byte at `at`, which is no white space.
    fn token(&mut self, piece: &str, at: usize) -> Result<(usize, Event), Fault> {
        let byte = piece.as_bytes().get(at).copied().unwrap_or_default();
        let next = |state| Ok((at + 1, Event::Nothing, state));
        let read: Result<_, &str> = match (self.state, byte) {
            (State::ValueOrEnd, b']') | (State::KeyOrEnd, b'}') => return Ok(self.close(at)),
            (State::Value | State::ValueOrEnd, _) => return self.value(piece, at, byte),
            (State::Key | State::KeyOrEnd, b'"') => {
                self.forget();
                next(State::String(true, InString::Plain))
            }
            (State::Key | State::KeyOrEnd, _) => Err("a key in double quotes"),
            (State::Colon, b':') => next(State::Value),
            (State::Colon, _) => Err("`:`"),
            (_, _) if self.depth == 0 => Err("nothing after the end of the value"),
            (_, b',') if self.in_list() => next(State::Value),
            (_, b',') => next(State::Key),
            (_, b']') if self.in_list() => return Ok(self.close(at)),
            (_, b'}') if !self.in_list() => return Ok(self.close(at)),
            (_, _) if self.in_list() => Err("`,` or `]`"),
            (_, _) => Err("`,` or `}`"),
        };
        let (end, event, state) = read.map_err(|expected| unexpected(piece, at, expected))?;
        self.state = state;
        Ok((end, event))
    }

    /// The first byte of a value.
    fn value(&mut self, piece: &str, at: usize, byte: u8) -> Result<(usize, Event), Fault> {
        let (end, kind, state) = match byte {
            b'{' | b'[' => return self.open(at, byte == b'['),
            b'"' => (at + 1, Kind::String, State::String(false, InString::Plain)),
            b'-' | b'0'..=b'9' => (at, Kind::Number, State::Number(InNumber::Start)),
            b'n' => (at, Kind::Null, State::Word("null", 0)),
            b't' => (at, Kind::Bool, State::Word("true", 0)),
            b'f' => (at, Kind::Bool, State::Word("false", 0)),
            _ => return Err(unexpected(piece, at, "a value")),
        };
        self.forget();
        self.state = state;
        Ok((end, Event::Begin(kind)))
    }

    fn open(&mut self, at: usize, list: bool) -> Result<(usize, Event), Fault> {
        if self.depth == usize::from(MAX_DEPTH) {
            return Err(too_deep(at));
        }
        self.depth += 1;
        self.lists = self.lists << 1 | u128::from(list);
        let (kind, state) = match list {
            true => (Kind::Array, State::ValueOrEnd),
            false => (Kind::Object, State::KeyOrEnd),
        };
        self.state = state;
        Ok((at + 1, Event::Begin(kind)))
    }

    fn close(&mut self, at: usize) -> (usize, Event) {
        let depth = self.depth;
        self.leave();
        (at + 1, Event::Close(depth))
    }

    fn forget(&mut self) {
        self.captured.clear();
        self.overflows = false;
    }

    fn capture(&mut self, text: &str) {
        if self.captured.len() + text.len() <= CAPTURED {
            self.captured.push_str(text);
        } else {
            self.overflows = true;
        }
    }

    fn string(
        &mut self,
        piece: &str,
        at: usize,
        is_key: bool,
        place: InString,
        capture: bool,
    ) -> Result<(usize, Event), Fault> {
        let bytes = piece.as_bytes();
        let end = match place {
            InString::Plain => plain_end(bytes, at),
            _ => at,
        };
        let byte = bytes.get(end).copied();
        let next = match (place, byte) {
            (_, None) => Some(place),
            (InString::Plain, Some(b'"')) => None,
            (InString::Plain, Some(b'\\')) => Some(InString::Escape(false)),
            (InString::Plain, Some(control)) => return Err(control_character(end, control)),
            (_, Some(byte)) => Some(place.escaped(byte, end)?),
        };
        let read = end + usize::from(byte.is_some());
        if is_key || capture {
            // Without the quote that ends it.
            let kept = if next.is_some() { read } else { end };
            self.capture(piece.get(at..kept).unwrap_or_default());
        }
        let (state, event) = match (next, is_key) {
            (Some(place), _) => (State::String(is_key, place), Event::Nothing),
            (None, true) => (State::Colon, Event::Key),
            (None, false) => (State::CommaOrEnd, Event::Scalar(Kind::String)),
        };
        self.state = state;
        Ok((read, event))
    }

    fn number(
        &mut self,
        piece: &str,
        at: usize,
        mut place: InNumber,
        capture: bool,
    ) -> Result<(usize, Event), Fault> {
        let rest = piece.as_bytes().get(at..).unwrap_or_default();
        let mut end = at;
        let mut ended = false;
        for byte in rest {
            match place.next(*byte) {
                Some(next) => place = next,
                None if place.may_end() => {
                    ended = true;
                    break;
                }
                None => return Err(unexpected(piece, end, "a digit")),
            }
            end += 1;
        }
        if capture {
            self.capture(piece.get(at..end).unwrap_or_default());
        }
        if ended {
            self.state = State::CommaOrEnd;
            return Ok((end, Event::Scalar(Kind::Number)));
        }
        self.state = State::Number(place);
        Ok((end, Event::Nothing))
    }

    fn word(
        &mut self,
        piece: &str,
        at: usize,
        word: &'static str,
        read: usize,
    ) -> Result<(usize, Event), Fault> {
        let expected = word.as_bytes().get(read..).unwrap_or_default();
        let rest = piece.as_bytes().get(at..).unwrap_or_default();
        let length = expected.len().min(rest.len());
        if rest.get(..length) != expected.get(..length) {
            // Where the word begins, as far as it is in this piece.
            let start = at.saturating_sub(read);
            return Err(unexpected(piece, start, &format!("`{word}`")));
        }
        if read + length < word.len() {
            self.state = State::Word(word, read + length);
            return Ok((at + length, Event::Nothing));
        }
        self.capture(word);
        self.state = State::CommaOrEnd;
        let kind = if word == "null" { Kind::Null } else { Kind::Bool };
        Ok((at + length, Event::Scalar(kind)))
    }
}

impl InString {
    /// Behind one more byte of an escape, which is at `at`.
    fn escaped(self, byte: u8, at: usize) -> Result<Self, Fault> {
        let half = || bad_escape(at, "it is half of a surrogate pair");
        match (self, byte) {
            (Self::Escape(second), b'u') => Ok(Self::Unicode { digits: 0, code: 0, second }),
            (Self::Escape(false), b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Ok(Self::Plain)
            }
            (Self::Escape(false), _) => Err(bad_escape(at, "it is none of those that JSON has")),
            (Self::Half, b'\\') => Ok(Self::Escape(true)),
            (Self::Half | Self::Escape(true), _) => Err(half()),
            (Self::Unicode { digits, code, second }, byte) => {
                let digit =
                    char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
                let digit =
                    digit.ok_or_else(|| bad_escape(at, "`\\u` needs four hexadecimal digits"))?;
                let code = code << 4 | digit;
                match (digits, code, second) {
                    (..3, _, _) => Ok(Self::Unicode { digits: digits + 1, code, second }),
                    (_, 0xd800..0xdc00, false) => Ok(Self::Half),
                    (_, 0xdc00..0xe000, true) => Ok(Self::Plain),
                    (_, 0xdc00..0xe000, false) | (_, _, true) => Err(half()),
                    _ => Ok(Self::Plain),
                }
            }
            (Self::Plain, _) => Ok(Self::Plain),
        }
    }
}

impl InNumber {
    /// Behind one more byte; `None` where that does not belong to the number.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Start, b'-') => Some(Self::Minus),
            (Self::Start | Self::Minus, b'0') => Some(Self::Zero),
            (Self::Start | Self::Minus | Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Power)
    }
}
