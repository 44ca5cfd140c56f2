//! Where records come from: requests → pages → Arrow batches.

pub mod decode;
pub mod rest;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

/// How the records stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value; the records are at the source's `data_path`.
    Json,
    /// One JSON value a line (`application/x-ndjson` and the like).
    JsonLines,
}

/// One answer of the API, whole and decompressed.
#[derive(Debug, Clone)]
pub struct Page {
    /// The request that it answers, for messages: method and URL, secrets masked.
    pub request: Arc<str>,
    /// Counted from 1, in the order of the records.
    pub number: u64,
    /// How the records stand in the body.
    pub format: Format,
    /// The body.
    pub body: Bytes,
}

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
