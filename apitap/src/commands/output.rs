//! Text on the two outputs: colours where they are wanted, and no panic where nobody reads.
//!
//! Whoever writes says colours always; they are taken out here where the output is no terminal, or
//! where `NO_COLOR`, `CLICOLOR_FORCE` or `--color` says so.

use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

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

/// How many columns a line of standard output may have; `None` where it is not a terminal.
pub(crate) fn width() -> Option<usize> {
    let term = console::Term::stdout();
    let width = term.size_checked().map(|(_, columns)| usize::from(columns));
    width.filter(|width| *width > 0 && term.is_term())
}
