//! A YAML file and a folder of SQL files → the pipelines of a project.
//!
//! Looks up the names that `use_source(…)` and `sink(…)` say; [`super::pipeline`] does the rest.

use std::collections::BTreeSet;

use super::{
    Checked, MapSpec, PipelineSpec, Policy, Sql, expressions, list, parallel, partitions, schemas,
    target, values,
};
use crate::codes::{self, Code};
use crate::diagnostic::{Edit, FileId, Files, Finding, Findings, Help, Place, Spanned};
use crate::parse::template::{QueryText, render_query};
use crate::schema::Schema;
use crate::spec::{self, Project, SinkSpec, SourceSpec, TableSpec, TargetSpec};
use crate::tree::Node;

/// The pipelines of a project.
#[derive(Debug, Default)]
pub struct Pipelines {
    /// Those without errors.
    pub checked: Vec<Checked>,
    /// The others.
    pub broken: Vec<Broken>,
}

/// What is known of a pipeline that has errors.
#[derive(Debug)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// The sources that its query names, each once, with their fields where those are well.
    pub sources: Vec<(String, Option<Schema>)>,
    /// What its query yields, if that is well.
    pub row: Option<Schema>,
}

/// Checks all pipelines of a project.
///
/// `queries` are the SQL files in the order of their paths, relative to their folder. A file that
/// could not be read is `None`.
pub fn project(
    files: &Files,
    yaml: Option<&Node>,
    queries: &[(String, Option<FileId>)],
    policy: Policy,
    findings: &mut Findings,
) -> Pipelines {
    findings.extend(yaml.iter().flat_map(|yaml| values::warnings(yaml)));
    let project = yaml.map(|yaml| {
        let mut project = spec::project(yaml, findings);
        schemas::resolve(files, &mut project, findings);
        super::function::check_all(&mut project, findings);
        partitions::resolve_all(&mut project, findings);
        expressions::check_all(&mut project, findings);
        project
    });
    let mut names: Vec<Spanned<String>> = Vec::new();
    let mut known: Vec<(Spanned<String>, Option<FileId>)> = Vec::new();
    for (path, file) in queries {
        let start = Place::text(file.unwrap_or_default(), 0..0);
        let name = Spanned::new(pipeline_name(path), start);
        if let Some(other) = names.iter().find(|other| other.value == name.value) {
            findings.push(same_name(&name, other));
            continue;
        }
        names.push(name.clone());
        known.push((name, *file));
    }
    let project = project.as_ref();
    let mut pipelines = Pipelines::default();
    let mut used = Used::default();
    // They know nothing of each other.
    let checked = parallel::map(&known, |(name, file)| {
        let (used, findings) = Default::default();
        let mut checker = Checker { files, project, policy, used, findings };
        let mut broken = Broken { name: name.value.clone(), sources: Vec::new(), row: None };
        let checked = file.and_then(|file| checker.query(name.clone(), file, &mut broken));
        (checked.ok_or(broken), checker.used, checker.findings)
    });
    for (checked, uses, found) in checked {
        used.sources.extend(uses.sources);
        used.targets.extend(uses.targets);
        findings.extend(found.0);
        match checked {
            Ok(checked) => pipelines.checked.push(checked),
            Err(broken) => pipelines.broken.push(broken),
        }
    }
    target::check_shared(&pipelines.checked, findings);
    // What a broken pipeline will use when it is fixed is not known.
    if let Some(project) = project
        && pipelines.broken.is_empty()
        && !pipelines.checked.is_empty()
    {
        warn_of_unused(project, &used, findings);
    }
    pipelines
}

/// `placeholder/post.sql` → `placeholder_post`.
pub fn pipeline_name(path: &str) -> String {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    let name: String =
        stem.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn unused(kind: &str, name: &Spanned<String>) -> Finding {
    let (code, call) = if kind == "source" {
        (codes::UNUSED_SOURCE, "use_source")
    } else {
        (codes::UNUSED_TARGET, "sink")
    };
    let message = format!("{kind} `{}` is never used", name.value);
    let argument = if kind == "source" { "" } else { "name=" };
    Finding::warning(code, message, &name.place).help(format!(
        "name it in a SQL file, `{{{{ {call}({argument}\"{}\") }}}}`, or remove it",
        name.value
    ))
}

fn same_name(name: &Spanned<String>, other: &Spanned<String>) -> Finding {
    Finding::error(
        codes::DUPLICATE_PIPELINE,
        format!("two pipelines are named `{}`", name.value),
        &name.place,
    )
    .related(&other.place, "the other one")
    .note("a pipeline is named after its SQL file's path, `/` and the like as `_`")
    .help("rename one of the files")
}

/// Names of sources and of targets.
#[derive(Default)]
struct Used {
    sources: BTreeSet<String>,
    targets: BTreeSet<String>,
}

struct Checker<'a> {
    files: &'a Files,
    /// `None` where the YAML file cannot be read: then no more is said about its names.
    project: Option<&'a Project>,
    policy: Policy,
    used: Used,
    findings: Findings,
}

