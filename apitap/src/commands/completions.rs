//! `completions SHELL`: a script that a shell reads.

use std::process::ExitCode;

use super::output::{say, usage};

/// Prints the script for the name by which this program was called.
pub(super) fn print(shell: clap_complete::Shell, cli: &mut clap::Command) -> ExitCode {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = called.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    let name = name.map_or_else(|| cli.get_name().to_owned(), str::to_owned);
    let mut script = Vec::new();
    clap_complete::generate(shell, cli, name, &mut script);
    match say(String::from_utf8_lossy(&script).trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => usage(&message),
    }
}
