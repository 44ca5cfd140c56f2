//! Where rows go: plain data.

use serde::{Deserialize, Serialize};

use super::Checkpoint;
use crate::keys::dialect::AdbcDialect;
use crate::keys::object_store::{Azure, Gcs, S3};
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
    /// How often a long run commits, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
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
    /// Tables of Delta Lake in a folder.
    Delta,
    /// A database of that SQL, reached through an ADBC driver.
    Adbc(AdbcDialect),
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
    /// A database behind a driver.
    Driver(Driver),
}

impl Connection {
    /// The text that says where it is: a URL, a path, the name of a database or of a driver.
    pub fn place(&self) -> &Template {
        match self {
            Self::Url(text) | Self::Parts { database: text, .. } => text,
            Self::Folder(folder) => &folder.path,
            Self::Driver(driver) => &driver.driver,
        }
    }
}

/// An ADBC driver, and what it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The path of its library or manifest, or its name.
    pub driver: Template,
    /// The function that makes it, where that has not its usual name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// What it is told.
    #[serde(default)]
    pub options: DriverOptions,
}

/// The options of a driver, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DriverOptions(pub Vec<(String, Template)>);

/// A folder that takes files, and how they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folder {
    /// Its path, or its URL in an object store: `s3://bucket/folder`.
    pub path: Template,
    /// About how large a file gets before the next one begins.
    pub file_size: Size,
    /// How the files are compressed.
    pub compression: Compression,
    /// How to reach the object store of a URL.
    #[serde(default, skip_serializing_if = "Cloud::is_default")]
    pub cloud: Box<Cloud>,
}

/// How to reach the object store of a URL: that of its scheme counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cloud {
    /// Of `s3://bucket/folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3>,
    /// Of `gs://bucket/folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<Gcs>,
    /// Of `az://container/folder` and `abfss://container@account.dfs.core.windows.net/folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<Azure>,
}

/// The schemes of URLs of object stores, and the key that says how to reach each.
const STORES: [(&str, &str); 6] = [
    ("s3", "s3"),
    ("s3a", "s3"),
    ("gs", "gcs"),
    ("az", "azure"),
    ("abfs", "azure"),
    ("abfss", "azure"),
];

impl Cloud {
    /// The schemes that URLs of object stores can have.
    pub const SCHEMES: &'static [&'static str] = &{
        let mut schemes = [""; STORES.len()];
        let mut at = 0;
        while at < schemes.len() {
            schemes[at] = STORES[at].0;
            at += 1;
        }
        schemes
    };

    /// The key that says how to reach the object store of a URL; `None` where the path is one of this
    /// machine, or of something else.
    pub fn key_of(path: &str) -> Option<&'static str> {
        let (scheme, _) = path.trim().split_once("://")?;
        STORES.iter().find(|(known, _)| *known == scheme).map(|(_, key)| *key)
    }

    /// Whether no key says anything.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
