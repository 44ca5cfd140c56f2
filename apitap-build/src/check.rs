//! Specs and queries → checked [`Definition`]s: names are looked up, queries planned, keys found.
//!
//! Knows what was written where, and nothing of files, of Rust, or of how a pipeline runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::codes;
use crate::definition::{
    Definition, Function, Hooks, Map, Mode, Pointer, Source, TargetKind, Transform,
};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys::key::KeyType as _;
use crate::keys::schema::FieldsSpec;
use crate::keys::values::Texts;
use crate::schema::{Field, Schema, Type};
use crate::spec::{FunctionSpec, SinkSpec, SourceSpec, TableSpec, TargetSpec};

mod checkpoint;
pub mod expressions;
mod filters;
pub mod function;
mod hooks;
mod incremental;
mod key;
mod parallel;
pub mod partitions;
pub mod project;
pub mod query;
mod schemas;
mod stack;
mod target;
mod values;

/// One pipeline as written, its names looked up.
pub struct PipelineSpec<'a> {
    /// The pipeline's name and where it comes from.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The sources that the query may read.
    pub sources: Vec<&'a SourceSpec>,
    /// All sources, among which those are for whose records others are requested.
    pub declared: &'a [SourceSpec],
    /// Where the rows go.
    pub target: &'a TargetSpec,
    /// Table, mode and key.
    pub sink: &'a SinkSpec,
    /// The Rust functions that the query may call.
    pub functions: &'a [FunctionSpec],
    /// The query, rendered.
    pub sql: &'a str,
    /// Where bytes of the query were written.
    pub sql_place: &'a dyn Fn(Range<usize>) -> Place,
    /// What is in place of the query: then the only source is what it maps.
    pub map: Option<&'a MapSpec>,
}

/// A Rust function in place of the query.
#[derive(Debug, Clone)]
pub struct MapSpec {
    /// The function.
    pub map: Map,
    /// What it yields.
    pub row: Schema,
    /// Where each column of that is declared.
    pub column_places: Vec<Place>,
}

/// What to do with a source that declares no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemas {
    /// It is an error: nothing can be compiled without one.
    Declared,
    /// It is inferred at run time; its queries are checked then.
    MayBeInferred,
}

/// How strictly a project is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What to do with a source that declares no schema.
    pub schemas: Schemas,
    /// Whether an expression that can fail on some value is an error.
    pub strict: bool,
}

impl From<Schemas> for Policy {
    fn from(schemas: Schemas) -> Self {
        Self { schemas, strict: false }
    }
}

/// A pipeline that can run.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What runs.
    pub definition: Definition,
    /// Where each column of the row stands in the query; empty where the row is not known yet.
    pub column_places: Vec<Place>,
    /// Where the table is named, or whatever says that the rows go there.
    pub table_place: Place,
}

