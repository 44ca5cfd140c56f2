//! A pipeline that has been checked: plain data, nothing left to look up but the environment.
//!
//! YAML and `#[pipeline]` both become a [`Definition`], and the runtime runs nothing else. Strings
//! that may hold `${NAME}` are [`Text`]: they are resolved when the program starts, never before.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::schema::Schema;

mod rust;
pub mod table;
mod text;

pub use rust::{Custom, Function, Map, RustRole, Transform};
pub use text::{Part, TextError};

/// One pipeline: which sources, which query over them, into which table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The pipeline's name: the SQL file's path without `.sql`, or the module's row struct.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The sources that the query reads, each once, in order of first use.
    pub sources: Vec<Source>,
    /// What makes rows of the sources' records.
    #[serde(flatten)]
    pub transform: Transform,
    /// The Rust functions that the query calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
    /// What the query yields. `None` where a source has no schema yet: it is inferred at run time.
    pub row: Option<Schema>,
    /// Where the rows go.
    pub target: Target,
    /// The table, optionally qualified (`analytics.orders`).
    pub table: String,
    /// How the rows get into the table.
    pub mode: Mode,
    /// The columns that identify a row; never empty for [`Mode::Merge`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
}

/// How the rows of a run get into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Add them.
    Append,
    /// They are the table's whole content from now on.
    Replace,
    /// Update the row with the same key, or add it.
    Merge,
}

/// A string in which `${NAME}` and `${NAME:-default}` stand for environment variables at run time.
///
/// `$${` is a literal `${`. Its `Debug` shows what was written, which never is the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

/// A REST API's collection of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The table's name in SQL.
    pub name: String,
    /// What the API returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of the first request, without pagination parameters.
    pub url: Text,
    /// Header names and values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Text)>,
    /// Query parameters, in order, before those of the pagination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<(String, Text)>,
    /// Who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Where the records are in the body: an array, or one record as an object.
    #[serde(default)]
    pub data_path: Pointer,
    /// How to get from one page to the next.
    #[serde(default)]
    pub pagination: Pagination,
    /// What to do when a request fails.
    #[serde(default)]
    pub retry: Retry,
    /// How long one request may take, body included.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
    /// The records' fields; `None` where they are inferred at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// The top-level fields that the query reads: the others are skipped in the decoder.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<String>,
}

/// How long one request may take when nothing is said: 60 seconds.
pub fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

/// A JSON Pointer (RFC 6901); the empty one is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(pub String);

impl Definition {
    /// The query; `None` where a Rust function makes the rows.
    pub fn sql(&self) -> Option<&str> {
        match &self.transform {
            Transform::Sql(sql) => Some(sql),
            Transform::Map(_) => None,
        }
    }
}

impl Source {
    /// The Rust types that it names, as paths.
    pub fn rust_types(&self) -> impl Iterator<Item = (RustRole, &Custom)> {
        let auth = match &self.auth {
            Some(Auth::Custom(custom)) => Some((RustRole::Authenticate, custom)),
            _ => None,
        };
        let pagination = match &self.pagination {
            Pagination::Custom(custom) => Some((RustRole::Paginate, custom)),
            _ => None,
        };
        auth.into_iter().chain(pagination)
    }
}

impl Pointer {
    /// Its unescaped reference tokens, from the root down.
    pub fn tokens(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
    }
}

/// How a request says who sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(Text),
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name.
        username: Text,
        /// The password, often empty.
        password: Text,
    },
    /// A key in a place of its own.
    ApiKey {
        /// Where it goes.
        place: ApiKeyPlace,
        /// The header's, parameter's or cookie's name.
        name: String,
        /// The key.
        value: Text,
    },
    /// What a Rust type puts on each request.
    Custom(Custom),
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// A header of its own.
    Header,
    /// A query parameter.
    Query,
    /// A cookie.
    Cookie,
}

/// How to get from one page to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Pagination {
    /// One request holds everything.
    #[default]
    None,
    /// `?limit=100&offset=200`; ends at an empty page.
    LimitOffset {
        /// The parameter that takes the limit.
        limit_param: String,
        /// The parameter that takes the offset.
        offset_param: String,
        /// Records per page.
        limit: u64,
        /// The offset of the first record: 0, or 1 where the API counts from one.
        first_offset: u64,
        /// How many requests may be under way at once.
        concurrency: usize,
    },
    /// `?page=3&per_page=100`; ends at an empty page.
    PageNumber {
        /// The parameter that takes the page's number.
        page_param: String,
        /// The parameter that takes the page's size.
        per_page_param: String,
        /// Records per page.
        per_page: u64,
        /// The first page's number.
        first_page: u64,
        /// How many requests may be under way at once.
        concurrency: usize,
    },
    /// `?page=3`; ends at an empty page.
    PageOnly {
        /// The parameter that takes the page's number.
        page_param: String,
        /// The first page's number.
        first_page: u64,
        /// How many requests may be under way at once.
        concurrency: usize,
    },
    /// `?after=abc`, where each body says the next cursor; ends where it says null, "" or nothing.
    Cursor {
        /// The parameter that takes the cursor.
        cursor_param: String,
        /// Where the body holds the next cursor.
        cursor_path: Pointer,
        /// The parameter that takes the page's size, if any.
        page_size_param: Option<String>,
        /// Records per page; sent only with `page_size_param`.
        page_size: u64,
    },
    /// `Link: <…>; rel="next"` (RFC 8288); ends where there is none.
    LinkHeader,
    /// The body holds the next page's URL, absolute or relative; ends at null, "" or nothing.
    NextUrl {
        /// Where the body holds it.
        path: Pointer,
    },
    /// What a Rust type makes of each page.
    Custom(Custom),
}

/// What to do when a request fails in a way that may pass: 429, 5xx, a broken connection or body.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Tries in all, the first included; at least 1.
    pub max_attempts: u32,
    /// The first wait; each further one doubles.
    pub min_delay: Duration,
    /// The longest wait, unless the server's Retry-After asks for more.
    pub max_delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
        }
    }
}

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
    /// A SQLite file.
    Sqlite,
}

/// How to reach a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// `postgres://user:password@host:5432/database`, `sqlite:quakes.db` or a path.
    Url(Text),
    /// The parts of it.
    Parts {
        /// The server's name or address.
        host: Text,
        /// Its port.
        port: u16,
        /// The database.
        database: Text,
        /// The user.
        username: Text,
        /// The password; empty for none.
        password: Text,
    },
}
