//! The command line of a user's own binary: what `apitap::main!()` expands to.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::engine::limits::Memory;
use crate::logging::Logging;
use crate::{Environment, Pipeline, Report, engine};

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// For a machine.
    Json,
}

#[derive(Debug, Parser)]
#[command(about = "Loads REST APIs into databases; without a command it runs every pipeline")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How to print the report
    #[arg(long, global = true, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    budget: Budget,
    #[command(flatten)]
    logging: Logging,
}

/// What a run may use.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Budget {
    /// How much a run may keep in memory, such as 64MiB [default: APITAP_MEMORY, else 256MiB]
    #[arg(long, global = true, value_name = "SIZE")]
    memory: Option<Memory>,
}

impl Budget {
    /// The process's environment, with what the command line says in place of its variables.
    pub(crate) fn environment(self) -> Environment {
        let environment = Environment::process();
        match self.memory {
            Some(memory) => environment.with(Memory::VARIABLE, memory.to_string()),
            None => environment,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all pipelines, or those that are named
    Run {
        /// Names of pipelines
        pipelines: Vec<String>,
    },
    /// List the pipelines
    List,
}

/// Runs a program that is made of pipelines.
///
/// Exit code: that of [`Report::exit_code`]; 2 where the command line is wrong.
pub(crate) fn main(pipelines: &[&[&'static Pipeline]]) -> ExitCode {
    let pipelines: Vec<_> = pipelines.iter().flat_map(|list| list.iter().copied()).collect();
    let arguments = Arguments::parse();
    if let Err(message) = arguments.logging.start() {
        return usage(&message);
    }
    match arguments.command.unwrap_or(Command::Run { pipelines: Vec::new() }) {
        Command::List => list(&pipelines),
        Command::Run { pipelines: names } => match select(&pipelines, &names) {
            Ok(selected) => run(&selected, arguments.budget.environment(), arguments.format),
            Err(message) => usage(&message),
        },
    }
}

/// The pipelines of these names, each once; all of them where there is no name.
pub(crate) fn select<'a>(
    pipelines: &[&'a Pipeline],
    names: &[String],
) -> Result<Vec<&'a Pipeline>, String> {
    if names.is_empty() {
        return Ok(pipelines.to_vec());
    }
    let find = |name: &String| {
        pipelines.iter().copied().find(|pipeline| pipeline.name() == name).ok_or_else(|| {
            let known: Vec<_> = pipelines.iter().map(|pipeline| pipeline.name()).collect();
            format!("there is no pipeline `{name}`; there is {}", known.join(", "))
        })
    };
    let mut chosen = BTreeSet::new();
    names.iter().filter(|name| chosen.insert(name.as_str())).map(find).collect()
}

fn list(pipelines: &[&Pipeline]) -> ExitCode {
    for pipeline in pipelines {
        let definition = match pipeline.definition() {
            Ok(definition) => definition,
            Err(error) => return usage(&error.to_string()),
        };
        let sources: Vec<_> =
            definition.sources.iter().map(|source| source.name.as_str()).collect();
        let line = format!("{}\t{} → {}", definition.name, sources.join(", "), definition.table);
        if let Err(message) = say(&line) {
            return usage(&message);
        }
    }
    ExitCode::SUCCESS
}

/// Prints a report on standard output.
pub(crate) fn print(report: &Report, format: Format) -> ExitCode {
    let text = match format {
        Format::Text => Ok(report.to_string()),
        Format::Json => serde_json::to_string_pretty(report).map_err(|error| error.to_string()),
    };
    if let Err(error) = text.and_then(|text| say(&text)) {
        // What was committed is committed: the exit code says so, whoever reads the report.
        tell(&format!("error: cannot write the report: {error}"));
    }
    ExitCode::from(report.exit_code())
}

/// Writes a line to standard output; a reader that has gone away is not our error.
pub(crate) fn say(line: &str) -> Result<(), String> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. What cannot be told there cannot be told at all.
pub(crate) fn tell(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Says what is wrong with the call.
pub(crate) fn usage(message: &str) -> ExitCode {
    tell(&format!("error: {message}"));
    ExitCode::from(2)
}

/// Runs pipelines to their end, or until somebody stops the program, and prints the report.
pub(crate) fn run(pipelines: &[&Pipeline], environment: Environment, format: Format) -> ExitCode {
    let runtime = match crate::blocking::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return usage(&error.to_string()),
    };
    let report = runtime.block_on(engine::run_until(pipelines, environment, stopped()));
    print(&report, format)
}

/// Resolves at Ctrl-C, and at the SIGTERM by which services and containers are stopped.
pub(crate) async fn stopped() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system's own way of stopping us holds.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminated => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_is_named_twice_runs_once() {
        let pipelines = ["a", "b"].map(|name| Pipeline::new(name, "", &[]));
        let check = |names: &[&str], expected: Result<&[&str], &str>| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let all: Vec<_> = pipelines.iter().collect();
            let selected = select(&all, &names);
            let selected = selected.map(|all| all.iter().map(|one| one.name()).collect::<Vec<_>>());
            assert_eq!(selected, expected.map(<[_]>::to_vec).map_err(str::to_owned));
        };
        check(&[], Ok(&["a", "b"]));
        check(&["b", "b"], Ok(&["b"]));
        check(&["b", "a", "b"], Ok(&["b", "a"]));
        check(&["b", "c"], Err("there is no pipeline `c`; there is a, b"));
    }
}
