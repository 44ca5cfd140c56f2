//! `type: mysql`.

use super::Connects;
use super::credentials::Credentials;
use super::server::{self, PARTS, Server};
use crate::definition::database_url::MYSQL;
use crate::definition::{Connection, Template};
use crate::keys::declare::{Mapping, keys};
use crate::keys::rules::{DatabaseUrl, database_url};

const PORT: u16 = 3306;

const URL: DatabaseUrl = DatabaseUrl {
    what: "MySQL",
    schemes: &["mysql", "mariadb"],
    path: false,
    example: "mysql://${MYSQL_USER}:${MYSQL_PASSWORD}@localhost:3306/warehouse",
    parameters: Some(&MYSQL),
};

keys! {
    /// MySQL or MariaDB, by its URL or by host, database and user.
    pub struct Mysql, spec MysqlSpec, kind "mysql", also ["mariadb"] {
        /// Where the database is.
        url: Option<Template> = optional()
            .filled()
            .rule(|url, findings| database_url(&URL, url, findings))
            .example("${DATABASE_URL}")
            .example("mysql://app:${MYSQL_PASSWORD}@localhost/warehouse"),
        /// The server's name or address.
        host: Option<Template> = optional().filled().example("localhost"),
        /// The server's port.
        port: u16 = default(PORT).within(1..=65_535).beside("host").example("3307"),
        /// The database.
        database: Option<Template> = optional().filled().example("warehouse"),
        /// The user and the password.
        auth: Option<Credentials> = optional().example("{username: app, password: \"${MYSQL_PASSWORD}\"}"),
    }
    check: url_or_parts;
    rules: vec![Rule::OneOf(vec![
        Alternative { with: vec!["url"], without: PARTS.to_vec() },
        Alternative { with: vec!["host", "database", "auth"], without: vec!["url"] },
    ])];
}

fn url_or_parts(_: &MysqlSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    server::url_or_parts(mapping)
}

impl Connects for Mysql {
    fn connection(self) -> Option<Connection> {
        let Self { url, host, port, database, auth } = self;
        Server { url, host, port, database, auth }.connection()
    }

    fn of(connection: &Connection) -> Self {
        let Server { url, host, port, database, auth } = Server::of(connection, PORT);
        Self { url, host, port, database, auth }
    }
}
