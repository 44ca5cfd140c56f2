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
        .or_else(|| variable_within(key, text, place))
        .or_else(|| scheme_twice(key, text, place))
        .or_else(|| other_scheme(key, text, place))
        .or_else(|| default_secret(key, text, place))
        .or_else(|| default_in_address(key, text, place))
        .or_else(|| default_of_nothing(key, text, place))
        .or_else(|| in_memory(key, text, place))
        .or_else(|| slashes(key, text, place))
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

/// `https://api.example.com/$VERSION/orders`
fn variable_within(key: &str, text: &str, place: &Place) -> Option<Finding> {
    if !matches!(key, "url" | "host") {
        return None;
    }
    let (start, name) = text.match_indices('$').find_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back()?;
        let rest = text.get(at + 1..)?;
        let is_of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end)?;
        let is_name = name.len() > 2 && name.starts_with(|c: char| c.is_ascii_uppercase());
        let ends = rest.get(end..)?.chars().next().is_none_or(|c| !c.is_alphanumeric());
        (is_name && ends && "/=:@&.?".contains(before)).then_some((at, name))
    })?;
    let variable = format!("${{{name}}}");
    let at = place.within(start..start + 1 + name.len());
    let edit = Edit { place: at.clone(), replacement: variable.clone(), sure: true };
    let message = format!("`${name}` is sent as it stands: it is not a variable");
    Some(misleading(message, &at).fix(format!("a variable is written `{variable}`"), edit))
}

/// `bearer: "Basic …"`, which is sent as `Bearer Basic …`.
fn other_scheme(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let schemes = ["Basic ", "Token ", "ApiKey ", "Digest "];
    let starts = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme = schemes.into_iter().find(starts).filter(|_| key == "bearer")?;
    let at = place.within(0..scheme.len());
    let scheme = scheme.trim_end();
    let message = format!("`Bearer {scheme}` is sent: the key adds `Bearer`");
    Some(misleading(message, &at).help(match scheme {
        "Basic" => "write `basic: {username: …, password: …}` in place of `bearer`".to_owned(),
        _ => format!("write a header: `headers: {{Authorization: \"{scheme} …\"}}`"),
    }))
}

/// `https:///host`, `https:/host` and `https://https://host`.
fn slashes(key: &str, text: &str, place: &Place) -> Option<Finding> {
    if !matches!(key, "url" | "token_url") {
        return None;
    }
    let scheme = ["https:", "http:"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let rest = text.get(scheme.len()..)?;
    let host = rest.trim_start_matches('/');
    let slashes = rest.len() - host.len();
    if host.starts_with("http://") || host.starts_with("https://") {
        let start = scheme.len() + slashes;
        let edit = Edit { place: place.within(0..start), replacement: String::new(), sure: true };
        let at = place.within(0..start);
        return Some(
            misleading("the scheme is written twice, and the second one is taken for a host", &at)
                .fix("remove the first one", edit),
        );
    }
    if slashes == 2 || host.is_empty() {
        return None;
    }
    let at = place.within(0..scheme.len() + slashes);
    let edit = Edit { place: at.clone(), replacement: format!("{scheme}//"), sure: true };
    let name = host.split(['/', '?', ':']).next().unwrap_or(host);
    Some(
        misleading(
            format!("`{scheme}` is not followed by two slashes: `{name}` is taken for the host"),
            &at,
        )
        .fix(format!("write `{scheme}//{name}`"), edit),
    )
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
    is_secret(key).then(|| written_default(name, &place.within(start..start + default.len())))
}

fn written_default(name: &str, place: &Place) -> Finding {
    let message = format!("the default of `{name}` is a secret that is written into the file");
    Finding::warning(codes::LITERAL_SECRET, message, place)
        .label("whoever can read the file has it")
        .help(format!("write `${{{name}}}`, and set that variable where the program runs"))
}

/// `?token=${TOKEN:-hunter2}`
fn default_in_address(key: &str, text: &str, place: &Place) -> Option<Finding> {
    if !matches!(key, "url" | "path") {
        return None;
    }
    let is_secret_one = |(name, default, start): &(&str, &str, usize)| {
        let before = text.get(..start.saturating_sub(name.len() + 4)).unwrap_or_default();
        let parameter = before.strip_suffix('=').and_then(|rest| rest.rsplit(['?', '&']).next());
        !default.is_empty() && parameter.is_some_and(is_secret)
    };
    let (name, default, start) = defaults(text).find(is_secret_one)?;
    Some(written_default(name, &place.within(start..start + default.len())))
}

/// `${DATABASE_URL:-}` where something must be.
fn default_of_nothing(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let needed = ["url", "path", "host", "database", "bearer", "username", "password"];
    let (name, _, _) = defaults(text).find(|(_, default, _)| default.is_empty())?;
    // An address is nothing without its host.
    let is_all = match key {
        "url" => text.starts_with(&format!("${{{name}:-}}")),
        _ => text == format!("${{{name}:-}}"),
    };
    (is_all && needed.contains(&key)).then(|| {
        let variable = format!("${{{name}}}");
        let written = format!("${{{name}:-}}");
        let at = place.within(0..written.len());
        let edit = Edit { place: at.clone(), replacement: variable.clone(), sure: false };
        misleading(format!("without `{name}`, this is empty"), &at)
            .fix(format!("write `{variable}`: then a run says that it is missing"), edit)
    })
}

/// A database that is gone when the run ends.
fn in_memory(key: &str, text: &str, place: &Place) -> Option<Finding> {
    let address = text.strip_prefix("sqlite:").unwrap_or(text).trim_start_matches('/');
    let default = defaults(address).next().map(|(_, default, _)| default);
    let is_in_memory = address == ":memory:" || default == Some(":memory:");
    (is_in_memory && matches!(key, "path" | "url")).then(|| {
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
        check("url", "sqlite::memory:", &["this database is gone when the run ends"]);
        check("path", "${DB:-:memory:}", &["this database is gone when the run ends"]);
        check("url", "${API:-}/orders", &["without `API`, this is empty"]);
        check("bearer", "Basic ${KEY}", &["`Bearer Basic` is sent: the key adds `Bearer`"]);
        check("bearer", "token ${KEY}", &["`Bearer Token` is sent: the key adds `Bearer`"]);
        check(
            "url",
            "https://a.example/x?token=${KEY:-abc}&n=1",
            &["the default of `KEY` is a secret that is written into the file"],
        );
        check(
            "url",
            "https://a.example/$VERSION/orders",
            &["`$VERSION` is sent as it stands: it is not a variable"],
        );
        check(
            "url",
            "http:///host/x",
            &["`http:` is not followed by two slashes: `host` is taken for the host"],
        );
        check(
            "url",
            "https:/host/x",
            &["`https:` is not followed by two slashes: `host` is taken for the host"],
        );
        check(
            "url",
            "https://http://host/x",
            &["the scheme is written twice, and the second one is taken for a host"],
        );
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
        check("url", "https://shop.example.com/orders?$filter=a&$TOP5x=1", &[]);
        check("url", "https://shop.example.com/api?page=${PAGE:-1}", &[]);
        check("url", "https://${HOST}/orders", &[]);
        check("path", "/r$ATE/x", &[]);
    }
}
