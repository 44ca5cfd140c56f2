//! `type: sqlite`.

use super::{Connects, conflict};
use crate::definition::database_url::SQLITE;
use crate::definition::{Connection, Template};
use crate::keys::declare::{Mapping, keys};
use crate::keys::rules::{DatabaseUrl, database_url};

const URL: DatabaseUrl = DatabaseUrl {
    what: "SQLite",
    schemes: &["sqlite"],
    path: true,
    example: "sqlite:warehouse.db",
    parameters: Some(&SQLITE),
};

keys! {
    /// A SQLite file, by its path or URL.
    pub struct Sqlite, spec SqliteSpec, kind "sqlite", also ["sqlite3"] {
        /// The file.
        path: Option<Template> = optional().filled().example("${SHOP_DB:-shop.db}"),
        /// The file as a URL.
        url: Option<Template> = optional()
            .filled()
            .rule(|url, findings| database_url(&URL, url, findings))
            .example("sqlite:shop.db"),
    }
    check: path_or_url;
    rules: vec![Rule::one_of(vec![vec!["path"], vec!["url"]])];
}

fn path_or_url(spec: &SqliteSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    match (mapping.has("path"), mapping.has("url")) {
        (true, true) => conflict("url", "path", Some(spec.path.place.clone()), mapping),
        (false, false) => mapping.missing_as("path", "path: warehouse.db"),
        _ => return true,
    }
    false
}

impl Connects for Sqlite {
    fn connection(self) -> Option<Connection> {
        self.path.or(self.url).map(Connection::Url)
    }

    fn of(connection: &Connection) -> Self {
        match connection {
            Connection::Url(url) if url.0.starts_with("sqlite:") => {
                Self { path: None, url: Some(url.clone()) }
            }
            other => Self { path: Some(other.place().clone()), url: None },
        }
    }
}