impl Checker<'_> {
    /// Checks the pipeline of a SQL file; `known` takes what is well of it.
    fn query(
        &mut self,
        name: Spanned<String>,
        file: FileId,
        known: &mut Broken,
    ) -> Option<Checked> {
        let text = render_query(self.files, file, &mut self.findings)?;
        let project = self.project?;
        let (sources, complete) = self.sources(project, &text);
        known.sources = named(project, &text);
        let sink = match &text.sink {
            Some(node) => spec::sink(node, &mut self.findings),
            None => Some(SinkSpec::at(&name.place)),
        };
        let target = sink.as_ref().and_then(|sink| self.target(project, sink));
        let map = match &text.map {
            Some(node) => Some(self.map(node)?),
            None => None,
        };
        // What a function with findings takes and gives is not known.
        let broken: BTreeSet<_> = project.broken_functions.names().collect();
        if !super::query::called(&text.sql, &broken).is_empty() {
            return None;
        }
        let before = self.findings.0.len();
        let (Some(sink), Some(target), true) = (sink, target, complete) else {
            known.row = self.query_alone(project, &text, map.as_ref());
            self.say_how_to_use(before, project, &text);
            return None;
        };
        let spec = PipelineSpec {
            name,
            description: leading_comment(&self.files.get(file).text),
            sources,
            declared: &project.sources,
            target,
            sink: &sink,
            functions: &project.functions,
            sql: &text.sql,
            sql_place: &|range| text.place(range),
            map: map.as_ref(),
        };
        let checked = super::pipeline(&spec, self.policy, &mut known.row, &mut self.findings);
        self.say_how_to_use(before, project, &text);
        if let Some(checked) = &checked {
            self.warn_of_unread(checked, &text);
        }
        checked
    }

    /// Checks the SQL of a pipeline that is broken elsewhere, if all of its sources have fields;
    /// gives what it yields.
    fn query_alone(
        &mut self,
        project: &Project,
        text: &QueryText,
        map: Option<&MapSpec>,
    ) -> Option<Schema> {
        let mut sources: Vec<&TableSpec> = Vec::new();
        for name in &text.uses {
            let source = project.table(&name.value)?;
            if sources.iter().all(|known| known.name != source.name) {
                sources.push(source);
            }
        }
        let place = |range| text.place(range);
        let functions = &project.functions;
        let target = None;
        let sql = Sql { sources: &sources, functions, text: &text.sql, place: &place, map, target };
        Some(sql.plan(self.policy, &mut self.findings)?.row)
    }

    /// What `map(…)` says.
    fn map(&mut self, node: &Node) -> Option<MapSpec> {
        let words = spec::map(node, self.files, &mut self.findings)?;
        let spec::MapWords { map, row, column_places } = words;
        Some(MapSpec { map, row, column_places })
    }

    fn say_how_to_use(&mut self, before: usize, project: &Project, text: &QueryText) {
        for finding in self.findings.0.iter_mut().skip(before) {
            say_how_to_use(finding, self.files, project, text);
        }
    }

    /// Sources that the template names, and the query then does not read.
    fn warn_of_unread(&mut self, checked: &Checked, text: &QueryText) {
        let definition = &checked.definition;
        if definition.row.is_none() {
            return;
        }
        if definition.sources.is_empty() {
            let finding = Finding::warning(
                codes::QUERY_WITHOUT_SOURCE,
                "the query reads no source",
                &text.place(0..text.sql.len()),
            );
            self.findings.push(
                finding
                    .label("these rows do not come from an API")
                    .help("read one: `FROM {{ use_source(\"…\") }}`"),
            );
        }
        let mut seen = BTreeSet::new();
        for name in &text.uses {
            let is_read = definition.sources.iter().any(|source| source.name == name.value);
            if is_read || !seen.insert(name.value.as_str()) {
                continue;
            }
            let message =
                format!("source `{}` is named, but the query does not read it", name.value);
            self.findings.push(
                Finding::warning(codes::UNREAD_SOURCE, message, &name.place)
                    .label("nothing is fetched from it")
                    .help("join it, put a comma before it, or remove the call"),
            );
        }
    }

    /// The sources that the query names, without those that are not known or have findings; and
    /// whether that is all of them.
    fn sources<'p>(
        &mut self,
        project: &'p Project,
        text: &QueryText,
    ) -> (Vec<&'p SourceSpec>, bool) {
        let mut sources: Vec<&SourceSpec> = Vec::new();
        let mut complete = true;
        for name in &text.uses {
            self.used.sources.insert(name.value.clone());
            match project.sources.iter().find(|source| source.table.name.value == name.value) {
                Some(source)
                    if sources.iter().any(|known| known.table.name == source.table.name) => {}
                Some(source) => sources.push(source),
                None => {
                    complete = false;
                    if !project.broken_sources.may_be(&name.value) {
                        let known = project.sources.iter().map(|source| &*source.table.name.value);
                        let known = known.chain(project.broken_sources.names());
                        self.findings.push(unknown(codes::UNKNOWN_SOURCE, "source", name, known));
                    }
                }
            }
        }
        (sources, complete)
    }

    /// The target that `sink(…)` names; the only one where it names none.
    fn target<'p>(&mut self, project: &'p Project, sink: &SinkSpec) -> Option<&'p TargetSpec> {
        let known = project.targets.iter().map(|target| &*target.name.value);
        let known = known.chain(project.broken_targets.names());
        let target = match &sink.name {
            Some(name) => {
                let target = project.targets.iter().find(|target| target.name.value == name.value);
                if target.is_none() && !project.broken_targets.may_be(&name.value) {
                    self.findings.push(unknown(codes::UNKNOWN_TARGET, "target", name, known));
                }
                target?
            }
            None => match &project.targets[..] {
                _ if !project.broken_targets.is_empty() => return None,
                [only] => only,
                _ => {
                    self.findings.push(no_target(sink, &known.collect::<Vec<_>>()));
                    return None;
                }
            },
        };
        self.used.targets.insert(target.name.value.clone());
        Some(target)
    }
}

