//! JSON strings: where they end, and what their escapes stand for.

use super::{Cursor, Fault};

/// A string as it is written, without its quotes; its escapes are known to be valid.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// A string that is known to be one, as it is written between its quotes.
    pub(in crate::source) fn written(raw: &'a str) -> Self {
        Self { raw, escaped: raw.contains('\\') }
    }

    /// As it is written, escapes and all.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// What it stands for: borrowed from the JSON, or put into `buffer` if it has escapes.
    #[inline]
    pub fn unescape<'b>(self, buffer: &'b mut String) -> Result<&'b str, Fault>
    where
        'a: 'b,
    {
        if self.escaped {
            unescape(self.raw, buffer)?;
            return Ok(buffer);
        }
        Ok(self.raw)
    }
}

impl<'a> Cursor<'a> {
    /// A string: the cursor stands at its opening quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'a>, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let end = plain_end(bytes, start);
        if bytes.get(end) != Some(&b'"') {
            return self.escaped_string(start, end);
        }
        self.at = end + 1;
        Ok(Text { raw: self.slice(start, end)?, escaped: false })
    }

    /// A string that starts at `start` and is plain as far as `end`.
    fn escaped_string(&mut self, start: usize, mut end: usize) -> Result<Text<'a>, Fault> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(end) {
                Some(b'"') => {
                    self.at = end + 1;
                    return Ok(Text { raw: self.slice(start, end)?, escaped: true });
                }
                Some(b'\\') => end = plain_end(bytes, escape(bytes, end)?.1),
                Some(control) => return Err(control_character(end, *control)),
                None => return Err(Fault::ends("a string")),
            }
        }
    }
}

/// A character that a string may hold only as an escape.
#[cold]
pub(in crate::source) fn control_character(at: usize, control: u8) -> Fault {
    Fault::syntax(
        at,
        format_args!(
            "the control character 0x{control:02x} in a string must be written as \
             `\\u{control:04x}`"
        ),
    )
}

/// The first quote, backslash or control character from `at` on, or the end; eight bytes at a time.
#[inline]
pub(in crate::source) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The high bit of each byte that is zero, as far as the first of them.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = (control | quote | backslash) & (ONES << 7);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at)
        && !matches!(byte, b'"' | b'\\' | 0..0x20)
    {
        at += 1;
    }
    at
}

#[cold]
pub(in crate::source) fn unescape(raw: &str, buffer: &mut String) -> Result<(), Fault> {
    buffer.clear();
    let mut rest = raw;
    while let Some((plain, _)) = rest.split_once('\\') {
        buffer.push_str(plain);
        let (character, end) = escape(rest.as_bytes(), plain.len())?;
        buffer.push(character);
        rest = rest.get(end..).ok_or_else(|| Fault::ends("a character"))?;
    }
    buffer.push_str(rest);
    Ok(())
}

/// The character that the escape at `at` stands for, and where the escape ends.
fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), Fault> {
    let short = match bytes.get(at + 1) {
        Some(b'u') => return unicode(bytes, at),
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(_) => return Err(bad_escape(at, "JSON has no such escape")),
        None => return Err(Fault::ends("a string")),
    };
    Ok((short, at + 2))
}

/// `\u00e9`, or a pair of them for a character beyond U+FFFF.
fn unicode(bytes: &[u8], at: usize) -> Result<(char, usize), Fault> {
    let first = hex(bytes, at)?;
    if !(0xd800..0xe000).contains(&first) {
        let character = char::from_u32(first).ok_or_else(|| bad_escape(at, "no character"))?;
        return Ok((character, at + 6));
    }
    let lone = || bad_escape(at, "it is half of a surrogate pair");
    match (bytes.get(at + 6), bytes.get(at + 7)) {
        (None, _) | (Some(b'\\'), None) => return Err(Fault::ends("a string")),
        (Some(b'\\'), Some(b'u')) if first < 0xdc00 => {}
        _ => return Err(lone()),
    }
    let second = hex(bytes, at + 6)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(lone());
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(code).ok_or_else(lone)?, at + 12))
}

/// The four hexadecimal digits of the escape at `at`.
fn hex(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    (at + 2..at + 6).try_fold(0, |code, at_digit| match bytes.get(at_digit) {
        Some(byte) => match char::from(*byte).to_digit(16) {
            Some(digit) => Ok(code * 16 + digit),
            None => Err(bad_escape(at, "`\\u` needs four hexadecimal digits")),
        },
        None => Err(Fault::ends("a string")),
    })
}

#[cold]
pub(in crate::source) fn bad_escape(at: usize, why: &str) -> Fault {
    Fault::syntax(at, format_args!("the escape there is not valid: {why}"))
}
