//! An OpenAPI document (3.0, 3.1) → its operations, and the records of its response.
//!
//! Knows where OpenAPI keeps what; what a schema says is known to [`super::keywords`], what a
//! reference means to [`super::documents`].

use super::Schema;
use super::documents::{At, Documents, References};
use super::keywords::{Places, Reader, View};
use super::prose;
use crate::codes;
use crate::diagnostic::{Finding, Place};
use crate::nearest::{did_you_mean, nearest};
use crate::pointer::{self, Pointer};
use crate::tree::{Node, Value};

/// The methods of a path, as OpenAPI names them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// What the lists of records are called in the envelopes of many APIs.
const ENVELOPES: [&str; 13] = [
    "data",
    "items",
    "results",
    "records",
    "entries",
    "values",
    "value",
    "rows",
    "elements",
    "content",
    "list",
    "hits",
    "resources",
];
/// How deep in a body a list of records is looked for.
const CANDIDATE_DEPTH: usize = 3;

/// An operation of an API, and what can be made of it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its `operationId`.
    pub id: Option<String>,
    /// `GET`.
    pub method: String,
    /// `/pets/{id}`.
    pub path: String,
    /// What it is for, as Markdown.
    pub description: Option<String>,
    /// The addresses that the path is added to, variables at their defaults; may be relative.
    pub servers: Vec<String>,
    /// The parameters that it takes in the query.
    pub query_params: Vec<String>,
    /// Those of them that a request must have, and that have no default.
    pub required_params: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// What it answers with, or why it has no schema.
    pub records: Result<Records, Box<Finding>>,
}

impl Operation {
    /// What `operation:` in the YAML file says: the id, else method and path.
    pub fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("{} {}", self.method, self.path))
    }
}

/// The records in the answers of an operation.
#[derive(Debug, Clone)]
pub struct Records {
    /// Where they are in the body.
    pub data_path: Pointer,
    /// Where else a list of records is.
    pub candidates: Vec<Pointer>,
    /// Their fields.
    pub schema: Schema,
    /// Where each field is declared.
    pub places: Places,
    /// Where the record's schema is.
    pub declared: Place,
}

/// Every operation of a document, in its order, each with the records that it seems to answer with.
///
/// # Errors
/// The document is not OpenAPI 3.
pub fn operations(documents: &Documents) -> Result<Vec<Operation>, Box<Finding>> {
    let references = documents.references();
    let described = list(documents, &references)?;
    Ok(described
        .iter()
        .map(|operation| Operation {
            id: operation.id.map(str::to_owned),
            method: operation.method.to_uppercase(),
            path: operation.path.to_owned(),
            description: operation.description(),
            servers: operation.servers(),
            query_params: operation.query_params(&references, |_| true),
            required_params: operation.query_params(&references, must_be_sent),
            place: operation.place.clone(),
            records: likely_records(&references, operation),
        })
        .collect())
}

/// An operation as the document describes it.
pub(crate) struct Described<'a> {
    id: Option<&'a str>,
    method: &'static str,
    path: &'a str,
    place: Place,
    at: At<'a>,
    around: At<'a>,
    root: &'a Node,
}

impl<'a> Described<'a> {
    /// `` `listPets` (`GET /pets`) ``.
    fn shown(&self) -> String {
        let call = format!("`{} {}`", self.method.to_uppercase(), self.path);
        self.id.map_or_else(|| call.clone(), |id| format!("`{id}` ({call})"))
    }

    fn description(&self) -> Option<String> {
        let texts = ["summary", "description"].map(|key| self.at.node.get(key));
        texts.into_iter().flatten().filter_map(Node::text).find_map(prose::summary)
    }

    fn servers(&self) -> Vec<String> {
        let of = |node: &Node| {
            node.get("servers")
                .map(Node::elements)
                .unwrap_or_default()
                .iter()
                .filter_map(address)
                .collect::<Vec<_>>()
        };
        [self.at.node, self.around.node, self.root]
            .into_iter()
            .map(of)
            .find(|servers| !servers.is_empty())
            .unwrap_or_default()
    }

