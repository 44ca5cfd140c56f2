//! What a body says of further pages beside its records, under the names that most APIs have for it.
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
const TOTAL: [&str; 5] = ["total", "total_count", "totalCount", "total_results", "totalResults"];

/// How long a page is. Beside it a total is one of records, and not of money.
const SIZE: [&str; 6] = ["per_page", "perPage", "page_size", "pageSize", "limit", "size"];

/// The places of a body that tell.
#[derive(Debug, Default)]
pub(super) struct More {
    places: Vec<Pointer>,
}

impl More {
    /// Those of a body whose records are there. A body that is nothing but records has none.
    pub(super) fn beside(records: &Pointer) -> Self {
        let Some((parent, _)) = records.0.rsplit_once('/') else { return Self::default() };
        let mut bases = vec![parent];
        if !parent.is_empty() {
            bases.push("");
        }
        // Whichever element it is, it has no pages of its own.
        bases.retain(|base| !base.split('/').any(|token| token == "*"));
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
        said.next()
    }
}

/// All names, in the order in which they are asked for.
fn names() -> impl Iterator<Item = &'static str> {
    NEXT.into_iter().chain(HAS_NEXT).chain(PAGES).chain(TOTAL).chain(SIZE)
}

/// Which of the values of one object tells of more, and how it is shown.
fn tells(answer: &Answer<'_>, found: &[Option<&Value>]) -> Option<(usize, String)> {
    let records = answer.records() as u64;
    let mut start = 0;
    let mut group = |length: usize| {
        let at = start;
        start += length;
        (at..start).map(|index| (index, found.get(index).copied().flatten()))
    };
    let (next, has_next) = (group(NEXT.len()), group(HAS_NEXT.len()));
    let (pages, total, size) = (group(PAGES.len()), group(TOTAL.len()), group(SIZE.len()));
    let named = next.filter_map(|(index, value)| Some((index, shown(answer, value?)?)));
    let flagged = has_next
        .filter(|(_, value)| matches!(value, Some(Value::Bool(true))))
        .map(|(index, _)| (index, "true".to_owned()));
    let several = pages.filter_map(|(index, value)| above(value?, 1).map(|n| (index, n)));
    let is_sized = size.filter_map(|(_, value)| above(value?, 0)).next().is_some();
    let more = total
        .filter(|_| is_sized && records > 0)
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
