//! A REST API's collection of records: plain data.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Auth, Body, Custom, Filter, ForEach, Format, Incremental, Job, Method, OnUnknownField,
    Pagination, Pointer, RateLimit, ResponseRule, Retry, RustRole, Tls, default_timeout,
};
use crate::schema::{Field, Schema, Type};
use crate::template::Template;

/// The field of each record that takes those that no schema declares, where they are kept.
pub const UNKNOWN: &str = "_unknown";

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
    /// How it is requested.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: Method,
    /// Header names and values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Template)>,
    /// Query parameters, in order, before those of the pagination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<(String, Template)>,
    /// What is sent besides the headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The query parameters that answer conditions of the query's WHERE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What the bodies are.
    #[serde(default)]
    pub format: Format,
    /// Where the records are in a JSON body: an array, or one record as an object; `*` is every element.
    #[serde(default)]
    pub data_path: Pointer,
    /// The field that takes the key, where the records are the members of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_as: Option<String>,
    /// Whether a body may be without anything at `data_path`.
    #[serde(default)]
    pub allow_empty: bool,
    /// The file that takes records that do not fit their schema; `None` where one ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<Template>,
    /// How to get from one page to the next.
    #[serde(default)]
    pub pagination: Pagination,
    /// What to do when a request fails.
    pub retry: Retry,
    /// How long one request may take, body included.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
    /// What to do about fields that the schema does not declare.
    #[serde(default)]
    pub on_unknown_field: OnUnknownField,
    /// What becomes of answers, before the defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_response: Vec<ResponseRule>,
    /// How often the API is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Servers besides the URL's own that get the headers and credentials: `files.example.com:8443`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// Certificates beside the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// What it is requested for; once where that is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub for_each: Vec<ForEach>,
    /// The fields of its schema that the API does not send: those that `for_each` gives each record, and
    /// [`UNKNOWN`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Field>,
    /// What the API does before there is anything to request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// Since when it is requested; all of it, each time, where that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<Incremental>,
    /// The records' fields; `None` where they are inferred at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// The fields that the query reads, from a record's root: `/id`, `/customer/email`. What leads to a
    /// record reads all of it. The others are skipped in the decoder.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<Pointer>,
}

fn get() -> Method {
    Method::Get
}

fn is_get(method: &Method) -> bool {
    *method == Method::Get
}

impl Source {
    /// Its schema without the fields that the query does not read; `None` while it has none.
    pub fn read_schema(&self) -> Option<Schema> {
        let fields = &self.schema.as_ref()?.fields;
        Some(Schema { fields: read(fields, &Pointer::default(), &self.reads) })
    }

    /// Those of [`Source::read_schema`] that the API sends; `None` while it has no schema.
    pub fn decoded_schema(&self) -> Option<Schema> {
        let fields = self.read_schema()?.fields.into_iter();
        Some(fields.filter(|field| !self.carries(&field.name)).collect())
    }

    /// Those of [`Source::read_schema`] that `for_each` gives each record.
    pub fn carried_schema(&self) -> Schema {
        let fields = self.read_schema().unwrap_or_default().fields.into_iter();
        let given = |field: &Field| field.name != UNKNOWN && self.carries(&field.name);
        fields.filter(given).collect()
    }

    /// [`UNKNOWN`], where the query reads it: the fields that no schema declares are kept.
    pub fn kept_schema(&self) -> Option<Schema> {
        let keeps = self.on_unknown_field == OnUnknownField::Keep;
        let fields = self.read_schema().filter(|_| keeps)?.fields.into_iter();
        let kept: Schema = fields.filter(|field| field.name == UNKNOWN).collect();
        (!kept.fields.is_empty()).then_some(kept)
    }

    /// What a decoder does about fields that no schema declares: those that are kept are not lost, and
    /// those that could be and that no query reads are told.
    pub fn decoded_policy(&self) -> OnUnknownField {
        match self.on_unknown_field {
            OnUnknownField::Keep if self.kept_schema().is_some() => OnUnknownField::Ignore,
            OnUnknownField::Keep => OnUnknownField::Warn,
            policy => policy,
        }
    }

    /// Whether the API does not send that field.
    fn carries(&self, name: &str) -> bool {
        self.carried.iter().any(|field| field.name == name)
    }

    /// The sources for whose records it is requested, in order.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.for_each.iter().filter_map(ForEach::source)
    }

    /// What the state calls how far a source has come whose changes this one follows.
    pub fn state_behind(&self, parent: &str) -> String {
        format!("{} for each {parent}", self.name)
    }

    /// The names in the state of all sources whose changes this one follows.
    pub fn followed(&self) -> impl Iterator<Item = String> {
        self.for_each.iter().filter_map(ForEach::followed).map(|parent| self.state_behind(parent))
    }

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

/// Those of the fields of the record at a pointer that are read, as far as they are.
fn read(fields: &[Field], at: &Pointer, reads: &BTreeSet<Pointer>) -> Vec<Field> {
    let keep = |field: &Field| {
        let at = at.child(&field.name);
        if reads.contains(&at) {
            return Some(field.clone());
        }
        let inside = format!("{}/", at.0);
        let is_read = reads.iter().any(|pointer| pointer.0.starts_with(&inside));
        let ty = match &field.ty {
            Type::Record(inner) if is_read => Type::Record(read(inner, &at, reads)),
            _ => return None,
        };
        Some(Field { ty, ..field.clone() })
    };
    fields.iter().filter_map(keep).collect()
}
