//! Pages by number or offset → requests made ahead, delivered in order, until the end is certain.
//!
//! An empty page is the end. A page that is shorter than asked for is not: some APIs cap the size,
//! some leave records out. Whether more follows is asked of the API, never guessed.

use std::collections::VecDeque;
use std::sync::Arc;

use apitap_build::definition::{LimitOffset, PageNumber, PageOnly, Pagination};
use reqwest::StatusCode;

use super::endpoint::Endpoint;
use super::fetch::{Answer, Failure};
use super::same_records;
use super::visited::Visited;
use crate::source::page::Page;
use crate::source::task::Task;
use crate::{Error, Result};

/// How a page's request follows from its place.
pub(super) struct Counting {
    /// Takes the page's number or the offset of its first record.
    place_param: String,
    /// Takes the size, and the size; `None` where the API decides.
    size: Option<(String, u64)>,
    first: u64,
    /// Whether places count records rather than pages.
    by_records: bool,
    /// How many requests may be under way at once; at least 1.
    concurrency: usize,
}

impl Counting {
    /// `None` for a pagination that does not count.
    pub(super) fn new(pagination: &Pagination) -> Option<Self> {
        Some(match pagination.clone() {
            Pagination::LimitOffset(LimitOffset {
                limit_param,
                offset_param,
                limit,
                first_offset,
                concurrency,
            }) => Self {
                place_param: offset_param.0,
                size: Some((limit_param.0, limit)),
                first: first_offset,
                by_records: true,
                concurrency: concurrency.max(1),
            },
            Pagination::PageNumber(PageNumber {
                page_param,
                per_page_param,
                per_page,
                first_page,
                concurrency,
            }) => Self {
                place_param: page_param.0,
                size: Some((per_page_param.0, per_page)),
                first: first_page,
                by_records: false,
                concurrency: concurrency.max(1),
            },
            Pagination::PageOnly(PageOnly { page_param, first_page, concurrency }) => Self {
                place_param: page_param.0,
                size: None,
                first: first_page,
                by_records: false,
                concurrency: concurrency.max(1),
            },
            Pagination::None
            | Pagination::Cursor(_)
            | Pagination::LinkHeader
            | Pagination::NextUrl(_)
            | Pagination::Custom(_) => return None,
        })
    }

    fn params(&self, place: u64) -> Vec<(&str, String)> {
        let size = self.size.iter().map(|(name, size)| (name.as_str(), size.to_string()));
        size.chain([(self.place_param.as_str(), place.to_string())]).collect()
    }

    /// The place after a page that holds what was asked for.
    fn after(&self, place: u64) -> u64 {
        let step = match &self.size {
            Some((_, size)) if self.by_records => *size,
            _ => 1,
        };
        place.saturating_add(step)
    }
}

/// What the page before the one in turn was like.
enum Before {
    /// There is none.
    Start,
    /// As long as asked for; or, where the API decides, no shorter than the one before.
    Full,
    /// Of another size.
    Uneven,
}

/// The pages of a collection that is counted.
pub(super) struct Counted {
    endpoint: Arc<Endpoint>,
    counting: Counting,
    /// Requests under way, in order.
    ahead: VecDeque<Ahead>,
    /// The number and place of the next request to be made.
    next: (u64, u64),
    /// How many requests may be under way now.
    window: usize,
    before: Before,
    previous: Option<Page>,
    visited: Visited,
    /// How many pages in a row had records that were there before.
    known_in_a_row: u32,
    /// The error to end with, should there be records in the page in turn.
    unless_end: Option<Error>,
    ended: bool,
}

struct Ahead {
    place: u64,
    task: Task<Result<Answer, Failure>>,
}

impl Counted {
    pub(super) fn new(endpoint: Arc<Endpoint>, counting: Counting) -> Self {
        Self {
            endpoint,
            next: (1, counting.first),
            counting,
            ahead: VecDeque::new(),
            // The first page goes alone: it tells whether there is anything to make haste for.
            window: 1,
            before: Before::Start,
            previous: None,
            visited: Visited::default(),
            known_in_a_row: 0,
            unless_end: None,
            ended: false,
        }
    }

