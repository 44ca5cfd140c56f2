//! Single values as written → checked values: texts with `${NAME}`, URLs, durations, pointers.

use std::time::Duration;

use super::words::{string, wrong_kind};
use crate::definition::{Part, Pointer, Text};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::tree::{Node, Value};

/// A text whose `${NAME}`s are well-formed.
pub(super) fn text(written: Spanned<String>, findings: &mut Findings) -> Option<Text> {
    let text = Text(written.value);
    match text.parts() {
        Ok(_) => Some(text),
        Err(error) => {
            findings.push(
                Finding::error("E0118", error.message, &written.place.within(error.at))
                    .help(error.help),
            );
            None
        }
    }
}

/// An absolute `http` or `https` address; `${NAME}` may stand anywhere in it.
pub(super) fn url(written: Spanned<String>, findings: &mut Findings) -> Option<Text> {
    let place = written.place.clone();
    let text = text(written, findings)?;
    // What a variable will hold is not known: a whole host, a port, a part of a path. A text that
    // begins with one is checked at run time.
    if text.0.trim_start().starts_with("${") {
        return Some(text);
    }
    let probe: String = text.parts().into_iter().flatten().map(probe).collect();
    let problem = match url::Url::parse(&probe) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            format!("an address with the scheme `{}` cannot be read", url.scheme())
        }
        Ok(_) => return Some(text),
        Err(url::ParseError::RelativeUrlWithoutBase) => "the address has no scheme".to_owned(),
        Err(error) => format!("this is not an address: {error}"),
    };
    findings.push(
        Finding::error("E0115", problem, &place)
            .help("write all of it, as in `https://api.example.com/orders`"),
    );
    None
}

/// What a part of an address may be: a digit can stand in a host, a port and a path.
fn probe(part: Part) -> String {
    match part {
        Part::Literal(text) => text,
        Part::Variable { .. } => "1".to_owned(),
    }
}

/// A JSON Pointer.
pub(super) fn pointer(written: &Spanned<String>, findings: &mut Findings) -> Option<Pointer> {
    let text = &written.value;
    let bad_escape = text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    let problem = if !text.is_empty() && !text.starts_with('/') {
        let as_pointer = format!("/{}", text.trim_start_matches("$.").replace('.', "/"));
        Some((format!("`{text}` is not a JSON Pointer"), format!("begin with `/`: `{as_pointer}`")))
    } else if bad_escape {
        Some((
            format!("`{text}` is not a JSON Pointer"),
            "in a key, `~` is written `~0` and `/` is written `~1`".to_owned(),
        ))
    } else {
        None
    };
    match problem {
        None => Some(Pointer(text.clone())),
        Some((message, help)) => {
            findings.push(Finding::error("E0117", message, &written.place).help(help));
            None
        }
    }
}

/// `500ms`, `30s`, `5m`, or a number of seconds; longer than nothing.
pub(super) fn duration(word: &str, node: &Node, findings: &mut Findings) -> Option<Duration> {
    let found = match &node.value {
        Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
        Value::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        Value::String(text) => spelled_duration(text),
        _ => {
            findings.push(wrong_kind(&format!("`{word}`"), "a duration such as `30s`", node));
            return None;
        }
    };
    if found.is_none_or(|duration| duration.is_zero()) {
        let shown = string(word, node, findings)?.value;
        findings.push(
            Finding::error("E0119", format!("`{word}` cannot be `{shown}`"), &node.place)
                .help("write a duration such as `500ms`, `30s` or `5m`"),
        );
        return None;
    }
    found
}

fn spelled_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A header's name (RFC 9110's token).
pub(super) fn header_name(name: &Spanned<String>, findings: &mut Findings) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.value.is_empty() && name.value.chars().all(is_token) {
        return Some(name.value.clone());
    }
    let message = format!("`{}` is not a header's name", name.value);
    findings.push(
        Finding::error("E0116", message, &name.place)
            .help("a header's name has letters, digits and `-`, as in `X-Api-Key`"),
    );
    None
}

/// Names and values: a mapping, or the original's list of `{key, value}`.
pub(super) fn pairs(
    word: &str,
    node: &Node,
    findings: &mut Findings,
) -> Vec<(Spanned<String>, Text)> {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .filter_map(|(key, node)| {
                let value = string(&key.value, node, findings)?;
                Some((key.clone(), text(value, findings)?))
            })
            .collect(),
        Value::List(items) => items.iter().filter_map(|item| pair(word, item, findings)).collect(),
        _ => {
            findings.push(wrong_kind(&format!("`{word}`"), "a mapping of names to values", node));
            Vec::new()
        }
    }
}

fn pair(word: &str, node: &Node, findings: &mut Findings) -> Option<(Spanned<String>, Text)> {
    let mut words = super::Words::new(format!("an entry of `{word}`"), node, findings)?;
    let key = words.required_string("key", "key: Accept");
    let value = words.required_string("value", "value: application/json");
    let whole = words.finish();
    let value = text(value?, findings);
    whole.then_some((key?, value?))
}
