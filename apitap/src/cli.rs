//! The `apitap` command: the tools around a project, and the run of a folder of YAML and SQL
//! without compiling it.
//!
//! Here are the arguments of the command line. What each does is in the module of its name.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use apitap_build::check::{Policy, Schemas};
use apitap_build::diagnostic::{Finding, Severity};
use apitap_build::keys;
use apitap_build::project::{Compiled, check_files};
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::Pipeline;
use crate::commands::output::{help_width, parsed, print, tell, usage};
use crate::commands::{self, Choice, Options, Program as _};

mod expand;
mod explain;
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
  apitap check --live                 asks the APIs and the targets, too, and writes nothing
  apitap expand paid_orders           the Rust that is generated for sql/paid_orders.sql
  apitap json-schema                  the JSON Schema of the YAML file, for editors
  apitap sample orders                a page of the source `orders` as a file, and its schema
  apitap explain E0204                what a finding means, and the fix
  apitap preview paid_orders          its first rows as a table; nothing is written
  apitap run                          all pipelines
  apitap run 'shop_*' --exclude shop_orders
  apitap run --dry-run                fetches and transforms, and writes nothing
  apitap -m queries -y shop.yaml run  the same with other places

With `-m DIR -y FILE` and no command, every pipeline of DIR runs.

Variables come from the environment, then from the file `.env` where there is one.

Exit codes: 0 all is well, 1 there are errors, 2 the call or the environment is wrong;
130 the run was interrupted before all was done.";

/// The examples in lines of at most so many columns: what a command does stands below it where there is no room beside
/// it.
fn examples(width: usize) -> String {
    let fill = |text: &str, indent: &str| {
        let options = textwrap::Options::new(width)
            .initial_indent(indent)
            .subsequent_indent(indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(text, options)
    };
    let line = |line: &str| match line.strip_prefix("  ").and_then(|line| line.split_once("  ")) {
        _ if line.len() <= width => line.to_owned(),
        Some((command, does)) => format!("  {command}\n{}", fill(does.trim_start(), "      ")),
        None => fill(line.trim_start(), if line.starts_with(' ') { "  " } else { "" }),
    };
    EXAMPLES.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Where variables are looked for that the environment does not have.
const ENV_FILE: &str = ".env";

#[derive(Debug, Parser)]
#[command(name = "apitap", version, about = "REST APIs into your database", after_help = examples(help_width()))]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    project: Project,
    #[command(flatten)]
    options: Options,
}

/// Where the project is.
#[derive(Debug, Args)]
struct Project {
    /// The folder of SQL files [default: sql beside the YAML file]
    #[arg(short = 'm', long = "modules", global = true, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// The YAML file [default: pipelines.yaml]
    #[arg(short = 'y', long = "yaml-config", global = true, value_name = "FILE")]
    yaml: Option<PathBuf>,
}

impl Project {
    /// Whether a place is named.
    fn is_named(&self) -> bool {
        self.modules.is_some() || self.yaml.is_some()
    }

    fn yaml(&self) -> &Path {
        self.yaml.as_deref().unwrap_or(Path::new("pipelines.yaml"))
    }

    /// The folder that is named, else `sql` beside the YAML file, else that of the working directory.
    fn modules(&self) -> PathBuf {
        let (beside, here) = (self.yaml().with_file_name("sql"), Path::new("sql"));
        match &self.modules {
            Some(folder) => folder.clone(),
            None if !beside.is_dir() && here.is_dir() => here.to_owned(),
            None => beside,
        }
    }

    /// Loads and checks it. Files are named as they are from the working directory.
    fn compile(&self, policy: impl Into<Policy>) -> Compiled {
        check_files(Path::new(""), self.yaml(), &self.modules(), policy)
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
        /// Ask each source for its first page and try each target, too; nothing is written
        #[arg(long, conflicts_with_all = ["watch", "fix"])]
        live: bool,
        #[command(flatten)]
        choice: Choice,
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
    /// Say what a finding means, with an example and its fix: `apitap explain E0204`
    Explain {
        /// The code of a finding
        code: String,
    },
    #[command(flatten)]
    Common(commands::Command),
}

/// Runs the command.
///
/// Exit code: 1 where the files have errors or a pipeline fails, 2 where the call is wrong or the
/// environment lacks something.
pub fn main() -> ExitCode {
    let Arguments { command, project, options } = parsed();
    let options = options.with_env_file(ENV_FILE);
    if let Err(message) = options.start() {
        return usage(&message);
    }
    let format = options.format;
    let command = match command {
        Some(command) => command,
        // As the earlier apitap was called.
        None if project.is_named() => Command::Common(commands::Command::default()),
        None => {
            return print(
                &Arguments::command().term_width(help_width()).render_help().ansi().to_string(),
                ExitCode::SUCCESS,
            );
        }
    };
    match command {
        Command::New(new) => new::new(&new),
        Command::Check { watch, fix, choice, .. } if (watch || fix) && !choice.is_all() => {
            usage("`check --watch` and `check --fix` read all pipelines\nhelp: leave the names out")
        }
        Command::Check { watch: true, strict, .. } => watch::watch(&project, strict, format),
        Command::Check { fix: true, strict, .. } => fix::check(&project, strict, format),
        Command::Check { live: true, choice, .. } => {
            let files = FilesOf { project: &project, read: OnceLock::new() };
            match files.choose(&choice) {
                Ok(chosen) => commands::check::check(&chosen, &options),
                Err(code) => code,
            }
        }
        Command::Check { strict, choice, .. } => findings::check(&project, &choice, strict, format),
        Command::Expand { pipeline } => expand::expand(&project, pipeline.as_deref()),
        Command::JsonSchema => print(&keys::json_schema(), ExitCode::SUCCESS),
        Command::Explain { code } => explain::explain(&code),
        Command::Sample(sample) => sample::run(&sample, project.yaml(), &options),
        Command::Common(common) => {
            let files = FilesOf { project: &project, read: OnceLock::new() };
            commands::execute(&common, &options, &files, &mut Arguments::command())
        }
    }
}

/// The pipelines of a project's files, which are read when somebody asks for them.
struct FilesOf<'a> {
    project: &'a Project,
    read: OnceLock<(Compiled, Vec<Pipeline>)>,
}

impl FilesOf<'_> {
    fn read(&self) -> &(Compiled, Vec<Pipeline>) {
        self.read.get_or_init(|| {
            let compiled = self.project.compile(Schemas::MayBeInferred);
            let definitions = compiled.pipelines.iter().map(|checked| &checked.definition);
            let pipelines = definitions.cloned().map(Pipeline::from_definition).collect();
            (compiled, pipelines)
        })
    }
}

