//! A YAML file and a folder of SQL files → the pipelines of a project.
//!
//! Looks up the names that `use_source(…)` and `sink(…)` say; [`super::pipeline`] does the rest.

use std::collections::BTreeSet;

use super::{Checked, PipelineSpec, Schemas, list};
use crate::diagnostic::{FileId, Files, Finding, Findings, Place, Spanned, did_you_mean};
use crate::parse::template::{QueryText, render_query};
use crate::parse::yaml;
use crate::spec::{self, Project, SinkSpec, SourceSpec, TargetSpec};

/// Checks all pipelines of a project; those with findings are left out.
///
/// `queries` are the SQL files in the order of their paths, relative to their folder.
pub fn project(
    files: &Files,
    yaml: FileId,
    queries: &[(String, FileId)],
    schemas: Schemas,
    findings: &mut Findings,
) -> Vec<Checked> {
    let Some(node) = yaml::parse(files, yaml, findings) else { return Vec::new() };
    let project = spec::project(&node, findings);
    let mut used = Used::default();
    let mut names: Vec<Spanned<String>> = Vec::new();
    let mut checked = Vec::new();
    for (path, file) in queries {
        let start = Place::text(*file, 0..0);
        let name = Spanned::new(pipeline_name(path), start);
        if let Some(other) = names.iter().find(|other| other.value == name.value) {
            findings.push(same_name(&name, other));
            continue;
        }
        names.push(name.clone());
        let Some(text) = render_query(files, *file, findings) else {
            used.unknown = true;
            continue;
        };
        checked.extend(query(files, &project, name, *file, &text, schemas, &mut used, findings));
    }
    used.warn(&project, findings);
    checked
}

/// `placeholder/post.sql` → `placeholder_post`.
pub fn pipeline_name(path: &str) -> String {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    let name: String =
        stem.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Which sources and targets some query names.
#[derive(Default)]
struct Used {
    names: BTreeSet<(&'static str, String)>,
    /// A file could not be read to its end: what it uses is not known.
    unknown: bool,
}

impl Used {
    fn warn(&self, project: &Project, findings: &mut Findings) {
        if self.unknown {
            return;
        }
        let sources = project.sources.iter().map(|source| ("source", &source.name));
        let targets = project.targets.iter().map(|target| ("target", &target.name));
        for (kind, name) in sources.chain(targets) {
            if !self.names.contains(&(kind, name.value.clone())) {
                findings.push(unused(kind, name));
            }
        }
    }
}

fn unused(kind: &str, name: &Spanned<String>) -> Finding {
    let (code, call) =
        if kind == "source" { ("E0390", "use_source") } else { ("E0391", "sink") };
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

#[allow(clippy::too_many_arguments)]
fn query(
    files: &Files,
    project: &Project,
    name: Spanned<String>,
    file: FileId,
    text: &QueryText,
    schemas: Schemas,
    used: &mut Used,
    findings: &mut Findings,
) -> Option<Checked> {
    let sources = sources(project, text, used, findings);
    let sink = match &text.sink {
        Some(node) => spec::sink(node, findings)?,
        None => SinkSpec::at(&name.place),
    };
    let target = target(project, &sink, used, findings);
    let spec = PipelineSpec {
        name,
        description: leading_comment(&files.get(file).text),
        sources: sources?,
        target: target?,
        sink: &sink,
        sql: &text.sql,
        sql_place: &|range| text.place(range),
    };
    super::pipeline(&spec, schemas, findings)
}

/// The sources that the query names; `None` where one of them is not known or has findings.
fn sources<'a>(
    project: &'a Project,
    text: &QueryText,
    used: &mut Used,
    findings: &mut Findings,
) -> Option<Vec<&'a SourceSpec>> {
    let mut sources: Vec<&SourceSpec> = Vec::new();
    let mut complete = true;
    for name in &text.uses {
        used.names.insert(("source", name.value.clone()));
        match project.sources.iter().find(|source| source.name.value == name.value) {
            Some(source) if sources.iter().any(|known| known.name == source.name) => {}
            Some(source) => sources.push(source),
            None => {
                complete = false;
                if !project.broken_sources.contains(&name.value) {
                    let known: Vec<_> =
                        project.sources.iter().map(|source| source.name.value.as_str()).collect();
                    findings.push(unknown("E0301", "source", name, &known));
                }
            }
        }
    }
    complete.then_some(sources)
}

/// The target that `sink(…)` names; the only one where it names none.
fn target<'a>(
    project: &'a Project,
    sink: &SinkSpec,
    used: &mut Used,
    findings: &mut Findings,
) -> Option<&'a TargetSpec> {
    let known: Vec<_> = project.targets.iter().map(|target| target.name.value.as_str()).collect();
    let Some(name) = &sink.name else {
        if let ([only], true) = (&project.targets[..], project.broken_targets.is_empty()) {
            used.names.insert(("target", only.name.value.clone()));
            return Some(only);
        }
        if project.broken_targets.is_empty() {
            findings.push(
                Finding::error("E0303", "the query names no target", &sink.place)
                    .note(format!("the targets are {}", list(&known)))
                    .help("say where the rows go: `{{ sink(name=\"…\") }}`"),
            );
        }
        return None;
    };
    used.names.insert(("target", name.value.clone()));
    let target = project.targets.iter().find(|target| target.name.value == name.value);
    if target.is_none() && !project.broken_targets.contains(&name.value) {
        findings.push(unknown("E0302", "target", name, &known));
    }
    target
}

fn unknown(code: &'static str, kind: &str, name: &Spanned<String>, known: &[&str]) -> Finding {
    Finding::error(code, format!("{kind} `{}` is not declared", name.value), &name.place)
        .label(format!("no such {kind}"))
        .help(did_you_mean(kind, &name.value, known.iter().copied()))
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
