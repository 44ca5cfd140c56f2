//! Single values as written → checked values: texts with `${NAME}`, URLs, durations, pointers.

use std::time::Duration;

use super::secrets;
use super::words::{string, written_twice, wrong_kind};
use crate::codes;
use crate::definition::{Part, Pointer, TargetKind, Template};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::tree::{Node, Value};

/// A text whose `${NAME}`s are well-formed.
pub(super) fn text(written: Spanned<String>, findings: &mut Findings) -> Option<Template> {
    let text = Template(written.value);
    match text.parts() {
        Ok(_) => Some(text),
        Err(error) => {
            findings.push(
                Finding::error(
                    codes::INVALID_VARIABLE,
                    error.message,
                    &written.place.within(error.at),
                )
                .help(error.help),
            );
            None
        }
    }
}

/// An absolute `http` or `https` address; `${NAME}` may stand anywhere in it.
pub(super) fn url(written: Spanned<String>, findings: &mut Findings) -> Option<Template> {
    let place = written.place.clone();
    let text = text(written, findings)?;
    // What a variable will hold is not known: a whole host, a port, a part of a path. A text that
    // begins with one is checked at run time.
    if text.0.trim_start().starts_with("${") {
        return Some(text);
    }
    let probe: String = text.parts().into_iter().flatten().map(probe).collect();
    let whole = "write all of it, as in `https://api.example.com/orders`";
    let (problem, help) = match url::Url::parse(&probe) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            (format!("an address with the scheme `{}` cannot be read", url.scheme()), whole)
        }
        Ok(url) if url.fragment().is_some() => (
            "what follows the `#` of an address is never sent".to_owned(),
            "remove it; a `#` within the path is written `%23`",
        ),
        Ok(_) => return Some(text),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            ("the address has no scheme".to_owned(), whole)
        }
        Err(error) => (format!("this is not an address: {error}"), whole),
    };
    findings.push(Finding::error(codes::INVALID_URL, problem, &place).help(help));
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
        let as_pointer = as_pointer(text);
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
            findings
                .push(Finding::error(codes::INVALID_POINTER, message, &written.place).help(help));
            None
        }
    }
}

/// The longest that anybody waits for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

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
    if found.is_some_and(|duration| duration > LONGEST) {
        findings.push(
            Finding::error(
                codes::INVALID_DURATION,
                format!("`{word}` is longer than a day"),
                &node.place,
            )
            .help("write a duration such as `500ms`, `30s` or `5m`; a bare number is seconds"),
        );
        return None;
    }
    if found.is_none_or(|duration| duration.is_zero()) {
        let shown = string(word, node, findings)?.value;
        findings.push(
            Finding::error(
                codes::INVALID_DURATION,
                format!("`{word}` cannot be `{shown}`"),
                &node.place,
            )
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
        Finding::error(codes::INVALID_HEADER_NAME, message, &name.place)
            .help("a header's name has letters, digits and `-`, as in `X-Api-Key`"),
    );
    None
}

/// `$.data[*].items` → `/data/*/items`.
fn as_pointer(path: &str) -> String {
    let parts = path.trim_start_matches('$').split(['.', '[', ']', '/']);
    let parts = parts.map(|part| part.trim_matches(['\'', '"'])).filter(|part| !part.is_empty());
    parts.map(|part| format!("/{part}")).collect()
}

/// A header's value: nothing but what can be written into one line.
pub(super) fn header_value(name: &Spanned<String>, value: &Template, findings: &mut Findings) {
    if value.0.chars().any(|c| c.is_control() && c != '\t') {
        let message = format!("the value of the header `{}` has a line break in it", name.value);
        findings.push(
            Finding::error(codes::MULTILINE_HEADER, message, &name.place)
                .help("write it on one line, in quotes; `>-` and `|-` end without a line break"),
        );
    }
}

