//! Each kind, asked without a server: what it asks for, where it ends, and where it would go on.

use reqwest::header::{HeaderMap, HeaderValue, LINK};
use url::Url;

use super::*;
use crate::definition::{Cursor, LimitOffset, NextUrl, PageNumber, PageOnly};
use crate::environment::Secrets;

/// A page of an API that holds `records` and says `next`, in a body or a `Link` header.
#[derive(Clone, Copy, Default)]
struct Page {
    records: usize,
    next: Option<&'static str>,
    repeats: bool,
    status: u16,
}

fn page(records: usize) -> Page {
    Page { records, status: 200, ..Page::default() }
}

fn next(records: usize, next: &'static str) -> Page {
    Page { next: Some(next), ..page(records) }
}

fn again(records: usize) -> Page {
    Page { repeats: true, ..page(records) }
}

fn status(status: u16) -> Page {
    Page { status, ..page(0) }
}

/// What a pagination says to these pages, one after the other: requests as `?a=1&b=2` or `→url`,
/// those ahead as `+(…)`, the end as `.`, an error as `!message`; and where it would go on.
fn check(kind: &Pagination, pages: &[Page], expected: &[&str], position: Option<Position>) {
    let mut paginator = paginator(kind);
    let mut found = vec![shown(paginator.step(None))];
    let mut requested = url("");
    for (index, page) in pages.iter().enumerate() {
        if !(200..300).contains(&page.status) && !paginator.ends_with(page.status) {
            found.push(format!("!{}", page.status));
            break;
        }
        let mut headers = HeaderMap::new();
        let link = page.next.map(|next| format!("<{next}>; rel=next"));
        headers.extend(link.map(|link| (LINK, HeaderValue::from_str(&link).unwrap())));
        let answer = Answer {
            requested: &requested,
            url: &requested,
            status: page.status,
            headers: &headers,
            body: b"",
            values: &[page.next.map_or(Value::Null, |next| Value::String(next.to_owned()))],
            number: index as u64 + 1,
            records: page.records,
            repeats: page.repeats,
            secrets: &Secrets::default(),
        };
        found.push(shown(paginator.step(Some(&answer))));
        requested = page.next.map(url).unwrap_or(requested);
    }
    assert_eq!(found, expected);
    assert_eq!(paginator.position(), position);
}

fn url(reference: &str) -> Url {
    Url::parse("https://h/items").unwrap().join(reference).unwrap()
}

fn shown(step: Result<Step>) -> String {
    match step {
        Ok(Step::Ask(params)) => shown_params(&params),
        Ok(Step::Ahead(all)) => {
            format!("+({})", all.iter().map(shown_params).collect::<Vec<_>>().join(" "))
        }
        Ok(Step::End) => ".".to_owned(),
        Err(error) => format!("!{}", error.message()),
    }
}

fn shown_params(params: &Params) -> String {
    let query: Vec<_> =
        params.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    match &params.url {
        Some(url) => format!("→{url}"),
        None => format!("?{}", query.join("&")),
    }
}

fn page_number(concurrency: usize) -> Pagination {
    Pagination::PageNumber(PageNumber {
        page_param: "page".into(),
        per_page_param: "size".into(),
        per_page: 2,
        first_page: 1,
        concurrency,
    })
}

fn limit_offset(concurrency: usize) -> Pagination {
    Pagination::LimitOffset(LimitOffset {
        limit_param: "limit".into(),
        offset_param: "offset".into(),
        limit: 2,
        first_offset: 0,
        concurrency,
    })
}

fn page_only() -> Pagination {
    Pagination::PageOnly(PageOnly { page_param: "page".into(), first_page: 0, concurrency: 1 })
}

