//! What an answer says of further pages, in its headers and beside its records, under the names that most
//! APIs have for it.
//!
//! Whoever expects one page asks here whether that is all: an API that has more says so nearly always.

use super::Reads;
use crate::definition::Pointer;
use crate::source::answer::Answer;
use crate::source::body::Value;

/// Objects around a page's records, or beside them, that say something of the pages.
const AROUND: [&str; 13] = [
    "",
    "/info",
    "/meta/pagination",
    "/additional_data/pagination",
    "/meta",
    "/pagination",
    "/paging",
    "/page",
    "/pageInfo",
    "/page_info",
    "/links",
    "/_links",
    "/response_metadata",
];

/// The next page: a cursor, its number or its URL.
const NEXT: [&str; 26] = [
    "next",
    "next/after",
    "next/href",
    "next_cursor",
    "nextCursor",
    "next_link",
    "nextLink",
    "@odata.nextLink",
    "next_page",
    "nextPage",
    "next_page_token",
    "nextPageToken",
    "next_page_url",
    "nextRecordsUrl",
    "next_token",
    "nextToken",
    "continuation_token",
    "continuationToken",
    "next_continuation_token",
    "nextContinuationToken",
    "next_url",
    "nextUrl",
    "next_page_uri",
    "next_page/uri",
    "next_offset",
    "__next",
];

/// The next page, where it is a text that is made for that; else how many records are before this one.
const TOKEN: [&str; 1] = ["offset"];

/// What a search goes on by. It may be there behind the last page, too.
const SCROLL: [&str; 3] = ["scroll_id", "_scroll_id", "scrollId"];

/// Whether there is one.
const HAS_NEXT: [&str; 12] = [
    "more",
    "more_records",
    "more_items_in_collection",
    "has_more",
    "hasMore",
    "has_next",
    "hasNext",
    "has_next_page",
    "hasNextPage",
    "truncated",
    "is_truncated",
    "isTruncated",
];

/// Whether this is the last one.
const IS_LAST: [&str; 4] = ["isLast", "is_last", "isLastPage", "is_last_page"];

/// How many pages there are.
const PAGES: [&str; 7] =
    ["total_pages", "totalPages", "last_page", "lastPage", "page_count", "pageCount", "nbPages"];

/// The same, where the number of this page stands beside it; else those of a book.
const OF_PAGES: [&str; 1] = ["pages"];

/// The number of this page.
const PAGE: [&str; 6] =
    ["page", "current_page", "currentPage", "page_number", "pageNumber", "number"];

/// How many records there are on all of them.
const COUNT: [&str; 12] = [
    "numFound",
    "nbHits",
    "total_count",
    "totalCount",
    "total_results",
    "totalResults",
    "total_records",
    "totalRecords",
    "total_items",
    "totalItems",
    "total_entries",
    "totalElements",
];

/// The same, or a sum of money: where nothing else is said of pages, it counts the records where as many came as a page
/// has at most APIs.
const TOTAL: [&str; 1] = ["total"];

/// The same, where nothing else is said of pages; else it may count those of this page.
const SOLE_COUNT: [&str; 1] = ["count"];

/// How many records a search has found, where they stand in an object of their own.
const FOUND: [&str; 1] = ["total/value"];

/// The place of a page among the records. Beside it a total is one of records, and not of money; a `count` is how long
/// the page is, unless that is said beside it.
const START: [&str; 5] = ["start", "skip", "start_index", "startIndex", "startAt"];

/// How long a page is. Beside it a total is one of records, and not of money.
const SIZE: [&str; 8] =
    ["per_page", "perPage", "page_size", "pageSize", "limit", "size", "max_results", "maxResults"];

/// How many records a full page has at most APIs, but for 10: so many lines are on an invoice, too.
const LENGTHS: [u64; 9] = [20, 25, 30, 50, 100, 200, 250, 500, 1000];

/// The least characters of a text that is a place among the pages.
const TOKEN_LENGTH: usize = 10;

/// Headers that name the next page.
const NEXT_HEADERS: [&str; 3] = ["x-next-page", "x-next-cursor", "x-next-page-token"];

/// Headers that say how many pages there are.
const PAGES_HEADERS: [&str; 4] =
    ["x-total-pages", "x-wp-totalpages", "x-page-count", "x-pagination-page-count"];

/// Headers that say how many records there are on all of them.
const COUNT_HEADERS: [&str; 4] =
    ["x-total-count", "x-total", "x-wp-total", "x-pagination-total-count"];

/// The places of a body that tell.
#[derive(Debug, Default)]
pub(super) struct More {
    places: Vec<Pointer>,
}