/// The address of a database; `${NAME}` may stand anywhere in it.
pub(super) fn database_url(
    written: Spanned<String>,
    kind: TargetKind,
    findings: &mut Findings,
) -> Option<Template> {
    let place = written.place.clone();
    let text = text(written, findings)?;
    let trimmed = text.0.trim();
    let scheme = trimmed.split_once("://").map(|(scheme, _)| scheme);
    let (is_known, what, example) = match kind {
        _ if trimmed.starts_with("${") => return Some(text),
        TargetKind::Postgres => (
            matches!(scheme, Some("postgres" | "postgresql")),
            "PostgreSQL",
            "postgres://${PGUSER}:${PGPASSWORD}@localhost:5432/warehouse",
        ),
        TargetKind::Sqlite => {
            (matches!(scheme, None | Some("sqlite")), "SQLite", "sqlite:warehouse.db")
        }
    };
    let malformed = match kind {
        TargetKind::Postgres if is_known && !trimmed.contains("${") => {
            url::Url::parse(trimmed).err()
        }
        _ => None,
    };
    if is_known && malformed.is_none() {
        return Some(text);
    }
    // The text itself may hold a password.
    let message = match (scheme, malformed) {
        (_, Some(error)) => format!("this is no address of {what}: {error}"),
        (Some(scheme), None) => format!("an address with the scheme `{scheme}` is none of {what}"),
        (None, None) => format!("this is no address of {what}"),
    };
    findings.push(
        Finding::error(codes::INVALID_DATABASE_URL, message, &place)
            .help(format!("write all of it, as in `{example}`")),
    );
    None
}

/// Names and values: a mapping, or the original's list of `{key, value}`.
pub(super) fn pairs(
    word: &str,
    node: &Node,
    findings: &mut Findings,
) -> Vec<(Spanned<String>, Template)> {
    match &node.value {
        Value::Map(entries) if one_pair(entries).is_some() => {
            findings.extend(one_pair(entries).map(|key| pair_as_mapping(word, key)));
            Vec::new()
        }
        Value::Map(entries) => entries
            .iter()
            .enumerate()
            .filter_map(|(index, (key, node))| {
                let mut before = entries.iter().take(index);
                if let Some((first, _)) = before.find(|(other, _)| other.value == key.value) {
                    findings.push(written_twice(key, first));
                    return None;
                }
                named_text(key.clone(), node, findings)
            })
            .collect(),
        Value::List(items) => items.iter().filter_map(|item| pair(word, item, findings)).collect(),
        _ => {
            findings.push(wrong_kind(&format!("`{word}`"), "a mapping of names to values", node));
            Vec::new()
        }
    }
}

/// The `key` of `{key: Accept, value: application/json}`, if there is nothing else in it.
fn one_pair(entries: &[(Spanned<String>, Node)]) -> Option<&Spanned<String>> {
    match entries {
        [(key, _), (value, _)] if key.value == "key" && value.value == "value" => Some(key),
        _ => None,
    }
}

fn pair_as_mapping(word: &str, key: &Spanned<String>) -> Finding {
    let (name, value) = match word {
        "headers" => ("Accept", "application/json"),
        _ => ("sort", "id"),
    };
    let message = format!("`{word}` would have a name `key` and a name `value`");
    Finding::error(codes::MIXED_PAIRS, message, &key.place)
        .label("this is one entry of a list")
        .help(format!(
            "write `{word}: {{{name}: {value}}}`, or a list: `- {{key: {name}, value: {value}}}`"
        ))
}

/// A name, and its text; a secret that stands there as it is.
fn named_text(
    name: Spanned<String>,
    node: &Node,
    findings: &mut Findings,
) -> Option<(Spanned<String>, Template)> {
    let value = string(&name.value, node, findings)?;
    secrets::named(&name.value, &value, findings);
    Some((name, text(value, findings)?))
}

fn pair(word: &str, node: &Node, findings: &mut Findings) -> Option<(Spanned<String>, Template)> {
    // The mapping's own spelling, in the original's list.
    if let Value::Map(entries) = &node.value
        && let [(name, value)] = &entries[..]
        && !["key", "value"].contains(&name.value.as_str())
        && matches!(value.value, Value::String(_))
    {
        findings.push(
            Finding::error(codes::MIXED_PAIRS, format!("`{}` is written as in a mapping, in a list", name.value), &name.place)
                .label("an entry of a list has `key` and `value`")
                .help(format!("write `{{key: {name}, value: …}}`, or all of them as a mapping: `{word}: {{{name}: …}}`", name = name.value)),
        );
        return None;
    }
    let mut words = super::Words::new(format!("an entry of `{word}`"), node, findings)?;
    let key = words.required_string("key", "key: Accept");
    let value = words.required("value", "value: application/json");
    if !words.finish() {
        return None;
    }
    named_text(key?, value?, findings)
}
