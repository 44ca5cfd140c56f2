//! A body and a JSON Pointer → the value there, with everything around it validated.

use crate::definition::Pointer;
use crate::source::json::{Cursor, Fault, Kind};
use crate::{Error, Result};

/// What the pointer leads to.
pub(super) enum Sought<'t> {
    /// The value at the cursor.
    Value,
    /// Nothing.
    Missing {
        /// The pointer to the innermost value that is there.
        at: String,
        /// The token that leads nowhere from it.
        token: &'t str,
        /// What is there.
        there: There,
    },
}

/// A value from which a token leads nowhere.
pub(super) enum There {
    /// `null`.
    Null,
    /// A list of so many elements.
    List(usize),
    /// An object with these keys.
    Keys(Vec<String>),
}

/// What stops a reading.
pub(super) enum Stop {
    /// The body is not JSON.
    Fault(Fault),
    /// The body is JSON, as far as it was read, but does not hold what it should.
    Error(Box<Error>),
}

/// The result of reading a part of a body.
pub(super) type Reading<T> = Result<T, Stop>;

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

/// Calls `use_it` once, at the value that the pointer leads to or where it leads nowhere.
///
/// It must pass over the value. A body of zero bytes holds nothing: it is not called at all.
pub(super) fn read<'b>(
    body: &'b [u8],
    pointer: &Pointer,
    use_it: impl FnMut(Sought<'_>, &mut Cursor<'b>) -> Reading<()>,
) -> Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    let tokens: Vec<_> = pointer.tokens().collect();
    let mut walk = Walk { tokens: &tokens, use_it };
    match whole(body, &mut walk) {
        Ok(()) => Ok(()),
        Err(Stop::Fault(fault)) => Err(not_json(fault, body)),
        // A body that is cut short is the better explanation of what it does not hold.
        Err(Stop::Error(error)) => match validate(body) {
            Ok(()) => Err(*error),
            Err(fault) => Err(not_json(fault, body)),
        },
    }
}

fn whole<'b, F>(body: &'b [u8], walk: &mut Walk<'_, F>) -> Reading<()>
where
    F: FnMut(Sought<'_>, &mut Cursor<'b>) -> Reading<()>,
{
    let mut cursor = Cursor::new(body)?;
    cursor.skip_byte_order_mark();
    walk.value(0, &mut cursor)?;
    Ok(cursor.end()?)
}

fn validate(body: &[u8]) -> Result<(), Fault> {
    let mut cursor = Cursor::new(body)?;
    cursor.skip_byte_order_mark();
    cursor.skip_value()?;
    cursor.end()
}

fn not_json(fault: Fault, body: &[u8]) -> Error {
    let error = fault.into_error("the body");
    match body.trim_ascii_start().first() {
        Some(b'<') => error.help("it looks like HTML or XML: does the URL lead to the API?"),
        _ => error,
    }
}

struct Walk<'t, F> {
    tokens: &'t [String],
    use_it: F,
}

impl<'b, F> Walk<'_, F>
where
    F: FnMut(Sought<'_>, &mut Cursor<'b>) -> Reading<()>,
{
    /// Passes over the value at the cursor, to which the first `depth` tokens have led.
    fn value(&mut self, depth: usize, cursor: &mut Cursor<'b>) -> Reading<()> {
        let Some(token) = self.tokens.get(depth) else {
            return (self.use_it)(Sought::Value, cursor);
        };
        match cursor.peek()? {
            Kind::Object => self.object(depth, token, cursor),
            Kind::Array => self.array(depth, token, cursor),
            Kind::Null => {
                cursor.skip_value()?;
                self.missing(depth, token, There::Null, cursor)
            }
            Kind::Bool | Kind::Number | Kind::String => {
                let found = cursor.scalar()?;
                let message = format!("found {found} where the path goes on to `{token}`");
                Err(Error::data(message).at_path(self.path(depth)).into())
            }
        }
    }

    fn object(&mut self, depth: usize, token: &str, cursor: &mut Cursor<'b>) -> Reading<()> {
        let start = cursor.clone();
        let Some(mut members) = cursor.object()? else { return Ok(()) };
        let mut found = false;
        while let Some(key) = members.key(cursor)? {
            if key != token {
                cursor.skip_value()?;
            } else if found {
                let message = format!("the key `{token}` occurs twice on the path");
                return Err(Error::data(message).at_path(self.path(depth + 1)).into());
            } else {
                found = true;
                self.value(depth + 1, cursor)?;
            }
        }
        if found {
            return Ok(());
        }
        self.missing(depth, token, There::Keys(keys(start)?), cursor)
    }

    fn array(&mut self, depth: usize, token: &str, cursor: &mut Cursor<'b>) -> Reading<()> {
        let Some(index) = index(token) else {
            let message = format!("found a list where the path goes on to `{token}`");
            return Err(Error::data(message)
                .at_path(self.path(depth))
                .help("write an index to choose one of its elements, as in `/0`")
                .into());
        };
        let Some(mut elements) = cursor.array()? else { return Ok(()) };
        let mut count = 0;
        while elements.next(cursor)? {
            if count == index {
                self.value(depth + 1, cursor)?;
            } else {
                cursor.skip_value()?;
            }
            count += 1;
        }
        if index < count {
            return Ok(());
        }
        self.missing(depth, token, There::List(count), cursor)
    }

    fn missing(
        &mut self,
        depth: usize,
        token: &str,
        there: There,
        cursor: &mut Cursor<'b>,
    ) -> Reading<()> {
        let at = self.path(depth);
        (self.use_it)(Sought::Missing { at, token, there }, cursor)
    }

    /// The first `depth` tokens as a pointer again.
    fn path(&self, depth: usize) -> String {
        let tokens = self.tokens.iter().take(depth);
        tokens.map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect()
    }
}

/// The keys of the object at the cursor.
fn keys(mut cursor: Cursor<'_>) -> Result<Vec<String>, Fault> {
    let mut keys = Vec::new();
    if let Some(mut members) = cursor.object()? {
        while let Some(key) = members.key(&mut cursor)? {
            keys.push(key.to_owned());
            cursor.skip_value()?;
        }
    }
    Ok(keys)
}

/// RFC 6901: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok()).flatten()
}