impl More {
    /// Those of a body whose records are there. A body that is nothing but records has none.
    pub(super) fn beside(records: &Pointer) -> Self {
        // Whichever element it is of a list, it has no pages of its own.
        let list = records.0.split("/*").next().unwrap_or_default();
        let Some((parent, _)) = list.rsplit_once('/') else { return Self::default() };
        let mut bases = vec![parent];
        if !parent.is_empty() {
            bases.push("");
        }
        let around = bases.iter().flat_map(|base| AROUND.map(|around| format!("{base}{around}")));
        let places =
            around.flat_map(|around| names().map(move |(_, name)| format!("{around}/{name}")));
        Self { places: places.map(Pointer).collect() }
    }

    /// What is to be read of each body.
    pub(super) fn reads(&self) -> Reads {
        Reads::Values(self.places.clone())
    }

    /// What an answer says of more pages than this one, for a message: `` `/meta/next_cursor` is "100" ``.
    pub(super) fn said(&self, answer: &Answer<'_>) -> Option<String> {
        let count = names().count();
        let objects: Vec<_> =
            (0..self.places.len()).step_by(count).map(|first| Object::of(answer, first)).collect();
        let said = objects.iter().find_map(|object| object.tells(answer));
        let said = said.or_else(|| in_all(&objects, answer));
        let said = said.and_then(|(index, what)| {
            let place = self.places.get(index)?;
            Some(format!("`{}` is {what}", place.0))
        });
        said.or_else(|| header_said(answer))
    }
}

/// The same of an answer's headers: `` `X-Total-Count: 400` ``.
fn header_said(answer: &Answer<'_>) -> Option<String> {
    let elements = answer.elements();
    if elements == 0 {
        return None;
    }
    let named = |name: &&str| answer.header(name).is_some_and(names_one);
    let counts = |name: &str, least: u64| {
        let number = answer.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        number.is_some_and(|number| number > least)
    };
    let next = NEXT_HEADERS.into_iter().find(named);
    let pages = || PAGES_HEADERS.into_iter().find(|name| counts(name, 1));
    let count = || COUNT_HEADERS.into_iter().find(|name| counts(name, elements));
    let range = || Some("content-range").filter(|name| answer.header(name).is_some_and(is_a_part));
    let name = next.or_else(pages).or_else(count).or_else(range)?;
    let value = answer.header(name).unwrap_or_default();
    Some(format!("`{}: {}`", title(name), answer.shown(value)))
}

/// Whether a `Content-Range` of records ends before they do: `items 0-4/14`, `0-4/14`. One of bytes is not about
/// records.
fn is_a_part(range: &str) -> bool {
    let range = range.trim();
    let (unit, range) = range.rsplit_once(' ').unwrap_or(("", range));
    let numbers = || {
        let (range, total) = range.split_once('/')?;
        let (_, last) = range.split_once('-')?;
        Some((last.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
    };
    let ends_early = |(last, total): (u64, u64)| last.saturating_add(1) < total;
    !unit.trim().eq_ignore_ascii_case("bytes") && numbers().is_some_and(ends_early)
}

/// Whether a header names something; some are sent with nothing in them.
fn names_one(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "0" | "null" | "none" | "false")
}

/// A header's name as it is usually written: `X-Total-Count`.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// What a name says of pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Next,
    Token,
    Scroll,
    HasNext,
    IsLast,
    Pages,
    OfPages,
    Page,
    Count,
    SoleCount,
    Found,
    Start,
    Total,
    Size,
}

/// The names of each, in the order in which they are read.
const NAMES: [(Says, &[&str]); 14] = [
    (Says::Next, &NEXT),
    (Says::Token, &TOKEN),
    (Says::Scroll, &SCROLL),
    (Says::HasNext, &HAS_NEXT),
    (Says::IsLast, &IS_LAST),
    (Says::Pages, &PAGES),
    (Says::OfPages, &OF_PAGES),
    (Says::Page, &PAGE),
    (Says::Count, &COUNT),
    (Says::SoleCount, &SOLE_COUNT),
    (Says::Found, &FOUND),
    (Says::Start, &START),
    (Says::Total, &TOTAL),
    (Says::Size, &SIZE),
];

/// All names.
fn names() -> impl Iterator<Item = (Says, &'static str)> {
    NAMES.into_iter().flat_map(|(says, names)| names.iter().map(move |name| (says, *name)))
}

/// What one object says: each value that is there, with its number among all that are read.
struct Object<'a> {
    values: Vec<(Says, usize, &'a Value)>,
}

impl<'a> Object<'a> {
    /// The one whose values begin with that number.
    fn of(answer: &'a Answer<'_>, first: usize) -> Self {
        let there = |((says, _), index)| Some((says, index, answer.found(index)?));
        let is_there = |(_, _, value): &(Says, usize, &Value)| {
            !matches!(value, Value::Missing(_) | Value::Astray { .. })
        };
        Self { values: names().zip(first..).filter_map(there).filter(is_there).collect() }
    }

