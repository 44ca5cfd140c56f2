//! The bytes of an answer → one whole body within bounds, or a piece of it to show.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::trouble::Trouble;
use crate::environment::Secrets;

/// The longest body, decompressed: 256 MiB.
const LIMIT: usize = 256 << 20;

/// How much of an error's body is read, to show the start of it.
const SHOWN_LIMIT: usize = 16 << 10;

/// How many characters of an error's body are shown.
const SHOWN: usize = 200;

/// How much is set aside at most because of a `Content-Length`, before the bytes are there.
const TRUSTED: usize = 4 << 20;

/// Reads the whole body.
pub(super) async fn whole(mut response: Response) -> Result<Bytes, Trouble> {
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
    if expected.is_some_and(|length| length > LIMIT) {
        return Err(too_long());
    }
    let Some(first) = response.chunk().await.map_err(|error| Trouble::transport(&error))? else {
        return Ok(Bytes::new());
    };
    if expected == Some(first.len()) {
        // Nothing may follow, but only the end of the body proves that.
        return match response.chunk().await.map_err(|error| Trouble::transport(&error))? {
            None => Ok(first),
            Some(_) => Err(Trouble::passing("the answer is longer than it said")),
        };
    }
    let mut body = Vec::with_capacity(expected.unwrap_or(first.len() * 2).min(TRUSTED));
    body.extend_from_slice(&first);
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::transport(&error))? {
        if body.len() + chunk.len() > LIMIT {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    // A page waits for its turn: what was set aside for a longer one would wait with it.
    body.shrink_to_fit();
    Ok(body.into())
}

fn too_long() -> Trouble {
    Trouble::data(format!("the answer is longer than {} MiB", LIMIT >> 20))
        .help("ask for fewer records per page")
}

/// The start of an error's body, fit to be shown; empty where there is nothing worth it.
///
/// What cannot be read is left out: the status says what went wrong.
pub(super) async fn excerpt(mut response: Response, secrets: &Secrets) -> String {
    let html = is_html(&response);
    let mut body = BytesMut::new();
    while body.len() < SHOWN_LIMIT {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    if html || looks_like_html(&body) {
        return "an HTML page".to_owned();
    }
    // Masked before it is cut: a cut through a secret would show the half of it.
    let text = secrets.mask(&String::from_utf8_lossy(&body));
    shortened(&text, SHOWN)
}

/// At most that many characters, control characters and runs of white space as one space.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let words = text.split(|character: char| character.is_control() || character.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        for character in (count > 0).then_some(' ').into_iter().chain(word.chars()) {
            if count == limit {
                shown.push('…');
                return shown;
            }
            shown.push(character);
            count += 1;
        }
    }
    shown
}

/// Whether the answer says that it is HTML.
pub(super) fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

/// Whether it starts as HTML or XML does, and JSON cannot.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, limit: usize, expected: &str) {
        assert_eq!(shortened(text, limit), expected);
    }

    #[test]
    fn excerpts_are_one_short_line() {
        check("{\n  \"error\":\t\"no\u{1b}[31m\" }\r\n", 200, "{ \"error\": \"no [31m\" }");
        check("äöü äöü", 5, "äöü ä…");
        check("äöü", 3, "äöü");
        check("", 3, "");
    }
}
