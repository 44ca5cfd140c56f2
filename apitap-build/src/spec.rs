//! What was written → specs: sources, targets and functions with the places of all that is in them,
//! names not yet looked up.
//!
//! Reads [`Node`]s, whichever spelling they came from (YAML, an attribute, `sink(…)`), by the keys that
//! [`crate::keys`] declares, so that all spellings have the same keys and the same checks. Nothing here
//! knows a file or a query.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::definition::{Function, Source, Target, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys::key::KeyType as _;
use crate::keys::mapping::{Mapping, wrong_kind};
use crate::keys::schema::{FieldsSpec, SchemaFilesSpec, SchemaKeysSpec};
use crate::keys::sink::StoreSpec;
use crate::keys::source::{DescribedSpec, Request, RequestSpec};
use crate::schema::{Field, Schema};
use crate::tree::{Node, Value};

mod api;
mod function;
mod map;
pub(crate) mod secrets;
mod source;
mod target;

pub use api::{ApiSpec, Apis};
pub(crate) use map::{MapWords, map};
pub use source::source;
pub use target::{inline_target, sink};

/// A source as queries see it: a table.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Its name.
    pub name: Spanned<String>,
    /// Its fields, and where they are declared; `None` where they are not known.
    pub declared: Option<Spanned<FieldsSpec>>,
    /// The names of the fields whose type is not known, because there are findings about it.
    pub untyped: BTreeSet<String>,
}

/// A source as written.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// What queries see of it.
    pub table: TableSpec,
    /// Its requests.
    pub request: RequestSpec,
    /// The API that it is of: its name, and what the source's path follows.
    pub api: Option<(String, Spanned<Template>)>,
    /// What its records are, and where they go where nothing else says it.
    pub described: DescribedSpec,
    /// The fields that `for_each` gives each record, once the sources know of each other.
    pub carried: Vec<Field>,
}

impl TableSpec {
    /// Its fields, if the types of all are known.
    pub fn schema(&self) -> Option<&Schema> {
        let declared = self.declared.as_ref().filter(|_| self.untyped.is_empty());
        declared.map(|declared| &declared.value.schema)
    }
}

impl SourceSpec {
    /// The files that show the schema.
    pub fn files(&self) -> Option<&SchemaFilesSpec> {
        match &self.described.schema.value {
            Some(SchemaKeysSpec::Files(files)) => Some(files),
            _ => None,
        }
    }

    /// The source of the definition: what was written, without places.
    pub fn source(&self) -> Source {
        let base = self.api.as_ref().map(|(_, url)| &url.value);
        let mut source = Request::plain(&self.request).into_source(base);
        // Sources of one API share its limit.
        if let (Some((api, _)), Some(limit)) = (&self.api, &mut source.rate_limit) {
            limit.scope.get_or_insert_with(|| api.clone());
        }
        source.description.clone_from(&self.described.description.value);
        source.schema = self.table.schema().cloned();
        source.carried.clone_from(&self.carried);
        source
    }
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
    /// The table, the mode and the key.
    pub store: StoreSpec,
}

impl SinkSpec {
    /// What a query that says nothing about its sink says.
    pub fn at(place: &Place) -> Self {
        Self { name: None, store: StoreSpec::nothing(place) }
    }
}

/// A YAML file as written.
#[derive(Debug, Default)]
pub struct Project {
    /// What its sources share.
    pub apis: Apis,
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
    pub(crate) with_fields: Vec<TableSpec>,
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

impl Project {
    /// The source of that name as queries see it, if its fields are known or may come to be.
    pub(crate) fn table(&self, name: &str) -> Option<&TableSpec> {
        let whole = self.sources.iter().map(|source| &source.table);
        whole.chain(&self.broken_sources.with_fields).find(|table| table.name.value == name)
    }
}

/// Reads a YAML file's tree.
pub fn project(node: &Node, findings: &mut Findings) -> Project {
    let mut project = Project::default();
    let Some(mut mapping) = Mapping::new("the file", node, findings) else {
        project.broken_sources.add(None);
        project.broken_targets.add(None);
        return project;
    };
    let apis = mapping.get("apis");
    let sources = mapping.get("sources");
    if sources.is_none() {
        mapping.missing_as("sources", "sources: [{name: orders, url: \"https://…\"}]");
    }
    let targets = mapping.get("targets");
    if targets.is_none() {
        mapping.missing_as("targets", "targets: [{name: warehouse, type: sqlite, path: …}]");
    }
    let functions = mapping.get("functions");
    mapping.finish();
    for (name, node) in function::entries(functions, findings) {
        match function::declared(name, node, findings) {
            Some(spec) => project.functions.push(spec),
            None => project.broken_functions.add(Some(name.value.clone())),
        }
    }
    if apis.is_some() {
        for node in items("apis", apis, &mut project.apis.broken, findings) {
            project.apis.read(node, findings);
        }
    }
    for node in items("sources", sources, &mut project.broken_sources, findings) {
        match source::declared(node, &project.apis, findings) {
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
    check_apis(&project.apis, findings);
    check_names("source", project.sources.iter().map(|source| &source.table.name), findings);
    check_names("target", project.targets.iter().map(|target| &target.name), findings);
    project
}

/// The items of a list; whatever else stands there has names that cannot be read.
fn items<'a>(
    key: &str,
    node: Option<&'a Node>,
    broken: &mut Broken,
    findings: &mut Findings,
) -> &'a [Node] {
    if let Some(Value::List(items)) = node.map(|node| &node.value) {
        return items;
    }
    findings.extend(node.map(|node| wrong_kind(&format!("`{key}`"), "a list", node)));
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

/// Reports APIs of one name.
pub fn check_apis(apis: &Apis, findings: &mut Findings) {
    check_names("api", apis.known.iter().map(|api| &api.name), findings);
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
