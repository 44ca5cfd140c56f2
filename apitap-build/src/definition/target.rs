//! Where rows go: plain data.

use serde::{Deserialize, Serialize};

use crate::template::Template;

/// A database that takes rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in `sink(name=…)`.
    pub name: String,
    /// Which database.
    #[serde(rename = "type")]
    pub kind: TargetKind,
    /// How to reach it.
    pub connection: Connection,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// PostgreSQL 13 or newer.
    Postgres,
    /// MySQL 8.0.17 or newer, or MariaDB 10.6 or newer.
    Mysql,
    /// A SQLite file.
    Sqlite,
}

/// How to reach a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// `postgres://user:password@host:5432/database`, `mysql://…`, `sqlite:quakes.db` or a path.
    Url(Template),
    /// The parts of it.
    Parts {
        /// The server's name or address.
        host: Template,
        /// Its port.
        port: u16,
        /// The database.
        database: Template,
        /// The user.
        username: Template,
        /// The password; empty for none.
        password: Template,
    },
}
