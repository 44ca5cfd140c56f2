//! Partitions of which an answer was skipped that may stand for records: their state stays where it was, so that
//! the next run asks for those records again.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::{Watermarks, lock};
use crate::report::Warning;

/// Which partitions are held, and the first answer that was left out of one: its status and its request.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Partitions>);

#[derive(Debug, Default)]
struct Partitions {
    /// Whether none of them counts.
    all: bool,
    keys: BTreeSet<String>,
    answer: Option<(u16, String)>,
}

impl Held {
    /// Whether the state of a partition stays where it was.
    pub(super) fn has(&self, key: &str) -> bool {
        let held = lock(&self.0);
        held.all || held.keys.contains(key)
    }
}

impl Watermarks {
    /// The state of a partition stays where it was, as this answer was left out of it; of all partitions, where none
    /// is named.
    pub(crate) fn hold(&self, key: Option<&str>, answer: &(u16, String)) {
        let mut held = lock(&self.held.0);
        held.answer.get_or_insert_with(|| answer.clone());
        match key {
            Some(key) if !held.keys.contains(key) => drop(held.keys.insert(key.to_owned())),
            Some(_) => {}
            None => held.all = true,
        }
    }

    /// The answer that was left out of a partition of which new records have come: the next run loads those again,
    /// as its state stays.
    pub(crate) fn loads_again(&self) -> Option<(u16, String)> {
        let answer = lock(&self.held.0).answer.clone()?;
        let seen = self.lock();
        let has_new = seen
            .iter()
            .any(|(key, position)| self.held.has(key) && self.before_of(key) != Some(position));
        has_new.then_some(answer)
    }

    /// That the state stays where it was.
    pub(crate) fn held_back(&self) -> Option<Warning> {
        let held = lock(&self.held.0);
        let (status, _) = held.answer.as_ref()?;
        let source = &self.source;
        let of = match held.keys.len() {
            _ if held.all => format!("`{source}`"),
            0 | 1 => format!("`{source}`"),
            many => format!("{many} partitions of `{source}`"),
        };
        Some(Warning {
            message: format!(
                "an answer with the status {status} was skipped: the state of {of} stays where it was"
            ),
            help: "the next run asks for the same again; if such an answer means that there are no records, write \
                   `action: empty` in that rule of `on_response`"
                .to_owned(),
        })
    }
}