    /// The values that say that.
    fn all(&self, says: Says) -> impl Iterator<Item = (usize, &'a Value)> {
        let values = self.values.iter().filter(move |(of, ..)| *of == says);
        values.map(|(_, index, value)| (*index, *value))
    }

    /// The first number that says that and is larger than another one, as it is written.
    fn first_above(&self, says: Says, least: u64) -> Option<(usize, String)> {
        self.all(says).find_map(|(index, value)| Some((index, above(value, least)?)))
    }

    /// Which of its values tells of more, and how that is shown.
    fn tells(&self, answer: &Answer<'_>) -> Option<(usize, String)> {
        let shown = |(index, value)| Some((index, shown(answer, value)?));
        let next = self.all(Says::Next).find_map(shown);
        let token = || self.all(Says::Token).filter(|(_, value)| is_token(value)).find_map(shown);
        let flag = |says, tells: bool| {
            let is_it = |value: &Value| matches!(value, Value::Bool(flag) if *flag == tells);
            let (index, _) = self.all(says).find(|(_, value)| is_it(value))?;
            Some((index, tells.to_string()))
        };
        next.or_else(token)
            .or_else(|| flag(Says::HasNext, true))
            .or_else(|| flag(Says::IsLast, false))
            .or_else(|| self.counts_pages())
            .or_else(|| self.counts(answer))
    }

    /// Several pages.
    fn counts_pages(&self) -> Option<(usize, String)> {
        let page = self.all(Says::Page).find_map(|(_, value)| number(value));
        let of_pages = page.and_then(|page| self.first_above(Says::OfPages, page.max(1)));
        self.first_above(Says::Pages, 1).or(of_pages)
    }

    /// More records than came.
    fn counts(&self, answer: &Answer<'_>) -> Option<(usize, String)> {
        let records = answer.elements();
        let is_sized = self.first_above(Says::Size, 0).is_some();
        // An `offset` that is a number is a place, too.
        let mut places = self.all(Says::Start).chain(self.all(Says::Token));
        let has_place = places.any(|(_, value)| number(value).is_some());
        let count = self.first_above(Says::Count, records);
        let of_all = |says, is_meant: bool| self.first_above(says, records).filter(|_| is_meant);
        count
            .or_else(|| of_all(Says::Found, true))
            .or_else(|| of_all(Says::Total, is_sized || has_place))
            .or_else(|| of_all(Says::SoleCount, is_sized && has_place))
            .filter(|_| records > 0)
    }

    /// Whether it says how many records there are, and those are not more.
    fn counts_at_most(&self, records: u64) -> bool {
        let counts = [Says::Count, Says::Total, Says::Found, Says::SoleCount];
        let mut counts = counts.into_iter().flat_map(|says| self.all(says));
        counts.any(|(_, value)| number(value).is_some_and(|n| n <= records))
    }

    /// Whether it says anything of pages but that.
    fn speaks_of_more_than(&self, says: Says) -> bool {
        self.values.iter().any(|(of, ..)| *of != says)
    }
}

/// What tells of more only where none of the objects says otherwise.
fn in_all(objects: &[Object<'_>], answer: &Answer<'_>) -> Option<(usize, String)> {
    let records = answer.elements();
    if records == 0 {
        return None;
    }
    let is_whole = objects.iter().any(|object| object.counts_at_most(records));
    let scrolls = objects.iter().flat_map(|object| object.all(Says::Scroll));
    let scroll = scrolls
        .filter(|_| !is_whole)
        .find_map(|(index, value)| Some((index, shown(answer, value)?)));
    let sole = |says| {
        let is_sole = !objects.iter().any(|object| object.speaks_of_more_than(says));
        let mut counted = objects.iter().filter(|_| is_sole);
        counted.find_map(|object| object.first_above(says, records))
    };
    let is_full = LENGTHS.contains(&records);
    scroll.or_else(|| sole(Says::SoleCount)).or_else(|| sole(Says::Total).filter(|_| is_full))
}

/// Whether a text is made to stand for a place: it is long, and no number, no time and no sentence.
fn is_token(value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    let is_made = |c: char| c.is_ascii_alphanumeric() || "/_-=.+".contains(c);
    text.len() >= TOKEN_LENGTH
        && text.chars().all(is_made)
        && text.contains(|c: char| c.is_ascii_alphabetic())
}

/// A cursor, a number or a URL.
fn shown(answer: &Answer<'_>, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(format!("\"{}\"", answer.shown(text))),
        value => above(value, 0),
    }
}

/// A number that is larger than another one, as it is written.
fn above(value: &Value, least: u64) -> Option<String> {
    number(value).filter(|number| *number > least).map(|number| number.to_string())
}

fn number(value: &Value) -> Option<u64> {
    let Value::Number(number) = value else { return None };
    number.parse().ok()
}
