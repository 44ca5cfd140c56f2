//! What a test API does wrong, and at which request.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// Something that an API does wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with this status and a short text.
    Status(u16),
    /// Answers with this status and a `Retry-After` of this value (seconds, or an HTTP date).
    RetryAfter(u16, String),
    /// Answers 200 with this content type and this text in place of the page.
    Body(&'static str, String),
    /// The right page, under this content type.
    ContentType(&'static str),
    /// Takes the request and never answers.
    Hang,
    /// Sends half of the body, and then nothing: the connection stays open.
    HangInBody,
    /// `Content-Length` promises the whole body; the connection closes after half of it.
    CutLength,
    /// A chunked answer whose connection closes after half of the body, before the last chunk.
    CutChunked,
    /// An answer that HTTP calls whole, with half of the body in it.
    CutBody,
    /// Answers with this page (from 1) whatever was asked, as an API does that ignores a parameter.
    Page(u64),
    /// The right records, but the next cursor or URL leads to this page (from 1).
    Next(u64),
    /// The right page but for one value: at `path` (a JSON Pointer) of `record` (from 1).
    Value {
        /// Which record of the page, from 1.
        record: u64,
        /// Where in the record: a JSON Pointer; what is not there is added.
        path: &'static str,
        /// What stands there instead.
        value: Value,
    },
}

/// At which requests a fault happens.
#[derive(Debug, Clone)]
pub struct On {
    place: Place,
    times: Option<u64>,
}

#[derive(Debug, Clone)]
enum Place {
    Every,
    Page(u64),
    Request(u64),
}

impl On {
    /// At every request.
    pub fn every() -> Self {
        Self { place: Place::Every, times: None }
    }

    /// At each request for this page, from 1.
    pub fn page(number: u64) -> Self {
        Self { place: Place::Page(number), times: None }
    }

    /// At this request to the collection, from 1.
    pub fn request(number: u64) -> Self {
        Self { place: Place::Request(number), times: None }
    }

    /// Only so many times; after that all is well.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

/// The faults of one collection, with how often each has happened.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(On, Fault, AtomicU64)>);

impl Faults {
    pub(crate) fn add(&mut self, on: On, fault: Fault) {
        self.0.push((on, fault, AtomicU64::new(0)));
    }

    /// The first fault that is due at this request, now counted as done.
    pub(crate) fn due(&self, request: u64, page: Option<u64>) -> Option<&Fault> {
        self.0.iter().find_map(|(on, fault, done)| {
            let here = match on.place {
                Place::Every => true,
                Place::Page(number) => page == Some(number),
                Place::Request(number) => request == number,
            };
            // Counted even when it is spent: what matters is whether the limit was reached before.
            let due =
                here && on.times.is_none_or(|times| done.fetch_add(1, Ordering::SeqCst) < times);
            due.then_some(fault)
        })
    }
}