impl commands::Program for FilesOf<'_> {
    /// Prints what is wrong with the chosen ones; a mistake in the SQL of others does not stop them.
    fn choose(&self, choice: &Choice) -> Result<Vec<&Pipeline>, ExitCode> {
        let (compiled, pipelines) = self.read();
        let good = pipelines.iter().map(Pipeline::name);
        let broken = compiled.broken.iter().map(|broken| broken.name.as_str());
        let known: Vec<_> = good.chain(broken).collect();
        let names = match choice.of(&known) {
            // Without any pipeline, the YAML file is to blame.
            _ if pipelines.is_empty() && compiled.has_errors() => Vec::new(),
            Ok(_) if choice.is_all() => Vec::new(),
            Ok(names) => names,
            Err(message) => return Err(usage(&message)),
        };
        if !can_run(self.project, compiled, &names) {
            return Err(ExitCode::FAILURE);
        }
        let find = |name: &&str| pipelines.iter().find(|pipeline| pipeline.name() == *name);
        Ok(match names.as_slice() {
            [] => pipelines.iter().collect(),
            names => names.iter().filter_map(find).collect(),
        })
    }

    fn all(&self) -> Vec<&Pipeline> {
        self.read().1.iter().collect()
    }
}

/// Whether the pipelines of these names have no errors, or all of them where there is no name;
/// prints what is wrong with them.
fn can_run(project: &Project, compiled: &Compiled, names: &[&str]) -> bool {
    let named = |name: &str| names.is_empty() || names.contains(&name);
    let place = |finding: &Finding| findings::pipeline(project, compiled, finding);
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let wrong = match names {
        [] => compiled.has_errors(),
        _ => {
            let in_sql = |finding: &Finding| place(finding).is_some_and(|name| named(&name));
            compiled.broken.iter().any(|broken| named(&broken.name))
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
        _ if wrong => tell("nothing was run: fix the errors above first"),
        0 => {}
        _ => {
            let errors = findings::several(errors, "error");
            tell(&format!("{errors} elsewhere in the project: `apitap check` shows them"));
        }
    }
    !wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_broken_between_words_and_never_wider_than_the_terminal() {
        for width in [40, 60, 80, 120] {
            let help = Arguments::command().after_help(examples(width)).term_width(width);
            for mut command in [help.clone()].into_iter().chain(help.get_subcommands().cloned()) {
                let text = command.clone().term_width(width).render_help().to_string();
                for line in text.lines() {
                    // What is longer has no space where it could be broken; clap leaves the usage on one line.
                    let has_room = line.trim_start().contains(' ') && !line.starts_with("Usage:");
                    assert!(line.len() <= width || !has_room, "{width}: {line}\n{text}");
                }
                command.build();
            }
        }
        let narrow = examples(60);
        let expected = "  apitap check --watch\n      the same, whenever a file changes\n";
        assert!(narrow.contains(expected), "{narrow}");
        assert_eq!(examples(100), EXAMPLES);
    }
}
