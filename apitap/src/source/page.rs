//! One answer of the API: which request it answers, and its records.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::body::{Body, Segments, Stored};
use crate::Result;

/// One answer of the API, whole.
#[derive(Debug, Clone)]
pub struct Page {
    /// The request that it answers, for messages: method and URL, secrets masked.
    pub request: Arc<str>,
    /// Counted from 1, in the order of the records.
    pub number: u64,
    /// The fields that its partition gives each record, as a JSON object; `None` where there are no
    /// partitions.
    pub(super) carried: Option<Arc<str>>,
    pub(super) stored: Stored,
}

impl Page {
    /// The records of a body that has arrived.
    pub fn new(request: Arc<str>, number: u64, body: &Body) -> Self {
        Self { request, number, carried: None, stored: body.stored.clone() }
    }

    /// The records, some at a time.
    pub fn segments(&self) -> Segments {
        self.stored.segments()
    }

    /// The same without some records, by their numbers from 1.
    ///
    /// # Errors
    /// A temporary file cannot be read or written.
    pub(super) async fn without(&self, dropped: &BTreeSet<u64>) -> Result<Self> {
        let stored = self.stored.without(dropped).await?;
        Ok(Self { stored, ..self.clone() })
    }

    /// The whole body, where it was kept: [`super::body::Wanted::text`].
    pub fn text(&self) -> Option<&str> {
        self.stored.text()
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.request.len() + self.stored.size()
    }
}
