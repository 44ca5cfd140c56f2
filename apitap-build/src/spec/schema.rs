//! `schema` of a source as written → its fields, or the files that show them.
//!
//! `sample: orders.json` names a file, `sample: string` is a field: a value with a `.` or a `/` in
//! it is never a type. What the files hold is not known here.

use std::collections::BTreeMap;

use super::Words;
use super::words::{string, strings};
use crate::codes;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::schema::{Schema, notation};
use crate::tree::{Node, Value};

/// The words that name files.
const KINDS: [&str; 3] = ["sample", "json_schema", "openapi"];

/// What shows the fields.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Pages or records of the API, as it sent them.
    Sample(Vec<Spanned<String>>),
    /// The JSON Schema of a record.
    JsonSchema(Spanned<String>),
    /// An operation of an OpenAPI document.
    OpenApi {
        /// The document.
        file: Spanned<String>,
        /// `listOrders`, or `GET /orders`.
        operation: Spanned<String>,
    },
}

/// A schema that files show.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// The files.
    pub shown: Shown,
    /// The fields that are declared besides: these count, whatever the files show.
    pub fields: Schema,
    /// Where those are declared, by dotted path.
    pub places: BTreeMap<String, Place>,
}

/// What `schema` says.
pub(super) enum Declared {
    Fields(Schema, BTreeMap<String, Place>),
    File(SchemaFile),
}

/// Reads `schema`.
pub(super) fn schema(node: &Node, findings: &mut Findings) -> Option<Declared> {
    let named = named(node);
    match &named[..] {
        [] => fields(node, findings),
        [(kind, _)] if stands_alone(kind, node, findings) => file(node, findings),
        [_] => None,
        [(first, _), (second, _), ..] => {
            findings.push(
                Finding::error(
                    codes::CONFLICTING_SCHEMA,
                    format!(
                        "`{}` and `{}` both say what a record looks like",
                        first.value, second.value
                    ),
                    &second.place,
                )
                .related(&first.place, "the first one")
                .help("keep one of them; single fields can be declared besides, under `fields`"),
            );
            None
        }
    }
}

/// The files that the schemas of a YAML file name, and whether those may refer to others.
pub(crate) fn files(project: &Node) -> Vec<(Spanned<String>, bool)> {
    let sources = project.get("sources").map(Node::elements).unwrap_or_default();
    let schemas = sources.iter().filter_map(|source| source.get("schema"));
    let named = schemas.flat_map(named).flat_map(|(kind, value)| {
        let files = match kind.value.as_str() {
            "openapi" => value.get("file").into_iter().collect(),
            _ => texts(value),
        };
        let refers = kind.value != "sample";
        files.into_iter().filter_map(move |file| {
            Some((Spanned::new(file.text()?.to_owned(), file.place.clone()), refers))
        })
    });
    named.collect()
}

/// The words of a schema that name files.
fn named(node: &Node) -> Vec<(&Spanned<String>, &Node)> {
    let names_files = |(key, value): &&(Spanned<String>, Node)| match key.value.as_str() {
        "openapi" => value.get("file").is_some_and(is_file),
        kind => {
            let texts = texts(value);
            KINDS.contains(&kind) && !texts.is_empty() && texts.into_iter().all(is_file)
        }
    };
    node.entries().iter().filter(names_files).map(|(key, value)| (key, value)).collect()
}

/// One value, or the elements of a list.
fn texts(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    }
}

/// No type has a `.` or a `/` in it.
fn is_file(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains(['.', '/']))
}

fn fields(node: &Node, findings: &mut Findings) -> Option<Declared> {
    if let [(key, value)] = node.entries()
        && KINDS.contains(&key.value.as_str())
        && notation::ty(value, &mut Findings::default()).is_none()
    {
        let (message, help) = match (key.value.as_str(), value.text()) {
            ("openapi", _) => (
                "`openapi` names no file".to_owned(),
                "write `openapi: {file: api.yaml, operation: listOrders}`".to_owned(),
            ),
            (kind, Some(text)) => (
                format!("`{text}` is neither a type nor a file's name"),
                format!("a file's name has a `.` or a `/` in it: `{kind}: ./{text}`"),
            ),
            (kind, None) => {
                (format!("`{kind}` names no file"), format!("write `{kind}: orders.json`"))
            }
        };
        findings.push(Finding::error(codes::CONFLICTING_SCHEMA, message, &value.place).help(help));
        return None;
    }
    let (schema, places) = notation::schema(node, findings)?;
    Some(Declared::Fields(schema, places))
}

/// Whether nothing but `fields` stands beside the word that names files.
fn stands_alone(kind: &Spanned<String>, node: &Node, findings: &mut Findings) -> bool {
    let others = node.entries().iter().map(|(key, _)| key);
    let others = others.filter(|key| key.value != kind.value && key.value != "fields");
    let before = findings.0.len();
    for key in others {
        findings.push(
            Finding::error(
                codes::CONFLICTING_SCHEMA,
                format!("field `{}` stands beside a file that shows the fields", key.value),
                &key.place,
            )
            .related(&kind.place, "the file is named here")
            .help(format!("put it under `fields`, as in `fields: {{{}: int64!}}`", key.value)),
        );
    }
    findings.0.len() == before
}

fn file(node: &Node, findings: &mut Findings) -> Option<Declared> {
    let mut words = Words::new("`schema`", node, findings)?;
    let sample = words.get("sample").map(|node| strings("sample", node, words.findings));
    let json_schema =
        words.get("json_schema").map(|node| string("json_schema", node, words.findings));
    let openapi = words.get("openapi").map(|node| openapi(node, words.findings));
    let fields = words.get("fields").map(|node| notation::schema(node, words.findings));
    let whole = words.finish();
    let shown = match (sample, json_schema, openapi) {
        (Some(files), ..) => Shown::Sample(files),
        (_, Some(file), _) => Shown::JsonSchema(file?),
        (.., Some(openapi)) => openapi?,
        (None, None, None) => return None,
    };
    let (fields, places) = fields.unwrap_or_else(|| Some(Default::default()))?;
    whole.then_some(Declared::File(SchemaFile { shown, fields, places }))
}

fn openapi(node: &Node, findings: &mut Findings) -> Option<Shown> {
    let mut words = Words::new("`openapi`", node, findings)?;
    let file = words.required_string("file", "file: api.yaml");
    let operation = words.required_string("operation", "operation: GET /orders");
    let whole = words.finish();
    let shown = Shown::OpenApi { file: file?, operation: operation? };
    whole.then_some(shown)
}
