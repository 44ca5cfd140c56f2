//! Where rows go: plain data.

use serde::{Deserialize, Serialize};

use crate::size::Size;
use crate::template::Template;

/// A database or a folder that takes rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in `sink(name=…)`.
    pub name: String,
    /// Which kind of database or of files.
    #[serde(rename = "type")]
    pub kind: TargetKind,
    /// How to reach it.
    pub connection: Connection,
}

/// Which kind of database or of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// PostgreSQL 13 or newer.
    Postgres,
    /// MySQL 8.0.17 or newer, or MariaDB 10.6 or newer.
    Mysql,
    /// A SQLite file.
    Sqlite,
    /// Parquet files in a folder.
    Parquet,
    /// CSV files in a folder.
    Csv,
    /// Files of JSON lines in a folder.
    Jsonl,
}

/// How to reach a database or a folder.
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
    /// A folder that takes files.
    Folder(Folder),
}

/// A folder that takes files, and how they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folder {
    /// Its path.
    pub path: Template,
    /// About how large a file gets before the next one begins.
    pub file_size: Size,
    /// How the files are compressed.
    pub compression: Compression,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip; of text.
    Gzip,
    /// Snappy; of the columns of Parquet.
    Snappy,
    /// Zstandard.
    Zstd,
}
