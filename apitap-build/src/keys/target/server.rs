//! What all servers that speak SQL are reached by: a URL, or host, database and user.

use super::conflict;
use super::credentials::Credentials;
use crate::definition::{Connection, Template};
use crate::keys::declare::Mapping;

/// What stands in place of a URL.
pub(super) const PARTS: [&str; 4] = ["host", "port", "database", "auth"];

/// The keys that say where a server is.
pub(super) struct Server {
    pub(super) url: Option<Template>,
    pub(super) host: Option<Template>,
    pub(super) port: u16,
    pub(super) database: Option<Template>,
    pub(super) auth: Option<Credentials>,
}

/// `url`, or the original's `host`, `port`, `database` and `auth`.
pub(super) fn url_or_parts(mapping: &mut Mapping<'_, '_>) -> bool {
    if mapping.has("url") {
        let both: Vec<_> = PARTS.into_iter().filter(|part| mapping.has(part)).collect();
        for part in &both {
            let place = mapping.key_place(part).cloned();
            conflict("url", part, place, mapping);
        }
        return both.is_empty();
    }
    if !["host", "database", "auth"].iter().any(|part| mapping.has(part)) {
        mapping.missing_as("url", "url: ${DATABASE_URL}");
        return false;
    }
    let examples = [
        ("host", "host: localhost"),
        ("database", "database: warehouse"),
        ("auth", "auth: {username: app, password: \"${PGPASSWORD}\"}"),
    ];
    let missing: Vec<_> = examples.into_iter().filter(|(part, _)| !mapping.has(part)).collect();
    missing.iter().for_each(|(part, example)| mapping.missing_as(part, example));
    missing.is_empty()
}

impl Server {
    /// How to reach it; `None` where that was not said.
    pub(super) fn connection(self) -> Option<Connection> {
        if let Some(url) = self.url {
            return Some(Connection::Url(url));
        }
        let (host, database, auth) = (self.host?, self.database?, self.auth?);
        let (username, password) = auth.values()?;
        Some(Connection::Parts { host, port: self.port, database, username, password })
    }

    /// The keys that say so; `port` is the one that is meant where none is said.
    pub(super) fn of(connection: &Connection, port: u16) -> Self {
        let empty = Self { url: None, host: None, port, database: None, auth: None };
        match connection.clone() {
            Connection::Parts { host, port, database, username, password } => Self {
                host: Some(host),
                port,
                database: Some(database),
                auth: Some(Credentials::of(username, password)),
                ..empty
            },
            other => Self { url: Some(other.place().clone()), ..empty },
        }
    }
}
