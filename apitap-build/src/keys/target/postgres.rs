//! `type: postgres`.

use super::Connects;
use super::credentials::Credentials;
use super::server::{self, PARTS, Server};
use crate::definition::database_url::POSTGRESQL;
use crate::definition::{Connection, Template};
use crate::keys::declare::{Mapping, keys};
use crate::keys::rules::{DatabaseUrl, database_url};

const PORT: u16 = 5432;

const URL: DatabaseUrl = DatabaseUrl {
    what: "PostgreSQL",
    schemes: &["postgres", "postgresql"],
    path: false,
    example: "postgres://${PGUSER}:${PGPASSWORD}@localhost:5432/warehouse",
    parameters: Some(&POSTGRESQL),
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

fn url_or_parts(_: &PostgresSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    server::url_or_parts(mapping)
}

impl Connects for Postgres {
    fn connection(self) -> Option<Connection> {
        let Self { url, host, port, database, auth } = self;
        Server { url, host, port, database, auth }.connection()
    }

    fn of(connection: &Connection) -> Self {
        let Server { url, host, port, database, auth } = Server::of(connection, PORT);
        Self { url, host, port, database, auth }
    }
}