/// Checks one pipeline: plans its query and puts the definition together.
///
/// `row` becomes what the query yields, also where something else is wrong.
pub fn pipeline(
    spec: &PipelineSpec<'_>,
    policy: impl Into<Policy>,
    row: &mut Option<Schema>,
    findings: &mut Findings,
) -> Option<Checked> {
    let policy = policy.into();
    let before = findings.errors();
    let key = key::of(spec);
    let mode = mode(spec, &key, findings);
    target::check_mode(spec, mode, &key, findings);
    let table = table(spec);
    target::check_name(spec, &table, findings);
    spec.sources.iter().for_each(|source| check_key_field(source, findings));
    target::check_missing(spec, mode, findings);
    target::check_skipped(spec, mode, findings);
    target::check_ends(spec, mode, findings);
    target::check_evolution(spec, mode, findings);
    let tables: Vec<_> = spec.sources.iter().map(|source| &source.table).collect();
    let sql = Sql {
        sources: &tables,
        functions: spec.functions,
        text: spec.sql,
        place: spec.sql_place,
        map: spec.map,
        target: Some(spec.target.target.kind),
    };
    let planned = sql.plan(policy, findings);
    let mut column_places = Vec::new();
    if let Some(planned) = &planned {
        key::check(spec, &table.value, &key, planned, findings);
        // Where rows are appended, the key is no more than a remark.
        if mode != Some(Mode::Append) {
            findings.extend(key::shared(&key, planned, &spec.sources));
        }
        if matches!(mode, Some(Mode::Merge | Mode::InsertNew)) {
            findings.extend(key::random(&key, planned));
        }
        findings.extend(repeated_groups(spec, mode, planned, &table.place));
        let whole = (spec.sql_place)(0..spec.sql.len());
        let mode_place = match &spec.sink.store.mode {
            mode if mode.value.is_some() => &mode.place,
            _ => &whole,
        };
        incremental::check_pipeline(spec, planned, mode, mode_place, findings);
        let kind = spec.target.target.kind;
        target::check_row(kind, &planned.row, &planned.column_places, &whole, findings);
        let partition_by = &spec.sink.store.partition_by.value;
        target::check_partitions(kind, partition_by, &planned.row, findings);
        column_places.clone_from(&planned.column_places);
        *row = Some(planned.row.clone());
    }
    if findings.errors() > before {
        return None;
    }
    let mut definition = Definition {
        name: spec.name.value.clone(),
        description: spec.description.clone(),
        sources: spec.sources.iter().map(|source| source.source()).collect(),
        parents: Vec::new(),
        transform: match spec.map {
            Some(map) => Transform::Map(map.map.clone()),
            None => Transform::Sql(query::for_engine(spec.sql)),
        },
        functions: called(spec),
        row: row.clone(),
        target: spec.target.target.clone(),
        table: table.value,
        mode: mode?,
        key: key.iter().map(|column| column.value.clone()).collect(),
        delete_missing: spec.sink.store.delete_missing.value,
        evolve: spec.sink.store.evolve.value,
        hooks: Hooks {
            before: spec.sink.store.before.value.clone(),
            after: spec.sink.store.after.value.clone(),
        },
        partition_by: Texts::plain(&spec.sink.store.partition_by.value).0,
        checkpoint: None,
    };
    if let Some(planned) = &planned {
        keep_what_is_read(&mut definition, &planned.reads);
    }
    definition.parents = parents(&definition.sources, spec.declared);
    definition.checkpoint = checkpoint::of(&definition, planned.as_ref(), &table.place, findings);
    findings.extend(target::runs_not_apart(&definition, &table.place));
    Some(Checked { definition, column_places, table_place: table.place })
}

/// Whether the field that takes the key of each record is declared: it would be skipped otherwise.
fn check_key_field(source: &SourceSpec, findings: &mut Findings) {
    let Spanned { value, place } = &source.request.key_as;
    let (Some(name), Some(declared)) = (value, &source.table.declared) else { return };
    let fields = &declared.value.schema.fields;
    if let Some(field) = fields.iter().find(|field| field.name == *name) {
        findings.extend(untaken_key(field, place, declared));
        return;
    }
    let message = format!("source `{}` declares no field `{name}`", source.table.name.value);
    findings.push(
        Finding::error(codes::KEY_NOT_DECLARED, message, place)
            .related(&declared.place, "it declares its fields here")
            .help(format!("add `{name}: string!`, or name a field that is there")),
    );
}

/// That a field takes no text, which a key is.
fn untaken_key(field: &Field, place: &Place, declared: &Spanned<FieldsSpec>) -> Option<Finding> {
    let takes = match field.ty {
        Type::String
        | Type::Decimal { .. }
        | Type::Date
        | Type::Time
        | Type::Timestamp
        | Type::Uuid
        | Type::Binary
        | Type::Json => true,
        Type::Bool
        | Type::Int16
        | Type::Int32
        | Type::Int64
        | Type::Float32
        | Type::Float64
        | Type::List(_)
        | Type::Record(_) => false,
    };
    let name = &field.name;
    let message = format!("the key of a record is a text, which the field `{name}` does not take");
    let at = declared.value.places.get(name).unwrap_or(&declared.place);
    let help = match field.ty {
        Type::List(_) | Type::Record(_) => format!("declare `{name}: string!`"),
        _ => format!(
            "declare `{name}: string!`, and write `CAST({name} AS BIGINT)` or the like in SQL"
        ),
    };
    (!takes).then(|| {
        Finding::error(codes::KEY_NOT_DECLARED, message, place)
            .related(at, "it is declared here")
            .help(help)
    })
}

/// A query, and the sources that it may read.
pub(crate) struct Sql<'a> {
    /// The sources.
    pub(crate) sources: &'a [&'a TableSpec],
    /// The functions that it may call besides those of SQL.
    pub(crate) functions: &'a [FunctionSpec],
    /// The query, rendered.
    pub(crate) text: &'a str,
    /// Where bytes of it were written.
    pub(crate) place: &'a dyn Fn(Range<usize>) -> Place,
    /// What is in place of it.
    pub(crate) map: Option<&'a MapSpec>,
    /// Where its rows go, if that is known.
    pub(crate) target: Option<TargetKind>,
}

