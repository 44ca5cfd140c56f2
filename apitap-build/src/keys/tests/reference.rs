//! The tables of `docs/reference.md`: generated between markers, from what is declared.

use super::repository::{held, root};
use crate::keys::Printed;
use crate::keys::api::Api;
use crate::keys::auth::{Auth, OAuth2};
use crate::keys::body::Body;
use crate::keys::file::{source, target};
use crate::keys::filters::FilterKeys;
use crate::keys::for_each::ForEachKeys;
use crate::keys::function::FunctionKeys;
use crate::keys::group::{Group as _, Kinds as _};
use crate::keys::incremental::Incremental;
use crate::keys::job::Job;
use crate::keys::key::{Info, KeyType as _};
use crate::keys::on_response::ResponseRule;
use crate::keys::pagination::Pagination;
use crate::keys::rate_limit::RateLimit;
use crate::keys::retry::Retry;
use crate::keys::shape::{GroupShape, KeyShape, KindsShape, Presence, Shape};
use crate::keys::sink::{SinkTarget, Store};
use crate::keys::tls::Tls;
use crate::keys::values::bounds;

/// The tables by the names of their markers.
fn tables() -> Vec<(&'static str, String)> {
    let Shape::Group(auth) = Auth::shape(&Info::default()) else { return Vec::new() };
    let Shape::Group(body) = Body::shape(&Info::default()) else { return Vec::new() };
    let mut sink = SinkTarget::group();
    sink.keys.extend(Store::group().keys);
    vec![
        ("apis", keys(&Api::group())),
        ("sources", keys(&source())),
        ("auth", keys(&auth)),
        ("oauth2", kinds(&OAuth2::kinds())),
        ("body", keys(&body)),
        ("for_each", keys(&ForEachKeys::group())),
        ("incremental", keys(&Incremental::group())),
        ("job", keys(&Job::group())),
        ("filters", keys(&FilterKeys::group())),
        ("retry", keys(&Retry::group())),
        ("on_response", keys(&ResponseRule::group())),
        ("rate_limit", keys(&RateLimit::group())),
        ("tls", keys(&Tls::group())),
        ("pagination", kinds(&Pagination::kinds())),
        ("targets", kinds(&target())),
        ("sink", keys(&sink)),
        ("functions", keys(&FunctionKeys::group())),
    ]
}

fn keys(group: &GroupShape) -> String {
    let mut table = "| key | value | meaning |\n|---|---|---|\n".to_owned();
    group.keys.iter().for_each(|key| row("", key, &mut table));
    table
}

/// The keys of a source whose own keys have a table.
const OF_THEIR_OWN: [&str; 10] = [
    "auth",
    "body",
    "for_each",
    "incremental",
    "job",
    "on_response",
    "pagination",
    "rate_limit",
    "retry",
    "tls",
];

/// A key; a mapping within has a row for each of its keys.
fn row(path: &str, key: &KeyShape, table: &mut String) {
    let name = format!("{path}{}", key.info.name);
    let value = [value(&key.shape, key), presence(key)].into_iter().flatten();
    let value: Vec<_> = value.collect();
    table.push_str(&format!("| `{name}` | {} | {} |\n", value.join(", "), key.info.doc));
    // What has a table of its own is not told twice.
    if OF_THEIR_OWN.contains(&key.info.name) && path.is_empty() {
        return;
    }
    for group in groups(&key.shape) {
        group.keys.iter().for_each(|key| row(&format!("{name}."), key, table));
    }
}

fn groups(shape: &Shape) -> Vec<&GroupShape> {
    match shape {
        Shape::Group(group) => vec![group],
        Shape::Either(shapes) => shapes.iter().flat_map(groups).collect(),
        Shape::List(item) => groups(item),
        _ => Vec::new(),
    }
}

