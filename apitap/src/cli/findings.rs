//! `apitap check`: the findings of a project, printed for a person or for a machine.

use std::process::ExitCode;

use apitap_build::check::project::pipeline_name;
use apitap_build::check::{Policy, Schemas};
use apitap_build::diagnostic::{Files, Finding, Place, Severity};
use apitap_build::project::Compiled;
use apitap_build::render;
use serde_json::Value;

use super::Project;
use crate::commands::output::{self, usage, wrapped};
use crate::commands::{Choice, Format};

/// Checks once: all pipelines, or the chosen ones. Exit code 1 where there are errors.
pub(super) fn check(project: &Project, choice: &Choice, strict: bool, format: Format) -> ExitCode {
    let mut compiled = project.compile(Policy { schemas: Schemas::MayBeInferred, strict });
    if let Err(message) = keep(project, choice, &mut compiled) {
        return usage(&message);
    }
    let printed = match format {
        Format::Text => {
            print(&compiled.files, &compiled.findings);
            Ok(())
        }
        Format::Json => output::say(&format!("{:#}", json(&compiled))),
    };
    if let Err(message) = printed {
        return usage(&message);
    }
    summarise(&compiled);
    ExitCode::from(u8::from(compiled.has_errors()))
}

/// Leaves out the pipelines that are not chosen, and what is wrong in their SQL; what stands in other files
/// may be about any of them.
///
/// # Errors
/// A name that no pipeline has.
fn keep(project: &Project, choice: &Choice, compiled: &mut Compiled) -> Result<(), String> {
    if choice.is_all() {
        return Ok(());
    }
    let good = compiled.pipelines.iter().map(|checked| checked.definition.name.as_str());
    let broken = compiled.broken.iter().map(|broken| broken.name.as_str());
    let known: Vec<_> = good.chain(broken).collect();
    // Without any pipeline, the YAML file is to blame.
    if known.is_empty() && compiled.has_errors() {
        return Ok(());
    }
    let names: Vec<_> = choice.of(&known)?.into_iter().map(str::to_owned).collect();
    let is_chosen = |name: &String| names.contains(name);
    let findings = std::mem::take(&mut compiled.findings);
    let is_about = |finding: &Finding| {
        pipeline(project, compiled, finding).is_none_or(|name| is_chosen(&name))
    };
    let findings = findings.into_iter().filter(is_about).collect();
    compiled.findings = findings;
    compiled.pipelines.retain(|checked| is_chosen(&checked.definition.name));
    compiled.broken.retain(|broken| is_chosen(&broken.name));
    Ok(())
}

/// All findings, as `--format json` has them.
pub(super) fn json(compiled: &Compiled) -> Value {
    compiled.findings.iter().map(|finding| render::json(&compiled.files, finding)).collect()
}

/// Prints findings on standard error, a blank line after each, in lines that fit; what several warnings or notes have in
/// common is said once.
pub(super) fn print<'a>(files: &Files, findings: impl IntoIterator<Item = &'a Finding>) {
    let width = output::error_width();
    for finding in render::by_cause(files, findings) {
        let text = render::styled(files, &finding, width);
        output::tell(&format!("{}\n", wrapped(text.trim_end(), width)));
    }
}

/// The pipeline in whose SQL a finding stands; `None` for one in another file, which may be about
/// any of them.
pub(super) fn pipeline(
    project: &Project,
    compiled: &Compiled,
    finding: &Finding,
) -> Option<String> {
    let Place::Text { file, .. } = finding.place else { return None };
    let file = &compiled.files.get(file).name;
    let folder = format!("{}/", project.modules().display());
    let query = file.strip_prefix(&folder).filter(|path| path.ends_with(".sql"))?;
    Some(pipeline_name(query))
}

/// Says how many errors and warnings there are, and what could not be checked.
pub(super) fn summarise(compiled: &Compiled) {
    let count =
        |severity| compiled.findings.iter().filter(|finding| finding.severity == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => {
            output::tell(&format!(
                "{}, nothing wrong",
                several(compiled.pipelines.len(), "pipeline")
            ));
        }
        (errors, warnings) => {
            output::tell(&format!(
                "{}, {}",
                several(errors, "error"),
                several(warnings, "warning")
            ));
        }
    }
    let unchecked: Vec<_> = compiled
        .pipelines
        .iter()
        .filter(|checked| checked.definition.row.is_none())
        .map(|checked| format!("`{}`", checked.definition.name))
        .collect();
    if !unchecked.is_empty() {
        output::tell(&format!(
            "not checked before a run, as a source has no `schema:`: the SQL of {}",
            unchecked.join(", ")
        ));
    }
}

/// `1 error`, `2 errors`.
pub(super) fn several(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}
