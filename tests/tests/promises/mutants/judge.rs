//! A project → whether it is refused, and where; or what happens when it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use apitap::{ErrorKind, Pipeline};
use apitap_build::check::Schemas;
use apitap_build::diagnostic::Severity;
use apitap_build::project::{Compiled, check_files};
use apitap_build::{fix, render};
use tempfile::TempDir;

use super::api::Api;
use super::edit::{Edit, Project, Text};

/// How long a run may take: what waits for an API that is not there is contradicted by the world.
const LONGEST: Duration = Duration::from_secs(20);

/// What happened.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It has errors.
    Refused,
    /// It was accepted, and has run.
    Runs,
    /// It was accepted, and the API or its data are otherwise than it says.
    Data(String),
    /// It was accepted, and cannot run whatever the data.
    Escape(String),
    /// The check has panicked.
    Crash(String),
}

/// What was seen of a project.
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    /// The findings as a user sees them.
    pub(super) findings: String,
    /// File and line of each place of each finding.
    lines: Vec<(String, usize, String)>,
    pub(super) checked_in: Option<Duration>,
}

impl Seen {
    /// Whether a finding is at a line that the edit changed, or at one that disagrees with it: it
    /// has the word that was there, or the one that is there now.
    pub(super) fn is_at(&self, edit: &Edit) -> bool {
        // A line that is gone has left its neighbours.
        let changed = edit.line.saturating_sub(1)..=edit.line + edit.lines;
        self.lines.iter().any(|(file, line, text)| {
            let is_there = *file == edit.file_name && changed.contains(line);
            let names = |word: &String| word.len() > 1 && text.contains(word.as_str());
            is_there || edit.words.iter().any(names)
        })
    }
}

/// The API that all projects read, and the runtime that they run on.
pub(super) struct Judge {
    api: Api,
    runtime: tokio::runtime::Runtime,
}

impl Judge {
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { api: Api::serve(), runtime }
    }

    /// Writes the files into a folder of their own.
    fn write(&self, project: &Project) -> TempDir {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("sql")).unwrap();
        for Text { name, text } in &project.files {
            std::fs::write(folder.path().join(name), self.filled(text, &folder)).unwrap();
        }
        folder
    }

    fn filled(&self, text: &str, folder: &TempDir) -> String {
        let folder = folder.path().to_str().unwrap();
        text.replace("@api", &self.api.address()).replace("@folder", folder)
    }

    fn compile(folder: &TempDir) -> Result<Compiled, String> {
        let path = folder.path();
        let check = || {
            check_files(path, &path.join("pipelines.yaml"), &path.join("sql"), Schemas::Declared)
        };
        catch_unwind(AssertUnwindSafe(check)).map_err(|_| "the check has panicked".to_owned())
    }

    /// Checks it, and runs it where it is accepted.
    pub(super) fn look(&self, project: &Project) -> Seen {
        let folder = self.write(project);
        let start = Instant::now();
        let compiled = match Self::compile(&folder) {
            Ok(compiled) => compiled,
            Err(why) => {
                let (findings, lines) = Default::default();
                return Seen { verdict: Verdict::Crash(why), findings, lines, checked_in: None };
            }
        };
        let checked_in = Some(start.elapsed());
        let shown = compiled.findings.iter().filter(|f| f.severity != Severity::Note);
        let findings: Vec<_> =
            shown.clone().map(|finding| render::render(&compiled.files, finding)).collect();
        let places = shown.flat_map(|finding| {
            std::iter::once(&finding.place).chain(finding.related.iter().map(|(place, _)| place))
        });
        let lines = places
            .filter_map(|place| {
                let (file, line, _) = render::location(&compiled.files, place)?;
                let text = &compiled.files.get(compiled.files.find(&file)?).text;
                let text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
                Some((file, line, text))
            })
            .collect();
        let verdict = match compiled.has_errors() {
            true => Verdict::Refused,
            false => self.run(&compiled),
        };
        Seen { verdict, findings: findings.join("\n"), lines, checked_in }
    }

    /// Checks it alone.
    pub(super) fn check(&self, project: &Project) -> Verdict {
        match Self::compile(&self.write(project)) {
            Ok(compiled) if compiled.has_errors() => Verdict::Refused,
            Ok(_) => Verdict::Runs,
            Err(why) => Verdict::Crash(why),
        }
    }

    fn run(&self, compiled: &Compiled) -> Verdict {
        let pipelines: Vec<_> = compiled
            .pipelines
            .iter()
            .map(|checked| Pipeline::from_definition(checked.definition.clone()))
            .collect();
        let pipelines: Vec<_> = pipelines.iter().collect();
        let run = async { tokio::time::timeout(LONGEST, apitap::run(&pipelines)).await };
        let Ok(report) = self.runtime.block_on(run) else {
            return Verdict::Data("the run takes too long".to_owned());
        };
        let errors: Vec<_> = report.errors().collect();
        let of_data = |error: &&apitap::Error| {
            matches!(error.kind(), ErrorKind::Request | ErrorKind::Data)
                || is_of_data(&error.to_string())
        };
        match errors.iter().find(|error| !of_data(error)).or(errors.first()) {
            None => Verdict::Runs,
            Some(error) if of_data(error) => Verdict::Data(error.to_string()),
            Some(error) => Verdict::Escape(error.to_string()),
        }
    }

    /// The files with all changes that are sure.
    pub(super) fn fix(&self, project: &Project) -> Vec<Text> {
        let mut files = project.files.clone();
        for _ in 0..20 {
            let project = Project { name: project.name, files: files.clone() };
            let folder = self.write(&project);
            let Ok(compiled) = Self::compile(&folder) else { return files };
            let mut made = false;
            for file in &mut files {
                let Some(id) = compiled.files.find(&file.name) else { continue };
                let changes = fix::changes(id, &compiled.findings);
                if changes.is_empty() {
                    continue;
                }
                let filled = self.filled(&file.text, &folder);
                let Some(fixed) = fix::apply(&filled, &changes) else { continue };
                let folder = folder.path().to_str().unwrap();
                file.text = fixed.replace(&self.api.address(), "@api").replace(folder, "@folder");
                made = true;
            }
            if !made {
                break;
            }
        }
        files
    }
}

/// Whether an error of the query or the target is about a value that the API has sent, or about a
/// variable that nobody has set.
fn is_of_data(message: &str) -> bool {
    const SIGNS: [&str; 6] = [
        "does not fit",
        "two rows have the same key",
        "more than one row",
        "Cannot cast",
        "is not set",
        "is null",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}
