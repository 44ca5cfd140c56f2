//! A text → what its escapes stand for, with the place where each byte was written.
//!
//! JSON may write any character as `\u00e4`, `/` as `\/`; a URL any byte as `%2F`; HTML `&` as `&amp;`; a
//! JSON Pointer `/` as `~1`; and one may stand in the other. Which of them a server escapes is its own
//! business, so a secret is looked for behind all of them.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// How many escapes may stand around each other.
const DEEPEST: usize = 4;

/// How many readings of a text are looked at.
const MOST: usize = 64;

/// The longest begin of an escape that was cut off: `\ud83d\ude0`.
const BEGIN: usize = 11;

/// Bytes, and where in the text each of them was written: begin and end.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    places: Vec<(usize, usize)>,
}

/// Gives all readings of a text that differ from it and from each other: none, if it has no escapes.
pub(super) fn each_reading(text: &str, see: &mut impl FnMut(&Reading)) {
    if !text.contains(['\\', '%', '&', '~']) {
        return;
    }
    let plain = Reading {
        bytes: text.as_bytes().to_vec(),
        places: (0..text.len()).map(|at| (at, at + 1)).collect(),
    };
    let mut seen = Seen::default();
    seen.is_new(&plain);
    plain.each_behind(DEEPEST, &mut seen, see);
}

/// The readings that were given.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    fn is_new(&mut self, reading: &Reading) -> bool {
        self.hashes.len() <= MOST && self.hashes.insert(self.hasher.hash_one(&reading.bytes))
    }
}

/// Escapes that begin with a character: the length of the one that a text begins with, and the bytes
/// that it stands for.
type Escapes = (u8, fn(&[u8]) -> Option<(usize, Vec<u8>)>);

const KINDS: [Escapes; 4] =
    [(b'\\', json_escape), (b'%', percent_escape), (b'&', html_escape), (b'~', pointer_escape)];

impl Reading {
    /// Where the bytes from `start` to before `end` were written.
    pub(super) fn written(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let (first, _) = self.places.get(start)?;
        let (_, last) = self.places.get(end.checked_sub(1)?)?;
        Some((*first, *last))
    }

    fn each_behind(&self, depth: usize, seen: &mut Seen, see: &mut impl FnMut(&Self)) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for escapes in KINDS {
            let Some(reading) = self.read(escapes).filter(|reading| seen.is_new(reading)) else {
                continue;
            };
            see(&reading);
            reading.each_behind(depth, seen, see);
        }
    }

    /// The same with its escapes of one kind read; `None` where it has none. What was cut off within
    /// an escape stands for nothing.
    fn read(&self, (first, escape): Escapes) -> Option<Self> {
        memchr::memchr(first, &self.bytes)?;
        let mut read = Self { bytes: Vec::new(), places: Vec::new() };
        let (mut at, mut has_any) = (0, false);
        while let Some(byte) = self.bytes.get(at) {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let found = (*byte == first).then(|| escape(rest).or_else(|| cut_off(rest))).flatten();
            has_any |= found.is_some();
            let (length, bytes) = found.unwrap_or_else(|| (1, vec![*byte]));
            if let Some(place) = self.written(at, at + length) {
                read.places.extend(bytes.iter().map(|_| place));
                read.bytes.extend(bytes);
            }
            at += length;
        }
        has_any.then_some(read)
    }
}

/// The begin of an escape, where the text was shortened within it.
fn cut_off(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let window = text.get(..text.len().min(BEGIN + super::CUT.len()))?;
    let length = memchr::memmem::find(window, super::CUT)?;
    let begin = window.get(1..length)?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'\\' | b'#' | b'{');
    begin.iter().all(fits).then(|| (length, Vec::new()))
}

/// An escape of a JSON string, or of one of Python, Ruby, JavaScript or Rust.
fn json_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    let byte = match kind {
        b'u' if rest.starts_with(b"{") => return braced_escape(rest),
        b'u' => return unicode_escape(rest),
        b'x' => return Some((4, vec![byte(rest)?])),
        b'"' | b'\'' | b'\\' | b'/' => *kind,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    };
    Some((2, vec![byte]))
}

