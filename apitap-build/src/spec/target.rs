//! A target, and what `sink(…)` says of it, as written → [`TargetSpec`] and [`SinkSpec`].

use super::values::{database_url, text};
use super::words::{Words, strings};
use super::{SinkSpec, TargetSpec, secrets};
use crate::codes;
use crate::definition::{Connection, Mode, Target, TargetKind, Template};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::tree::{Node, Value};

const KINDS: [(&str, TargetKind); 2] =
    [("postgres", TargetKind::Postgres), ("sqlite", TargetKind::Sqlite)];

const MODES: [(&str, Mode); 3] =
    [("append", Mode::Append), ("replace", Mode::Replace), ("merge", Mode::Merge)];

const POSTGRES_PORT: u16 = 5432;

/// Reads an entry of `targets`.
pub(super) fn declared(node: &Node, findings: &mut Findings) -> Option<TargetSpec> {
    let owner = super::name_of(node)
        .map_or_else(|| "a target".to_owned(), |name| format!("target `{name}`"));
    let mut words = Words::new(owner, node, findings)?;
    let name = words.required_string("name", "name: warehouse");
    let target = target(&mut words);
    if !words.finish() {
        return None;
    }
    let (name, (kind, connection)) = (name?, target?);
    let target = Target { name: name.value.clone(), kind, connection };
    Some(TargetSpec { name, target })
}

/// Reads `sink(…)`.
pub fn sink(node: &Node, findings: &mut Findings) -> Option<SinkSpec> {
    let mut words = Words::new("`sink`", node, findings)?;
    let name = words.string("name");
    let sink = store(&mut words);
    words.finish().then_some(SinkSpec { name, ..sink })
}

/// Reads `#[target(…)]`: a target and a sink in one.
pub fn inline_target(node: &Node, findings: &mut Findings) -> Option<(TargetSpec, SinkSpec)> {
    let mut words = Words::new("`target`", node, findings)?;
    let name = words.string("name");
    let target = target(&mut words);
    let sink = store(&mut words);
    if !words.finish() {
        return None;
    }
    let (kind, connection) = target?;
    let word = KINDS.iter().find(|(_, k)| *k == kind).map_or("target", |(word, _)| *word);
    let name = name.unwrap_or_else(|| Spanned::new(word.to_owned(), node.place.clone()));
    let target = Target { name: name.value.clone(), kind, connection };
    Some((TargetSpec { name, target }, sink))
}

/// Table, mode and key.
fn store(words: &mut Words<'_, '_>) -> SinkSpec {
    let table = words.text("table");
    let mode = words.choice("mode", &MODES);
    let key = words.get("key").map(|node| strings("key", node, words.findings));
    let place = words.place.clone();
    SinkSpec { name: None, table, mode, key: key.unwrap_or_default(), place }
}

fn target(words: &mut Words<'_, '_>) -> Option<(TargetKind, Connection)> {
    let kind = words.choice("type", &KINDS);
    let Some(kind) = kind else {
        if !words.has("type") {
            words.missing("type", "type: postgres");
        }
        // Whatever it is, its own words are no mistake.
        for word in ["path", "host", "port", "database"] {
            words.known(word);
        }
        if let Some(url) = words.string("url") {
            secrets::in_address(&url, words.findings);
        }
        if let Some(auth) = words.get("auth").filter(|auth| matches!(auth.value, Value::Map(_))) {
            credentials(auth, words.findings);
        }
        return None;
    };
    let connection = match kind.value {
        TargetKind::Postgres => postgres(words),
        TargetKind::Sqlite => sqlite(words),
    };
    Some((kind.value, connection?))
}

fn sqlite(words: &mut Words<'_, '_>) -> Option<Connection> {
    let url = words.text("url");
    let path = words.text("path");
    match (url, path) {
        (Some(_), Some(path)) => {
            words.findings.push(two_spellings("url", "path", &path));
            None
        }
        (Some(url), None) => {
            Some(Connection::Url(database_url(url, TargetKind::Sqlite, words.findings)?))
        }
        (None, Some(path)) => Some(Connection::Url(text(path, words.findings)?)),
        (None, None) => {
            if !words.has("url") && !words.has("path") {
                words.missing("path", "path: warehouse.db");
            }
            None
        }
    }
}

/// `url`, or the original's `host`, `port`, `database` and `auth`.
fn postgres(words: &mut Words<'_, '_>) -> Option<Connection> {
    if words.has("url") {
        let url = words.text("url");
        for word in ["host", "port", "database", "auth"] {
            if words.get(word).is_some() {
                let place = words.key_place(word).unwrap_or(words.place).clone();
                words.findings.push(two_spellings(
                    "url",
                    word,
                    &Spanned::new(String::new(), place),
                ));
            }
        }
        let url = url?;
        secrets::in_address(&url, words.findings);
        let url = database_url(url, TargetKind::Postgres, words.findings)?;
        return Some(Connection::Url(url));
    }
    words.known("url");
    if !words.has("host") && !words.has("database") && !words.has("auth") {
        for word in ["host", "port", "database", "auth"] {
            words.known(word);
        }
        words.missing("url", "url: ${DATABASE_URL}");
        return None;
    }
    let host = words.required_string("host", "host: localhost");
    let port = words.number("port", 1..=u16::MAX.into(), POSTGRES_PORT.into());
    let database = words.required_string("database", "database: warehouse");
    let auth = words.required("auth", "auth: {username: app, password: \"${PGPASSWORD}\"}");
    let port = u16::try_from(port).ok();
    let host = host.and_then(|host| text(host, words.findings));
    let database = database.and_then(|database| text(database, words.findings));
    let (username, password) = auth.and_then(|node| credentials(node, words.findings))?;
    Some(Connection::Parts { host: host?, port: port?, database: database?, username, password })
}

/// `username` or `username_env`, `password` or `password_env`.
fn credentials(node: &Node, findings: &mut Findings) -> Option<(Template, Template)> {
    let mut words = Words::new("`auth`", node, findings)?;
    let username = credential(&mut words, "username", "username_env");
    let password = credential(&mut words, "password", "password_env");
    if let Some(password) = words.string("password").filter(|_| !words.has("password_env")) {
        secrets::secret("the password", "password: \"${PGPASSWORD}\"", &password, words.findings);
    }
    if username.is_none() && !words.has("username") && !words.has("username_env") {
        words.missing("username", "username: app");
    }
    if !words.finish() {
        return None;
    }
    Some((username?, password.unwrap_or(Template(String::new()))))
}

/// A value, or the name of the variable that holds it: `${NAME}` by another spelling.
fn credential(
    words: &mut Words<'_, '_>,
    word: &'static str,
    env: &'static str,
) -> Option<Template> {
    let value = words.string(word);
    let variable = words.string(env);
    match (value, variable) {
        (Some(_), Some(variable)) => {
            words.findings.push(two_spellings(word, env, &variable));
            None
        }
        (Some(value), None) => text(value, words.findings),
        (None, Some(name)) => text(name.map(|name| format!("${{{name}}}")), words.findings),
        (None, None) => None,
    }
}

fn two_spellings(first: &str, second: &str, at: &Spanned<String>) -> Finding {
    let message = format!("`{first}` and `{second}` say the same thing twice");
    Finding::error(codes::CONFLICTING_KEYS, message, &at.place)
        .help(format!("keep one: remove `{second}`"))
}