fn kinds(kinds: &KindsShape) -> String {
    let mut table = format!("| `{}` | keys | meaning |\n|---|---|---|\n", kinds.key);
    for kind in &kinds.kinds {
        let mut keys: Vec<_> = kind.keys.iter().map(short).collect();
        if kind.open {
            keys.push("settings of its own".to_owned());
        }
        table.push_str(&format!("| `{}` | {} | {} |\n", kind.name, keys.join(", "), kind.doc));
    }
    let shared = kinds.shared.iter().map(|key| ("", key));
    let own = kinds.kinds.iter().flat_map(|kind| kind.keys.iter().map(|key| (kind.name, key)));
    table.push_str("\n| key | of | value | meaning |\n|---|---|---|---|\n");
    let mut rows: Vec<(Vec<&str>, String, String)> = Vec::new();
    for (kind, key) in shared.chain(own) {
        add(kind, "", key, &mut rows);
    }
    for (of, name, rest) in rows {
        let of: Vec<_> =
            of.iter().filter(|kind| !kind.is_empty()).map(|k| format!("`{k}`")).collect();
        let of = if of.is_empty() { "all".to_owned() } else { of.join(", ") };
        table.push_str(&format!("| `{name}` | {of} | {rest} |\n"));
    }
    table
}

/// A row of a key, or the kind added to the row that says the same of another kind.
fn add<'k>(
    kind: &'k str,
    path: &str,
    key: &'k KeyShape,
    rows: &mut Vec<(Vec<&'k str>, String, String)>,
) {
    let name = format!("{path}{}", key.info.name);
    let value: Vec<_> = [value(&key.shape, key), presence(key)].into_iter().flatten().collect();
    let rest = format!("{} | {}", value.join(", "), key.info.doc);
    match rows.iter_mut().find(|(_, other, text)| *other == name && *text == rest) {
        Some((kinds, ..)) => kinds.push(kind),
        None => rows.push((vec![kind], name.clone(), rest)),
    }
    for group in groups(&key.shape) {
        group.keys.iter().for_each(|key| add(kind, &format!("{name}."), key, rows));
    }
}

/// `per_page: 100`, `page_param`.
fn short(key: &KeyShape) -> String {
    match &key.info.default {
        Some(default) => format!("`{}: {default}`", key.info.name),
        None => format!("`{}`", key.info.name),
    }
}

fn presence(key: &KeyShape) -> Option<String> {
    let default = match &key.presence {
        Presence::Required => return Some("required".to_owned()),
        Presence::Default(Printed::Text(text) | Printed::Number(text)) if !text.is_empty() => text,
        Presence::Default(Printed::Flag(flag)) => return Some(format!("`{flag}` if absent")),
        Presence::Default(_) | Presence::Optional => return None,
    };
    Some(format!("`{default}` if absent"))
}

/// What can be written.
fn value(shape: &Shape, key: &KeyShape) -> Option<String> {
    Some(match shape {
        Shape::Template => "*text*".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Texts => "string or list of strings".to_owned(),
        Shape::Condition => "condition".to_owned(),
        Shape::Pointer => "JSON Pointer".to_owned(),
        Shape::Duration if key.info.in_seconds => "duration or a number of seconds".to_owned(),
        Shape::Duration => "duration".to_owned(),
        Shape::Size => "size".to_owned(),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Number => {
            let bounds = bounds(&key.info);
            match *bounds.end() {
                end if end == i64::MAX as u64 => format!("whole number from {}", bounds.start()),
                end => format!("whole number from {} to {}", bounds.start(), grouped(end)),
            }
        }
        Shape::Choice(choices) => {
            choices.iter().map(|c| format!("`{}`", c.name)).collect::<Vec<_>>().join(", ")
        }
        Shape::Pairs => "mapping of names to *texts*, or list of `{key, value}`".to_owned(),
        Shape::Json => "any value".to_owned(),
        Shape::RustPath => "path of a Rust item".to_owned(),
        Shape::File => "file".to_owned(),
        Shape::Files => "file or list of files".to_owned(),
        Shape::Fields => "fields and types".to_owned(),
        Shape::Arguments => "names and types".to_owned(),
        Shape::ValueType => "type".to_owned(),
        Shape::Group(_) | Shape::Kinds(_) | Shape::Named(_) => "mapping".to_owned(),
        Shape::List(_) => "list".to_owned(),
        Shape::Either(shapes) => {
            let shapes: Vec<_> = shapes.iter().filter_map(|shape| value(shape, key)).collect();
            shapes.join(" or ")
        }
    })
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (index + 3 - first).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[test]
fn the_tables_of_the_reference_are_what_is_declared() {
    let mut text = std::fs::read_to_string(root().join("docs/reference.md")).expect("it is there");
    for (name, table) in tables() {
        let (start, end) = (format!("<!-- keys: {name} -->\n"), format!("<!-- end: {name} -->\n"));
        let (before, rest) = text.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
        text = format!("{before}{start}{table}{end}{after}");
    }
    held("docs/reference.md", &text);
}
