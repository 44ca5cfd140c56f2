//! Events of a run → lines on standard error: for a person, or JSON for a machine.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use chrono::{SecondsFormat, Utc};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::commands::live::above;
use crate::commands::output::{error_width, wrapped};

/// How much is said, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Logging {
    /// Log as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    /// How much to log: off, error, warn, info, debug, trace, or a filter such as `apitap=debug`
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log_level: String,
}

impl Logging {
    /// Starts logging; `Err` says what is wrong with the level.
    pub(crate) fn start(&self) -> Result<(), String> {
        let filter = filter(&self.log_level)?;
        let is_terminal = io::stderr().is_terminal();
        let breaks_lines = !self.log_json;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || Above { breaks_lines })
            .with_timer(Clock { is_terminal })
            // It would panic where standard error is closed.
            .log_internal_errors(false);
        let started = if self.log_json {
            lines.json().flatten_event(true).with_span_list(false).try_init()
        } else {
            let choice = anstream::AutoStream::choice(&std::io::stderr());
            let colours = choice != anstream::ColorChoice::Never;
            lines.with_ansi(colours).with_target(false).try_init()
        };
        // A program that embeds us may log already: its way of logging stays.
        drop(started);
        Ok(())
    }
}

impl Logging {
    /// Whether people look on, and want to see how far a run is.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.log_json && !matches!(self.log_level.to_ascii_lowercase().as_str(), "off" | "error")
    }
}

/// When something was said: whole for machines, the time of the day in UTC for people who look on.
struct Clock {
    is_terminal: bool,
}

impl FormatTime for Clock {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        let now = Utc::now();
        match self.is_terminal {
            true => write!(line, "{}", now.format("%H:%M:%SZ")),
            false => write!(line, "{}", now.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

/// Standard error, above the live lines of a run.
struct Above {
    /// Whether a line is broken between words where it is wider than the terminal.
    breaks_lines: bool,
}

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let width = if self.breaks_lines { error_width() } else { None };
        let broken = width.and_then(|width| broken(std::str::from_utf8(text).ok()?, width));
        match broken {
            // All of the text, in other lines.
            Some(broken) => {
                above(|| io::stderr().write_all(broken.as_bytes())).map(|()| text.len())
            }
            None => above(|| io::stderr().write(text)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// An event whose first line fits; what stands below is to be copied, and stays as it is.
fn broken(event: &str, width: usize) -> Option<String> {
    let (first, rest) = event.split_once('\n')?;
    Some(format!("{}\n{rest}", wrapped(first, Some(width))))
}

/// The levels, from silence to the most.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Our own crates: the others say no more than warnings, unless a filter names them.
const OURS: [&str; 2] = ["apitap", "apitap_build"];

/// Libraries below us. What they log may hold secrets that only we know of: addresses, headers.
const LIBRARIES: [&str; 9] =
    ["datafusion", "h2", "hyper", "mio", "reqwest", "rustls", "sqlx", "tower", "want"];

/// What is logged at a level: our events, and warnings of other crates; nothing of the libraries that
/// may show secrets. A filter that names a crate says what is logged of it.
fn filter(level: &str) -> Result<EnvFilter, String> {
    let mut directives = Vec::new();
    for part in level.split(',').map(str::trim) {
        match part.contains(['=', '[']) {
            true => directives.push(part.to_owned()),
            // Anything else would be taken for the name of a library, all of whose events are meant.
            false if LEVELS.contains(&part.to_ascii_lowercase().as_str()) => {
                let level = part.to_ascii_lowercase();
                let others = if matches!(&*level, "off" | "error") { &level } else { "warn" };
                directives.extend(LIBRARIES.map(|library| format!("{library}=off")));
                directives.push(others.to_owned());
                directives.extend(OURS.map(|ours| format!("{ours}={level}")));
            }
            false => {
                return Err(format!(
                    "`--log-level {level}`: `{part}` is not a level\nhelp: use one of {}; or a \
                     filter such as `apitap=debug`",
                    LEVELS.join(", ")
                ));
            }
        }
    }
    EnvFilter::builder()
        .parse(directives.join(","))
        .map_err(|error| format!("`--log-level {level}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_broken_between_words_and_what_is_to_be_copied_is_not() {
        let event = "02:40:05Z  WARN `orders`: the API answered `503 Service Unavailable`: retry 1 of 3\n    \
                     schema:\n      price: string  # each is a number: decimal(18,2) reads it, too\n";
        let expected = "02:40:05Z  WARN `orders`: the API answered `503\n  Service Unavailable`: retry 1 of 3\n    \
                        schema:\n      price: string  # each is a number: decimal(18,2) reads it, too\n";
        assert_eq!(broken(event, 50).as_deref(), Some(expected));
    }

    #[test]
    fn a_level_is_one_of_those_that_there_are() {
        let fails = |level: &str, expected: &str| {
            assert_eq!(filter(level).map(drop), Err(expected.to_owned()));
        };
        for level in LEVELS.iter().chain(&["INFO", "apitap=debug", "warn,sqlx=debug"]) {
            assert!(filter(level).is_ok(), "{level}");
        }
        let debug = filter("debug").unwrap().to_string();
        for directive in ["sqlx=off", "apitap=debug", "warn"] {
            assert!(debug.split(',').any(|one| one == directive), "{debug}");
        }
        assert!(filter("off").unwrap().to_string().split(',').any(|one| one == "off"));
        assert!(!filter("debug,sqlx=info").unwrap().to_string().contains("sqlx=off"));
        fails(
            "verbose",
            "`--log-level verbose`: `verbose` is not a level\nhelp: use one of off, error, \
                 warn, info, debug, trace; or a filter such as `apitap=debug`",
        );
        fails(
            "warn,",
            "`--log-level warn,`: `` is not a level\nhelp: use one of off, error, warn, info, \
                 debug, trace; or a filter such as `apitap=debug`",
        );
        assert!(filter("apitap=loud").is_err());
    }
}
