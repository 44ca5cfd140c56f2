//! What was written → specs: the words of the design with their values, spans kept, names not yet
//! looked up.
//!
//! Reads [`Node`]s, whichever spelling they came from (YAML, an attribute, `sink(…)`), so that all
//! spellings have the same words and the same checks. Nothing here knows a file or a query.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::definition::{Function, Mode, Source, Target};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::tree::{Node, Value};

mod auth;
mod custom;
mod function;
mod map;
mod pagination;
mod path;
mod repeats;
pub mod schema;
pub(crate) mod secrets;
mod source;
mod target;
mod values;
mod words;

pub(crate) use map::{MapWords, map};
pub use source::source;
pub use target::{inline_target, sink};

use words::Words;

#[cfg(test)]
mod tests;

/// The JSON Schema (draft 7) of the YAML file, for editors: the words that are read here, with what
/// they mean. Tests hold the two together.
pub const JSON_SCHEMA: &str = include_str!("spec/pipelines.schema.json");

/// A source as written.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Its name in SQL.
    pub name: Spanned<String>,
    /// All that needs no looking up.
    pub source: Source,
    /// The files that show the schema, until it has been read from them.
    pub schema_file: Option<schema::SchemaFile>,
    /// Where `data_path` was written.
    pub data_path_place: Option<Place>,
    /// Where the path to the next cursor or URL was written.
    pub next_path_place: Option<Place>,
    /// Where the schema was declared.
    pub schema_place: Option<Place>,
    /// Where each field was declared, by dotted path.
    pub field_places: BTreeMap<String, Place>,
    /// The original's spelling of the key of the table that this source alone feeds.
    pub primary_key_in_dest: Option<Vec<Spanned<String>>>,
    /// The original's spelling of that table's name.
    pub table_destination_name: Option<Spanned<String>>,
}

/// A target as written.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// Its name in `sink(name=…)`.
    pub name: Spanned<String>,
    /// The rest.
    pub target: Target,
}

/// A Rust function as declared.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// What it takes and gives.
    pub function: Function,
    /// Where its name stands.
    pub place: Place,
}

/// Where and how a query's rows are stored, as `sink(…)` or `#[target(…)]` says it.
#[derive(Debug, Clone)]
pub struct SinkSpec {
    /// The target.
    pub name: Option<Spanned<String>>,
    /// The table.
    pub table: Option<Spanned<String>>,
    /// How rows get into it.
    pub mode: Option<Spanned<Mode>>,
    /// What identifies a row.
    pub key: Vec<Spanned<String>>,
    /// Where it stands.
    pub place: Place,
}

impl SinkSpec {
    /// What a query that says nothing about its sink says.
    pub fn at(place: &Place) -> Self {
        Self { name: None, table: None, mode: None, key: Vec::new(), place: place.clone() }
    }
}

/// A YAML file as written.
#[derive(Debug, Default)]
pub struct Project {
    /// Its sources, in order.
    pub sources: Vec<SourceSpec>,
    /// Its targets, in order.
    pub targets: Vec<TargetSpec>,
    /// Its functions, in order.
    pub functions: Vec<FunctionSpec>,
    /// Sources that have findings: no more is said about them.
    pub broken_sources: Broken,
    /// Targets that have findings.
    pub broken_targets: Broken,
    /// Functions that have findings.
    pub broken_functions: Broken,
}

/// Things that were declared, but not so that they can be used.
#[derive(Debug, Default)]
pub struct Broken {
    names: BTreeSet<String>,
    /// The sources among them whose fields are known: queries can be checked all the same.
    pub(crate) with_fields: Vec<SourceSpec>,
    /// There are some whose names cannot be read.
    nameless: bool,
}

impl Broken {
    /// Whether a name that is not known may be one of them.
    pub fn may_be(&self, name: &str) -> bool {
        self.nameless || self.names.contains(name)
    }

    /// The names that can be read.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        !self.nameless && self.names.is_empty()
    }

    pub(crate) fn add(&mut self, name: Option<String>) {
        self.nameless |= name.is_none();
        self.names.extend(name);
    }
}

/// Reads a YAML file's tree.
pub fn project(node: &Node, findings: &mut Findings) -> Project {
    let mut project = Project::default();
    let Some(mut words) = Words::new("the file", node, findings) else {
        project.broken_sources.add(None);
        project.broken_targets.add(None);
        return project;
    };
    let sources = words.required("sources", "sources: [{name: orders, url: \"https://…\"}]");
    let targets = words.required("targets", "targets: [{name: warehouse, type: sqlite, path: …}]");
    let functions = words.get("functions");
    words.finish();
    for (name, node) in function::entries(functions, findings) {
        match function::declared(name, node, findings) {
            Some(spec) => project.functions.push(spec),
            None => project.broken_functions.add(Some(name.value.clone())),
        }
    }
    for node in items("sources", sources, &mut project.broken_sources, findings) {
        match source::declared(node, findings) {
            Ok(spec) => project.sources.push(spec),
            Err(fields) => {
                project.broken_sources.add(name_of(node));
                project.broken_sources.with_fields.extend(fields.map(|fields| *fields));
            }
        }
    }
    for node in items("targets", targets, &mut project.broken_targets, findings) {
        match target::declared(node, findings) {
            Some(spec) => project.targets.push(spec),
            None => project.broken_targets.add(name_of(node)),
        }
    }
    check_names("source", project.sources.iter().map(|source| &source.name), findings);
    check_names("target", project.targets.iter().map(|target| &target.name), findings);
    project
}

/// The items of a list; whatever else stands there has names that cannot be read.
fn items<'a>(
    word: &str,
    node: Option<&'a Node>,
    broken: &mut Broken,
    findings: &mut Findings,
) -> &'a [Node] {
    if let Some(Value::List(items)) = node.map(|node| &node.value) {
        return items;
    }
    findings.extend(node.map(|node| words::wrong_kind(&format!("`{word}`"), "a list", node)));
    broken.add(None);
    &[]
}

/// The name of something that could not be read otherwise.
fn name_of(node: &Node) -> Option<String> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find_map(|(key, node)| match (&*key.value, &node.value) {
        ("name", Value::String(name)) => Some(name.clone()),
        _ => None,
    })
}

fn check_names<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a Spanned<String>>,
    findings: &mut Findings,
) {
    let mut seen: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
    for name in names {
        match seen.get(name.value.as_str()) {
            Some(first) => findings.push(same_name(kind, name, first)),
            None => drop(seen.insert(&name.value, name)),
        }
    }
}

/// Two things of one kind and one name.
pub fn same_name(kind: &str, name: &Spanned<String>, first: &Spanned<String>) -> Finding {
    Finding::error(
        codes::DUPLICATE_NAME,
        format!("two {kind}s are named `{}`", name.value),
        &name.place,
    )
    .related(&first.place, "the first one")
    .help("rename one of them")
}