    fn query_params(
        &self,
        references: &References<'a>,
        wanted: impl Fn(&Node) -> bool,
    ) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for owner in [self.around, self.at] {
            let parameters = owner.node.get("parameters").map(Node::elements).unwrap_or_default();
            for node in parameters {
                let Ok(at) = references.follow(At { file: owner.file, node }) else { continue };
                let text = |key| at.node.get(key).and_then(Node::text);
                if let (Some("query"), Some(name)) = (text("in"), text("name"))
                    && wanted(at.node)
                    && !names.iter().any(|known| known == name)
                {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }
}

/// Whether a parameter is required, and nothing is said that the API would take in its place.
fn must_be_sent(parameter: &Node) -> bool {
    let required = parameter.get("required").is_some_and(|node| node.value == Value::Bool(true));
    required && parameter.get("schema").is_none_or(|schema| schema.get("default").is_none())
}

/// A server's address, its variables at their defaults.
fn address(server: &Node) -> Option<String> {
    let mut url = server.get("url")?.text()?.to_owned();
    for (name, variable) in server.get("variables").map(Node::entries).unwrap_or_default() {
        if let Some(default) = variable.get("default").and_then(Node::text) {
            url = url.replace(&format!("{{{}}}", name.value), default);
        }
    }
    Some(url)
}

/// Lists the operations of a document.
pub(crate) fn list<'a>(
    documents: &'a Documents,
    references: &References<'a>,
) -> Result<Vec<Described<'a>>, Box<Finding>> {
    let start = |at: At<'_>| Place::text(at.file, 0..0);
    let Some(root) = documents.root() else { return Ok(Vec::new()) };
    let version = |key| {
        root.node.get(key).and_then(|node: &Node| match &node.value {
            Value::String(text) => Some((text.clone(), node.place.clone())),
            Value::Float(number) => Some((format!("{number:?}"), node.place.clone())),
            _ => None,
        })
    };
    match (version("openapi"), version("swagger")) {
        (Some((version, _)), _) if version.starts_with("3.") => {}
        (Some((version, place)), _) | (None, Some((version, place))) => {
            return Err(Box::new(
                Finding::error(
                    codes::NOT_OPENAPI,
                    format!("OpenAPI {version} is not supported"),
                    &place,
                )
                .label("3.0 and 3.1 are")
                .help("convert the document to OpenAPI 3 first; many tools do that"),
            ));
        }
        (None, None) => {
            return Err(Box::new(
                Finding::error(codes::NOT_OPENAPI, "this is not an OpenAPI document", &start(root))
                    .note("it has no `openapi: 3.x` at its root")
                    .help("for a JSON Schema write `json_schema:`, for records `sample:`"),
            ));
        }
    }
    let mut found = Vec::new();
    for (path, node) in root.node.get("paths").map(Node::entries).unwrap_or_default() {
        let around = references.follow(At { file: root.file, node })?;
        for (key, node) in around.node.entries() {
            let Some(method) = METHODS.iter().find(|method| **method == key.value) else {
                continue;
            };
            found.push(Described {
                id: node.get("operationId").and_then(Node::text),
                method,
                path: &path.value,
                place: key.place.clone(),
                at: At { file: around.file, node },
                around,
                root: root.node,
            });
        }
    }
    Ok(found)
}

/// The operation of that name: its id, or its method and path.
pub(crate) fn find<'l, 'a>(
    operations: &'l [Described<'a>],
    name: &str,
    place: &Place,
) -> Result<&'l Described<'a>, Box<Finding>> {
    let call = name.split_once(' ').map(|(method, path)| (method.to_lowercase(), path.trim()));
    let is_meant = |operation: &&Described<'_>| {
        operation.id == Some(name)
            || call.as_ref().is_some_and(|(method, path)| {
                *method == operation.method && *path == operation.path
            })
    };
    if let Some(operation) = operations.iter().find(is_meant) {
        return Ok(operation);
    }
    let finding =
        Finding::error(codes::UNKNOWN_OPERATION, format!("there is no operation `{name}`"), place);
    let calls: Vec<_> =
        operations.iter().map(|o| (format!("{} {}", o.method.to_uppercase(), o.path), o)).collect();
    let ids = operations.iter().filter_map(|operation| operation.id);
    let names: Vec<_> = calls.iter().map(|(call, _)| call.as_str()).chain(ids).collect();
    Err(Box::new(match nearest(name, names) {
        Some(near) => finding.help(format!("a similar operation exists: `{near}`")),
        None => {
            let gets = operations.iter().filter(|operation| operation.method == "get");
            let mut gets: Vec<_> = gets.map(Described::shown).collect();
            let more = gets.len().saturating_sub(20);
            gets.truncate(20);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            match &gets[..] {
                [] => finding.help("the document has no operation that reads (`GET`)"),
                gets => finding.note(format!("those that read are {}{more}", gets.join(", "))),
            }
            .help("write an `operationId`, or method and path, as in `GET /orders`")
        }
    }))
}

