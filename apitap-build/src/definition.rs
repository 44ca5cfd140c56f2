//! A pipeline that has been checked: plain data, nothing left to look up but the environment.
//!
//! YAML and `#[pipeline]` both become a [`Definition`], and the runtime runs nothing else. Strings
//! that may hold `${NAME}` are [`Template`]s: they are resolved when the program starts, never before.

use serde::{Deserialize, Serialize};

use crate::schema::Schema;

pub mod capabilities;
mod condition;
pub mod database_url;
mod for_each;
mod param;
mod request;
mod rust;
pub mod shared;
mod source;
pub mod table;
mod target;
mod texts;

pub use capabilities::Capabilities;
pub use condition::Condition;
pub use for_each::ForEach;
pub use param::ParamName;
pub use request::default_timeout;
pub use rust::{Custom, Function, Map, RustRole, Transform};
pub use source::{Source, UNKNOWN};
pub use target::{
    Cloud, Compression, Connection, Driver, DriverOptions, Folder, Target, TargetKind,
};
pub use texts::{Json, Pairs, Texts};

// The plain types of what has keys of its own are made from the declarations of those.
pub use crate::expression::TimeFormat;
pub use crate::keys::auth::{
    ApiKey, ApiKeyPlace, Auth, Basic, ClientCredentials, CredentialsIn, Login, OAuth2, Password,
    RefreshToken,
};
pub use crate::keys::body::Body;
pub use crate::keys::checkpoint::Checkpoint;
pub use crate::keys::dialect::AdbcDialect;
pub use crate::keys::drift::OnUnknownField;
pub use crate::keys::filters::{Filter, FilterKeys, FilterOp};
pub use crate::keys::format::Format;
pub use crate::keys::incremental::{Incremental, IncrementalMode};
pub use crate::keys::job::{Job, JobRequest};
pub use crate::keys::object_store::{Azure, Gcs, S3};
pub use crate::keys::on_response::{Action, ResponseRule};
pub use crate::keys::pagination::*;
pub use crate::keys::rate_limit::RateLimit;
pub use crate::keys::request::Method;
pub use crate::keys::retry::Retry;
pub use crate::keys::sink::{Evolve, Mode};
pub use crate::keys::tls::Tls;
pub use crate::pointer::Pointer;
pub use crate::template::{Part, RequestPart, RequestTextError, Template, TemplateError};

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
    /// The sources for whose records those are requested, and that they themselves are requested for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Source>,
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
    /// The columns that identify a row; never empty where the mode needs one ([`Mode::needs_key`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// The columns by whose values the rows are in folders of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// Whether a run deletes the rows whose key it did not yield: with [`Mode::Merge`] only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete_missing: bool,
    /// What happens where the table does not take the rows as it is.
    #[serde(default = "Evolve::grows", skip_serializing_if = "Evolve::is_grows")]
    pub evolve: Evolve,
    /// SQL of the user's in the transaction of the rows.
    #[serde(default, skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// How often a run commits, with where the next one goes on if it is killed; `None` where it commits
    /// once, at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

/// SQL of the user's in each transaction that commits rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hooks {
    /// Before the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Behind the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Hooks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }
}

impl Definition {
    /// The sources that are requested: those that the query reads, and those for whose records they are.
    pub fn requested(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().chain(&self.parents)
    }

    /// Whether a source is requested only for those records of another one that have changed.
    pub fn follows(&self) -> bool {
        self.requested().any(|source| source.followed().next().is_some())
    }

    /// The query; `None` where a Rust function makes the rows.
    pub fn sql(&self) -> Option<&str> {
        match &self.transform {
            Transform::Sql(sql) => Some(sql),
            Transform::Map(_) => None,
        }
    }
}
