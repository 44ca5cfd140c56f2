//! What an answer says of further pages, in its headers and beside its records, under the names that most
//! APIs have for it.
//!
//! Whoever expects one page asks here whether that is all: an API that has more says so nearly always.

use super::Reads;
use crate::definition::Pointer;
use crate::source::answer::Answer;
use crate::source::body::Value;

/// Objects around a page's records, or beside them, that say something of the pages.
const AROUND: [&str; 10] = [
    "",
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
const NEXT: [&str; 22] = [
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
];

/// The next page, where it is a text that is made for that; else how many records are before this one.
const TOKEN: [&str; 1] = ["offset"];

/// What a search goes on by. It may be there behind the last page, too.
const SCROLL: [&str; 3] = ["scroll_id", "_scroll_id", "scrollId"];

/// Whether there is one.
const HAS_NEXT: [&str; 9] = [
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

/// How many pages there are.
const PAGES: [&str; 5] = ["total_pages", "totalPages", "last_page", "lastPage", "page_count"];

/// The same, where the number of this page stands beside it; else those of a book.
const OF_PAGES: [&str; 1] = ["pages"];

/// The number of this page.
const PAGE: [&str; 6] =
    ["page", "current_page", "currentPage", "page_number", "pageNumber", "number"];

/// How many records there are on all of them.
const COUNT: [&str; 10] = [
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

/// The same, or a sum of money.
const TOTAL: [&str; 1] = ["total"];

/// The same, where nothing else is said of pages; else it may count those of this page.
const SOLE_COUNT: [&str; 1] = ["count"];

/// How many records a search has found, where they stand in an object of their own.
const FOUND: [&str; 1] = ["total/value"];

/// The place of a page among the records. Beside it a `count` is how long the page is.
const START: [&str; 4] = ["start", "skip", "start_index", "startIndex"];

/// How long a page is. Beside it a total is one of records, and not of money.
const SIZE: [&str; 8] =
    ["per_page", "perPage", "page_size", "pageSize", "limit", "size", "max_results", "maxResults"];

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
        let places = around.flat_map(|around| names().map(move |name| format!("{around}/{name}")));
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

/// The groups of names, in the order in which they are asked for.
const GROUPS: [&[&str]; 13] = [
    &NEXT,
    &TOKEN,
    &SCROLL,
    &HAS_NEXT,
    &PAGES,
    &OF_PAGES,
    &PAGE,
    &COUNT,
    &SOLE_COUNT,
    &FOUND,
    &START,
    &TOTAL,
    &SIZE,
];

/// All names.
fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.into_iter().flatten().copied()
}

/// What one object says, each value with its number among all that are read; of a group those that are there.
struct Object<'a> {
    next: Group<'a>,
    token: Group<'a>,
    scroll: Group<'a>,
    has_next: Group<'a>,
    pages: Group<'a>,
    of_pages: Group<'a>,
    page: Group<'a>,
    count: Group<'a>,
    sole_count: Group<'a>,
    found: Group<'a>,
    start: Group<'a>,
    total: Group<'a>,
    size: Group<'a>,
}

type Group<'a> = Vec<(usize, &'a Value)>;

impl<'a> Object<'a> {
    /// The one whose values begin with that number.
    fn of(answer: &'a Answer<'_>, first: usize) -> Self {
        let mut next = first;
        let mut group = |names: &[&str]| {
            let all = next..next + names.len();
            next = all.end;
            let there = |index| Some((index, answer.found(index)?));
            let is_there = |(_, value): &(usize, &Value)| !matches!(value, Value::Missing(_));
            all.filter_map(there).filter(is_there).collect()
        };
        Self {
            next: group(&NEXT),
            token: group(&TOKEN),
            scroll: group(&SCROLL),
            has_next: group(&HAS_NEXT),
            pages: group(&PAGES),
            of_pages: group(&OF_PAGES),
            page: group(&PAGE),
            count: group(&COUNT),
            sole_count: group(&SOLE_COUNT),
            found: group(&FOUND),
            start: group(&START),
            total: group(&TOTAL),
            size: group(&SIZE),
        }
    }

    /// Which of its values tells of more, and how that is shown.
    fn tells(&self, answer: &Answer<'_>) -> Option<(usize, String)> {
        let next =
            self.next.iter().find_map(|(index, value)| Some((*index, shown(answer, value)?)));
        let token = || {
            let tokens = self.token.iter().filter(|(_, value)| is_token(value));
            tokens.clone().find_map(|(index, value)| Some((*index, shown(answer, value)?)))
        };
        let flag = || {
            let mut flags = self.has_next.iter();
            let (index, _) = flags.find(|(_, value)| matches!(value, Value::Bool(true)))?;
            Some((*index, "true".to_owned()))
        };
        next.or_else(token)
            .or_else(flag)
            .or_else(|| self.counts_pages())
            .or_else(|| self.counts(answer))
    }

    /// Several pages.
    fn counts_pages(&self) -> Option<(usize, String)> {
        let page = self.page.iter().find_map(|(_, value)| number(value));
        let of_pages = page.and_then(|page| first_above(&self.of_pages, page.max(1)));
        first_above(&self.pages, 1).or(of_pages)
    }

    /// More records than came.
    fn counts(&self, answer: &Answer<'_>) -> Option<(usize, String)> {
        let records = answer.elements();
        let is_sized = first_above(&self.size, 0).is_some();
        let count = first_above(&self.count, records);
        let total = || first_above(&self.total, records).filter(|_| is_sized);
        count.or_else(total).filter(|_| records > 0)
    }

    /// Whether it says how many records there are, and those are not more.
    fn counts_at_most(&self, records: u64) -> bool {
        let counts = [&self.count, &self.total, &self.found, &self.sole_count];
        counts.into_iter().flatten().any(|(_, value)| number(value).is_some_and(|n| n <= records))
    }

    /// Whether it says anything of pages but a `count`.
    fn speaks_of_pages(&self) -> bool {
        let Self { next, token, scroll, has_next, pages, of_pages, page, .. } = self;
        let Self { count, found, start, total, size, .. } = self;
        let all = [
            next, token, scroll, has_next, pages, of_pages, page, count, found, start, total, size,
        ];
        all.into_iter().any(|group| !group.is_empty())
    }
}

/// What tells of more only where none of the objects says otherwise.
fn in_all(objects: &[Object<'_>], answer: &Answer<'_>) -> Option<(usize, String)> {
    let records = answer.elements();
    if records == 0 {
        return None;
    }
    let is_whole = objects.iter().any(|object| object.counts_at_most(records));
    let mut scrolls = objects.iter().flat_map(|object| &object.scroll).filter(|_| !is_whole);
    let scroll = scrolls.find_map(|(index, value)| Some((*index, shown(answer, value)?)));
    let is_sole = !objects.iter().any(Object::speaks_of_pages);
    let counted = || objects.iter().find_map(|object| first_above(&object.sole_count, records));
    scroll.or_else(|| counted().filter(|_| is_sole))
}

/// Whether a text is made to stand for a place: it is long, and no number, no time and no sentence.
fn is_token(value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    let is_made = |c: char| c.is_ascii_alphanumeric() || "/_-=.+".contains(c);
    text.len() >= TOKEN_LENGTH
        && text.chars().all(is_made)
        && text.contains(|c: char| c.is_ascii_alphabetic())
}

/// The first number of a group that is larger than another one, as it is written.
fn first_above(group: &Group<'_>, least: u64) -> Option<(usize, String)> {
    group.iter().find_map(|(index, value)| Some((*index, above(value, least)?)))
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
