//! `type: postgres`.

use super::credentials::Credentials;
use super::{Connects, conflict};
use crate::definition::{Connection, Template};
use crate::keys::declare::{Mapping, keys};
use crate::keys::rules::{DatabaseUrl, database_url};

const PORT: u16 = 5432;

const URL: DatabaseUrl = DatabaseUrl {
    what: "PostgreSQL",
    schemes: &["postgres", "postgresql"],
    path: false,
    example: "postgres://${PGUSER}:${PGPASSWORD}@localhost:5432/warehouse",
};

keys! {
    /// PostgreSQL, by its URL or by host, database and user.
    pub struct Postgres, spec PostgresSpec, kind "postgres", also ["pg", "postgresql"] {
        /// Where the database is.
        url: Option<Template> = optional()
            .filled()
            .rule(|url, findings| database_url(&URL, url, findings))
            .example("${DATABASE_URL}")
            .example("postgres://app:${PGPASSWORD}@localhost/warehouse"),
        /// The server's name or address.
        host: Option<Template> = optional().filled().example("localhost"),
        /// The server's port.
        port: u16 = default(PORT).within(1..=65_535).beside("host").example("5433"),
        /// The database.
        database: Option<Template> = optional().filled().example("warehouse"),
        /// The user and the password.
        auth: Option<Credentials> = optional().example("{username: app, password: \"${PGPASSWORD}\"}"),
    }
    check: url_or_parts;
    rules: vec![Rule::OneOf(vec![
        Alternative { with: vec!["url"], without: PARTS.to_vec() },
        Alternative { with: vec!["host", "database", "auth"], without: vec!["url"] },
    ])];
}

/// What stands in place of a URL.
const PARTS: [&str; 4] = ["host", "port", "database", "auth"];

/// `url`, or the original's `host`, `port`, `database` and `auth`.
fn url_or_parts(_: &PostgresSpec, mapping: &mut Mapping<'_, '_>) -> bool {
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

impl Connects for Postgres {
    fn connection(self) -> Option<Connection> {
        if let Some(url) = self.url {
            return Some(Connection::Url(url));
        }
        let (host, database, auth) = (self.host?, self.database?, self.auth?);
        let (username, password) = auth.values()?;
        Some(Connection::Parts { host, port: self.port, database, username, password })
    }

    fn of(connection: &Connection) -> Self {
        let empty = Self { url: None, host: None, port: PORT, database: None, auth: None };
        match connection.clone() {
            Connection::Url(url) => Self { url: Some(url), ..empty },
            Connection::Parts { host, port, database, username, password } => Self {
                host: Some(host),
                port,
                database: Some(database),
                auth: Some(Credentials::of(username, password)),
                ..empty
            },
        }
    }
}
