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
    tell(&format!("{}: {error}", styled(ERROR, "error")));
}

/// Says what is wrong with the call.
pub(crate) fn usage(message: &str) -> ExitCode {
    tell_error(&message);
    ExitCode::from(2)
}

/// A text in lines of at most so many columns, broken between words. What stands behind a label, as in
/// `  help:     …`, stays behind it; a word that is longer, such as a URL, stays whole.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let lines = text.lines().map(|line| {
        let indent = " ".repeat(label(line).min(width / 2));
        let options = textwrap::Options::new(width)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(line, options)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The width of a line's label and of the spaces behind it.
fn label(line: &str) -> usize {
    let labelled = line.strip_prefix("  ").and_then(|rest| rest.split_once(": "));
    match labelled {
        Some((label, text)) if label.chars().all(char::is_alphabetic) => {
            line.len() - text.trim_start().len()
        }
        _ => 2,
    }
}

/// How many columns a line of standard output may have; `None` where it is not a terminal.
pub(crate) fn width() -> Option<usize> {
    let term = console::Term::stdout();
    let width = term.size_checked().map(|(_, columns)| usize::from(columns));
    width.filter(|width| *width > 0 && term.is_term())
}

#[cfg(test)]
mod tests {
    use super::*;

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
