//! `auth` of a source as written → [`Auth`].

use super::values::{header_name, text};
use super::{Words, secrets};
use crate::codes;
use crate::definition::{ApiKey, ApiKeyPlace, Auth, Basic, Template};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::tree::Node;

/// Reads `auth`: exactly one way.
pub(super) fn auth(node: &Node, findings: &mut Findings) -> Option<Auth> {
    let mut words = Words::new("`auth`", node, findings)?;
    let bearer = words.text("bearer");
    if let Some(token) = &bearer {
        secrets::secret("the token", "bearer: \"${API_TOKEN}\"", token, words.findings);
    }
    let basic = words.get("basic");
    let api_key = words.get("api_key");
    let custom = words.get("custom");
    let ways = ["bearer", "basic", "api_key", "custom"];
    let written: Vec<_> = ways.into_iter().filter(|word| words.has(word)).collect();
    match written[..] {
        [_] => {}
        [] if words.has_unknown() => {}
        [] => words.missing("bearer", "auth: {bearer: \"${TOKEN}\"}"),
        [.., last] => {
            let place = words.key_place(last).unwrap_or(words.place).clone();
            words.findings.push(
                Finding::error(codes::CONFLICTING_KEYS, "`auth` can have one way only", &place)
                    .help("keep one of `bearer`, `basic`, `api_key` and `custom`"),
            );
        }
    }
    if !words.finish() {
        return None;
    }
    if let Some(token) = bearer {
        return Some(Auth::Bearer(text(token, findings)?));
    }
    if let Some(node) = basic {
        return self::basic(node, findings);
    }
    if let Some(node) = custom {
        return Some(Auth::Custom(super::custom::custom(node, findings)?));
    }
    self::api_key(api_key?, findings)
}

fn basic(node: &Node, findings: &mut Findings) -> Option<Auth> {
    let mut words = Words::new("`basic`", node, findings)?;
    let username = words.required_string("username", "username: ${API_USER}");
    let password = words.string("password");
    if let Some(password) = &password {
        secrets::secret("the password", "password: \"${API_PASSWORD}\"", password, words.findings);
    }
    if !words.finish() {
        return None;
    }
    let password =
        password.map_or(Some(Template(String::new())), |password| text(password, findings));
    Some(Auth::Basic(Basic { username: text(username?, findings)?, password: password? }))
}

fn api_key(node: &Node, findings: &mut Findings) -> Option<Auth> {
    const PLACES: [(&str, ApiKeyPlace); 3] = [
        ("header", ApiKeyPlace::Header),
        ("query", ApiKeyPlace::Query),
        ("cookie", ApiKeyPlace::Cookie),
    ];
    let mut words = Words::new("`api_key`", node, findings)?;
    let place = words.choice("in", &PLACES);
    if place.is_none() && !words.has("in") {
        words.missing("in", "in: header");
    }
    let name = words.required_string("name", "name: X-Api-Key");
    let value = words.required_string("value", "value: ${API_KEY}");
    if let Some(value) = &value {
        secrets::secret("the key", "value: \"${API_KEY}\"", value, words.findings);
    }
    if !words.finish() {
        return None;
    }
    let (place, name) = (place?.value, name?);
    let name = match place {
        ApiKeyPlace::Query => name.value,
        // A cookie's name is a token too.
        ApiKeyPlace::Header | ApiKeyPlace::Cookie => header_name(&Spanned::clone(&name), findings)?,
    };
    Some(Auth::ApiKey(ApiKey { place, name, value: text(value?, findings)? }))
}
