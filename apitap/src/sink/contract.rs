//! What a target is: rows and state in, one transaction out.
//!
//! [`Target::open`] tries out all that can be tried and gives a [`Session`]. A session lends
//! [`Writer`]s, which take rows on several tasks at once, and commits: what its closed
//! writers have taken becomes visible together with the pipeline's [`StateChange`], or neither does.
//! Knows neither where rows come from nor what a state means.
//!
//! ```text
//! open → [ state ] → ( writer → write … → close )* → commit → … → finish
//! ```
//!
//! A target of your own implements the three traits, and shows with [`super::conformance`] that it
//! keeps what they promise; [`crate::run_into`] runs pipelines into it.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use super::{Load, RunEntry};
use crate::definition::Capabilities;
use crate::engine::limits::Limits;
use crate::{Error, Result};

/// A place that takes rows. Its `Debug` shows no secret.
#[async_trait]
pub trait Target: fmt::Debug + Send + Sync {
    /// What it can and what it cannot: the compiler's checks read the same.
    fn capabilities(&self) -> &'static Capabilities;

    /// The server, file or folder in one text without secrets: targets of one address are one place,
    /// and share its connections.
    fn address(&self) -> String;

    /// The statements that create the table of a load where there is none, as `apitap schema` prints
    /// them; `None` where tables are not made by statements. Asks nobody.
    fn creation(&self, _load: &Load) -> Option<String> {
        None
    }

    /// Connects, and tries out all that can be tried before the first row: the table, its columns
    /// and its key, and the rights to create and to write. Nothing of it is seen by others.
    ///
    /// # Errors
    /// Whatever stands between these rows and that table, with the statement that fixes it. Of a load that
    /// [is exclusive](Load::is_exclusive), also another one of its pipeline:
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy).
    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>>;

    /// All ways in which the table is not what the rows need, with the statements that would change it.
    /// Changes nothing. A target without tables has none.
    ///
    /// # Errors
    /// The target cannot be reached, or does not take such a table at all.
    async fn differences(&self, _load: &Load) -> Result<Vec<Difference>> {
        Ok(Vec::new())
    }

    /// What is remembered of the pipeline of a load, by partition. Changes nothing; knows no columns.
    ///
    /// # Errors
    /// The target cannot be reached, or does not show it.
    async fn remembered(&self, _load: &Load) -> Result<Vec<Remembered>> {
        Err(hidden_state())
    }

    /// The runs of the pipeline of a load that the target keeps, the latest first. Changes nothing.
    ///
    /// # Errors
    /// The target cannot be reached, or does not show them.
    async fn runs(&self, _load: &Load) -> Result<Vec<RunEntry>> {
        Ok(Vec::new())
    }

    /// Keeps what has become of a run of the pipeline of a load that commits nothing more: one that failed.
    /// A target that keeps no runs does nothing.
    ///
    /// # Errors
    /// The target cannot be reached, or refuses.
    async fn keep_run(&self, _load: &Load, _entry: &RunEntry) -> Result<()> {
        Ok(())
    }

    /// Changes what is remembered of the pipeline of a load, and nothing else. Keeps runs of the pipeline
    /// away meanwhile.
    ///
    /// # Errors
    /// A run of the pipeline is under way; the target cannot be reached, or does not let it be changed.
    async fn correct(&self, _load: &Load, _change: &StateChange) -> Result<()> {
        Err(hidden_state())
    }
}

fn hidden_state() -> Error {
    Error::target("this target does not show its state")
        .help("implement `remembered` and `correct` of `apitap::sink::Target` for it")
}

/// What is remembered of a partition of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The partition; empty where the pipeline has no others.
    pub partition: String,
    /// The state.
    pub value: Value,
    /// The run that wrote it; empty where that is not known.
    pub run: String,
    /// When it wrote it, as in RFC 3339; empty where that is not known.
    pub changed_at: String,
}

/// A way in which a table is not what the rows need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is wrong.
    pub what: String,
    /// The statement that changes it, where there is one.
    pub statement: Option<String>,
    /// Whether a run makes that change itself.
    pub is_made: bool,
}

/// One load into one table: its rows, and the state that says which rows they are.
///
/// What is not committed is taken back, whether it is ended with [`Session::abort`] or dropped.
#[async_trait]
pub trait Session: Send {
    /// What earlier runs of the pipeline have committed as its state; empty at first.
    ///
    /// # Errors
    /// The target cannot be asked.
    async fn state(&mut self) -> Result<State>;

    /// Whether the table exists, before the first commit of this session. If it was dropped while its state
    /// was kept, an incremental run would load only what is new. A target that keeps the state within the
    /// table loses both together.
    ///
    /// # Errors
    /// The target cannot be asked.
    async fn has_table(&mut self) -> Result<bool> {
        Ok(true)
    }

    /// How many writers this load takes at once: at most as many as the target's [`Capabilities`]
    /// say.
    fn writers(&self) -> usize;

