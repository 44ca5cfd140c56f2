//! A text → what its escapes stand for, with the place where each byte was written.
//!
//! JSON may write any character as `\u00e4`, `/` as `\/`; a URL any byte as `%2F`. Which of them a
//! server escapes is its own business, so a secret is looked for behind the escapes.

/// Bytes, and where in the text each of them was written: begin and end.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    places: Vec<(usize, usize)>,
}

/// All readings of a text that differ from the text: none, if it has no escapes.
pub(super) fn readings(text: &str) -> Vec<Reading> {
    let plain = || Reading {
        bytes: text.as_bytes().to_vec(),
        places: (0..text.len()).map(|at| (at, at + 1)).collect(),
    };
    let mut readings = Vec::new();
    if text.contains('\\') {
        let json = plain().read(json_escape);
        // A URL in a JSON string has escapes of both kinds.
        if json.bytes.contains(&b'%') {
            readings.push(plain().read(json_escape).read(percent_escape));
        }
        readings.push(json);
    }
    if text.contains('%') {
        readings.push(plain().read(percent_escape));
    }
    readings
}

/// Reads the escape that a text begins with: its length, and the bytes that it stands for.
type Escape = fn(&[u8]) -> Option<(usize, Vec<u8>)>;

impl Reading {
    /// Where the bytes from `start` to before `end` were written.
    pub(super) fn written(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let (first, _) = self.places.get(start)?;
        let (_, last) = self.places.get(end.checked_sub(1)?)?;
        Some((*first, *last))
    }

    /// The same with its escapes read: `escape` gives the length of one that a text begins with, and
    /// what it stands for.
    fn read(self, escape: Escape) -> Self {
        let mut read = Self { bytes: Vec::new(), places: Vec::new() };
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let (length, bytes) = escape(&self.bytes[at..]).unwrap_or_else(|| (1, vec![*byte]));
            if let Some(place) = self.written(at, at + length) {
                read.places.extend(bytes.iter().map(|_| place));
                read.bytes.extend(bytes);
            }
            at += length;
        }
        read
    }
}

/// An escape of a JSON string.
fn json_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    let byte = match kind {
        b'u' => return unicode_escape(rest),
        b'"' | b'\\' | b'/' => *kind,
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

/// A percent-encoded byte.
fn percent_escape(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    Some((3, vec![u8::try_from(hexadecimal(digits)?).ok()?]))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the first reading of a text says.
    fn check(text: &str, expected: Option<&str>) {
        let readings = readings(text);
        let read = readings.first().map(|reading| String::from_utf8_lossy(&reading.bytes));
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn escapes_are_read_as_json_and_urls_write_them() {
        check("plain", None);
        check(r"a\/b\u0026\u00E4\ud83d\ude00", Some("a/b&ä😀"));
        check("a%2Fb%c3%a4", Some("a/bä"));
        check(r"a%2Fb\u0026", Some("a/b&"));
        // What is no escape stays.
        check(r"\x \u12 \ud83d %2", Some(r"\x \u12 \ud83d %2"));
        check(r"\", Some(r"\"));
    }

    #[test]
    fn each_byte_knows_where_it_was_written() {
        let text = r"x\u00e4%2Fy";
        let reading = &readings(text)[0];
        let at = |start, end| reading.written(start, end).map(|(from, to)| &text[from..to]);
        assert_eq!(at(0, 1), Some("x"));
        assert_eq!(at(1, 3), Some(r"\u00e4"));
        assert_eq!(at(3, 4), Some("%2F"));
        assert_eq!(at(1, 5), Some(r"\u00e4%2Fy"));
        assert_eq!(at(4, 9), None);
        assert_eq!(at(0, 0), None);
    }
}