/// The schema of an operation's answer.
pub(crate) fn body<'a>(
    references: &References<'a>,
    operation: &Described<'a>,
    place: &Place,
) -> Result<At<'a>, Box<Finding>> {
    let none = |found: String| {
        let message = format!("{} has no JSON response", operation.shown());
        Box::new(
            Finding::error(codes::NO_JSON_ANSWER, message, place)
                .related(&operation.place, "it is described here")
                .note(found)
                .help("choose an operation whose response has `application/json` with a schema"),
        )
    };
    let here = |node| At { file: operation.at.file, node };
    let answers = operation.at.node.get("responses").map(Node::entries).unwrap_or_default();
    let mut good: Vec<_> = answers
        .iter()
        .filter(|(status, _)| status.value.starts_with('2') || status.value == "default")
        .collect();
    good.sort_by(|(one, _), (other, _)| one.value.cmp(&other.value));
    let mut found = Vec::new();
    for (_, node) in good {
        let answer = references.follow(here(node))?;
        for (media, content) in answer.node.get("content").map(Node::entries).unwrap_or_default() {
            let kind = media.value.split(';').next().unwrap_or_default().trim();
            let is_json = kind.ends_with("/json") || kind.ends_with("+json") || kind == "*/*";
            if is_json && let Some(node) = content.get("schema") {
                return Ok(At { file: answer.file, node });
            }
            found.push(if is_json {
                format!("`{}` without a schema", media.value)
            } else {
                format!("`{}`", media.value)
            });
        }
    }
    Err(none(match &found[..] {
        [] => "its responses have no content".to_owned(),
        found => format!("its responses have {}", found.join(", ")),
    }))
}

/// The record that a `data_path` leads to: an object, or the elements of a list; with `keyed`, the
/// members of an object.
///
/// # Errors
/// A finding at `place` where there is no such thing.
pub(crate) fn record<'a>(
    references: &References<'a>,
    body: At<'a>,
    data_path: &Pointer,
    keyed: bool,
    place: &Place,
) -> Result<At<'a>, Box<Finding>> {
    let reader = Reader::new(references);
    let (at, view) = match walk(&reader, body, data_path)? {
        Found::Value(at, view) => (at, view),
        Found::Unknown => {
            let message = "`data_path` leads to a part that the document does not describe";
            return Err(Box::new(
                Finding::error(codes::DATA_PATH_NOT_FOUND, message, place)
                    .related(&body.node.begin(), "the response is described here")
                    .help(lists(&reader, body)),
            ));
        }
        Found::Missing { token, at, view } => {
            let keys = view.properties.iter().map(|(key, _)| key.value.as_str());
            let message = format!("`data_path` finds no `{token}` in the response");
            return Err(Box::new(
                Finding::error(codes::DATA_PATH_NOT_FOUND, message, place)
                    .related(&at.node.begin(), "the response is described here")
                    .help(did_you_mean("key", &token, keys.take(20)))
                    .help(lists(&reader, body)),
            ));
        }
    };
    if keyed
        && let Some(member) = view.others
        && reader.view(member)?.is_record()
    {
        return Ok(member);
    }
    if view.is_record() && !keyed {
        return Ok(at);
    }
    if view.is_list()
        && !keyed
        && let Some(items) = view.items
    {
        return Ok(items);
    }
    let message = match keyed {
        true => "`data_path` is not an object whose members are records",
        false => "`data_path` is neither a list of records nor a record",
    };
    Err(Box::new(
        Finding::error(codes::DATA_PATH_NOT_RECORDS, message, place)
            .related(&at.node.begin(), "it is described here")
            .help(lists(&reader, body)),
    ))
}

/// Says where lists of records are.
fn lists<'a>(reader: &Reader<'_, 'a>, body: At<'a>) -> String {
    let found = candidates(reader, body);
    let found: Vec<_> = found.iter().map(|path| format!("`{}`", path.0)).collect();
    match &found[..] {
        [] => "the response has no list of records".to_owned(),
        [only] => format!("there is a list of records at {only}"),
        found => format!("there are lists of records at {}", found.join(", ")),
    }
}

/// Where a path leads in what a document describes.
pub(crate) enum Found<'a> {
    /// To this.
    Value(At<'a>, View<'a>),
    /// To something that the document leaves open.
    Unknown,
    /// Nowhere: there is no such key in what is described there.
    Missing {
        /// The key.
        token: String,
        /// Where it is missing.
        at: At<'a>,
        /// What is described there.
        view: View<'a>,
    },
}

