//! The subcommands that the `apitap` command and a program of `apitap::main!()` have in common.
//!
//! Which pipelines there are is asked of a [`Program`]: what was compiled in, or what the files of a
//! project say. Everything behind that, from the arguments to the exit code, is the same for both.

use std::process::ExitCode;

use clap::Subcommand;

use crate::Pipeline;

pub(crate) mod check;
mod choice;
mod completions;
mod ddl;
mod list;
pub(crate) mod live;
pub(crate) mod options;
pub(crate) mod output;
mod plan;
mod run;
mod state;
pub(crate) mod table;

pub(crate) use choice::Choice;
pub(crate) use options::{Format, Options};
#[cfg(feature = "cli")]
pub(crate) use run::stopped;

/// A subcommand of both.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all pipelines, or those that are named
    Run(run::Arguments),
    /// Show the first rows of a pipeline as a table; nothing is written
    Preview(run::Preview),
    /// Load a span of time of an incremental pipeline again
    Backfill(run::Backfill),
    /// Show or change how far pipelines have come
    #[command(subcommand)]
    State(state::State),
    /// List the pipelines
    List(Choice),
    /// Explain what pipelines will do: requests, query, plan and target
    Plan(Choice),
    /// Print the statements that create the pipelines' tables
    Schema(Choice),
    /// Print a script that completes this command's arguments in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Default for Command {
    /// What is done where nothing is said.
    fn default() -> Self {
        Self::Run(run::Arguments::default())
    }
}

/// Where pipelines come from.
pub(crate) trait Program {
    /// The pipelines of a choice, ready to run; an exit code where there are none, the reason of
    /// which has been told.
    fn choose(&self, choice: &Choice) -> Result<Vec<&Pipeline>, ExitCode>;
}

/// Does what a subcommand says; `cli` is the command line that it is one of.
pub(crate) fn execute(
    command: &Command,
    options: &Options,
    program: &dyn Program,
    cli: &mut clap::Command,
) -> ExitCode {
    let done = match command {
        Command::Run(arguments) => {
            program.choose(&arguments.choice).map(|chosen| run::run(&chosen, arguments, options))
        }
        Command::Preview(preview) => {
            program.choose(&preview.choice()).map(|chosen| run::preview(&chosen, preview, options))
        }
        Command::Backfill(backfill) => program
            .choose(&backfill.choice())
            .map(|chosen| run::backfill(&chosen, backfill, options)),
        Command::State(state) => {
            program.choose(&state.choice()).map(|chosen| state::state(&chosen, state, options))
        }
        Command::List(choice) => {
            program.choose(choice).map(|chosen| list::list(&chosen, options.format))
        }
        Command::Plan(choice) => program.choose(choice).map(|chosen| plan::plan(&chosen, options)),
        Command::Schema(choice) => {
            program.choose(choice).map(|chosen| ddl::print(&chosen, options.format))
        }
        Command::Completions { shell } => Ok(completions::print(*shell, cli)),
    };
    done.unwrap_or_else(|code| code)
}
