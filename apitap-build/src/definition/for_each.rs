//! What a source is requested for, one after the other: plain data.

use serde::{Deserialize, Serialize};

/// What a source is requested for, one after the other. Several make the product of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// Each of these values.
    Values {
        /// Its name in expressions, and as a field of the records.
        #[serde(rename = "as")]
        alias: String,
        /// The values.
        values: Vec<String>,
    },
    /// Each record of another source, one of [`Definition::parents`](super::Definition::parents).
    Records {
        /// That source.
        source: String,
        /// The record's name in expressions, and as a field of the records.
        #[serde(rename = "as")]
        alias: String,
        /// The fields that are taken, with what stands behind their dots: `owner.id`.
        fields: Vec<String>,
        /// Whether only those that have changed since the last run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        only_changed: bool,
    },
}

impl ForEach {
    /// The source for whose records it is requested, if it is for one.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Records { source, .. } => Some(source),
            Self::Values { .. } => None,
        }
    }

    /// The source of whose records only those count that have changed since the last run, if there is one.
    pub fn followed(&self) -> Option<&str> {
        match self {
            Self::Records { source, only_changed: true, .. } => Some(source),
            Self::Records { .. } | Self::Values { .. } => None,
        }
    }

    /// Its name in expressions, and as a field of the records.
    pub fn alias(&self) -> &str {
        match self {
            Self::Values { alias, .. } | Self::Records { alias, .. } => alias,
        }
    }
}