impl Sql<'_> {
    /// Plans it; `None` where that cannot be, or not yet.
    pub(crate) fn plan(&self, policy: Policy, findings: &mut Findings) -> Option<query::Planned> {
        let undeclared = self.sources.iter().filter(|source| source.declared.is_none());
        if undeclared.clone().next().is_some() {
            if policy.schemas == Schemas::Declared {
                findings.extend(undeclared.map(|source| no_schema(source)));
            }
            return None;
        }
        if let Some(map) = self.map {
            return Some(mapped(self.sources, map));
        }
        let tables: Vec<_> = self
            .sources
            .iter()
            .filter_map(|source| {
                let declared = source.declared.as_ref()?;
                Some(query::Table {
                    name: &source.name.value,
                    schema: &declared.value.schema,
                    declared: Some(declared.place.clone()),
                    field_places: &declared.value.places,
                    untyped: &source.untyped,
                })
            })
            .collect();
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|spec| query::Callable {
                function: &spec.function,
                declared: Some(spec.place.clone()),
            })
            .collect();
        let (planned, found) = query::plan(&query::Query {
            sql: self.text,
            tables: &tables,
            functions: &functions,
            place: self.place,
            target: self.target,
            strict: policy.strict,
        });
        findings.extend(found);
        planned
    }
}

/// Plans the query of a definition whose sources' schemas have been found out at run time.
///
/// # Errors
/// The findings, in the order of the query; their places are byte ranges of the query.
pub fn complete(
    definition: &mut Definition,
    files: &mut crate::diagnostic::Files,
) -> Result<(), Vec<Finding>> {
    // A map is declared with its row: there is nothing to find out.
    let Some(sql) = definition.sql().map(str::to_owned) else { return Ok(()) };
    let file = files.add(format!("{}.sql", definition.name), sql.clone());
    let empty = Schema::default();
    let (places, typed) = (BTreeMap::new(), BTreeSet::new());
    let tables: Vec<_> = definition
        .sources
        .iter()
        .map(|source| query::Table {
            name: &source.name,
            schema: source.schema.as_ref().unwrap_or(&empty),
            declared: None,
            field_places: &places,
            untyped: &typed,
        })
        .collect();
    let functions: Vec<_> = definition
        .functions
        .iter()
        .map(|function| query::Callable { function, declared: None })
        .collect();
    let place = |range: Range<usize>| Place::text(file, range);
    let (planned, findings) = query::plan(&query::Query {
        sql: &sql,
        tables: &tables,
        functions: &functions,
        place: &place,
        target: Some(definition.target.kind),
        strict: false,
    });
    let Some(planned) = planned else { return Err(findings) };
    keep_what_is_read(definition, &planned.reads);
    let spanned = |name: &String| Spanned::new(name.clone(), Place::text(file, 0..0));
    let key: Vec<_> = definition.key.iter().map(spanned).collect();
    let partition_by: Vec<_> = definition.partition_by.iter().map(spanned).collect();
    let mut unknown = Findings::default();
    key.iter().for_each(|column| key::check_yielded(column, &planned, &mut unknown));
    let whole = Place::text(file, 0..sql.len());
    let (kind, table) = (definition.target.kind, definition.table.as_str());
    target::check_key(kind, table, &key, &planned.row, &planned.column_places, &mut unknown);
    target::check_row(kind, &planned.row, &planned.column_places, &whole, &mut unknown);
    target::check_partitions(kind, &partition_by, &planned.row, &mut unknown);
    if unknown.has_errors() {
        return Err(unknown.0);
    }
    definition.row = Some(planned.row);
    Ok(())
}

/// The functions that the query calls, in the order of their declarations.
fn called(spec: &PipelineSpec<'_>) -> Vec<Function> {
    let functions = || spec.functions.iter().map(|spec| &spec.function);
    let names = functions().map(|function| function.name.as_str()).collect();
    let called = query::called(spec.sql, &names);
    functions().filter(|function| called.contains(&function.name)).cloned().collect()
}

