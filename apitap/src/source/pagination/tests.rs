//! Each kind, asked without a server: what it asks for, where it ends, and where it would go on.

use reqwest::header::{HeaderMap, HeaderValue, LINK};
use url::Url;

use super::*;
use crate::definition::{Cursor, LimitOffset, LinkHeader, NextUrl, PageNumber, PageOnly, Stop};
use crate::environment::Secrets;

/// A page of an API that holds `records` and says `next`, in a body, a `Link` header or the last record,
/// and what it says of the end.
#[derive(Clone, Copy, Default)]
struct Page {
    records: usize,
    /// Where `*` leads from them to the records.
    elements: Option<u64>,
    next: Option<&'static str>,
    repeats: bool,
    status: u16,
    more: Option<bool>,
    total: Option<u64>,
    total_pages: Option<u64>,
}

fn page(records: usize) -> Page {
    Page { records, status: 200, ..Page::default() }
}

fn next(records: usize, next: &'static str) -> Page {
    Page { next: Some(next), ..page(records) }
}

impl Page {
    /// The records are in so many elements.
    fn within(self, elements: u64) -> Self {
        Self { elements: Some(elements), ..self }
    }

    fn more(self, more: bool) -> Self {
        Self { more: Some(more), ..self }
    }

    fn total(self, total: u64) -> Self {
        Self { total: Some(total), ..self }
    }

    fn total_pages(self, pages: u64) -> Self {
        Self { total_pages: Some(pages), ..self }
    }

    /// What stands at a pointer.
    fn at(self, pointer: &Pointer) -> Value {
        let number = |number: Option<u64>| number.map(|number| Value::Number(number.to_string()));
        let found = match pointer.0.as_str() {
            "/more" => self.more.map(Value::Bool),
            "/last" => self.more.map(|more| Value::Bool(!more)),
            "/total" => number(self.total),
            "/pages" => number(self.total_pages),
            _ => self.next.map(|next| Value::String(next.to_owned())),
        };
        found.unwrap_or(Value::Null)
    }
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
    let mut paginator = paginator(kind, &Pointer::default());
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
        if let Some(next) = page.next {
            headers.insert("x-next", HeaderValue::from_str(next).unwrap());
        }
        let (values, last) = match paginator.reads() {
            Reads::Body => (Vec::new(), Vec::new()),
            Reads::Values(values) => (values, Vec::new()),
            Reads::ValuesAndLast(values, last) => (values, last),
        };
        let at = |pointers: Vec<Pointer>| -> Vec<_> {
            pointers.iter().map(|pointer| page.at(pointer)).collect()
        };
        let answer = Answer {
            requested: &requested,
            url: &requested,
            status: page.status,
            headers: &headers,
            body: b"",
            values: &at(values),
            of_last: &at(last),
            number: index as u64 + 1,
            records: page.records,
            elements: page.elements.unwrap_or(page.records as u64),
            repeats: page.repeats,
            secrets: &Secrets::default(),
        };
        found.push(shown(paginator.step(Some(&answer))));
        let is_told = page.total.is_none() || paginator.total() == page.total;
        assert!(is_told, "{:?} of {:?}", paginator.total(), page.total);
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
    let body = params.body.iter().map(|(at, value)| format!("{}={value}", at.0));
    match &params.url {
        _ if !params.body.is_empty() => body.collect::<Vec<_>>().join("&"),
        Some(url) => format!("→{url}"),
        None => format!("?{}", query.join("&")),
    }
}

