//! `checkpoint`: how often a long run commits.

use super::declare::keys;

/// Rows after which a run commits, where nothing else is said.
#[cfg(feature = "compiler")]
const ROWS: u64 = 100_000;
/// Seconds after which it does.
#[cfg(feature = "compiler")]
const SECONDS: u64 = 60;

keys! {
    /// How often a long run commits what it has, with where the next run goes on if this one is killed.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Checkpoint, spec CheckpointSpec {
        /// After about so many records, behind the page that makes them full.
        rows: u64 = default(ROWS).within(1..=1_000_000_000).example("50000"),
        /// After about so many seconds, if there are records.
        seconds: u64 = default(SECONDS).within(1..=86_400).example("30"),
    }
}