/// Follows a JSON Pointer through what schemas describe.
pub(crate) fn walk<'a>(
    reader: &Reader<'_, 'a>,
    body: At<'a>,
    path: &Pointer,
) -> Result<Found<'a>, Box<Finding>> {
    let mut at = body;
    let mut view = reader.view(at)?;
    for token in path.tokens() {
        let property = view.properties.iter().rev().find(|(key, _)| key.value == token);
        at = if let Some((_, property)) = property {
            *property
        } else if view.is_list() && (token == "*" || pointer::index(&token).is_some()) {
            match view.items {
                Some(items) => items,
                None => return Ok(Found::Unknown),
            }
        } else if view.is_list() || view.is_record() && !view.is_open() {
            return Ok(Found::Missing { token, at, view });
        } else {
            match view.others {
                Some(others) if !others.node.entries().is_empty() => others,
                _ => return Ok(Found::Unknown),
            }
        };
        view = reader.view(at)?;
    }
    Ok(Found::Value(at, view))
}

/// Where lists of records are in an answer, the outermost first.
fn candidates<'a>(reader: &Reader<'_, 'a>, body: At<'a>) -> Vec<Pointer> {
    let mut found = Vec::new();
    let mut level = vec![(Pointer::default(), body)];
    for _ in 0..=CANDIDATE_DEPTH {
        let mut next = Vec::new();
        for (path, at) in level {
            let Ok(view) = reader.view(at) else { continue };
            if view.is_list() {
                let of_records = view.items.and_then(|items| reader.view(items).ok());
                if of_records.is_some_and(|record| record.is_record()) {
                    found.push(path);
                }
            } else if view.is_record() {
                let members = view.properties.iter();
                next.extend(members.map(|(key, at)| (path.child(&key.value), *at)));
            }
        }
        level = next;
    }
    found
}

fn likely_records<'a>(
    references: &References<'a>,
    operation: &Described<'a>,
) -> Result<Records, Box<Finding>> {
    let body = body(references, operation, &operation.place)?;
    let reader = Reader::new(references);
    let mut candidates = candidates(&reader, body);
    let data_path = likely_path(&reader.view(body)?, &candidates, operation.path);
    candidates.retain(|candidate| *candidate != data_path);
    let record = record(references, body, &data_path, false, &operation.place)?;
    let declared = start(&reader.view(record)?, record);
    let (schema, places) = reader.record(record)?;
    Ok(Records { data_path, candidates, schema, places, declared })
}

/// Where a record's properties begin.
pub(crate) fn start(view: &View<'_>, record: At<'_>) -> Place {
    view.properties.first().map_or_else(|| record.node.begin(), |(key, _)| key.place.clone())
}

/// The list that an answer is an envelope of; the root, where it seems to be a record itself.
fn likely_path(body: &View<'_>, candidates: &[Pointer], path: &str) -> Pointer {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let root = Pointer::default();
    if last.ends_with('}') || !body.is_record() {
        return root;
    }
    let outer = |name: &str| candidates.iter().find(|candidate| candidate.0 == format!("/{name}"));
    let named = outer(last).or_else(|| ENVELOPES.iter().find_map(|name| outer(name)));
    let only = match candidates {
        [only] if body.properties.len() <= 4 => Some(only),
        _ => None,
    };
    named.or(only).cloned().unwrap_or(root)
}

/// Checks that the path to the next cursor or URL leads to a text or a number, if to anything known.
///
/// # Errors
/// A finding at `place` where it does not.
pub(crate) fn next<'a>(
    reader: &Reader<'_, 'a>,
    body: At<'a>,
    key: &str,
    path: &Pointer,
    place: &Place,
) -> Result<(), Box<Finding>> {
    let help = "it must lead to a string or a number, null on the last page";
    match walk(reader, body, path)? {
        Found::Unknown => Ok(()),
        Found::Value(at, view) => {
            let found = if view.is_record() {
                "an object"
            } else if view.is_list() {
                "a list"
            } else if view.is_boolean() {
                "a boolean"
            } else {
                return Ok(());
            };
            Err(Box::new(
                Finding::error(
                    codes::INVALID_NEXT_PATH,
                    format!("`{key}` leads to {found}"),
                    place,
                )
                .related(&start(&view, at), "it is described here")
                .help(help),
            ))
        }
        Found::Missing { token, at, view } => {
            let message = format!("`{key}` finds no `{token}` in the response");
            let keys = view.properties.iter().map(|(key, _)| key.value.as_str());
            Err(Box::new(
                Finding::error(codes::INVALID_NEXT_PATH, message, place)
                    .related(&start(&view, at), "the response is described here")
                    .help(did_you_mean("key", &token, keys.take(20)))
                    .help(help),
            ))
        }
    }
}
