//! One answer of the API: which request it answers, and its records.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::body::{Body, Segments, Stored};
use super::incremental::Asked;
use super::pagination::Resumed;
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
    /// The name of its partition in the state; `None` where there are no partitions.
    pub(super) key: Option<Arc<str>>,
    /// The times that were asked for.
    pub(super) asked: Asked,
    pub(super) stored: Stored,
    /// What is in with it; `None` where nobody asks.
    pub(super) behind: Option<Arc<Behind>>,
}

/// What is in with a page, and all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// So many records, with no place where a later run could go on.
    Unknown { records: u64 },
    /// So many records of a partition, behind which a later run goes on there.
    Within { records: u64, at: Resumed },
    /// A partition, by its name in the state; or only a slice of it, where others follow. `done` says that it is in.
    Slice { key: String, done: String, left: Option<DateTime<Utc>> },
}

impl Behind {
    /// The same where no later run may go on.
    pub(super) fn without_place(&self) -> Arc<Self> {
        Arc::new(match self {
            Self::Unknown { records } | Self::Within { records, .. } => {
                Self::Unknown { records: *records }
            }
            Self::Slice { .. } => self.clone(),
        })
    }
}

impl Page {
    /// The records of a body that has arrived.
    pub fn new(request: Arc<str>, number: u64, body: &Body) -> Self {
        let (stored, asked) = (body.stored.clone(), Asked::default());
        Self { request, number, carried: None, key: None, asked, stored, behind: None }
    }

    /// What stands behind the last page of a partition, or of a slice of it: no records.
    pub(super) fn end_of(key: &str, done: &str, left: Option<DateTime<Utc>>) -> Self {
        let behind = Behind::Slice { key: key.to_owned(), done: done.to_owned(), left };
        Self {
            request: Arc::from(""),
            number: 0,
            carried: None,
            key: None,
            asked: Asked::default(),
            stored: Stored::default(),
            behind: Some(Arc::new(behind)),
        }
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