/// What stands behind `\u`, and where it is the first of a pair, the second one, too.
fn unicode_escape(digits: &[u8]) -> Option<(usize, Vec<u8>)> {
    let first = hexadecimal(digits.get(..4)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((6, character.to_string().into_bytes()));
    }
    let second = digits.get(4..)?.strip_prefix(b"\\u")?;
    let second = hexadecimal(second.get(..4)?)?;
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    Some((12, character.to_string().into_bytes()))
}

/// What stands behind `\u` in braces.
fn braced_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let end = memchr::memchr(b'}', text.get(..text.len().min(8))?)?;
    let character = char::from_u32(hexadecimal(text.get(1..end)?)?)?;
    Some((end + 3, character.to_string().into_bytes()))
}

/// A percent-encoded byte.
fn percent_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    Some((3, vec![byte(text.strip_prefix(b"%")?)?]))
}

/// A character of HTML: by its number, or one of those that are always escaped.
fn html_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let end = memchr::memchr(b';', text.get(..text.len().min(11))?)?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            char::from_u32(match number.strip_prefix(['x', 'X']) {
                Some(digits) => hexadecimal(digits.as_bytes())?,
                None => number.parse().ok()?,
            })?
        }
    };
    Some((end + 1, character.to_string().into_bytes()))
}

/// An escape of a JSON Pointer.
fn pointer_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let byte = match text.get(1)? {
        b'0' => b'~',
        b'1' => b'/',
        _ => return None,
    };
    Some((2, vec![byte]))
}

/// The byte that two hexadecimal digits stand for.
fn byte(digits: &[u8]) -> Option<u8> {
    u8::try_from(hexadecimal(digits.get(..2)?)?).ok()
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readings of a text, with where each of their bytes was written.
    fn readings(text: &str) -> Vec<Reading> {
        let mut readings = Vec::new();
        each_reading(text, &mut |reading| {
            let Reading { bytes, places } = reading;
            readings.push(Reading { bytes: bytes.clone(), places: places.clone() });
        });
        readings
    }

    /// What the readings of a text say.
    fn check(text: &str, expected: &[&str]) {
        let read = readings(text);
        let read: Vec<_> = read.iter().map(|read| String::from_utf8_lossy(&read.bytes)).collect();
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn escapes_are_read_as_json_and_urls_write_them() {
        check("plain", &[]);
        check(r"a\/b\u0026\u00E4\ud83d\ude00", &["a/b&ä😀"]);
        check("a%2Fb%c3%a4", &["a/bä"]);
        check(r"a%2Fb\u0026", &["a%2Fb&", "a/b&", r"a/b\u0026"]);
        check(r"\xc3\xa4\'\u{e4}", &["ä'ä"]);
        check("a&amp;b&#x2F;&#47;&quot;", &["a&b//\""]);
        check("/a~1b~0c", &["/a/b~c"]);
        // What is no escape stays.
        check(r"\x \u12 \ud83d %2 &b; &#x; ~2 \u{}", &[]);
        check(r"\", &[]);
    }

    #[test]
    fn escapes_within_escapes_are_read_to_a_bound() {
        check(r#""{\"a\":\"b\\\/c\"}""#, &[r#""{"a":"b\/c"}""#, r#""{"a":"b/c"}""#]);
        let nested = (0..64).fold("\"".to_owned(), |text, _| text.replace('\\', "%5c") + "\\\"%25");
        assert!(readings(&nested).len() <= MOST);
    }

    #[test]
    fn an_escape_that_was_cut_off_stands_for_nothing() {
        check(r"a\u002f\u00…", &["a/…"]);
        check(r"a\u002f\…", &["a/…"]);
        check("a%2F%2…", &["a/…"]);
    }

    #[test]
    fn each_byte_knows_where_it_was_written() {
        let text = r"x\u00e4%2Fy";
        let reading = &readings(text)[1];
        let at = |start, end| reading.written(start, end).map(|(from, to)| &text[from..to]);
        assert_eq!(at(0, 1), Some("x"));
        assert_eq!(at(1, 3), Some(r"\u00e4"));
        assert_eq!(at(3, 4), Some("%2F"));
        assert_eq!(at(1, 5), Some(r"\u00e4%2Fy"));
        assert_eq!(at(4, 9), None);
        assert_eq!(at(0, 0), None);
    }
}
