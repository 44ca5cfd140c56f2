//! Where a run has been: cursors, URLs and pages that come again would make it endless.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, Hasher as _, RandomState};

use crate::source::page::Page;

/// How many places are remembered; some 20 MiB. A longer way round is not noticed.
const REMEMBERED: usize = 1 << 20;

/// Where a run has been, as hashes: 64 bits, so that a million places clash once in 10⁷ runs.
#[derive(Default)]
pub(super) struct Visited {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Visited {
    /// Whether the place is new.
    pub(super) fn insert(&mut self, place: &str) -> bool {
        self.remember(self.hasher.hash_one(place))
    }

    /// Whether no page before had just these records.
    pub(super) fn insert_page(&mut self, page: &Page) -> bool {
        let mut hasher = self.hasher.build_hasher();
        page.texts().for_each(|record| record.hash(&mut hasher));
        self.remember(hasher.finish())
    }

    fn remember(&mut self, hash: u64) -> bool {
        if self.hashes.len() >= REMEMBERED {
            self.hashes.clear();
        }
        self.hashes.insert(hash)
    }
}
