//! Text on the two outputs: colours where they are wanted, and no panic where nobody reads.
//!
//! Whoever writes says colours always; they are taken out here where the output is no terminal, or
//! where `NO_COLOR`, `CLICOLOR_FORCE` or `--color` says so.

use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use console::{measure_text_width, truncate_str};

use crate::{Error, Report};

/// What failed.
pub(crate) const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is to be looked at.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// A title.
pub(crate) const TITLE: Style = Style::new().bold();

/// Tells an error for which nothing was run; gives its exit code.
pub(crate) fn failed(error: Error) -> ExitCode {
    tell_error(&error);
    ExitCode::from(Report::not_run(error).exit_code())
}

/// A name that fits into `room` columns. A longer one loses its middle, since names differ at their ends.
pub(crate) fn shortened(name: &str, room: usize) -> String {
    if measure_text_width(name) <= room {
        return name.to_owned();
    }
    let end = room / 2;
    let begin = truncate_str(name, room.saturating_sub(end), "…");
    let reversed: String = name.chars().rev().collect();
    let end: String = truncate_str(&reversed, end, "").chars().rev().collect();
    format!("{begin}{end}")
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes a line to standard output; a reader that has gone away is not our error.
pub(crate) fn say(line: &str) -> Result<(), String> {
    match writeln!(anstream::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Prints what was asked for; the exit code where that goes well.
pub(crate) fn print(text: &str, code: ExitCode) -> ExitCode {
    match say(text.trim_end()) {
        Ok(()) => code,
        Err(message) => usage(&message),
    }
}

/// Writes a line to standard error. What cannot be told there cannot be told at all.
pub(crate) fn tell(line: &str) {
    drop(writeln!(anstream::stderr().lock(), "{line}"));
}

/// Tells an error, as a report shows it.
pub(crate) fn tell_error(error: &impl std::fmt::Display) {
    tell(&wrapped(&format!("{}: {error}", styled(ERROR, "error")), error_width()));
}

/// Says what is wrong with the call.
pub(crate) fn usage(message: &str) -> ExitCode {
    tell_error(&message);
    ExitCode::from(2)
}

/// A text in lines of at most so many columns, broken between words. What stands behind a label, as in
/// `  help:     …`, stays behind it; a word that is longer, such as a URL, stays whole, and so does a line of a file.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let lines = text.lines().map(|line| {
        let plain = anstream::adapter::strip_str(line).to_string();
        if is_of_file(&plain) {
            return line.to_owned();
        }
        let indent = " ".repeat(label(&plain).min(width / 2));
        let options = textwrap::Options::new(width)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(line, options)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a line shows one of a file, or what is said below it: ` 3 | SELECT …`.
fn is_of_file(line: &str) -> bool {
    let number = line.split_once('|').map(|(number, _)| number);
    number.is_some_and(|number| {
        number.ends_with(' ') && number.chars().all(|c| c == ' ' || c.is_ascii_digit())
    })
}

/// The width of a line's label and of the spaces behind it.
fn label(line: &str) -> usize {
    if line.starts_with("note: ") || line.starts_with("help: ") {
        return "note: ".len();
    }
    let labelled = line.strip_prefix("  ").and_then(|rest| rest.split_once(": "));
    match labelled {
        Some((label, text)) if label.chars().all(char::is_alphabetic) => {
            line.len() - text.trim_start().len()
        }
        _ => 2,
    }
}

/// What the command line says, with help in lines that fit the terminal.
pub(crate) fn parsed<T: clap::Parser>() -> T {
    let mut matches = T::command().term_width(help_width()).get_matches();
    T::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit())
}

/// How wide help is: as the terminal, else as wide as it reads well.
pub(crate) fn help_width() -> usize {
    width().unwrap_or(HELP_WIDTH)
}

/// The width of help that goes somewhere else than to a terminal.
const HELP_WIDTH: usize = 100;

/// How wide a terminal is taken to be that does not say it.
const USUAL_WIDTH: usize = 80;

/// How many columns a line of standard output may have; `None` where it is not a terminal.
pub(crate) fn width() -> Option<usize> {
    width_of(&console::Term::stdout())
}

/// The same of standard error.
pub(crate) fn error_width() -> Option<usize> {
    width_of(&console::Term::stderr())
}

/// The same of an output: what the terminal says, else `COLUMNS`, as programs that lead terminals set it.
#[expect(clippy::disallowed_methods, reason = "how wide a terminal is may be in the environment")]
pub(crate) fn width_of(term: &console::Term) -> Option<usize> {
    let said = term.size_checked().map(|(_, columns)| usize::from(columns));
    term.is_term().then(|| columns(said, std::env::var("COLUMNS").ok().as_deref()))
}

fn columns(said: Option<usize>, variable: Option<&str>) -> usize {
    let variable = || variable.and_then(|columns| columns.trim().parse().ok());
    let known = said.filter(|columns| *columns > 0).or_else(variable);
    known.filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_does_not_say_how_wide_it_is_has_80_columns_or_those_of_columns() {
        assert_eq!(columns(Some(60), Some("100")), 60);
        assert_eq!(columns(None, None), 80);
        assert_eq!(columns(Some(0), None), 80);
        assert_eq!(columns(None, Some("132")), 132);
        assert_eq!(columns(None, Some("wide")), 80);
        assert_eq!(columns(None, Some("0")), 80);
    }

    #[test]
    fn a_finding_is_broken_between_words_and_lines_of_files_are_not() {
        let finding = "warning[E0420]: a record that the condition on `published_at` leaves out now is not \
                       loaded later\n --> sql/posts.sql:5:7\n  |\n5 | WHERE p.published_at <= now() AND \
                       p.title <> 'a long line of a file'\n  |       ^^^^^^^^^^^^^^ here\n  |\nhelp: load \
                       all records, and filter them in the database, as a view";
        let expected = "warning[E0420]: a record that the condition on\n  `published_at` leaves out now is not \
                        loaded\n  later\n --> sql/posts.sql:5:7\n  |\n5 | WHERE p.published_at <= now() AND \
                        p.title <> 'a long line of a file'\n  |       ^^^^^^^^^^^^^^ here\n  |\nhelp: load all \
                        records, and filter them in the\n      database, as a view";
        assert_eq!(wrapped(finding, Some(50)), expected);
        let styled = styled(ERROR, "error[E0101]: a b c");
        assert_eq!(
            anstream::adapter::strip_str(&wrapped(&styled, Some(16))).to_string(),
            "error[E0101]: a\n  b c"
        );
    }

    #[test]
    fn lines_are_broken_between_words_and_labels_stand_alone() {
        let check = |width, expected: &str| {
            let error = format!(
                "{}: the API answered `500 Internal Server Error`\n  pipeline: orders\n  request:  GET \
                 http://127.0.0.1:18080/orders?page=13\n  help:     the trouble is on the API's side: run \
                 it again later",
                styled(ERROR, "error")
            );
            let found = anstream::adapter::strip_str(&wrapped(&error, width)).to_string();
            assert_eq!(found, expected);
        };
        check(
            Some(46),
            "error: the API answered `500 Internal Server\n  Error`\n  pipeline: orders\n  request:  GET\n            \
             http://127.0.0.1:18080/orders?page=13\n  help:     the trouble is on the API's side:\n            \
             run it again later",
        );
        check(
            None,
            "error: the API answered `500 Internal Server Error`\n  pipeline: orders\n  request:  GET \
             http://127.0.0.1:18080/orders?page=13\n  help:     the trouble is on the API's side: run it \
             again later",
        );
    }
}
