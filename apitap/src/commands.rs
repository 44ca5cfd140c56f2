//! The subcommands that the `apitap` command and a program of `apitap::main!()` have in common.
//!
//! Which pipelines there are is asked of a [`Program`]: what was compiled in, or what the files of a
//! project say. Everything behind that, from the arguments to the exit code, is the same for both.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use crate::Pipeline;
use crate::definition::Definition;

mod asked;
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
    /// Print the statements that create the pipelines' tables, or that change those that are there
    Schema(ddl::Arguments),
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

    /// All pipelines without errors, chosen or not.
    fn all(&self) -> Vec<&Pipeline>;
}

/// What all pipelines of a program are, as far as that can be told.
fn known(program: &dyn Program) -> Vec<Arc<Definition>> {
    program.all().into_iter().filter_map(|pipeline| pipeline.shared_definition().ok()).collect()
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
            let run = |chosen: Vec<_>| run::run(&chosen, arguments, options, known(program));
            program.choose(&arguments.choice).map(run)
        }
        Command::Preview(preview) => {
            program.choose(&preview.choice()).map(|chosen| run::preview(&chosen, preview, options))
        }
        Command::Backfill(backfill) => {
            let load = |chosen: Vec<_>| run::backfill(&chosen, backfill, options, known(program));
            program.choose(&backfill.choice()).map(load)
        }
        Command::State(state) => {
            program.choose(&state.choice()).map(|chosen| state::state(&chosen, state, options))
        }
        Command::List(choice) => {
            program.choose(choice).map(|chosen| list::list(&chosen, options.format))
        }
        Command::Plan(choice) => program.choose(choice).map(|chosen| plan::plan(&chosen, options)),
        Command::Schema(arguments) => {
            let print = |chosen: Vec<_>| match arguments.diff {
                true => ddl::differences(&chosen, options),
                false => ddl::print(&chosen, &known(program), options.format),
            };
            program.choose(&arguments.choice).map(print)
        }
        Command::Completions { shell } => Ok(completions::print(*shell, cli)),
    };
    done.unwrap_or_else(|code| code)
}
