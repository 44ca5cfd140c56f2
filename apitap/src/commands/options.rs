//! The options that every subcommand takes.

use std::path::{Path, PathBuf};

use apitap_build::bounded;
use clap::{Args, ValueEnum};

use crate::Environment;
use crate::engine::limits::Memory;
use crate::logging::Logging;

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// For a machine.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set; everywhere if `CLICOLOR_FORCE` is.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What stands before or behind any subcommand.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How to print findings, tables and reports
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        help = "How to print what is printed: text or json"
    )]
    pub(crate) format: Format,
    /// When to use colours: auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    color: Color,
    /// How much a run may keep in memory, such as 64MiB [default: APITAP_MEMORY, else 256MiB]
    #[arg(long, global = true, value_name = "SIZE")]
    memory: Option<Memory>,
    /// A file of variables, `NAME=value` a line; those of the environment come first
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
    #[command(flatten)]
    logging: Logging,
    /// Variables that stand behind all others.
    #[arg(skip)]
    defaults: Vec<(String, String)>,
}

impl Options {
    /// Makes what the process needs to know of them known to it.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn start(&self) -> Result<(), String> {
        let color = match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        color.write_global();
        self.logging.start()
    }

    /// Whether people look on, and want to see how far a run is.
    pub(crate) fn shows_progress(&self) -> bool {
        self.logging.shows_progress()
    }

    /// The same with a file of variables that is read where none is named and it is there.
    #[cfg(feature = "cli")]
    pub(crate) fn with_env_file(mut self, usual: &str) -> Self {
        let usual = PathBuf::from(usual);
        if self.env_file.is_none() && usual.is_file() {
            self.env_file = Some(usual);
        }
        self
    }

    /// The same with variables that stand behind all others.
    pub(crate) fn with_defaults(mut self, defaults: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.defaults = defaults.iter().map(owned).collect();
        self
    }

    /// The process's environment, with what the command line says.
    ///
    /// # Errors
    /// The file of variables cannot be read.
    pub(crate) fn environment(&self) -> Result<Environment, String> {
        let file = self.env_file.as_deref().map(read).transpose()?;
        let others = file.into_iter().flatten().chain(self.defaults.iter().cloned());
        let environment = others
            .fold(Environment::process(), |environment, (name, value)| environment.or(name, value));
        Ok(match self.memory {
            Some(memory) => environment.with(Memory::VARIABLE, memory.to_string()),
            None => environment,
        })
    }
}

/// How many MiB a file of variables may have.
const LARGEST: u64 = 1;

/// A whole number from 1.
///
/// # Errors
/// The text is not such a number.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "write a whole number from 1".to_owned())
}

/// The variables of a file. Its lines may hold secrets: no message shows one.
fn read(file: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = file.display();
    let bytes = bounded::read(file, LARGEST)
        .map_err(|error| format!("cannot read the variables in `{shown}`: {error}"))?;
    dotenvy::from_read_iter(bytes.as_slice())
        .enumerate()
        .map(|(index, line)| {
            line.map_err(|error| {
                let number = index + 1;
                format!(
                    "cannot read the variables in `{shown}`: the entry {number} {}\nhelp: write \
                     `NAME=value`, and quotes around a value with spaces, `#` or `$`",
                    reason(&error)
                )
            })
        })
        .collect()
}

fn reason(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::Io(error) => error.to_string(),
        _ => "is malformed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_variables_is_read_and_its_lines_never_shown() {
        let check = |text: &str, expected: Result<&[(&str, &str)], &str>| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let found = read(file.path());
            match expected {
                Ok(expected) => {
                    let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
                    assert_eq!(found, Ok(expected.iter().map(owned).collect()), "{text}");
                }
                Err(expected) => {
                    let message = found.unwrap_err();
                    assert!(message.contains(expected), "{message}");
                    assert!(!message.contains("s3cret"), "{message}");
                }
            }
        };
        check("", Ok(&[]));
        check("# a\nTOKEN=s3cret\nexport B='x y'\n", Ok(&[("TOKEN", "s3cret"), ("B", "x y")]));
        check("A=1\nTOKEN=s3cret oops\n", Err("the entry 2 is malformed"));
        let missing = read(Path::new("/none/.env")).unwrap_err();
        assert!(missing.starts_with("cannot read the variables in `/none/.env`: "), "{missing}");
    }
}
