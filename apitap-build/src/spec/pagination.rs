//! `pagination` of a source as written → [`Pagination`].

use super::Words;
use super::values::pointer;
use super::words::string;
use crate::codes;
use crate::definition::{Cursor, LimitOffset, NextUrl, PageNumber, PageOnly, Pagination, Pointer};
use crate::diagnostic::{Finding, Findings};
use crate::tree::Node;

#[derive(Clone, Copy)]
enum Kind {
    None,
    LimitOffset,
    PageNumber,
    PageOnly,
    Cursor,
    LinkHeader,
    NextUrl,
    Custom,
}

const KINDS: [(&str, Kind); 8] = [
    ("limit_offset", Kind::LimitOffset),
    ("page_number", Kind::PageNumber),
    ("page_only", Kind::PageOnly),
    ("cursor", Kind::Cursor),
    ("link_header", Kind::LinkHeader),
    ("next_url", Kind::NextUrl),
    ("none", Kind::None),
    ("custom", Kind::Custom),
];

/// Records per page where nothing is said.
const PAGE_SIZE: u64 = 100;
/// Records per page at most: a page is one body, which has to fit into memory.
const MOST_RECORDS: u64 = 1_000_000;
/// Requests under way at once where nothing is said.
const CONCURRENCY: u64 = 4;
/// Requests under way at once at most: no API likes more.
const MOST_REQUESTS: u64 = 1_000;
/// The number of a page or record at most.
const MOST: u64 = i64::MAX as u64;

/// Words of different kinds that mean the same.
const TWINS: [&[&str]; 4] = [
    &["limit", "per_page", "page_size"],
    &["limit_param", "per_page_param", "page_size_param"],
    &["first_offset", "first_page"],
    &["cursor_path", "path"],
];

/// Reads `pagination`: each kind has its own words.
pub(super) fn pagination(node: &Node, findings: &mut Findings) -> Option<Pagination> {
    let mut words = Words::new("`pagination`", node, findings)?;
    let kind = words.choice("kind", &KINDS);
    let Some(kind) = kind else {
        if !words.has("kind") {
            words.missing("kind", "kind: page_number");
        }
        words.give_up();
        return None;
    };
    words.twins = &TWINS;
    if let Some((name, _)) = KINDS.iter().find(|(_, k)| *k as u8 == kind.value as u8) {
        words.owner = format!("`pagination` of the kind `{name}`");
    }
    let read = match kind.value {
        Kind::None => Some(Pagination::None),
        Kind::LimitOffset => limit_offset(&mut words),
        Kind::PageNumber => page_number(&mut words),
        Kind::PageOnly => page_only(&mut words),
        Kind::Cursor => cursor(&mut words),
        Kind::LinkHeader => Some(Pagination::LinkHeader),
        Kind::NextUrl => next_url(&mut words),
        Kind::Custom => super::custom::words(&mut words).map(Pagination::Custom),
    };
    if words.finish() { read } else { None }
}

fn limit_offset(words: &mut Words<'_, '_>) -> Option<Pagination> {
    let limit_param = words.required_string("limit_param", "limit_param: limit");
    let offset_param = words.required_string("offset_param", "offset_param: offset");
    let limit = words.number("limit", 1..=MOST_RECORDS, PAGE_SIZE);
    let first_offset = words.number("first_offset", 0..=MOST, 0);
    let concurrency = concurrency(words);
    Some(Pagination::LimitOffset(LimitOffset {
        limit_param: limit_param?.value.into(),
        offset_param: offset_param?.value.into(),
        limit,
        first_offset,
        concurrency,
    }))
}

fn page_number(words: &mut Words<'_, '_>) -> Option<Pagination> {
    let page_param = words.required_string("page_param", "page_param: page");
    let per_page_param = words.required_string("per_page_param", "per_page_param: per_page");
    let per_page = words.number("per_page", 1..=MOST_RECORDS, PAGE_SIZE);
    let first_page = words.number("first_page", 0..=MOST, 1);
    let concurrency = concurrency(words);
    Some(Pagination::PageNumber(PageNumber {
        page_param: page_param?.value.into(),
        per_page_param: per_page_param?.value.into(),
        per_page,
        first_page,
        concurrency,
    }))
}

fn page_only(words: &mut Words<'_, '_>) -> Option<Pagination> {
    let page_param = words.required_string("page_param", "page_param: page");
    let first_page = words.number("first_page", 0..=MOST, 1);
    let concurrency = concurrency(words);
    Some(Pagination::PageOnly(PageOnly {
        page_param: page_param?.value.into(),
        first_page,
        concurrency,
    }))
}

fn cursor(words: &mut Words<'_, '_>) -> Option<Pagination> {
    let cursor_param = words.required_string("cursor_param", "cursor_param: after");
    let cursor_path = path(words, "cursor_path", "cursor_path: /meta/next");
    let page_size_param = words.text("page_size_param").map(|param| param.value.into());
    let page_size = words.number("page_size", 1..=MOST_RECORDS, PAGE_SIZE);
    if let (Some(place), None) = (words.key_place("page_size"), &page_size_param) {
        words.findings.push(
            Finding::error(
                codes::UNSENT_PAGE_SIZE,
                "`page_size` is not sent without `page_size_param`",
                place,
            )
            .help("say which parameter takes it, as in `page_size_param: limit`"),
        );
    }
    Some(Pagination::Cursor(Cursor {
        cursor_param: cursor_param?.value.into(),
        cursor_path: cursor_path?,
        page_size_param,
        page_size,
    }))
}

fn next_url(words: &mut Words<'_, '_>) -> Option<Pagination> {
    Some(Pagination::NextUrl(NextUrl { path: path(words, "path", "path: /links/next")? }))
}

fn concurrency(words: &mut Words<'_, '_>) -> usize {
    usize::try_from(words.number("concurrency", 1..=MOST_REQUESTS, CONCURRENCY))
        .unwrap_or(usize::MAX)
}

fn path(words: &mut Words<'_, '_>, word: &'static str, example: &str) -> Option<Pointer> {
    let node = words.required(word, example)?;
    let text = string(word, node, words.findings)?;
    if text.value.is_empty() {
        let message = format!("`{word}` cannot be empty: the whole body is no such value");
        words.findings.push(
            Finding::error(codes::INVALID_POINTER, message, &text.place)
                .help(format!("write `{example}`")),
        );
        return None;
    }
    pointer(&text, words.findings)
}
