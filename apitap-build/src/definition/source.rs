//! A REST API's collection of records: plain data.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Auth, Custom, Pagination, Pointer, Retry, RustRole, default_timeout};
use crate::schema::Schema;
use crate::template::Template;

/// A REST API's collection of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The table's name in SQL.
    pub name: String,
    /// What the API returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of the first request, without pagination parameters.
    pub url: Template,
    /// Header names and values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Template)>,
    /// Query parameters, in order, before those of the pagination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<(String, Template)>,
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