fn warn_of_unused(project: &Project, used: &Used, findings: &mut Findings) {
    for api in &project.apis.known {
        let names =
            |source: &SourceSpec| source.api.as_ref().is_some_and(|(n, _)| *n == api.name.value);
        if !project.sources.iter().any(names) {
            let name = &api.name.value;
            let message = format!("api `{name}` is never used");
            findings.push(
                Finding::warning(codes::UNUSED_API, message, &api.name.place)
                    .help(format!("name it in a source, `api: {name}`, or remove it")),
            );
        }
    }
    let sources = project.sources.iter().map(|source| &source.table.name);
    let targets = project.targets.iter().map(|target| &target.name);
    let entries = project.sources.iter().flat_map(|source| &source.request.for_each.value);
    let parents: BTreeSet<_> = entries.filter_map(|entry| entry.source.value.as_ref()).collect();
    let is_used = |name: &String| used.sources.contains(name) || parents.contains(name);
    let sources = sources.filter(|name| !is_used(&name.value));
    let targets = targets.filter(|name| !used.targets.contains(&name.value));
    let unused = sources
        .map(|name| unused("source", name))
        .chain(targets.map(|name| unused("target", name)));
    findings.extend(unused);
}

/// The sources that a query names, in the order of first use, with the fields that are known.
fn named(project: &Project, text: &QueryText) -> Vec<(String, Option<Schema>)> {
    let mut seen = BTreeSet::new();
    let uses = text.uses.iter().filter(|name| seen.insert(&name.value));
    uses.map(|name| {
        let schema = project.table(&name.value).and_then(TableSpec::schema);
        (name.value.clone(), schema.cloned())
    })
    .collect()
}

/// A source that is declared, but that the query does not say it uses.
fn say_how_to_use(finding: &mut Finding, files: &Files, project: &Project, text: &QueryText) {
    let Place::Text { file, start, end } = finding.place else { return };
    let written = files.get(file).text.get(start..end).unwrap_or_default();
    let name = written.trim_matches('"');
    let declared = project.sources.iter().any(|source| source.table.name.value == name);
    let used = text.uses.iter().any(|used| used.value == name);
    if finding.code == codes::UNKNOWN_TABLE && declared && !used {
        finding.message = format!("source `{name}` is named without `use_source`");
        finding.label = String::new();
        let call = format!("{{{{ use_source(\"{name}\") }}}}");
        let edit = Edit { place: finding.place.clone(), replacement: call.clone(), sure: true };
        finding.help = vec![Help { sentence: format!("write `{call}`"), edit: Some(edit) }];
    }
}

fn no_target(sink: &SinkSpec, known: &[&str]) -> Finding {
    let finding = Finding::error(codes::NO_TARGET, "the query names no target", &sink.store.at);
    if known.is_empty() {
        return finding.help("declare one under `targets` of the YAML file");
    }
    finding
        .note(format!("the targets are {}", list(known)))
        .help("say where the rows go: `{{ sink(name=\"…\") }}`")
}

fn unknown<'a>(
    code: &'static Code,
    kind: &str,
    name: &Spanned<String>,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Finding {
    Finding::error(code, format!("{kind} `{}` is not declared", name.value), &name.place)
        .label(format!("no such {kind}"))
        .suggest(kind, &name.value, known)
}

/// The comment that opens a SQL file says what the pipeline is for.
fn leading_comment(text: &str) -> Option<String> {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty() || line.starts_with("{{"))
        .map_while(|line| line.strip_prefix("--"))
        .map(|line| line.trim().to_owned())
        .collect();
    let comment = lines.join("\n").trim().to_owned();
    (!comment.is_empty()).then_some(comment)
}
