//! What is going on in a run, for whoever looks on: figures that the pipelines keep up to date.
//!
//! Nothing here says how it is shown, and nothing in a run waits for those who look.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::report::Numbers;
use crate::sink::Written;
use crate::source::{Fetched, Waits};

/// The pipelines of a run, once it has begun.
#[derive(Debug, Default)]
pub(crate) struct Watch(OnceLock<Vec<Arc<Progress>>>);

impl Watch {
    /// The pipelines, in the order of the call; none before they are prepared.
    pub(crate) fn pipelines(&self) -> &[Arc<Progress>] {
        self.0.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn begin(&self, pipelines: Vec<Arc<Progress>>) {
        self.0.get_or_init(|| pipelines);
    }
}

/// How many records pipelines have fetched: those of a source that several of them read count once.
pub(crate) fn records(all: &[Arc<Progress>]) -> u64 {
    let fetched: HashMap<_, _> =
        all.iter().flat_map(|one| &one.fetched).map(|one| (Arc::as_ptr(one), one)).collect();
    fetched.values().map(|one| one.records.load(Relaxed)).sum()
}

/// What stays of a pipeline, however its run ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    /// What it has committed.
    pub(crate) written: Written,
    /// How many records an earlier run had committed, behind which it went on.
    pub(crate) went_on_behind: Option<u64>,
    /// Whether the next run goes on behind what is committed.
    pub(crate) goes_on: bool,
}

/// How far a pipeline is.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) name: String,
    fetched: Vec<Arc<Fetched>>,
    rows: AtomicU64,
    started: OnceLock<DateTime<Utc>>,
    kept: Mutex<Kept>,
    stage: Mutex<Stage>,
    /// Since when it waits for a lock that another session holds.
    locked: Mutex<Option<Instant>>,
}

tokio::task_local! {
    /// The pipeline for which a task works.
    static PIPELINE: Arc<Progress>;
}

/// Does the work of a pipeline, so that what it waits for can be told of it.
pub(crate) async fn working<T>(progress: Arc<Progress>, work: impl Future<Output = T>) -> T {
    PIPELINE.scope(progress, work).await
}

/// The pipeline of this task waits for a lock, until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked(Option<Arc<Progress>>);

/// Says that the pipeline of this task has been waiting for a lock since then.
pub(crate) fn locked(since: Instant) -> Locked {
    let progress = PIPELINE.try_with(Arc::clone).ok();
    if let Some(progress) = &progress {
        *progress.locked.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
    }
    Locked(progress)
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(progress) = &self.0 {
            *progress.locked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// What a pipeline does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Others are before it.
    Queued,
    /// It fetches, computes and writes.
    Running {
        /// Since when.
        since: Instant,
    },
    /// All rows are with the target, which makes them visible.
    Committing {
        /// When it began to run.
        since: Instant,
    },
    /// It has come to its end.
    Done {
        /// Whether that was a good one.
        good: bool,
    },
}

impl Progress {
    /// One that has not begun; `fetched` is what is counted of its sources.
    pub(crate) fn new(name: &str, fetched: Vec<Arc<Fetched>>) -> Self {
        let stage = Mutex::new(Stage::Queued);
        let locked = Mutex::new(None);
        Self {
            name: name.to_owned(),
            fetched,
            rows: AtomicU64::new(0),
            started: OnceLock::new(),
            kept: Mutex::default(),
            stage,
            locked,
        }
    }

    /// What it does now.
    pub(crate) fn stage(&self) -> Stage {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, next: impl FnOnce(Stage) -> Stage) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = next(*stage);
    }

    pub(crate) fn begin(&self) {
        self.started.get_or_init(Utc::now);
        self.set(|_| Stage::Running { since: Instant::now() });
    }

    /// All rows are computed.
    pub(crate) fn commits(&self) {
        self.set(|stage| match stage {
            Stage::Running { since } => Stage::Committing { since },
            other => other,
        });
    }

    /// A part of the rows is committed, and others follow.
    pub(crate) fn goes_on(&self) {
        self.set(|stage| match stage {
            Stage::Committing { since } => Stage::Running { since },
            other => other,
        });
    }

    /// When it began; `None` where it has not.
    pub(crate) fn started(&self) -> Option<DateTime<Utc>> {
        self.started.get().copied()
    }

    /// For how long it has been under way.
    pub(crate) fn took(&self) -> Duration {
        match self.stage() {
            Stage::Running { since } | Stage::Committing { since } => since.elapsed(),
            Stage::Queued | Stage::Done { .. } => Duration::ZERO,
        }
    }

    /// What stays of it.
    pub(crate) fn kept(&self) -> Kept {
        *self.lock_kept()
    }

    /// All that it has committed so far; whether the next run goes on behind that.
    pub(crate) fn commit(&self, written: Written, goes_on: bool) {
        let mut kept = self.lock_kept();
        (kept.written, kept.goes_on) = (written, goes_on);
    }

    /// This run continues behind `records` records that an earlier run has committed.
    pub(crate) fn went_on_behind(&self, records: u64) {
        let mut kept = self.lock_kept();
        (kept.went_on_behind, kept.goes_on) = (Some(records), true);
    }

    /// No later run goes on where it is.
    pub(crate) fn forget(&self) {
        let mut kept = self.lock_kept();
        (kept.went_on_behind, kept.goes_on) = (None, false);
    }

    fn lock_kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Each use leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn end(&self, good: bool) {
        self.set(|_| Stage::Done { good });
    }

    /// Counts rows on their way to the target.
    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
    }

    /// What it has fetched, and the rows that it has computed.
    pub(crate) fn numbers(&self) -> Numbers {
        let mut numbers = Numbers { rows: self.rows.load(Relaxed), ..Numbers::default() };
        self.fetched.iter().for_each(|fetched| numbers.add_fetched(fetched));
        numbers
    }

    /// How many records there will be, where the API has said so for each source.
    pub(crate) fn expected(&self) -> Option<u64> {
        let one = |fetched: &Arc<Fetched>| match fetched.expected.load(Relaxed) {
            0 => None,
            records => Some(records),
        };
        self.fetched.iter().map(one).sum()
    }

    /// Since when it waits for a lock, if it does.
    pub(crate) fn locked(&self) -> Option<Instant> {
        *self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one of its sources waits for, if it does.
    pub(crate) fn waits(&self) -> Option<Waits> {
        self.fetched.iter().find_map(|fetched| fetched.waits())
    }
}