/// The mode that is written, else merge where there is a key, else append.
fn mode(spec: &PipelineSpec<'_>, key: &[Spanned<String>], findings: &mut Findings) -> Option<Mode> {
    let written = &spec.sink.store.mode;
    let Some(mode) = written.value else {
        return Some(if key.is_empty() { Mode::Append } else { Mode::Merge });
    };
    if mode.needs_key() && key.is_empty() {
        let message = format!("`{}` needs a key", mode.name());
        findings.push(
            Finding::error(codes::MERGE_WITHOUT_KEY, message, &written.place)
                .label("which columns identify a row?")
                .help("name the columns that identify a row: `key=[\"id\"]`"),
        );
        return None;
    }
    Some(mode)
}

/// The table of `sink(…)`, else that of the first source, else the pipeline's name.
fn table(spec: &PipelineSpec<'_>) -> Spanned<String> {
    let of_source = spec.sources.first().map(|source| &source.described.table_destination_name);
    let written = [Some(&spec.sink.store.table), of_source].into_iter().flatten();
    let mut written =
        written.filter_map(|table| Some(Spanned::new(table.value.clone()?, table.place.clone())));
    let unsaid = || Spanned::new(spec.name.value.clone(), spec.sink.store.at.clone());
    written.next().unwrap_or_else(unsaid)
}

fn no_schema(source: &TableSpec) -> Finding {
    let name = &source.name.value;
    Finding::error(
        codes::NO_SCHEMA,
        format!("source `{name}` declares no schema"),
        &source.name.place,
    )
    .label("what does a record look like?")
    .note("a query can be checked only against declared fields")
    .help(
        "write `schema:` with one line per field, as in `id: int64!`; \
             `apitap -m DIR -y FILE` runs without one and prints what it has inferred",
    )
}

/// What a map yields is declared; it reads whole records.
fn mapped(sources: &[&TableSpec], map: &MapSpec) -> query::Planned {
    let all = |source: &&TableSpec| {
        let fields = source.schema().into_iter().flat_map(|schema| &schema.fields);
        let root = Pointer::default();
        (source.name.value.clone(), fields.map(|field| root.child(&field.name)).collect())
    };
    query::Planned {
        row: map.row.clone(),
        reads: sources.iter().map(all).collect(),
        column_places: map.column_places.clone(),
        expressions: Vec::new(),
        rows: query::Rows::default(),
        outer_joins: Vec::new(),
        reads_at: Vec::new(),
    }
}

/// Leaves out the sources that the query does not read, and notes the fields that it reads.
fn keep_what_is_read(definition: &mut Definition, reads: &BTreeMap<String, BTreeSet<Pointer>>) {
    definition.sources.retain_mut(|source| match reads.get(&source.name) {
        Some(fields) => {
            source.reads = fields.clone();
            let schema = source.schema.as_ref();
            let incremental = source.incremental.as_ref();
            let path = incremental.and_then(|incremental| schema?.path(&incremental.field));
            let child = |pointer: Pointer, field: &&Field| pointer.child(&field.name);
            let moment = path.map(|path| path.iter().fold(Pointer::default(), child));
            source.reads.extend(moment);
            true
        }
        None => false,
    });
}

/// The sources for whose records others are requested, each once.
fn parents(sources: &[Source], declared: &[SourceSpec]) -> Vec<Source> {
    let mut found: Vec<Source> = Vec::new();
    let mut named: Vec<String> =
        sources.iter().flat_map(Source::parents).map(str::to_owned).collect();
    while let Some(name) = named.pop() {
        let spec = declared.iter().find(|spec| spec.table.name.value == name);
        let Some(spec) = spec.filter(|_| found.iter().all(|known| known.name != name)) else {
            continue;
        };
        let source = spec.source();
        named.extend(source.parents().map(str::to_owned));
        found.push(source);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Groups that are appended: each run adds all of them once more.
fn repeated_groups(
    spec: &PipelineSpec<'_>,
    mode: Option<Mode>,
    planned: &query::Planned,
    place: &Place,
) -> Option<Finding> {
    // A column such as `now()` says which run they are of.
    let is_history = !planned.rows.constant.is_empty();
    if mode != Some(Mode::Append) || !planned.rows.are_groups || is_history {
        return None;
    }
    let written = &spec.sink.store.mode;
    let place = if written.value.is_some() { &written.place } else { place };
    Some(
        Finding::warning(codes::REPEATED_GROUPS, "each run appends all groups again", place)
            .help("replace them, `mode=\"replace\"`, or merge by what is grouped, `key=[…]`")
            .help("to keep a history, select `now()` with them"),
    )
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
