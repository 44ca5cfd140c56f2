//! The `apitap` command: the tools around a project, and the run of a folder of YAML and SQL
//! without compiling it.
//!
//! Here are the arguments of the command line. What each does is in the module of its name.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use apitap_build::check::{Policy, Schemas};
use apitap_build::diagnostic::{Finding, Severity};
use apitap_build::keys;
use apitap_build::project::{Compiled, check_files};
use clap::{Args, Parser, Subcommand};

use crate::logging::Logging;
use crate::program::{self, Budget, Format, select, usage};
use crate::{Environment, Pipeline};

mod expand;
mod findings;
mod fix;
mod new;
mod sample;
mod text;
mod watch;

/// What stands below the list of commands.
const EXAMPLES: &str = "\
Examples:
  apitap new shop                     a new project in the folder `shop`
  apitap check                        what is wrong in pipelines.yaml and sql/
  apitap check --watch                the same, whenever a file changes
  apitap check --format json          the same, for a machine
  apitap check --fix                  makes the changes that are sure, and says which
  apitap expand paid_orders           the Rust that is generated for sql/paid_orders.sql
  apitap json-schema                  the JSON Schema of the YAML file, for editors
  apitap sample orders                a page of the source `orders` as a file, and its schema
  apitap run                          all pipelines
  apitap run paid_orders              one of them
  apitap -m queries -y shop.yaml run  the same with other places

Without a command, `apitap -m DIR -y FILE` runs every pipeline of DIR.

Exit codes: 0 all is well, 1 there are errors, 2 the call or the environment is wrong,
130 interrupted before all was done.";

#[derive(Debug, Parser)]
#[command(name = "apitap", version, about = "REST APIs into your database", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    project: Project,
    /// How to print findings and reports
    #[arg(long, global = true, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    budget: Budget,
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

impl Project {
    /// Loads and checks it. Files are named as they are from the working directory.
    fn compile(&self, policy: impl Into<Policy>) -> Compiled {
        check_files(Path::new(""), &self.yaml, &self.modules, policy)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a project that builds and runs: `apitap new shop`
    New(new::Arguments),
    /// Report what is wrong in the YAML and SQL files; exit code 1 if anything is
    Check {
        /// Check again whenever a file of the project changes, until Ctrl-C
        #[arg(long)]
        watch: bool,
        /// Make the changes that are sure, and say which
        #[arg(long, conflicts_with = "watch")]
        fix: bool,
        /// Take an expression that can fail on some value for an error
        #[arg(long)]
        strict: bool,
    },
    /// Print the Rust that is generated for a pipeline, or the whole generated file
    Expand {
        /// The name of a pipeline
        pipeline: Option<String>,
    },
    /// Print the JSON Schema of the YAML file, for completion and hover in editors
    JsonSchema,
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
    let (project, format) = (&arguments.project, arguments.format);
    match arguments.command.unwrap_or(Command::Run { pipelines: Vec::new() }) {
        Command::New(new) => new::new(&new),
        Command::Check { watch: true, strict, .. } => watch::watch(project, strict, format),
        Command::Check { fix: true, strict, .. } => fix::check(project, strict, format),
        Command::Check { strict, .. } => findings::check(project, strict, format),
        Command::Expand { pipeline } => expand::expand(project, pipeline.as_deref()),
        Command::JsonSchema => print(&keys::json_schema(), ExitCode::SUCCESS),
        Command::Run { pipelines } => {
            run(project, &pipelines, arguments.budget.environment(), format)
        }
        Command::Sample(sample) => sample::run(&sample, &project.yaml, format),
    }
}

fn run(project: &Project, names: &[String], environment: Environment, format: Format) -> ExitCode {
    let compiled = project.compile(Schemas::MayBeInferred);
    if !can_run(project, &compiled, names) {
        return ExitCode::FAILURE;
    }
    let pipelines: Vec<_> = compiled
        .pipelines
        .iter()
        .map(|checked| Pipeline::from_definition(checked.definition.clone()))
        .collect();
    match select(&pipelines.iter().collect::<Vec<_>>(), names) {
        Ok(selected) => program::run(&selected, environment, format),
        Err(message) => usage(&message),
    }
}

/// Whether the pipelines of these names have no errors, or all of them where there is no name;
/// prints what is wrong with them. A mistake in the SQL of others does not stop them.
fn can_run(project: &Project, compiled: &Compiled, names: &[String]) -> bool {
    let named = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let place = |finding: &Finding| findings::pipeline(project, compiled, finding);
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let wrong = match names {
        [] => compiled.has_errors(),
        _ => {
            let in_sql = |finding: &Finding| place(finding).is_some_and(|name| named(&name));
            // Without any pipeline, the YAML file is to blame.
            compiled.pipelines.is_empty() && compiled.has_errors()
                || compiled.broken.iter().any(|broken| named(&broken.name))
                || compiled.findings.iter().any(|finding| is_error(finding) && in_sql(finding))
        }
    };
    let shown = compiled.findings.iter().filter(|finding| match finding.severity {
        Severity::Error if !wrong => false,
        // What a query costs is for those who ask.
        Severity::Note => false,
        _ => place(finding).is_none_or(|name| named(&name)),
    });
    findings::print(&compiled.files, shown);
    let errors = compiled.findings.iter().filter(|finding| is_error(finding)).count();
    match errors {
        _ if wrong => program::tell("nothing was run: fix the errors above first"),
        0 => {}
        _ => {
            let errors = findings::several(errors, "error");
            program::tell(&format!("{errors} elsewhere in the project: `apitap check` shows them"));
        }
    }
    !wrong
}

/// Prints what was asked for on standard output; the exit code where that goes well.
fn print(text: &str, code: ExitCode) -> ExitCode {
    match program::say(text.trim_end()) {
        Ok(()) => code,
        Err(message) => usage(&message),
    }
}