fn cursor() -> Pagination {
    Pagination::Cursor(Cursor {
        cursor_param: "after".into(),
        cursor_path: Pointer("/next".to_owned()),
        page_size_param: Some("size".into()),
        page_size: 2,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "a position may be missing")]
fn at(number: u64) -> Option<Position> {
    Some(Position::Number(number))
}

#[test]
fn one_request_is_enough_unless_the_answer_says_otherwise() {
    check(&Pagination::None, &[page(2)], &["?", "."], None);
    check(&Pagination::None, &[page(0)], &["?", "."], None);
    let message = "!the answer has a next page (`Link: …; rel=\"next\"`), and the source has no \
                   `pagination`";
    check(&Pagination::None, &[next(2, "?page=2")], &["?", message], None);
}

#[test]
fn the_end_of_numbers_is_certain_however_many_requests_are_under_way() {
    check(
        &page_number(1),
        &[page(2), page(2), page(0), page(0)],
        &["?size=2&page=1", "+(?size=2&page=2)", "+(?size=2&page=3)", "+(?size=2&page=4)", "."],
        at(3),
    );
    check(
        &page_number(3),
        &[page(2), page(2), page(0), page(0)],
        &[
            "?size=2&page=1",
            "+(?size=2&page=2 ?size=2&page=3 ?size=2&page=4)",
            "+(?size=2&page=5)",
            "+()",
            ".",
        ],
        at(3),
    );
    check(
        &page_only(),
        &[page(5), page(1), page(7), page(0), status(404)],
        &["?page=0", "+(?page=1)", "+(?page=2)", "+(?page=3)", "+(?page=4)", "."],
        at(3),
    );
}

#[test]
fn records_behind_an_empty_page_are_an_error_however_many_requests_are_under_way() {
    let hole = "!a page before page 3 is empty or missing, but page 3 has records";
    for missing in [page(0), status(204), status(404), status(416)] {
        check(
            &page_number(1),
            &[page(2), missing, page(2)],
            &["?size=2&page=1", "+(?size=2&page=2)", "+(?size=2&page=3)", hole],
            at(2),
        );
        check(
            &limit_offset(1),
            &[page(2), missing, page(2)],
            &["?limit=2&offset=0", "+(?limit=2&offset=2)", "+(?limit=2&offset=4)", hole],
            at(2),
        );
    }
}

#[test]
fn a_refusal_is_the_end_behind_a_short_or_missing_page_only() {
    let asked = ["?size=2&page=1", "+(?size=2&page=2)"];
    check(&page_number(1), &[page(2), status(400)], &[asked[0], asked[1], "!400"], at(2));
    check(
        &page_number(1),
        &[page(1), status(400), status(422)],
        &[asked[0], asked[1], "+(?size=2&page=3)", "."],
        at(2),
    );
    check(
        &page_number(1),
        &[page(1), page(0), status(500)],
        &[asked[0], asked[1], "+(?size=2&page=3)", "!500"],
        at(2),
    );
    check(&page_number(1), &[status(404)], &[asked[0], "!404"], at(1));
}

#[test]
fn a_page_of_another_size_is_asked_behind_alone() {
    check(
        &limit_offset(3),
        &[page(2), page(1), page(0), page(0)],
        &[
            "?limit=2&offset=0",
            "+(?limit=2&offset=2 ?limit=2&offset=4 ?limit=2&offset=6)",
            "?limit=2&offset=3",
            "+(?limit=2&offset=5)",
            ".",
        ],
        at(3),
    );
    let capped = "!asked for 2 records, got 1, and there are more: the API caps `limit`";
    check(
        &limit_offset(3),
        &[page(1), page(1)],
        &["?limit=2&offset=0", "?limit=2&offset=1", capped],
        at(1),
    );
    let ignored = "!asked for 2 records, got 3, and there are more: the API ignores `size`";
    check(
        &page_number(3),
        &[page(3), page(3)],
        &["?size=2&page=1", "?size=2&page=2", ignored],
        at(2),
    );
}

#[test]
fn the_last_page_again_is_the_end_once_it_comes_a_third_time() {
    let asked = ["?size=2&page=1", "+(?size=2&page=2)", "+(?size=2&page=3)", "+(?size=2&page=4)"];
    check(
        &page_number(1),
        &[page(2), page(2), again(2), again(2)],
        &[asked[0], asked[1], asked[2], asked[3], "."],
        at(3),
    );
    for (last, message) in [
        (page(2), "!page 3 repeats the page before it, but page 4 has other records"),
        (
            page(0),
            "!page 3 repeats the page before it, and page 4 is empty: the end is not certain",
        ),
    ] {
        check(
            &page_number(1),
            &[page(2), page(2), again(2), last],
            &[asked[0], asked[1], asked[2], asked[3], message],
            at(3),
        );
    }
}

#[test]
fn cursors_are_sent_until_there_is_none() {
    let cursor_at = |text: &str| Some(Position::Cursor(text.to_owned()));
    check(
        &cursor(),
        &[next(2, "a"), next(0, "b"), page(1)],
        &["?size=2", "?size=2&after=a", "?size=2&after=b", "."],
        cursor_at("b"),
    );
    // An empty page that leads to itself is the end; one with records is the driver's to judge.
    check(
        &cursor(),
        &[next(2, "a"), next(0, "a")],
        &["?size=2", "?size=2&after=a", "."],
        cursor_at("a"),
    );
    check(
        &cursor(),
        &[next(2, "a"), next(1, "a")],
        &["?size=2", "?size=2&after=a", "?size=2&after=a"],
        cursor_at("a"),
    );
}

#[test]
fn links_and_urls_are_followed_until_there_is_none() {
    let path = Pointer("/next".to_owned());
    for kind in [Pagination::LinkHeader, Pagination::NextUrl(NextUrl { path })] {
        let at = |url: &str| Some(Position::Url(url.to_owned()));
        check(&kind, &[page(1)], &["?", "."], None);
        check(
            &kind,
            &[next(2, "/items?page=2"), next(0, "?page=3"), page(1)],
            &["?", "→/items?page=2", "→?page=3", "."],
            at("?page=3"),
        );
        check(
            &kind,
            &[next(2, "?page=2"), next(0, "https://h/items?page=2")],
            &["?", "→?page=2", "."],
            at("?page=2"),
        );
    }
}
