//! What a target keeps of the runs of a pipeline, for people.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::Written;

/// How many runs of a pipeline a target keeps: the latest ones.
pub const KEPT: usize = 100;

/// The most characters of an error that are kept.
const LONGEST: usize = 500;

/// A run of a pipeline, as a target keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// The run.
    pub run: String,
    /// How it has ended, or that it has not.
    pub status: RunStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it came to its end, good or bad.
    pub ended_at: Option<DateTime<Utc>>,
    /// Records that it has read from its sources.
    pub records: u64,
    /// What it has committed; in an entry that goes with a commit: before that.
    #[serde(flatten)]
    pub written: Written,
    /// Why it failed, in short and without secrets.
    pub error: Option<String>,
}

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It goes on, and has committed a part.
    Running,
    /// All its rows are committed.
    Ok,
    /// It failed.
    Failed,
    /// It was killed or stopped behind a commit: the next run has found it so.
    Interrupted,
}

impl RunEntry {
    /// The same as one that failed now, with the message of the error, which holds no secret.
    #[must_use]
    pub(crate) fn failed(self, message: &str) -> Self {
        let error = Some(message.chars().take(LONGEST).collect());
        Self { status: RunStatus::Failed, ended_at: Some(Utc::now()), error, ..self }
    }
}

impl RunStatus {
    const ALL: [Self; 4] = [Self::Running, Self::Ok, Self::Failed, Self::Interrupted];

    /// Its name, as a target keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The status of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for RunStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
