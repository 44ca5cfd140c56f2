//! The pages of a source, a part of them at a time: what is committed together, and where the next run goes
//! on if this one is killed.
//!
//! ```text
//! pages with what is in with them → Parts → the pages of a part → … → Reached (kept in the state)
//! ```
//! A part ends behind a page from which a later run can go on, or behind a partition. What is in with the
//! pages is told by the fetch; nothing here knows a query or a target.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::page::{Behind, Page};
use super::pagination::{Position, Resumed};
use super::spool::Pages;
use crate::Result;
use crate::definition::{Checkpoint, Mode};
use crate::hashed::hashed;

/// Of more partitions that are done, a run is not made in parts: they are all named in its state.
const PARTITIONS: usize = 50_000;

/// For how long a page's number means about the same records.
const NUMBERS: TimeDelta = TimeDelta::hours(1);

/// After how long what is in is to be loaded again.
const FRESH: TimeDelta = TimeDelta::days(1);

/// How far a run has come that is not at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// Of the definition that it ran.
    pub(crate) fingerprint: String,
    /// When its last part was committed.
    pub(crate) at: DateTime<Utc>,
    /// How many records are in.
    pub(crate) records: u64,
    /// The partitions that are in whole, each as [`Reached::entry`] says it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    done: BTreeSet<String>,
    /// The partition of which a part is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Within>,
    /// The partition whose last slices are left, and until when it is in.
    #[serde(skip)]
    pub(crate) until: Option<(String, DateTime<Utc>)>,
}

/// A partition of which a part is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Within {
    /// Its name in the state.
    pub(crate) partition: String,
    /// The hash of all that it carries, where that is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<String>,
    /// Until when an incremental source is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Where its requests go on.
    pub(crate) from: Resumed,
    /// How far its records have come, where the source is incremental: that counts when all are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Value>,
}

impl Reached {
    /// Nothing is in yet of a definition.
    pub(crate) fn nothing(fingerprint: &str) -> Self {
        Self { fingerprint: fingerprint.to_owned(), ..Self::default() }
    }

    /// The name under which a source's stands in the state.
    pub(crate) fn name(source: &str) -> String {
        format!("{source} (unfinished)")
    }

    /// In words, what a value of the state says that is one.
    pub(crate) fn described(value: &Value) -> Option<String> {
        let Self { records, .. } = serde_json::from_value(value.clone()).ok()?;
        Some(format!("{records} records of a run that was not finished"))
    }

    /// How a partition is written that is in whole: the hash of its key, and that of all that it carries where
    /// that is more.
    pub(super) fn entry(key: &str, of: Option<&str>) -> String {
        of.map_or(key.to_owned(), |of| format!("{key} {of}"))
    }

    /// The partitions that are in whole, as the parts of their entries.
    pub(super) fn done(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.done.iter().map(|entry| match entry.split_once(' ') {
            Some((key, of)) => (key, Some(of.to_owned())),
            None => (entry.as_str(), None),
        })
    }

    /// Those are in whole.
    #[cfg(test)]
    pub(super) fn behind(done: impl Iterator<Item = String>) -> Self {
        Self { done: done.collect(), ..Self::default() }
    }

    /// What is in of a partition, if that is a part.
    pub(crate) fn within(&self, key: &str) -> Option<&Within> {
        self.within.as_ref().filter(|within| within.partition == key)
    }

    /// The partition of which a part is in, if there is one.
    pub(crate) fn partition(&self) -> Option<&Within> {
        self.within.as_ref()
    }

    /// Whether the place where it goes on still means what it did, and what is in before it is not old.
    pub(crate) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let place = self.within.as_ref().map(|within| &within.from.position);
        let longest = if let Some(Position::Number(_)) = place { NUMBERS } else { FRESH };
        now - self.at <= longest
    }

    /// The same with how far the records of the partition have come of which a part is in.
    pub(crate) fn seen(mut self, of: impl FnOnce(&str) -> Option<Value>) -> Self {
        if let Some(within) = &mut self.within {
            within.seen = of(&within.partition);
        }
        self
    }
}

/// What decides where the pages of a source can be cut.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) mode: Mode,
    /// Whether partitions come in slices: those are not cut.
    pub(crate) sliced: bool,
    /// Until when an incremental source is loaded.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// All pages of a source, of which a part is given out at a time.
pub(crate) struct Parts {
    cuts: Cuts,
    state: Mutex<State>,
}

struct State {
    /// While no part has them.
    pages: Option<Pages>,
    reached: Reached,
    has_ended: bool,
}

impl Parts {
    /// The pages behind what an earlier run has reached.
    pub(crate) fn new(pages: Pages, cuts: Cuts, reached: Reached) -> Arc<Self> {
        let state = State { pages: Some(pages), reached, has_ended: false };
        Arc::new(Self { cuts, state: Mutex::new(state) })
    }

    /// The pages of the next part, when those of the one before have all been read.
    pub(crate) fn next(self: &Arc<Self>) -> Pages {
        let pages = self.lock().pages.take();
        let seconds = Duration::from_secs(self.cuts.checkpoint.seconds);
        let part = Part {
            parts: Arc::clone(self),
            pages,
            until: Instant::now() + seconds,
            records: 0,
            can_end: false,
        };
        stream::unfold(part, |mut part| async move { Some((part.next().await?, part)) })
            .fuse()
            .boxed()
    }

    /// How far the parts so far have come.
    pub(crate) fn reached(&self) -> Reached {
        Reached { at: Utc::now(), ..self.lock().reached.clone() }
    }

