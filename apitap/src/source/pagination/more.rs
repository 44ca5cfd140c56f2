//! What an answer says of further pages, in its headers and beside its records, under the names that most
//! APIs have for it.
//!
//! Whoever expects one page asks here whether that is all: an API that has more says so nearly always.

use super::Reads;
use crate::definition::Pointer;
use crate::source::answer::Answer;
use crate::source::body::Value;

/// Objects around a page's records, or beside them, that say something of the pages.
const AROUND: [&str; 8] =
    ["", "/meta", "/pagination", "/paging", "/pageInfo", "/page_info", "/links", "/_links"];

/// The next page: a cursor, its number or its URL.
const NEXT: [&str; 18] = [
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
    "next_url",
    "nextUrl",
];

/// Whether there is one.
const HAS_NEXT: [&str; 6] =
    ["has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage"];

/// How many pages there are.
const PAGES: [&str; 5] = ["total_pages", "totalPages", "last_page", "lastPage", "page_count"];

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

/// How long a page is. Beside it a total is one of records, and not of money.
const SIZE: [&str; 6] = ["per_page", "perPage", "page_size", "pageSize", "limit", "size"];

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
        let groups = self.places.chunks(count).enumerate();
        let mut said = groups.filter_map(|(group, places)| {
            let value = |index: usize| answer.found(group * count + index);
            let found: Vec<_> = (0..places.len()).map(value).collect();
            let (index, what) = tells(answer, &found)?;
            Some(format!("`{}` is {what}", places.get(index)?.0))
        });
        said.next().or_else(|| header_said(answer))
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
    let name = next.or_else(pages).or_else(count)?;
    let value = answer.header(name).unwrap_or_default();
    Some(format!("`{}: {}`", title(name), answer.shown(value)))
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

/// All names, in the order in which they are asked for.
fn names() -> impl Iterator<Item = &'static str> {
    let told = NEXT.into_iter().chain(HAS_NEXT).chain(PAGES).chain(COUNT);
    told.chain(TOTAL).chain(SIZE)
}

/// Which of the values of one object tells of more, and how it is shown.
fn tells(answer: &Answer<'_>, found: &[Option<&Value>]) -> Option<(usize, String)> {
    let records = answer.elements();
    let mut start = 0;
    let mut group = |length: usize| {
        let at = start;
        start += length;
        (at..start).map(|index| (index, found.get(index).copied().flatten()))
    };
    let (next, has_next) = (group(NEXT.len()), group(HAS_NEXT.len()));
    let (pages, count) = (group(PAGES.len()), group(COUNT.len()));
    let (total, size) = (group(TOTAL.len()), group(SIZE.len()));
    let named = next.filter_map(|(index, value)| Some((index, shown(answer, value?)?)));
    let flagged = has_next
        .filter(|(_, value)| matches!(value, Some(Value::Bool(true))))
        .map(|(index, _)| (index, "true".to_owned()));
    let several = pages.filter_map(|(index, value)| above(value?, 1).map(|n| (index, n)));
    let is_sized = size.filter_map(|(_, value)| above(value?, 0)).next().is_some();
    let more = count
        .chain(total.filter(|_| is_sized))
        .filter(|_| records > 0)
        .filter_map(|(index, value)| above(value?, records).map(|n| (index, n)));
    named.chain(flagged).chain(several).chain(more).next()
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
    let Value::Number(number) = value else { return None };
    number.parse::<u64>().ok().filter(|number| *number > least).map(|number| number.to_string())
}