    /// Something that takes rows; [`Session::writers`] of them at once.
    ///
    /// # Errors
    /// There are that many already, or the target cannot be reached.
    async fn writer(&mut self) -> Result<Box<dyn Writer>>;

    /// Commits the rows of all writers that were closed, and the state, in one transaction.
    ///
    /// More rows may follow, and another commit. Where a load counts only as a whole
    /// ([`Load::is_whole`]), rows and states gather until [`Session::finish`] commits them. Gives all that this session has committed so far.
    ///
    /// # Errors
    /// A writer is still open or has failed, rows were lost on the way, or the target refuses. Then
    /// nothing of this commit is in the target, neither rows nor state.
    async fn commit(&mut self, state: &StateChange) -> Result<Written>;

    /// Ends the load, whose last rows have been committed.
    ///
    /// # Errors
    /// Rows were written after the last commit, or the target refuses.
    async fn finish(self: Box<Self>) -> Result<Written>;

    /// Ends the load where it is: what is not committed is taken back.
    ///
    /// Dropping a session does the same, but what the target must be asked for then happens later.
    ///
    /// # Errors
    /// The target cannot be reached; then the next run takes back what was left.
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// Takes rows of a session, beside its other writers.
#[async_trait]
pub trait Writer: Send {
    /// Takes the rows `first`, `first + 1`, … of the run, counted from 1.
    ///
    /// The numbers ascend within a writer. Of several rows of one key the one with the highest
    /// number wins, whichever writer took it and whenever that was closed; with
    /// [`Mode::InsertNew`](crate::definition::Mode::InsertNew) the one with the lowest. The batch's columns are those of [`Load::columns`]. After an error the writer
    /// is good for nothing, and a commit fails.
    ///
    /// # Errors
    /// A value that the target cannot hold, named by column and row; the target refuses.
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()>;

    /// Ends it: all its rows are with the target, and will be in the next commit.
    ///
    /// # Errors
    /// The target refuses the last rows. So does a commit for a writer that was never closed.
    async fn close(self: Box<Self>) -> Result<()>;
}

/// What has been committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Rows that the query yielded.
    pub received: u64,
    /// Rows inserted or updated: fewer where a run yielded several rows of one key.
    pub stored: u64,
    /// Rows that a merge did not write, as the table had exactly them already. Told by PostgreSQL only:
    /// other targets count them as stored.
    pub unchanged: u64,
}

impl Written {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            stored: self.stored + other.stored,
            unchanged: self.unchanged + other.unchanged,
        }
    }
}

/// What a pipeline remembers from run to run: a JSON value for each of its partitions.
///
/// A pipeline without partitions has one, whose name is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The values by partition.
    pub partitions: BTreeMap<String, Value>,
}

impl State {
    /// Each partition for people to look at, where one run has written all of them.
    pub(super) fn told(self, run: &str, changed_at: &str) -> Vec<Remembered> {
        let entry = |(partition, value)| Remembered {
            partition,
            value,
            run: run.to_owned(),
            changed_at: changed_at.to_owned(),
        };
        self.partitions.into_iter().map(entry).collect()
    }

    /// What it is behind a commit of that change.
    pub fn apply(&mut self, change: &StateChange) {
        self.partitions.extend(change.partitions.clone());
        self.partitions.retain(|_, value| !value.is_null());
    }
}

/// The partitions whose state a commit changes. The others stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateChange {
    /// The run that makes the change.
    pub run: String,
    /// The new values by partition; null is none from now on.
    pub partitions: BTreeMap<String, Value>,
    /// What the run goes on from: [`Session::state`], and what it has committed since. Where the target
    /// has something else of one of the partitions, another run has been there, and the commit is
    /// refused. `None` where the change stands for itself.
    pub known: Option<State>,
    /// What a target that keeps runs says of this one from the commit on, which adds its own rows to it. Such a
    /// target commits where it cannot keep it, too.
    pub entry: Option<RunEntry>,
}

impl StateChange {
    /// Adds a later change: where a load counts only as a whole, they gather until its end.
    pub fn add(&mut self, later: &Self) {
        self.run.clone_from(&later.run);
        // The first one is that of the target.
        if self.known.is_none() {
            self.known.clone_from(&later.known);
        }
        self.partitions.extend(later.partitions.clone());
        if later.entry.is_some() {
            self.entry.clone_from(&later.entry);
        }
    }

    /// Whether what a run goes on from is still what is there, which nobody else may change until the commit.
    ///
    /// # Errors
    /// Another run has changed one of these partitions.
    pub fn check_known(&self, there: &State) -> Result<()> {
        let Some(known) = &self.known else { return Ok(()) };
        let moved = |name: &&String| known.partitions.get(*name) != there.partitions.get(*name);
        if !self.partitions.keys().any(|name| moved(&name)) {
            return Ok(());
        }
        Err(Error::target("another run of this pipeline has committed in the meantime")
            .help("none of these rows was stored: run it again, and it goes on from there"))
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }
}