    /// Whether there are no further pages.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each use leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part that is being read.
struct Part {
    parts: Arc<Parts>,
    /// `None` at its end.
    pages: Option<Pages>,
    until: Instant,
    records: u64,
    /// Whether a later run can go on behind the pages so far.
    can_end: bool,
}

impl Part {
    async fn next(&mut self) -> Option<Result<Page>> {
        loop {
            let may_end = self.can_end && self.records > 0;
            if may_end && self.is_full() {
                self.parts.lock().pages = self.pages.take();
            }
            let pages = self.pages.as_mut()?;
            let page = match may_end {
                // What has come is not to wait for what is slow.
                true => match timeout_at(self.until, pages.next()).await {
                    Ok(page) => page,
                    Err(_) => continue,
                },
                false => pages.next().await,
            };
            let Some(page) = page else {
                self.pages = None;
                self.parts.lock().has_ended = true;
                return None;
            };
            let Ok(page) = page else { return Some(page) };
            if !self.note(&page) {
                return Some(Ok(page));
            }
        }
    }

    fn is_full(&self) -> bool {
        let rows = self.parts.cuts.checkpoint.rows;
        self.records >= rows || Instant::now() >= self.until
    }

    /// Notes what is in with a page; whether that is all that it says.
    fn note(&mut self, page: &Page) -> bool {
        let cuts = &self.parts.cuts;
        let mut state = self.parts.lock();
        let reached = &mut state.reached;
        let (records, is_mark) = match page.behind.as_deref() {
            None => {
                self.can_end = false;
                (0, false)
            }
            Some(Behind::Unknown { records }) => {
                self.can_end = false;
                (*records, false)
            }
            Some(Behind::Within { records, at }) => {
                let partition = page.key.as_deref().unwrap_or_default();
                let carried = page.carried.as_deref().filter(|carried| *carried != partition);
                // One that an earlier run has begun keeps its place until it is in: there is one place.
                let waits = reached.within.as_ref().is_some_and(|one| one.partition != partition);
                self.can_end = !waits && cuts.can_go_on_at(&at.position);
                if !waits {
                    let until = reached.within(partition).map_or(cuts.until, |within| within.until);
                    let (partition, from) = (partition.to_owned(), at.clone());
                    let of = carried.map(hashed);
                    reached.within = Some(Within { partition, of, until, from, seen: None });
                }
                (*records, false)
            }
            Some(Behind::Slice { key, done, left }) => {
                if reached.within(key).is_some() {
                    reached.within = None;
                }
                reached.until = left.map(|until| (key.clone(), until));
                if left.is_none() {
                    reached.done.insert(done.clone());
                }
                self.can_end = reached.done.len() <= PARTITIONS;
                (0, true)
            }
        };
        reached.records += records;
        self.records += records;
        is_mark
    }
}

impl Cuts {
    /// Whether a later run can go on within a partition. A page's number may be that of other records by
    /// then, which only a mode that knows rows by their key stands.
    fn can_go_on_at(&self, position: &Position) -> bool {
        match position {
            // What has moved to an earlier page would be before the state in the next run, too.
            Position::Number(_) => !self.sliced && self.mode.needs_key() && self.until.is_none(),
            Position::Cursor(_) | Position::Url(_) => !self.sliced,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(cursor: &str) -> Resumed {
        let position = Position::Cursor(cursor.to_owned());
        Resumed { position, pages: 1, records: 10, last: None }
    }

    fn end_of(partition: &str) -> Page {
        Page::end_of(partition, partition, None)
    }

    fn page(partition: &str, cursor: &str) -> Page {
        let behind = Behind::Within { records: 10, at: at(cursor) };
        Page {
            carried: Some(Arc::from(partition)),
            key: Some(Arc::from(partition)),
            behind: Some(Arc::new(behind)),
            ..end_of(partition)
        }
    }

    /// The places behind each part: the partition of which a part is in, and its cursor.
    async fn places(pages: Vec<Page>, begun: Option<(&str, &str)>) -> Vec<String> {
        let within = begun.map(|(partition, cursor)| Within {
            partition: partition.to_owned(),
            of: None,
            until: None,
            from: at(cursor),
            seen: None,
        });
        let reached = Reached { within, ..Reached::nothing("") };
        let checkpoint = Checkpoint { rows: 1, seconds: 60 };
        let cuts = Cuts { checkpoint, mode: Mode::Append, sliced: false, until: None };
        let parts = Parts::new(stream::iter(pages.into_iter().map(Ok)).boxed(), cuts, reached);
        let mut places = Vec::new();
        while !parts.has_ended() {
            let pages: Vec<_> = parts.next().collect().await;
            pages.into_iter().for_each(|page| drop(page.unwrap()));
            let place = parts.reached().within.map(|Within { partition, from, .. }| {
                let Position::Cursor(cursor) = from.position else { return partition };
                format!("{partition} {cursor}")
            });
            places.push(place.unwrap_or_default());
        }
        places
    }

    #[tokio::test]
    async fn a_place_goes_on_with_the_pages() {
        let pages = vec![page("a", "1"), page("a", "2"), end_of("a")];
        assert_eq!(places(pages, None).await, ["a 1", "a 2", ""]);
    }

    /// The parent may name another one first now.
    #[tokio::test]
    async fn a_partition_that_was_begun_keeps_its_place_until_it_is_in() {
        let mut pages = vec![page("new", "1"), page("new", "2"), end_of("new")];
        pages.extend([page("begun", "8"), end_of("begun")]);
        assert_eq!(places(pages, Some(("begun", "7"))).await, ["begun 7", "begun 8", ""]);
    }
}
