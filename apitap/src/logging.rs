//! Events of a run → lines on standard error: for a person, or JSON for a machine.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How much is said, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Logging {
    /// Log as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    /// How much to log: error, warn, info, debug, trace, or a filter such as `apitap=debug`
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log_level: String,
}

impl Logging {
    /// Starts logging; `Err` says what is wrong with the level.
    pub(crate) fn start(&self) -> Result<(), String> {
        let filter = EnvFilter::builder()
            .parse(&self.log_level)
            .map_err(|error| format!("`--log-level {}`: {error}", self.log_level))?;
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let started = if self.log_json {
            lines.json().flatten_event(true).try_init()
        } else {
            lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
        };
        // A program that embeds us may log already: its way of logging stays.
        drop(started);
        Ok(())
    }
}
