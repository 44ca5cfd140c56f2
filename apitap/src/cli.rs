//! The `apitap` command: check and run a folder of YAML and SQL without compiling it.

mod sample;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use apitap_build::check::{self, Schemas};
use apitap_build::compile::{Compiled, check_files};
use apitap_build::definition::Definition;
use apitap_build::diagnostic::{Files, Severity};
use apitap_build::render;
use clap::{Args, Parser, Subcommand};

use crate::logging::Logging;
use crate::program::{self, Format, select, usage};
use crate::{Error, Pipeline, Result};

#[derive(Debug, Parser)]
#[command(name = "apitap", version, about = "REST APIs into your database")]
#[command(after_help = "`apitap -m DIR -y FILE` runs every pipeline of DIR.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    project: Project,
    /// How to print findings and reports
    #[arg(long, global = true, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    logging: Logging,
}

/// Where the project is.
#[derive(Debug, Args)]
struct Project {
    /// The folder of SQL files
    #[arg(short = 'm', long = "modules", global = true, value_name = "DIR", default_value = "sql")]
    modules: PathBuf,
    /// The YAML file
    #[arg(
        short = 'y',
        long = "yaml-config",
        global = true,
        value_name = "FILE",
        default_value = "pipelines.yaml"
    )]
    yaml: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report what is wrong in the YAML and SQL files; exit code 1 if anything is
    Check,
    /// Keep the first page of a source as a file, and show the schema that it shows
    Sample(sample::Arguments),
    /// Run all pipelines, or those that are named
    Run {
        /// Names of pipelines
        pipelines: Vec<String>,
    },
}

/// Runs the command.
///
/// Exit code: 1 where the files have errors or a pipeline fails, 2 where the call is wrong or the
/// environment lacks something.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(message) = arguments.logging.start() {
        return usage(&message);
    }
    let Project { modules, yaml } = &arguments.project;
    let compile = || check_files(Path::new(""), yaml, modules, Schemas::MayBeInferred);
    match arguments.command.unwrap_or(Command::Run { pipelines: Vec::new() }) {
        Command::Sample(sample) => sample::run(&sample, yaml, arguments.format),
        Command::Check => check(&compile(), arguments.format),
        Command::Run { pipelines } => run(&compile(), &pipelines, arguments.format),
    }
}

fn check(compiled: &Compiled, format: Format) -> ExitCode {
    match format {
        Format::Text => {
            print_findings(compiled, &[Severity::Error, Severity::Warning, Severity::Note])
        }
        Format::Json => {
            let findings: Vec<_> = compiled
                .findings
                .iter()
                .map(|finding| render::json(&compiled.files, finding))
                .collect();
            let text = format!("{:#}", serde_json::Value::Array(findings));
            if let Err(message) = program::say(&text) {
                return usage(&message);
            }
        }
    }
    let count =
        |severity| compiled.findings.iter().filter(|finding| finding.severity == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => {
            eprintln!("{}, nothing wrong", several(compiled.pipelines.len(), "pipeline"));
        }
        (errors, warnings) => {
            eprintln!("{}, {}", several(errors, "error"), several(warnings, "warning"));
        }
    }
    let unchecked: Vec<_> = compiled
        .pipelines
        .iter()
        .filter(|checked| checked.definition.row.is_none())
        .map(|checked| format!("`{}`", checked.definition.name))
        .collect();
    if !unchecked.is_empty() {
        eprintln!(
            "not checked before a run, as a source has no `schema:`: the SQL of {}",
            unchecked.join(", ")
        );
    }
    ExitCode::from(u8::from(compiled.has_errors()))
}

/// `1 error`, `2 errors`.
fn several(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn print_findings(compiled: &Compiled, severities: &[Severity]) {
    for finding in compiled.findings.iter().filter(|f| severities.contains(&f.severity)) {
        eprintln!("{}\n", render::render(&compiled.files, finding).trim_end());
    }
}

fn run(compiled: &Compiled, names: &[String], format: Format) -> ExitCode {
    print_findings(compiled, &[Severity::Error, Severity::Warning]);
    if compiled.has_errors() {
        eprintln!("nothing was run: mend the errors above first");
        return ExitCode::FAILURE;
    }
    let pipelines: Vec<_> = compiled
        .pipelines
        .iter()
        .map(|checked| Pipeline::from_definition(checked.definition.clone()))
        .collect();
    match select(&pipelines.iter().collect::<Vec<_>>(), names) {
        Ok(selected) => program::run(&selected, format),
        Err(message) => usage(&message),
    }
}

/// Checks the query of a definition whose schemas were found out during the run.
pub(crate) fn complete(definition: &mut Definition) -> Result<()> {
    let mut files = Files::default();
    check::complete(definition, &mut files).map_err(|findings| {
        let texts: Vec<_> =
            findings.iter().map(|finding| render::render(&files, finding)).collect();
        Error::config(format!("the query does not fit the records\n{}", texts.join("\n\n")))
    })
}
