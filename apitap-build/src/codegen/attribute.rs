//! Keys and values → the text of an attribute: the inverse of what reads one.

use std::fmt::Write as _;

use super::text;
use crate::definition::{Definition, Source};
use crate::keys::Printed;
use crate::keys::group::{Group as _, Kinds as _};
use crate::keys::sink::Store;
use crate::keys::source::Request;
use crate::keys::target::{Commits, Named, TargetKeys};
use crate::keys::values::Texts;

/// A key and its value.
type Entry = (String, Printed);

/// The longest line within a module.
const WIDTH: usize = 96;

/// The keys of `#[source(…)]`.
pub fn source(source: &Source) -> Vec<Entry> {
    Request::of(source).print_keys()
}

/// The keys of `#[target(…)]`.
pub fn target(definition: &Definition) -> Vec<Entry> {
    let mut keys = Named { name: definition.target.name.clone() }.print_keys();
    keys.extend(TargetKeys::of(&definition.target).print_kind());
    keys.extend(Commits { checkpoint: definition.target.checkpoint.clone() }.print_keys());
    let store = Store {
        table: Some(definition.table.clone()),
        mode: Some(definition.mode),
        key: Texts(definition.key.clone()),
        delete_missing: definition.delete_missing,
        evolve: definition.evolve,
        before: definition.hooks.before.clone(),
        after: definition.hooks.after.clone(),
        partition_by: Texts(definition.partition_by.clone()),
    };
    keys.extend(store.print_keys());
    keys
}

/// Writes `#[name(keys)]`.
pub fn write(out: &mut String, name: &str, keys: &[Entry]) {
    group(out, 0, &format!("#[{name}"), keys, "]");
}

/// Writes keys in parentheses on one line where they fit, else one a line; as rustfmt does.
fn group(out: &mut String, depth: usize, name: &str, keys: &[Entry], end: &str) {
    let pad = "    ".repeat(depth);
    let line = format!("{pad}{name}({}){end}", line(keys));
    if line.len() <= WIDTH {
        let _ = writeln!(out, "{line}");
        return;
    }
    let _ = writeln!(out, "{pad}{name}(");
    for (index, (key, value)) in keys.iter().enumerate() {
        let comma = if index + 1 < keys.len() { "," } else { "" };
        match value {
            Printed::Map(keys) => group(out, depth + 1, &self::key(key), keys, comma),
            _ => {
                let _ = writeln!(out, "{pad}    {}{comma}", entry(key, value));
            }
        }
    }
    let _ = writeln!(out, "{pad}){end}");
}

fn line(keys: &[Entry]) -> String {
    keys.iter().map(|(key, value)| entry(key, value)).collect::<Vec<_>>().join(", ")
}

/// `key = value`, or `key(keys)`.
fn entry(key: &str, value: &Printed) -> String {
    match value {
        Printed::Map(keys) => format!("{}({})", self::key(key), line(keys)),
        value => format!("{} = {}", self::key(key), self::value(value)),
    }
}

fn value(value: &Printed) -> String {
    match value {
        Printed::Nothing => "\"\"".to_owned(),
        Printed::Null => "null".to_owned(),
        Printed::Text(value) => text(value),
        Printed::Number(number) => number.clone(),
        Printed::Flag(flag) => flag.to_string(),
        Printed::List(items) => {
            let items: Vec<_> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Printed::Map(keys) => format!("({})", line(keys)),
    }
}

/// A key as an identifier, raw where that is a keyword; quoted where it is none.
fn key(name: &str) -> String {
    // A byte order mark is passed over where Rust begins.
    let is_identifier =
        |text: &str| syn::parse_str::<syn::Ident>(text).is_ok_and(|identifier| identifier == text);
    if is_identifier(name) || name == "type" {
        name.to_owned()
    } else if is_identifier(&format!("r#{name}")) {
        format!("r#{name}")
    } else {
        text(name)
    }
}
