//! Where a run has been: requests and pages that come again would make it endless.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};

use crate::source::body::Fingerprint;
use crate::source::pagination::{Origin, Params};
use crate::{Error, Result};

/// How many places are remembered; some 20 MiB. A longer way round is not noticed.
const REMEMBERED: usize = 1 << 20;

/// What keeps the pages of one collection from going on for ever.
#[derive(Default)]
pub(super) struct LoopGuard {
    requests: Visited,
    pages: Visited,
    /// The number and the fingerprint of the last page with records.
    last: Option<(u64, Fingerprint)>,
    /// How many pages were not seen before.
    new: u64,
    /// How many pages in a row had records that were there before.
    known_in_a_row: u32,
}

/// A page, as the guard sees it.
pub(super) struct Seen {
    pub(super) number: u64,
    /// `None` where it has no records.
    pub(super) fingerprint: Option<Fingerprint>,
    /// What the API seems to ignore where it repeats a page.
    pub(super) asks_by: Option<String>,
    /// Whether the last page may come again behind it.
    pub(super) may_repeat_the_last: bool,
}

impl LoopGuard {
    /// Notes a request that was answered.
    pub(super) fn asked(&mut self, request: &impl Hash) {
        self.requests.insert(request);
    }

    /// Whether a request was not answered before.
    ///
    /// # Errors
    /// It was; `label` names it, and `shown` makes a cursor fit to be shown.
    pub(super) fn check_request(
        &self,
        request: &impl Hash,
        params: &Params,
        label: impl FnOnce() -> String,
        shown: impl FnOnce(&str) -> String,
    ) -> Result<()> {
        if !self.requests.contains(request) {
            return Ok(());
        }
        Err(match &params.origin {
            Some(Origin { path, cursor: Some(cursor) }) => {
                let cursor = shown(cursor);
                Error::data(format!("the cursor `{cursor}` came before: the run would never end"))
                    .at_path(path.0.clone())
                    .help("check `cursor_param`: the API seems to ignore it")
            }
            _ => {
                let label = label();
                Error::data(format!(
                    "the next page is one that was requested before: the run would never end \
                     (`{label}`)"
                ))
                .help("the API's pages loop; try another `pagination`")
            }
        })
    }

    /// Whether a page has just the records of the last one, where that may be.
    ///
    /// # Errors
    /// It has them where that must not be, or the pages loop.
    pub(super) fn check_page(&mut self, page: &Seen) -> Result<bool> {
        let Some(fingerprint) = page.fingerprint else { return Ok(false) };
        if let Some((number, _)) = self.last.filter(|(_, last)| *last == fingerprint) {
            return match page.may_repeat_the_last && self.new > 1 {
                true => Ok(true),
                false => Err(repeated(page, number)),
            };
        }
        self.last = Some((page.number, fingerprint));
        if self.pages.insert(&fingerprint) {
            self.new += 1;
            self.known_in_a_row = 0;
            return Ok(false);
        }
        self.known_in_a_row += 1;
        match self.known_in_a_row {
            1 => Ok(false),
            _ => Err(looped(page)),
        }
    }
}

fn repeated(page: &Seen, before: u64) -> Error {
    let number = page.number;
    let error = match &page.asks_by {
        Some(param) => Error::data(format!(
            "page {number} repeats page {before}: the API seems to ignore {param}"
        )),
        None => Error::data(format!("page {number} repeats page {before}")),
    };
    error.help(match &page.asks_by {
        Some(param) => format!(
            "check {param} in `pagination`; leave `pagination` out if one request returns everything"
        ),
        None => "the API's pages loop; try another `pagination`".to_owned(),
    })
}

fn looped(page: &Seen) -> Error {
    let message = format!(
        "page {} repeats an earlier page, and so did the page before: the run would never end",
        page.number
    );
    Error::data(message).help(match &page.asks_by {
        Some(param) => format!("the API's pages loop; check {param} in `pagination`"),
        None => "the API's pages loop; try another `pagination`".to_owned(),
    })
}

/// Places as hashes: 64 bits, so that a million places clash once in 10⁷ runs.
#[derive(Default)]
struct Visited {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Visited {
    /// Whether the place is new.
    fn insert(&mut self, place: &impl Hash) -> bool {
        if self.hashes.len() >= REMEMBERED {
            self.hashes.clear();
        }
        self.hashes.insert(self.hasher.hash_one(place))
    }

    fn contains(&self, place: &impl Hash) -> bool {
        self.hashes.contains(&self.hasher.hash_one(place))
    }
}
