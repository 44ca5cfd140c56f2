//! The files of a project → what its pipelines are, checked, and what is wrong with them.

use std::path::Path;

use crate::check::project::{Broken, project};
use crate::check::{Checked, Policy};
use crate::definition::Source;
use crate::diagnostic::{FileId, Files, Finding, Findings, Place, Severity};
use crate::{load, spec};

pub use crate::load::sql_files;

/// What a project's files say.
#[derive(Debug)]
pub struct Compiled {
    /// The files that the YAML file names, relative to where the project is.
    pub schema_files: Vec<String>,
    /// The texts, for showing findings.
    pub files: Files,
    /// The pipelines without errors.
    pub pipelines: Vec<Checked>,
    /// The others.
    pub broken: Vec<Broken>,
    /// What is wrong, sorted by place.
    pub findings: Vec<Finding>,
}

impl Compiled {
    /// Whether anything must be fixed first.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// The sources of a YAML file, without what files show of their schemas.
#[derive(Debug)]
pub struct Sources {
    /// The text, for showing findings.
    pub files: Files,
    /// Those that are declared well, in order.
    pub sources: Vec<Source>,
    /// What is wrong with the others.
    pub findings: Vec<Finding>,
}

/// Reads the sources of a YAML file: enough to make requests, where samples are still to be taken.
///
/// The file is named relative to `root` in findings.
pub fn read_sources(root: &Path, yaml: &Path) -> Sources {
    let mut findings = Findings::default();
    let (mut files, node) = load::yaml_file(root, yaml, &mut findings);
    let project = node.map(|node| spec::project(&node, &mut findings)).unwrap_or_default();
    let sources = project.sources.into_iter().map(|spec| spec.source()).collect();
    let findings = findings.sorted();
    hide_secrets(&mut files, &findings);
    Sources { files, sources, findings }
}

/// Makes secrets unreadable in the files whose lines findings show.
fn hide_secrets(files: &mut Files, findings: &[Finding]) {
    files.mask_secrets(findings);
    // What is wrong may be just that which would have told that a value is a secret, and its line is
    // shown all the same. The YAML file is the first that is read.
    let yaml = FileId::default();
    let shows = |place: &Place| matches!(place, Place::Text { file, .. } if *file == yaml);
    let is_shown = findings.iter().any(|finding| {
        let related = finding.related.iter().any(|(place, _)| shows(place));
        finding.severity == Severity::Error && (shows(&finding.place) || related)
    });
    if is_shown {
        for secret in spec::secrets::in_text(&files.get(yaml).text) {
            files.mask(yaml, secret);
        }
    }
}

/// Loads and checks a project, without a build script.
///
/// Files are named relative to `root` in findings.
pub fn check_files(root: &Path, yaml: &Path, sql: &Path, policy: impl Into<Policy>) -> Compiled {
    let mut findings = Findings::default();
    let mut loaded = load::load(root, yaml, sql, &mut findings);
    let pipelines =
        project(&loaded.files, loaded.yaml.as_ref(), &loaded.queries, policy.into(), &mut findings);
    // What something costs is of no interest as long as it does not run.
    if findings.has_errors() {
        findings.0.retain(|finding| finding.severity != Severity::Note);
    }
    let findings = findings.sorted();
    hide_secrets(&mut loaded.files, &findings);
    Compiled {
        schema_files: loaded.schemas,
        files: loaded.files,
        pipelines: pipelines.checked,
        broken: pipelines.broken,
        findings,
    }
}
