//! A YAML file and a folder of SQL files → the pipelines of a project.
//!
//! Looks up the names that `use_source(…)` and `sink(…)` say; [`super::pipeline`] does the rest.

use std::collections::BTreeSet;

use super::{Checked, MapSpec, PipelineSpec, Schemas, list};
use crate::diagnostic::{FileId, Files, Finding, Findings, Place, Spanned, did_you_mean};
use crate::parse::template::{QueryText, render_query};
use crate::parse::yaml;
use crate::schema::Schema;
use crate::spec::{self, Project, SinkSpec, SourceSpec, TargetSpec};

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
    yaml: Option<FileId>,
    queries: &[(String, Option<FileId>)],
    schemas: Schemas,
    findings: &mut Findings,
) -> Pipelines {
    let node = yaml.and_then(|yaml| yaml::parse(files, yaml, findings));
    let project = node.map(|node| {
        let mut project = spec::project(&node, findings);
        super::function::check_all(&mut project, findings);
        project
    });
    let used = Used::default();
    let mut checker = Checker { files, project: project.as_ref(), schemas, used, findings };
    let mut pipelines = Pipelines::default();
    let mut names: Vec<Spanned<String>> = Vec::new();
    for (path, file) in queries {
        let start = Place::text(file.unwrap_or_default(), 0..0);
        let name = Spanned::new(pipeline_name(path), start);
        if let Some(other) = names.iter().find(|other| other.value == name.value) {
            checker.findings.push(same_name(&name, other));
            continue;
        }
        names.push(name.clone());
        let mut broken = Broken { name: name.value.clone(), sources: Vec::new(), row: None };
        let checked = file.and_then(|file| checker.query(name, file, &mut broken));
        match checked {
            Some(checked) => pipelines.checked.push(checked),
            None => pipelines.broken.push(broken),
        }
    }
    // What a broken pipeline will use when it is mended is not known.
    if pipelines.broken.is_empty() && !pipelines.checked.is_empty() {
        checker.warn_of_unused();
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
    let (code, call) = if kind == "source" { ("E0390", "use_source") } else { ("E0391", "sink") };
    let message = format!("{kind} `{}` is never used", name.value);
    let argument = if kind == "source" { "" } else { "name=" };
    Finding::warning(code, message, &name.place).help(format!(
        "name it in a SQL file, `{{{{ {call}({argument}\"{}\") }}}}`, or remove it",
        name.value
    ))
}

fn same_name(name: &Spanned<String>, other: &Spanned<String>) -> Finding {
    Finding::error("E0307", format!("two pipelines are named `{}`", name.value), &name.place)
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
    schemas: Schemas,
    used: Used,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    /// Checks the pipeline of a SQL file; `known` takes what is well of it.
    fn query(
        &mut self,
        name: Spanned<String>,
        file: FileId,
        known: &mut Broken,
    ) -> Option<Checked> {
        let text = render_query(self.files, file, self.findings)?;
        let project = self.project?;
        let (sources, complete) = self.sources(project, &text);
        known.sources = named(&text, &sources);
        let sink = match &text.sink {
            Some(node) => spec::sink(node, self.findings)?,
            None => SinkSpec::at(&name.place),
        };
        let target = self.target(project, &sink)?;
        // What a function with findings takes and gives is not known.
        let broken: BTreeSet<_> = project.broken_functions.names().collect();
        if !complete || !super::query::called(&text.sql, &broken).is_empty() {
            return None;
        }
        let map = match &text.map {
            Some(node) => Some(spec::map(node, self.files, self.findings)?),
            None => None,
        };
        let map = map.map(|spec::MapWords { map, row, column_places }| MapSpec {
            map,
            row,
            column_places,
        });
        let spec = PipelineSpec {
            name,
            description: leading_comment(&self.files.get(file).text),
            sources,
            target,
            sink: &sink,
            functions: &project.functions,
            sql: &text.sql,
            sql_place: &|range| text.place(range),
            map: map.as_ref(),
        };
        let before = self.findings.0.len();
        let checked = super::pipeline(&spec, self.schemas, &mut known.row, self.findings);
        for finding in self.findings.0.iter_mut().skip(before) {
            say_how_to_use(finding, self.files, project, &text);
        }
        checked
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
            match project.sources.iter().find(|source| source.name.value == name.value) {
                Some(source) if sources.iter().any(|known| known.name == source.name) => {}
                Some(source) => sources.push(source),
                None => {
                    complete = false;
                    if !project.broken_sources.may_be(&name.value) {
                        let known = project.sources.iter().map(|source| &*source.name.value);
                        let known = known.chain(project.broken_sources.names());
                        self.findings.push(unknown("E0301", "source", name, known));
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
                    self.findings.push(unknown("E0302", "target", name, known));
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

    fn warn_of_unused(&mut self) {
        let Some(project) = self.project else { return };
        let sources = project.sources.iter().map(|source| &source.name);
        let targets = project.targets.iter().map(|target| &target.name);
        let sources = sources.filter(|name| !self.used.sources.contains(&name.value));
        let targets = targets.filter(|name| !self.used.targets.contains(&name.value));
        let unused = sources
            .map(|name| unused("source", name))
            .chain(targets.map(|name| unused("target", name)));
        self.findings.extend(unused);
    }
}

/// The sources that a query names, in the order of first use, with the fields that are known.
fn named(text: &QueryText, known: &[&SourceSpec]) -> Vec<(String, Option<Schema>)> {
    let mut seen = BTreeSet::new();
    let uses = text.uses.iter().filter(|name| seen.insert(&name.value));
    uses.map(|name| {
        let source = known.iter().find(|source| source.name.value == name.value);
        (name.value.clone(), source.and_then(|source| source.source.schema.clone()))
    })
    .collect()
}

/// A source that is declared, but that the query does not say it uses.
fn say_how_to_use(finding: &mut Finding, files: &Files, project: &Project, text: &QueryText) {
    let Place::Text { file, start, end } = finding.place else { return };
    let written = files.get(file).text.get(start..end).unwrap_or_default();
    let name = written.trim_matches('"');
    let declared = project.sources.iter().any(|source| source.name.value == name);
    let used = text.uses.iter().any(|used| used.value == name);
    if finding.code == "E0205" && declared && !used {
        finding.message = format!("source `{name}` is named without `use_source`");
        finding.label = String::new();
        finding.help = vec![format!("write `{{{{ use_source(\"{name}\") }}}}`")];
    }
}

fn no_target(sink: &SinkSpec, known: &[&str]) -> Finding {
    let finding = Finding::error("E0303", "the query names no target", &sink.place);
    if known.is_empty() {
        return finding.help("declare one under `targets` of the YAML file");
    }
    finding
        .note(format!("the targets are {}", list(known)))
        .help("say where the rows go: `{{ sink(name=\"…\") }}`")
}

fn unknown<'a>(
    code: &'static str,
    kind: &str,
    name: &Spanned<String>,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Finding {
    Finding::error(code, format!("{kind} `{}` is not declared", name.value), &name.place)
        .label(format!("no such {kind}"))
        .help(did_you_mean(kind, &name.value, known))
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