    /// The next page with records.
    pub(super) async fn next(&mut self) -> Result<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let (place, outcome) = self.in_turn().await?;
        let page = match outcome {
            Ok(answer) => answer.page,
            Err(failure) if self.ends_with(failure.status) => return self.end().await,
            Err(failure) => return Err(failure.error),
        };
        self.endpoint.fetched.count(&page);
        if page.records.is_empty() {
            return self.end().await;
        }
        let error =
            self.repeated(&page).or_else(|| self.circle(&page)).or_else(|| self.unless_end.take());
        if let Some(error) = error {
            return Err(error.in_request(&page.request));
        }
        self.plan_after(place, &page);
        self.previous = Some(page.clone());
        Ok(Some(page))
    }

    /// Keeps the window full, and waits for the first request in it.
    async fn in_turn(&mut self) -> Result<(u64, Result<Answer, Failure>)> {
        loop {
            while self.ahead.len() < self.window {
                let (number, place) = self.next;
                let url = self.endpoint.url(&self.counting.params(place));
                let task = Task::spawn(Arc::clone(&self.endpoint).fetch(url, number));
                self.ahead.push_back(Ahead { place, task });
                self.next = (number + 1, self.counting.after(place));
            }
            if let Some(mut first) = self.ahead.pop_front() {
                return Ok((first.place, first.task.join().await?));
            }
        }
    }

    /// Whether a status says that the end was reached with the page before.
    ///
    /// "There is no such page" is the end. "This request is wrong" is the end only where the page
    /// before was short: after a full one it may be a cap on how deep one may page.
    fn ends_with(&self, status: Option<StatusCode>) -> bool {
        let status = status.map(|status| status.as_u16());
        match self.before {
            Before::Start => false,
            Before::Full => matches!(status, Some(404 | 416)),
            Before::Uneven => matches!(status, Some(400 | 404 | 416 | 422)),
        }
    }

    /// The end, unless a page that was asked for ahead has records: they would be lost.
    async fn end(&mut self) -> Result<Option<Page>> {
        self.ended = true;
        self.previous = None;
        while let Some(mut later) = self.ahead.pop_front() {
            // One that fails is behind the end as well, as far as anybody can tell.
            let Ok(answer) = later.task.join().await? else { continue };
            if !answer.page.records.is_empty() {
                let number = answer.page.number;
                let message = format!(
                    "a page before page {number} is empty or missing, but page {number} has records"
                );
                return Err(Error::data(message)
                    .in_request(&answer.page.request)
                    .help("run it again; if it stays so, the API's pages have holes"));
            }
        }
        Ok(None)
    }

    /// An API that goes round in a circle: two pages, one after the other, that were there before.
    fn circle(&mut self, page: &Page) -> Option<Error> {
        self.known_in_a_row =
            if self.visited.insert_page(page) { 0 } else { self.known_in_a_row + 1 };
        (self.known_in_a_row >= 2).then(|| {
            Error::data(format!(
                "page {} repeats an earlier page, and so did the page before: the run would never end",
                page.number
            ))
            .help(format!(
                "the API leads in a circle; check the parameter `{}` in `pagination`",
                self.counting.place_param
            ))
        })
    }

    fn repeated(&self, page: &Page) -> Option<Error> {
        let previous = self.previous.as_ref()?;
        same_records(previous, page).then(|| {
            let param = &self.counting.place_param;
            Error::data(format!(
                "page {} repeats page {}: the API seems to ignore `{param}`",
                page.number, previous.number
            ))
            .help(format!(
                "check the parameter `{param}` in `pagination`; leave `pagination` out if one \
                 request returns everything"
            ))
        })
    }

    /// Decides what to ask for after a page with records.
    fn plan_after(&mut self, place: u64, page: &Page) {
        let got = page.records.len() as u64;
        let usual = self.previous.as_ref().map_or(0, |previous| previous.records.len() as u64);
        let asked = self.counting.size.as_ref().map(|(_, size)| *size);
        let even = asked.map_or(got >= usual, |asked| got == asked);
        self.before = if even { Before::Full } else { Before::Uneven };
        // Pages of one collection are of about one size.
        let fit = (self.endpoint.limits.ahead / page.body.len().max(1)).max(1);
        self.window = self.counting.concurrency.min(fit);
        let Some((param, asked)) = self.counting.size.clone().filter(|_| !even) else { return };
        if got < asked && !self.counting.by_records {
            // Numbers stay right whatever the size, so going on is safe. No haste, though, if the
            // first page has it all.
            self.window = if page.number == 1 { 1 } else { self.window };
            return;
        }
        self.unless_end = Some(uneven(page.number, &param, asked, got));
        // What was requested ahead has the wrong places; ask right behind this page.
        self.ahead.clear();
        self.window = 1;
        let places = if self.counting.by_records { got } else { 1 };
        self.next = (page.number + 1, place.saturating_add(places));
    }
}

/// What a page of the wrong size means, should it turn out that it is not the last one.
fn uneven(number: u64, param: &str, asked: u64, got: u64) -> Error {
    if got > asked {
        return Error::data(format!(
            "asked for {asked} records, got {got}, and there are more: the API ignores `{param}`"
        ))
        .help(format!("ask for as many as the API returns: {got}"));
    }
    if number == 1 {
        return Error::data(format!(
            "asked for {asked} records, got {got}, and there are more: the API caps `{param}`"
        ))
        .help(format!("set `limit: {got}`"));
    }
    Error::data(format!(
        "page {number} has {got} of {asked} records, and there are more: with records left out, or \
         added during the run, offsets are not reliable"
    ))
    .help("run it again; if it stays so, use `page_number` or `cursor`")
}
