//! The values of the YAML file → warnings about those that mean something else than they seem to.
//!
//! Looks at words alone: what a key means is known to [`crate::spec`].

use crate::codes;
use crate::diagnostic::{Edit, Finding, Place};
use crate::secret_names::is_secret;
use crate::tree::{Node, Value};

/// The warnings about all values of a file.
pub(super) fn warnings(yaml: &Node) -> Vec<Finding> {
    let mut found = Vec::new();
    walk("", yaml, &mut found);
    found
}

fn walk(key: &str, node: &Node, found: &mut Vec<Finding>) {
    match &node.value {
        Value::Map(entries) => {
            entries.iter().for_each(|(key, node)| walk(&key.value, node, found));
        }
        Value::List(items) => items.iter().for_each(|item| walk(key, item, found)),
        Value::String(text) => found.extend(of_text(key, text, &node.place)),
        _ => {}
    }
}

fn of_text(key: &str, text: &str, place: &Place) -> Option<Finding> {
    bare_variable(text, place)
        .or_else(|| scheme_twice(key, text, place))
        .or_else(|| default_secret(key, text, place))
        .or_else(|| default_of_nothing(key, text, place))
        .or_else(|| in_memory(key, text, place))
}

fn misleading(message: impl Into<String>, place: &Place) -> Finding {
    Finding::warning(codes::MISLEADING_VALUE, message, place)
}

/// `$TOKEN`, which is a text of six characters.
fn bare_variable(text: &str, place: &Place) -> Option<Finding> {
    let name = text.strip_prefix('$')?;
    let is_name = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if !is_name {
        return None;
    }
    let variable = format!("${{{name}}}");
    let edit = Edit { place: place.clone(), replacement: variable.clone(), sure: true };
    let message = format!("`{text}` is sent as it stands: it is not a variable");
    Some(misleading(message, place).fix(format!("a variable is written `{variable}`"), edit))
}

/// `bearer: "Bearer …"`, which is sent as `Bearer Bearer …`.
fn scheme_twice(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let scheme = text.get(..7).filter(|start| start.eq_ignore_ascii_case("bearer "))?;
    (key == "bearer").then(|| {
        let at = place.within(0..scheme.len());
        let edit = Edit { place: at.clone(), replacement: String::new(), sure: true };
        misleading("`Bearer` is sent twice: the key adds it", &at)
            .fix("write the token alone", edit)
    })
}

/// Name, default, and where the default stands, of each `${NAME:-default}`.
fn defaults(text: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    text.match_indices("${").filter_map(|(at, _)| {
        let inside = text.get(at + 2..)?;
        let inside = inside.get(..inside.find('}')?)?;
        let (name, default) = inside.split_once(":-")?;
        Some((name, default, at + 2 + name.len() + 2))
    })
}

/// `${TOKEN:-hunter2}`
fn default_secret(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let (name, default, start) = defaults(text).find(|(_, default, _)| !default.is_empty())?;
    is_secret(key).then(|| {
        let place = place.within(start..start + default.len());
        let message = format!("the default of `{name}` is a secret that is written into the file");
        Finding::warning(codes::LITERAL_SECRET, message, &place)
            .label("whoever can read the file has it")
            .help(format!("write `${{{name}}}`, and set that variable where the program runs"))
    })
}

/// `${DATABASE_URL:-}` where something must be.
fn default_of_nothing(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let needed = ["url", "path", "host", "database", "bearer", "username", "password"];
    let (name, _, _) = defaults(text).find(|(_, default, _)| default.is_empty())?;
    let is_all = text == format!("${{{name}:-}}");
    (is_all && needed.contains(&key)).then(|| {
        let variable = format!("${{{name}}}");
        let edit = Edit { place: place.clone(), replacement: variable.clone(), sure: false };
        misleading(format!("without `{name}`, this is empty"), place)
            .fix(format!("write `{variable}`: then a run says that it is missing"), edit)
    })
}

/// A database that is gone when the run ends.
fn in_memory(key: &str, text: &str, place: &Place) -> Option<Finding> {
    (text == ":memory:" && matches!(key, "path" | "url")).then(|| {
        misleading("this database is gone when the run ends", place)
            .help("name a file, as in `path: warehouse.db`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Files, Findings};
    use crate::parse::yaml;

    /// The warnings about one value: their messages.
    fn check(key: &str, value: &str, expected: &[&str]) {
        let mut files = Files::default();
        let file = files.add("pipelines.yaml", format!("{key}: \"{value}\"\n"));
        let node = yaml::parse(&files, file, &mut Findings::default()).unwrap();
        let found: Vec<_> = warnings(&node).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found, expected, "{key}: {value}");
    }

    #[test]
    fn values_that_mislead_are_found() {
        check("value", "$TOKEN", &["`$TOKEN` is sent as it stands: it is not a variable"]);
        check("bearer", "Bearer ${TOKEN}", &["`Bearer` is sent twice: the key adds it"]);
        check(
            "bearer",
            "${TOKEN:-hunter2}",
            &["the default of `TOKEN` is a secret that is written into the file"],
        );
        check("url", "${DB:-}", &["without `DB`, this is empty"]);
        check("path", ":memory:", &["this database is gone when the run ends"]);
    }

    #[test]
    fn values_as_people_write_them_are_silent() {
        check("value", "${TOKEN}", &[]);
        check("value", "$5", &[]);
        check("value", "$", &[]);
        check("value", "US$", &[]);
        check("bearer", "${TOKEN}", &[]);
        check("authorization", "Bearer ${TOKEN}", &[]);
        check("url", "${API:-https://shop.example.com}/orders", &[]);
        check("path", "${FOLDER:-}warehouse.db", &[]);
    }
}
