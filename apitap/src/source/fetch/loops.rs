//! Where a run has been: requests and pages that come again would make it endless.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};

use crate::source::pagination::{Origin, Params, Resumed};
use crate::{Error, Result};

/// How many places are remembered; some 20 MiB. A longer way round is not noticed.
const REMEMBERED: usize = 1 << 20;

/// How many pages a collection may have.
const MOST_PAGES: u64 = 1_000_000;

/// How many pages in a row may be without records.
const MOST_EMPTY: u64 = 200;

/// What keeps the pages of one collection from going on for ever.
#[derive(Default)]
pub(super) struct LoopGuard {
    requests: Visited,
    pages: Visited,
    /// The number and the fingerprint of the last page with records.
    last: Option<(u64, u64)>,
    /// How many pages were not seen before.
    new: u64,
    /// How many pages in a row had records that were there before.
    known_in_a_row: u32,
    /// How many pages in a row had no records.
    empty_in_a_row: u64,
}

/// A page, as the guard sees it.
pub(super) struct Seen {
    pub(super) number: u64,
    /// `None` where it has no records.
    pub(super) fingerprint: Option<u64>,
    /// What the API seems to ignore where it repeats a page.
    pub(super) asks_by: Option<String>,
    /// Whether the last page may come again behind it.
    pub(super) may_repeat_the_last: bool,
    /// Whether it is only to show that there is none, behind the end.
    pub(super) makes_sure: bool,
}

impl LoopGuard {
    /// At the start, or behind what an earlier run had come to.
    pub(super) fn behind(from: Option<&Resumed>) -> Self {
        let last = from.and_then(|from| Some((from.pages, from.last?)));
        Self { last, new: from.map_or(0, |from| from.pages), ..Self::default() }
    }

    /// Notes a request that was answered.
    pub(super) fn asked(&mut self, request: &impl Hash) {
        self.requests.insert(request);
    }

    /// Whether a request was answered before.
    pub(super) fn has_asked(&self, request: &impl Hash) -> bool {
        self.requests.contains(request)
    }

    /// Whether a page was there before.
    pub(super) fn knows(&self, fingerprint: u64) -> bool {
        self.pages.contains(&fingerprint)
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
                let message = format!("the cursor `{cursor}` came before: the run would never end");
                let error =
                    Error::data(message).help("check `cursor_param`: the API seems to ignore it");
                match path {
                    Some(path) => error.at_path(path.0.clone()),
                    None => error,
                }
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

    /// Whether a page has just the records of the last one, where that may be, or of any behind the end.
    ///
    /// # Errors
    /// It has them where that must not be, the pages loop, or they go on for ever.
    pub(super) fn check_page(&mut self, page: &Seen) -> Result<bool> {
        if page.number > MOST_PAGES {
            return Err(too_many(page, MOST_PAGES));
        }
        let Some(fingerprint) = page.fingerprint else {
            self.empty_in_a_row += 1;
            return match self.empty_in_a_row > MOST_EMPTY {
                true => Err(empty(page, self.empty_in_a_row)),
                false => Ok(false),
            };
        };
        self.empty_in_a_row = 0;
        if page.makes_sure && self.knows(fingerprint) {
            return Ok(true);
        }
        if let Some((number, _)) = self.last.filter(|(_, last)| *last == fingerprint) {
            // Behind its end an API may give page 1 again and again: then page 1 is in already, twice.
            return match page.may_repeat_the_last && self.new > 1 {
                true if self.known_in_a_row > 0 => Err(looped(page)),
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
            "check {param} in `pagination`, and its `kind`: the API may page by a cursor or a link that \
             its answers hold"
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
        Some(param) => format!(
            "the API's pages loop: check {param} in `pagination`; where the API begins anew behind its \
             last page, say where that is with `stop`"
        ),
        None => "the API's pages loop; try another `pagination`".to_owned(),
    })
}

fn empty(page: &Seen, count: u64) -> Error {
    let message = format!(
        "page {} and the {} before it have no records, and each names a next one",
        page.number,
        count - 1
    );
    Error::data(message).help(format!(
        "at most {MOST_EMPTY} pages in a row may be empty: the API seems to go on behind its end; \
         try another `pagination`"
    ))
}

fn too_many(page: &Seen, most: u64) -> Error {
    Error::data(format!("there are more than {most} pages, which is the most that a run reads"))
        .help(match &page.asks_by {
            Some(param) => format!("ask for larger pages, or check {param} in `pagination`"),
            None => "ask for larger pages, or try another `pagination`".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages by their fingerprints, from page `first` on, `None` for those without records; where the
    /// last page may come again. What is said of the last of them.
    fn check(first: u64, pages: &[Option<u64>], expected: std::result::Result<bool, &str>) {
        let mut guard = LoopGuard::default();
        let mut found = Ok(false);
        for (number, fingerprint) in (first..).zip(pages) {
            found = guard.check_page(&Seen {
                number,
                fingerprint: *fingerprint,
                asks_by: Some("`page`".to_owned()),
                may_repeat_the_last: true,
                makes_sure: false,
            });
        }
        let found = found.map_err(|error| error.message().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned), "{pages:?}");
    }

    #[test]
    fn pages_that_were_there_before_are_noticed() {
        check(1, &[Some(1), Some(2), None, Some(3)], Ok(false));
        check(1, &[Some(1), Some(1)], Err("page 2 repeats page 1: the API seems to ignore `page`"));
        check(1, &[Some(1), Some(2), Some(2)], Ok(true));
        check(1, &[Some(1), Some(2), Some(3), Some(1)], Ok(false));
        check(
            1,
            &[Some(1), Some(2), Some(3), Some(1), Some(1)],
            Err("page 5 repeats an earlier page, and so did the page before: the run would never \
                 end"),
        );
        check(
            1,
            &[Some(1), Some(2), Some(3), Some(1), Some(2)],
            Err("page 5 repeats an earlier page, and so did the page before: the run would never \
                 end"),
        );
    }

    #[test]
    fn pages_without_end_are_an_error_that_names_the_limit() {
        check(1, &[None; 200], Ok(false));
        check(
            1,
            &[None; 201],
            Err("page 201 and the 200 before it have no records, and each names a next one"),
        );
        let mut pages = [None; 300];
        pages[150] = Some(1);
        check(1, &pages, Ok(false));
        check(1_000_000, &[Some(1)], Ok(false));
        check(
            1_000_001,
            &[Some(1)],
            Err("there are more than 1000000 pages, which is the most that a run reads"),
        );
    }
}
