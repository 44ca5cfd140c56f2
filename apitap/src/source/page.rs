//! The body of an answer → where its records stand, in one pass that also proves that it is whole.
//!
//! Knows JSON and JSON Pointer, and nothing of requests or of what the fields mean.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// One answer of the API, whole, decompressed and known to be valid JSON.
#[derive(Debug, Clone)]
pub struct Page {
    /// The request that it answers, for messages: method and URL, secrets masked.
    pub request: Arc<str>,
    /// Counted from 1, in the order of the records.
    pub number: u64,
    /// The body; empty where the API answered that there is nothing (204).
    pub body: Bytes,
    /// The bytes of each record in the body, in order.
    pub records: Arc<[Range<u32>]>,
}
