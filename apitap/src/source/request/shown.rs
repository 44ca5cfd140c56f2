//! Requests and texts of the API → how messages show them: without secrets, on one line.

use std::sync::Arc;

use apitap_build::secret_names::may_be_secret;
use reqwest::Method;
use url::{Url, form_urlencoded};

use crate::environment::Secrets;

/// How messages name a request: `GET` and its URL, without secrets.
///
/// `hidden` is a parameter whose value is a credential.
pub(super) fn label(
    method: &Method,
    url: &Url,
    hidden: Option<&str>,
    secrets: &Secrets,
) -> Arc<str> {
    let mut shown = url.clone();
    // Both can be set on every http and https URL.
    let _ = shown.set_username("").and_then(|()| shown.set_password(None));
    shown.set_fragment(None);
    shown.set_query(None);
    let query = url.query().map(|query| {
        let pairs: Vec<_> =
            query.split('&').map(|pair| shown_pair(pair, hidden, secrets)).collect();
        format!("?{}", pairs.join("&"))
    });
    Arc::from(secrets.mask(&format!("{method} {shown}{}", query.unwrap_or_default())))
}

/// `name=value`, or `name=***` where the value is a credential.
fn shown_pair(pair: &str, hidden: Option<&str>, secrets: &Secrets) -> String {
    let name = param_name(pair);
    let secret = hidden == Some(name.as_str()) || may_be_secret(&name);
    match pair.split_once('=') {
        // What the environment gave is named by the mask, which says more.
        Some((name, value)) if secret && secrets.mask(value) == value => format!("{name}=***"),
        _ => pair.to_owned(),
    }
}

/// The decoded name of `name=value`.
pub(super) fn param_name(pair: &str) -> String {
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// At most that many characters, control characters and runs of white space as one space.
pub(in crate::source) fn shortened(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let pieces = text.split(|character: char| character.is_control() || character.is_whitespace());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        for character in (count > 0).then_some(' ').into_iter().chain(piece.chars()) {
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
