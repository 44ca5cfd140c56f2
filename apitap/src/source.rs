//! Where records come from: requests → pages → Arrow batches.

mod answer;
pub mod body;
pub mod custom;
pub mod decode;
pub(crate) mod fetch;
pub(crate) mod filters;
pub(crate) mod incremental;
mod job;
pub mod json;
pub mod page;
pub(crate) mod pagination;
pub(crate) mod partition;
pub(crate) mod parts;
pub mod request;
pub mod spool;
pub(crate) mod table;
mod task;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What fetching has done so far; shared between the fetching tasks and the report.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Pages that arrived whole.
    pub pages: AtomicU64,
    /// Bytes of their bodies, decompressed.
    pub bytes: AtomicU64,
    /// Requests that had to be repeated.
    pub retries: AtomicU64,
    /// Records found in the pages.
    pub records: AtomicU64,
    /// Records that there will be, where the API has said so; else 0.
    pub(crate) expected: AtomicU64,
    /// Records among them that did not fit their schema, and were left out.
    pub skipped: AtomicU64,
    /// Milliseconds for which requests waited, together, because of a limit on their rate.
    pub waited: AtomicU64,
    waits: Mutex<Option<Waits>>,
    /// When it was logged last how far it is.
    logged: Mutex<Option<Instant>>,
}

/// After so many pages, or after this time, it is logged how far a fetch is.
const PAGES_LOGGED: u64 = 100;
const LOGGED_EVERY: Duration = Duration::from_secs(30);

/// A shorter wait is over before it could be read.
const WORTH_SHOWING: Duration = Duration::from_secs(1);

/// Why no request is sent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waits {
    /// For what, in a few words.
    pub(crate) reason: &'static str,
    /// Until when.
    pub(crate) until: Instant,
}

impl Fetched {
    /// Whether it is time to log how far it is, where so many pages have come.
    fn is_to_be_logged(&self, pages: u64) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = *logged.get_or_insert(now);
        let is_time = pages.is_multiple_of(PAGES_LOGGED) || now - since >= LOGGED_EVERY;
        if is_time {
            *logged = Some(now);
        }
        is_time
    }

    /// A request has waited for a limit on the rate.
    fn add_wait(&self, wait: Duration) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.waited.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }

    /// Sleeps, and says why to whoever looks on.
    pub(crate) async fn wait(&self, reason: &'static str, delay: Duration) {
        if delay >= WORTH_SHOWING {
            let until = Instant::now() + delay;
            let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
            // Of several requests that wait, the last one to go on.
            if waits.is_none_or(|other| other.until < until) {
                *waits = Some(Waits { reason, until });
            }
        }
        tokio::time::sleep(delay).await;
    }

    /// What it waits for, if it does.
    pub(crate) fn waits(&self) -> Option<Waits> {
        let waits = *self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.filter(|waits| waits.until > Instant::now())
    }
}
