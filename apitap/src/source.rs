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

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The first answer of some pages that was skipped though it may stand for records: its status and its request.
pub(crate) type LeftOut = Arc<OnceLock<(u16, String)>>;

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
    /// The first answer that was skipped though it may stand for records: its status and its request.
    passed_over: OnceLock<(u16, String)>,
    /// Milliseconds in which requests waited because of a limit on their rate: those that waited at one
    /// time count once.
    pub waited: AtomicU64,
    /// The last stretch of time in which some did.
    stretch: Mutex<Option<(Instant, Instant)>>,
    waits: Mutex<Option<Waits>>,
    /// When it was logged last how far it is.
    logged: Mutex<Option<Instant>>,
    /// Why requests had to be repeated.
    troubles: Mutex<BTreeMap<String, Trouble>>,
}

/// How often requests were repeated for one cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How many requests.
    pub(crate) requests: u64,
    /// How often, all of them together.
    pub(crate) repeats: u64,
}

/// The progress of a fetch is logged after this many pages, or after this time.
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
    /// Whether the progress is to be logged now that `pages` pages have arrived.
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

    /// An answer is skipped that may stand for records, and was to be one of these pages.
    fn pass_over(&self, status: u16, request: &str, pages: &LeftOut) {
        for first in [&self.passed_over, &**pages] {
            first.get_or_init(|| (status, request.to_owned()));
        }
    }

    /// The first answer that was skipped though it may stand for records: its status and its request.
    pub(crate) fn passed_over(&self) -> Option<&(u16, String)> {
        self.passed_over.get()
    }

    /// A request waits from then until then for a limit on the rate.
    fn add_wait(&self, from: Instant, until: Instant) {
        let mut stretch = self.stretch.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stretch.filter(|(start, end)| from <= *end && *start <= until);
        let (start, end) = before.map_or((from, until), |(s, e)| (s.min(from), e.max(until)));
        let known = before.map_or(Duration::ZERO, |(start, end)| end - start);
        *stretch = Some((start, end));
        let more = (end - start).saturating_sub(known);
        let millis = u64::try_from(more.as_millis()).unwrap_or(u64::MAX);
        self.waited.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }

    /// Counts a repeated request, and whether it is a new one; gives whether its cause is.
    fn add_trouble(&self, cause: &str, is_new: bool) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !troubles.contains_key(cause);
        let trouble = troubles.entry(cause.to_owned()).or_default();
        trouble.requests += u64::from(is_new);
        trouble.repeats += 1;
        first
    }

    /// Why requests were repeated, by cause, once.
    pub(crate) fn take_troubles(&self) -> BTreeMap<String, Trouble> {
        std::mem::take(&mut self.troubles.lock().unwrap_or_else(PoisonError::into_inner))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn requests_that_wait_at_one_time_wait_once() {
        let (fetched, began) = (Fetched::default(), Instant::now());
        let check = |from: u64, until: u64, expected: u64| {
            let at = |millis| began + Duration::from_millis(millis);
            fetched.add_wait(at(from), at(until));
            assert_eq!(fetched.waited.load(Relaxed), expected, "{from} to {until}");
        };
        check(0, 1000, 1000);
        check(0, 1000, 1000);
        check(500, 1500, 1500);
        check(200, 300, 1500);
        check(3000, 3500, 2000);
    }

    #[test]
    fn one_cause_is_told_once_with_its_requests() {
        let fetched = Fetched::default();
        assert!(fetched.add_trouble("503", true));
        assert!(!fetched.add_trouble("503", false));
        assert!(!fetched.add_trouble("503", true));
        assert!(fetched.add_trouble("429", true));
        let trouble = |requests, repeats| Trouble { requests, repeats };
        let expected = [("429".to_owned(), trouble(1, 1)), ("503".to_owned(), trouble(2, 3))];
        assert_eq!(fetched.take_troubles(), BTreeMap::from(expected));
        assert!(fetched.take_troubles().is_empty());
    }
}
