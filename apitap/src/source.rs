//! Where records come from: requests → pages → Arrow batches.

mod answer;
pub mod body;
pub mod custom;
pub mod decode;
pub(crate) mod fetch;
pub mod json;
pub mod page;
pub(crate) mod pagination;
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
}
