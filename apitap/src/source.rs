//! Where records come from: requests → pages → Arrow batches.

mod answer;
pub mod body;
pub mod custom;
pub mod decode;
pub(crate) mod fetch;
pub(crate) mod incremental;
pub mod json;
pub mod page;
pub(crate) mod pagination;
pub(crate) mod partition;
pub mod request;
pub mod spool;
pub(crate) mod table;
mod task;

use std::sync::atomic::AtomicU64;

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
    /// Milliseconds for which requests waited, together, because of a limit on their rate.
    pub waited: AtomicU64,
}

impl Fetched {
    /// A request has waited for a limit on the rate.
    fn add_wait(&self, wait: std::time::Duration) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.waited.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }
}