fn page_number(concurrency: usize) -> Pagination {
    Pagination::PageNumber(PageNumber {
        page_param: Some("page".into()),
        per_page_param: "size".into(),
        per_page: 2,
        first_page: 1,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn limit_offset(concurrency: usize) -> Pagination {
    Pagination::LimitOffset(LimitOffset {
        limit_param: "limit".into(),
        offset_param: "offset".into(),
        limit: 2,
        first_offset: 0,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn page_only() -> Pagination {
    Pagination::PageOnly(PageOnly {
        page_param: Some("page".into()),
        first_page: 0,
        concurrency: 1,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn cursor() -> Pagination {
    Pagination::Cursor(Cursor {
        cursor_param: Some("after".into()),
        cursor_path: Some(Pointer("/next".to_owned())),
        cursor_header: None,
        cursor_field: None,
        may_be_absent: false,
        page_size_param: Some("size".into()),
        page_size: 2,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "a position may be missing")]
fn at(number: u64) -> Option<Position> {
    Some(Position::Number(number))
}

#[test]
fn one_request_is_enough_unless_the_answer_says_otherwise() {
    check(&Pagination::default(), &[page(2)], &["?", "."], None);
    check(&Pagination::default(), &[page(0)], &["?", "."], None);
    let message = "!the answer has a next page (`Link: …; rel=\"next\"`), and the source has no \
                   `pagination`";
    check(&Pagination::default(), &[next(2, "?page=2")], &["?", message], None);
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
    for kind in [
        Pagination::LinkHeader(LinkHeader::default()),
        Pagination::NextUrl(NextUrl { path, may_be_absent: false, stop: Stop::default() }),
    ] {
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

fn stop(path: &str) -> Stop {
    let pointer = |wanted: &str| (path == wanted).then(|| Pointer(path.to_owned()));
    Stop {
        has_more_path: pointer("/more"),
        is_last_path: pointer("/last"),
        total_path: pointer("/total"),
        total_pages_path: pointer("/pages"),
        max_pages: path.parse().ok(),
    }
}

/// The kinds by number, four requests at once, with a rule for the end.
fn numbered(path: &str) -> [Pagination; 3] {
    let (mut pages, mut offsets, mut only) = (page_number(4), limit_offset(4), page_only());
    if let Pagination::PageNumber(kind) = &mut pages {
        kind.stop = stop(path);
    }
    if let Pagination::LimitOffset(kind) = &mut offsets {
        kind.stop = stop(path);
    }
    if let Pagination::PageOnly(kind) = &mut only {
        (kind.stop, kind.concurrency) = (stop(path), 4);
    }
    [pages, offsets, only]
}

#[test]
fn nothing_is_asked_for_behind_an_end_that_is_known() {
    let [pages, offsets, only] = numbered("/total");
    let five = page(2).total(5);
    check(
        &pages,
        &[five, five, page(1).total(5)],
        &["?size=2&page=1", "+(?size=2&page=2 ?size=2&page=3)", "+()", "."],
        at(4),
    );
    check(
        &offsets,
        &[five, five, page(1).total(5)],
        &["?limit=2&offset=0", "+(?limit=2&offset=2 ?limit=2&offset=4)", "+()", "."],
        at(5),
    );
    check(
        &only,
        &[five, five, page(1).total(5)],
        &["?page=0", "+(?page=1 ?page=2)", "+()", "."],
        at(3),
    );
    check(&pages, &[page(0).total(0)], &["?size=2&page=1", "."], at(1));
    let [pages, offsets, _] = numbered("/pages");
    let two = page(2).total_pages(2);
    let one = page(1).total_pages(2);
    check(&pages, &[two, one], &["?size=2&page=1", "+(?size=2&page=2)", "."], at(3));
    check(&offsets, &[two, one], &["?limit=2&offset=0", "+(?limit=2&offset=2)", "."], at(3));
    let [pages, ..] = numbered("2");
    check(&pages, &[page(2), page(2)], &["?size=2&page=1", "+(?size=2&page=2)", "."], at(3));
}

#[test]
fn a_count_that_ends_with_a_full_page_is_made_sure_of() {
    let [pages, offsets, only] = numbered("/total");
    let two = page(2).total(2);
    let asked = ["?size=2&page=1", "+(?size=2&page=2)"];
    for last in [page(0).total(2), status(404), status(400), status(410), again(2).total(2)] {
        check(&pages, &[two, last], &[asked[0], asked[1], "."], at(2));
    }
    let lie = "!the API counts 2 records (`/total`), and 4 came";
    check(&pages, &[two, two], &[asked[0], asked[1], lie], at(2));
    check(&offsets, &[two, two], &["?limit=2&offset=0", "+(?limit=2&offset=2)", lie], at(2));
    check(&only, &[two, two], &["?page=0", "+(?page=1)", lie], at(1));
    let [pages, ..] = numbered("/pages");
    let one = page(2).total_pages(1);
    let lie = "!the API counts 1 pages (`/pages`), and page 2 has records, too";
    check(&pages, &[one, one], &[asked[0], asked[1], lie], at(2));
    check(&pages, &[one, page(0).total_pages(1)], &[asked[0], asked[1], "."], at(2));
    // What is taken for a count is the number of the page.
    let pages_of = |of: u64| page(2).total_pages(of);
    check(
        &pages,
        &[one, pages_of(2), page(1).total_pages(3)],
        &[asked[0], asked[1], "+(?size=2&page=3)", "."],
        at(4),
    );
}

#[test]
fn more_records_than_the_api_counts_are_an_error() {
    let [pages, ..] = numbered("/total");
    let three = page(2).total(3);
    let lie = "!the API counts 3 records (`/total`), and 4 came";
    check(&pages, &[three, three], &["?size=2&page=1", "+(?size=2&page=2)", lie], at(2));
    let none = "!the API counts 0 records (`/total`), and 2 came";
    check(&pages, &[page(2).total(0)], &["?size=2&page=1", none], at(1));
    let lie = "!the API counts 3 records (`/total`), and 4 came";
    let next = next(2, "a").total(3);
    check(
        &cursor_in("/next", "/total"),
        &[next, next],
        &["?size=2", "?size=2&after=a", lie],
        Some(Position::Cursor("a".to_owned())),
    );
}

#[test]
fn a_count_may_shrink_as_records_are_deleted_that_have_come() {
    let [pages, ..] = numbered("/total");
    check(
        &pages,
        &[page(2).total(5), page(2).total(4), page(1).total(4)],
        &["?size=2&page=1", "+(?size=2&page=2 ?size=2&page=3)", "+()", "."],
        at(4),
    );
}

#[test]
fn a_next_page_that_is_named_behind_the_count_is_asked_for() {
    let cursor_at = |text: &str| Some(Position::Cursor(text.to_owned()));
    let asked = ["?size=2", "?size=2&after=a"];
    for origin in ["/next", "X-Next", "meta.id"] {
        let kind = cursor_in(origin, "/total");
        let first = next(2, "a").total(2);
        for last in [page(0).total(2), next(0, "b").total(2), status(400), again(2).total(2)] {
            check(&kind, &[first, last], &[asked[0], asked[1], "."], cursor_at("a"));
        }
        let lie = "!the API counts 2 records (`/total`), and 3 came";
        check(&kind, &[first, page(1).total(2)], &[asked[0], asked[1], lie], cursor_at("a"));
        let kind = cursor_in(origin, "/pages");
        let lie = "!the API counts 1 pages (`/pages`), and page 2 has records, too";
        let pages = [next(2, "a").total_pages(1), next(2, "b").total_pages(1)];
        check(&kind, &pages, &[asked[0], asked[1], lie], cursor_at("a"));
    }
    check(&cursor_in("/next", "/total"), &[page(2).total(2)], &["?size=2", "."], None);
}

#[test]
fn what_a_page_holds_are_its_elements_where_records_are_in_them() {
    let [first, second] = ["?size=2&page=1", "+(?size=2&page=2)"];
    // Elements without records are no empty page, and those with many no long one.
    check(
        &page_number(1),
        &[page(5).within(2), page(0).within(2), page(1).within(1), page(0), page(0)],
        &[first, second, "+(?size=2&page=3)", "+(?size=2&page=4)", "+(?size=2&page=5)", "."],
        at(4),
    );
    check(
        &limit_offset(1),
        &[page(0).within(2), page(7).within(2), page(0), page(0)],
        &[
            "?limit=2&offset=0",
            "+(?limit=2&offset=2)",
            "+(?limit=2&offset=4)",
            "+(?limit=2&offset=6)",
            ".",
        ],
        at(4),
    );
    let cursor_at = |text: &str| Some(Position::Cursor(text.to_owned()));
    let pages = [next(6, "a").within(2).total(3), next(0, "").within(1).total(3)];
    check(
        &cursor_in("/next", "/total"),
        &pages,
        &["?size=2", "?size=2&after=a", "."],
        cursor_at("a"),
    );
    let unknown = "!page 2 has 2 elements at the first `*` of `data_path`, and no records in them: \
                   `cursor_field` finds no last record";
    let pages = [next(6, "a").within(2), page(0).within(2)];
    check(
        &cursor_in("meta.id", ""),
        &pages,
        &["?size=2", "?size=2&after=a", unknown],
        cursor_at("a"),
    );
    let pages = [next(6, "a").within(2), page(0)];
    check(&cursor_in("meta.id", ""), &pages, &["?size=2", "?size=2&after=a", "."], cursor_at("a"));
}

#[test]
fn a_count_that_grows_during_the_run_is_followed() {
    let [pages, ..] = numbered("/total");
    check(
        &pages,
        &[page(2).total(4), page(2).total(5), page(1).total(5)],
        &["?size=2&page=1", "+(?size=2&page=2)", "+(?size=2&page=3)", "."],
        at(4),
    );
}

#[test]
fn an_api_that_caps_its_pages_loses_no_records_where_it_counts_them() {
    let [pages, ..] = numbered("/total");
    let three = page(1).total(3);
    check(
        &pages,
        &[three, three, three],
        &["?size=2&page=1", "+(?size=2&page=2 ?size=2&page=3)", "+()", "."],
        at(4),
    );
}

#[test]
fn pages_that_end_before_the_count_are_an_error() {
    let [pages, ..] = numbered("/total");
    check(
        &pages,
        &[page(2).total(5), page(2).total(5), page(0).total(5), status(404)],
        &[
            "?size=2&page=1",
            "+(?size=2&page=2 ?size=2&page=3)",
            "+()",
            "+(?size=2&page=4)",
            "!the API counts 5 records (`/total`), and its pages hold 4",
        ],
        at(3),
    );
}

#[test]
fn an_empty_page_is_not_the_end_where_the_api_says_that_more_follows() {
    let [pages, ..] = numbered("/more");
    check(
        &pages,
        &[page(2).more(true), page(0).more(true), page(1).more(false)],
        &[
            "?size=2&page=1",
            "+(?size=2&page=2 ?size=2&page=3 ?size=2&page=4 ?size=2&page=5)",
            "+(?size=2&page=6)",
            ".",
        ],
        at(4),
    );
}

/// A cursor of `/next`, `X-Next` or the last record, and a rule for the end.
fn cursor_in(origin: &str, path: &str) -> Pagination {
    let Pagination::Cursor(kind) = cursor() else { unreachable!("it is one") };
    let is = |other: &str| (origin == other).then(|| origin.to_owned());
    Pagination::Cursor(Cursor {
        cursor_path: is("/next").map(Pointer),
        cursor_header: is("X-Next"),
        cursor_field: is("meta.id"),
        stop: stop(path),
        ..kind
    })
}

#[test]
fn a_cursor_is_in_the_body_a_header_or_the_last_record() {
    let cursor_at = |text: &str| Some(Position::Cursor(text.to_owned()));
    let asked = ["?size=2", "?size=2&after=a", "?size=2&after=b", "."];
    for origin in ["/next", "X-Next"] {
        let pages = [next(2, "a"), next(2, "b"), page(2)];
        check(&cursor_in(origin, ""), &pages, &asked, cursor_at("b"));
    }
    let pages = [next(2, "a"), next(1, "b"), page(0)];
    check(&cursor_in("meta.id", ""), &pages, &asked, cursor_at("b"));
    let missing = "!the last record has no value for the next cursor";
    check(&cursor_in("meta.id", ""), &[page(2)], &["?size=2", missing], None);
}

#[test]
fn what_an_answer_says_of_the_end_counts_more_than_a_cursor() {
    let pages = [next(2, "a").more(true), next(2, "b").more(false)];
    for origin in ["/next", "X-Next", "meta.id"] {
        let asked = ["?size=2", "?size=2&after=a", "."];
        for flag in ["/more", "/last"] {
            let position = Some(Position::Cursor("a".to_owned()));
            check(&cursor_in(origin, flag), &pages, &asked, position);
        }
    }
    let unknown = "!page 1 says that more follows (`/more`), and not where it is";
    check(&cursor_in("/next", "/more"), &[page(2).more(true)], &["?size=2", unknown], None);
    let short = "!the API counts 3 records (`/total`), and its pages hold 2";
    check(&cursor_in("/next", "/total"), &[page(2).total(3)], &["?size=2", short], None);
    check(&cursor_in("/next", "1"), &[next(2, "a")], &["?size=2", "."], None);
    let short = "!the API counts 2 pages (`/pages`), and ends behind page 1";
    check(&cursor_in("/next", "/pages"), &[page(2).total_pages(2)], &["?size=2", short], None);
}

#[test]
fn parameters_go_into_the_body_where_the_api_wants_them_there() {
    let (mut pages, Pagination::Cursor(kind)) = (page_number(1), cursor()) else {
        unreachable!("it is one")
    };
    if let Pagination::PageNumber(kind) = &mut pages {
        kind.params_in = ParamsIn::Body;
        kind.stop = stop("/total");
    }
    check(&pages, &[page(1).total(1)], &["/size=2&/page=1", "."], at(2));
    let cursor = Pagination::Cursor(Cursor {
        params_in: ParamsIn::Body,
        cursor_param: Some("/variables/after".into()),
        page_size_param: None,
        ..kind
    });
    let asked = ["?", "/variables/after=\"a\"", "."];
    check(&cursor, &[next(2, "a"), page(1)], &asked, Some(Position::Cursor("a".to_owned())));
}
