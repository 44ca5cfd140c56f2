//! The command line of a user's own binary: what `apitap::main!()` expands to.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::Pipeline;
use crate::commands::output::{parsed, usage};
use crate::commands::{self, Choice, Command, Options, Program as _};

#[derive(Debug, Parser)]
#[command(about = "Loads REST APIs into databases; without a command it runs every pipeline")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Own>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Own {
    /// Ask each source for its first page and try each target; nothing is written
    Check(Choice),
    #[command(flatten)]
    Common(Command),
}

/// The pipelines that were compiled into this program.
struct Linked(Vec<&'static Pipeline>);

impl commands::Program for Linked {
    fn choose(&self, choice: &Choice) -> Result<Vec<&Pipeline>, ExitCode> {
        let names: Vec<_> = self.0.iter().map(|pipeline| pipeline.name()).collect();
        let chosen = choice.of(&names).map_err(|message| usage(&message))?;
        let find = |name: &str| self.0.iter().copied().find(|one| one.name() == name);
        Ok(chosen.into_iter().filter_map(find).collect())
    }

    fn all(&self) -> Vec<&Pipeline> {
        self.0.clone()
    }
}

/// Runs a program that is made of pipelines.
pub(crate) fn main(pipelines: &[&[&'static Pipeline]]) -> ExitCode {
    let all: Vec<_> = pipelines.iter().flat_map(|list| list.iter().copied()).collect();
    command_line(&all, &[])
}

/// The command line of [`main!`](crate::main): `run`, `preview`, `check` and the others.
///
/// `defaults` are variables, names and values, that neither the environment nor `--env-file` need
/// have: they come last.
///
/// Exit code: that of [`Report::exit_code`](crate::Report::exit_code); 2 where the command line is
/// wrong.
#[must_use]
pub fn command_line(pipelines: &[&'static Pipeline], defaults: &[(&str, &str)]) -> ExitCode {
    let program = Linked(pipelines.to_vec());
    let Arguments { command, options } = parsed();
    if let Err(message) = options.start() {
        return usage(&message);
    }
    let options = options.with_defaults(defaults);
    match command.unwrap_or_else(|| Own::Common(Command::default())) {
        Own::Check(choice) => match program.choose(&choice) {
            Ok(chosen) => commands::check::check(&chosen, &options),
            Err(code) => code,
        },
        Own::Common(command) => {
            commands::execute(&command, &options, &program, &mut Arguments::command())
        }
    }
}
