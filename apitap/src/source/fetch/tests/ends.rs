//! Where a collection ends is certain: what is not understood is an error, not the end.

use apitap_build::definition::{NextUrl, PageNumber, PageOnly, Single};

use super::*;
use crate::schema::{Field, Schema, Type};

fn next_url(path: &str) -> Pagination {
    Pagination::NextUrl(NextUrl {
        path: Pointer(path.to_owned()),
        may_be_absent: false,
        stop: Stop::default(),
    })
}

fn page_number(per_page: u64, concurrency: usize) -> Pagination {
    Pagination::PageNumber(PageNumber {
        page_param: Some("page".into()),
        per_page_param: "size".into(),
        per_page,
        first_page: 1,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

#[tokio::test]
async fn a_next_link_without_pagination_is_an_error() {
    for link in ["<?page=2>; rel=\"next\"", "<?page=2>; rel='next'"] {
        let answer = move |_: &Request| records(0..2).header("link", link);
        let expected = "error: the answer has a next page (`Link: …; rel=\"next\"`), and the source \
                        has no `pagination`";
        check(Pagination::default(), answer, expected).await;
    }
    let answer = |_: &Request| records(0..2).header("link", "</>; rel=\"first\"");
    check(Pagination::default(), answer, &shown(0..2)).await;
    let answer = |_: &Request| records(0..2).header("link", "https://h/?page=2; rel=\"next\"");
    let expected = "error: the answer has a `Link` header that is not understood \
                    (`https://h/?page=2; rel=\"next\"`), and the source has no `pagination`";
    check(Pagination::default(), answer, expected).await;
}

/// An answer of two records that has more pages, as it says there: an error behind them, unless the first page is all
/// that is wanted.
async fn check_more(answer: impl Fn(&Request) -> Reply + Copy + Send + Sync + 'static, said: &str) {
    let expected =
        format!("error: the answer has more pages ({said}), and the source has no `pagination`");
    check(Pagination::default(), answer, &expected).await;
    for (first_page_only, complete) in [(true, false), (false, true)] {
        let only = Pagination::Single(Single { first_page_only, complete });
        check(only, answer, &shown(0..2)).await;
    }
    let link = Pagination::LinkHeader(LinkHeader::default());
    let expected = format!(
        "error: the answer has no `Link` header with `rel=\"next\"`, and more pages ({said})"
    );
    check(link, answer, &expected).await;
}

#[tokio::test]
async fn a_body_that_says_of_more_pages_is_an_error_without_pagination() {
    let kinds = || [Pagination::default(), Pagination::LinkHeader(LinkHeader::default())];
    for (beside, said) in [
        (r#""next":"abc","#, r#"`/next` is "abc""#),
        (r#""meta":{"next_cursor":100},"#, "`/meta/next_cursor` is 100"),
        (
            r#""_links":{"next":{"href":"/items?page=2"}},"#,
            r#"`/_links/next/href` is "/items?page=2""#,
        ),
        (r#""has_more":true,"#, "`/has_more` is true"),
        (r#""pagination":{"total_pages":3,"page":1},"#, "`/pagination/total_pages` is 3"),
        (r#""meta":{"page":1,"per_page":2,"total":5},"#, "`/meta/total` is 5"),
        (r#""meta":{"total_count":50},"#, "`/meta/total_count` is 50"),
        (r#""totalElements":3,"#, "`/totalElements` is 3"),
        (
            r#""response_metadata":{"next_cursor":"dGVhbQ=="},"#,
            r#"`/response_metadata/next_cursor` is "dGVhbQ==""#,
        ),
        (r#""continuationToken":"abc","#, r#"`/continuationToken` is "abc""#),
        (r#""meta":{"continuation_token":"abc"},"#, r#"`/meta/continuation_token` is "abc""#),
        (r#""offset":"itr23sEjsdfEr3282/rec","#, r#"`/offset` is "itr23sEjsdfEr3282/rec""#),
        (r#""_scroll_id":"abc","#, r#"`/_scroll_id` is "abc""#),
        (r#""scroll_id":"abc","total":9,"#, r#"`/scroll_id` is "abc""#),
        (r#""truncated":true,"#, "`/truncated` is true"),
        (r#""meta":{"page":1,"pages":4},"#, "`/meta/pages` is 4"),
        (
            r#""page":{"size":2,"totalElements":9,"totalPages":5,"number":0},"#,
            "`/page/totalPages` is 5",
        ),
        (r#""count":99,"#, "`/count` is 99"),
        (r#""meta":{"count":3},"#, "`/meta/count` is 3"),
        (r#""startAt":0,"maxResults":2,"total":99,"#, "`/total` is 99"),
        (r#""start":0,"total":99,"#, "`/total` is 99"),
        (r#""offset":0,"total":99,"#, "`/total` is 99"),
        (r#""count":99,"offset":0,"limit":2,"#, "`/count` is 99"),
        (r#""isLast":false,"startAt":0,"#, "`/isLast` is false"),
        (r#""more":true,"offset":0,"#, "`/more` is true"),
        (r#""info":{"more_records":true,"count":2},"#, "`/info/more_records` is true"),
        (
            r#""additional_data":{"pagination":{"more_items_in_collection":true,"next_start":2}},"#,
            "`/additional_data/pagination/more_items_in_collection` is true",
        ),
        (
            r#""next_page":{"offset":"ab","uri":"https://a/b"},"#,
            r#"`/next_page/uri` is "https://a/b""#,
        ),
        (r#""meta":{"pagination":{"page":1,"pageCount":3}},"#, "`/meta/pagination/pageCount` is 3"),
        (r#""total":{"value":99,"relation":"eq"},"#, "`/total/value` is 99"),
        (r#""numFound":99,"start":0,"#, "`/numFound` is 99"),
    ] {
        let answer = move |_: &Request| Reply::json(body(0..2, beside));
        check_more(answer, said).await;
    }
    for beside in [
        r#""next":null,"next_cursor":"","has_more":false,"#,
        r#""meta":{"page":1,"per_page":50,"total":2,"total_pages":1},"#,
        // A sum of money, as it may be.
        r#""total":1234,"#,
        r#""total_count":2,"#,
        r#""next":{"href":null},"links":[],"#,
        r#""response_metadata":{"next_cursor":""},"continuationToken":null,"#,
        // The place of this page, and a time zone.
        r#""offset":0,"#,
        r#""offset":"0","limit":50,"#,
        r#""offset":"+02:00","timezone":"Europe/Berlin","#,
        r#""isLast":true,"more":false,"next_page":null,"#,
        r#""_scroll_id":"abc","total":2,"#,
        r#""_scroll_id":"abc","total":{"value":2,"relation":"eq"},"#,
        r#""scroll_id":"","#,
        r#""truncated":false,"#,
        // The last page, which was asked for; and those of a book.
        r#""meta":{"page":4,"pages":4},"#,
        r#""page":{"size":50,"totalElements":2,"totalPages":1,"number":0},"#,
        r#""pages":320,"#,
        r#""start":"2026-01-01","total":1234,"#,
        // How long a page may be, and what is said otherwise.
        r#""paging":{"start":0,"count":10},"#,
        r#""count":99,"next":null,"previous":"?page=1","#,
        r#""count":99,"meta":{"has_more":false},"#,
        r#""count":2,"#,
        r#""count":"99","#,
    ] {
        for kind in kinds() {
            check(kind, move |_: &Request| Reply::json(body(0..2, beside)), &shown(0..2)).await;
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_first_records_is_told_before_their_paging() {
    let answer = |_: &Request| page(0..2, "2");
    let server = Server::start(answer).await;
    let mut source = source(&server, Pagination::default());
    source.schema = Some(Schema::from_iter([Field::new("id", Type::String, false)]));
    let error = fetch(&source).await.error.unwrap();
    assert!(error.message().starts_with("expected string, found"), "{error}");
    assert_eq!((error.path(), server.targets().len()), (Some("/id"), 1));
}

#[tokio::test]
async fn a_total_beside_as_many_records_as_pages_have_says_of_more_pages() {
    let answer = |_: &Request| Reply::json(body(0..20, r#""total":99,"#));
    let error =
        "error: the answer has more pages (`/total` is 99), and the source has no `pagination`";
    check(Pagination::default(), answer, error).await;
    for records in [10, 12] {
        let answer = move |_: &Request| Reply::json(body(0..records, r#""total":99,"#));
        check(Pagination::default(), answer, &shown(0..records)).await;
    }
}

#[tokio::test]
async fn headers_that_say_of_more_pages_are_an_error_without_pagination() {
    for (name, value) in [
        ("x-total-count", "400"),
        ("x-total", "3"),
        ("x-next-page", "2"),
        ("x-total-pages", "4"),
        ("x-next-cursor", "abc"),
        ("content-range", "items 0-1/14"),
        ("content-range", "0-1/14"),
    ] {
        let answer = move |_: &Request| records(0..2).header(name, value);
        let shown_name = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
        let said = format!("`{}: {value}`", shown_name.collect::<Vec<_>>().join("-"));
        check_more(answer, &said).await;
    }
    for (name, value) in [
        ("x-total-count", "2"),
        ("x-total", "many"),
        ("x-next-page", ""),
        ("x-next-page", "null"),
        ("x-total-pages", "1"),
        ("content-range", "items 0-1/2"),
        ("content-range", "items 12-13/14"),
        ("content-range", "items 0-1/*"),
        ("content-range", "bytes 0-100/9999"),
        ("content-range", "*/14"),
    ] {
        let answer = move |_: &Request| records(0..2).header(name, value);
        check(Pagination::default(), answer, &shown(0..2)).await;
    }
    check(Pagination::default(), |_| records([]).header("x-total-count", "7"), "").await;
    let part = |_: &Request| records(0..2).header("content-range", "items 0-1/14").with_status(206);
    check_more(part, "`Content-Range: items 0-1/14`").await;
}

#[tokio::test]
async fn links_in_other_quotes_are_followed_and_unclear_ones_are_errors() {
    for rel in ["'next'", "“next”", "\"next last\"", "next", "'last next'"] {
        let answer = move |request: &Request| match request.number("page") {
            0 => records(0..1).header("link", format!("<?page=2>; title='a, b'; rel={rel}")),
            _ => records(1..2),
        };
        check(
            Pagination::LinkHeader(LinkHeader::default()),
            answer,
            &[shown(0..1), shown(1..2)].join(" "),
        )
        .await;
    }
    let answer = |_: &Request| records(0..1).header("link", "<?page=2>; rel=next; anchor=\"/x\"");
    let expected = "error: the `Link` header is not a list of links: `<?page=2>; rel=next; \
                    anchor=\"/x\"`";
    check(Pagination::LinkHeader(LinkHeader::default()), answer, expected).await;
}

#[tokio::test]
async fn a_path_that_finds_nothing_in_the_first_page_is_an_error() {
    let answer = |_: &Request| page(0..2, "\"?page=2\"");
    let expected = "error: `path` finds no `nxt` in the body";
    let (_, outcome) = check(next_url("/nxt"), answer, expected).await;
    let error = outcome.error.unwrap().to_string();
    assert!(error.contains("a similar key exists: `next`"), "{error}");
    check(
        Pagination::Cursor(cursor("/nxt")),
        answer,
        "error: `cursor_path` finds no `nxt` in the body",
    )
    .await;
    check(
        Pagination::Cursor(cursor("/meta/next")),
        answer,
        "error: `cursor_path` finds no `meta` in the body",
    )
    .await;
}

#[tokio::test]
async fn null_or_a_later_page_without_it_is_the_end() {
    for kind in [next_url("/next"), Pagination::Cursor(cursor("/next"))] {
        check(kind.clone(), |_| page(0..2, "null"), &shown(0..2)).await;
        check(kind.clone(), |_| page(0..2, "\"\""), &shown(0..2)).await;
        check(kind.clone(), |_| records([]), "").await;
        let answer = |request: &Request| match request.before {
            0 => page(0..2, "\"?after=a\""),
            _ => records(2..3),
        };
        check(kind, answer, &[shown(0..2), shown(2..3)].join(" ")).await;
    }
}

#[tokio::test]
async fn an_empty_page_that_leads_to_itself_is_the_end() {
    let answer = |request: &Request| match request.param("after").as_str() {
        "" => page(0..2, "\"a\""),
        _ => page([], "\"a\""),
    };
    check(Pagination::Cursor(cursor("/next")), answer, &shown(0..2)).await;
    let answer = |request: &Request| match request.param("after").as_str() {
        "" => page(0..2, "\"/items?after=a\""),
        _ => page([], "\"/items?after=a\""),
    };
    check(next_url("/next"), answer, &shown(0..2)).await;
}

#[tokio::test]
async fn empty_pages_do_not_go_on_for_ever() {
    let answer = |request: &Request| {
        let ids = if request.before == 0 { 0..2 } else { 0..0 };
        page(ids, &format!("\"?after={}\"", request.before + 1))
    };
    let expected = format!(
        "{} error: page 202 and the 200 before it have no records, and each names a next one",
        shown(0..2)
    );
    let (server, outcome) = check(next_url("/next"), answer, &expected).await;
    assert_eq!(server.requests().len(), 202);
    let error = outcome.error.unwrap().to_string();
    assert!(error.contains("at most 200 pages in a row may be empty"), "{error}");
    check(Pagination::Cursor(cursor("/next")), answer, &expected).await;
}

#[tokio::test]
async fn the_first_cursor_may_be_given() {
    let answer = |request: &Request| match request.param("after").as_str() {
        "*" => page(0..2, "\"a\""),
        "a" => page(2..3, "null"),
        // Without a cursor the API gives none.
        _ => page(0..2, "null"),
    };
    let server = Server::start(answer).await;
    let mut source = source(&server, Pagination::Cursor(cursor("/next")));
    source.query_params = vec![("after".to_owned(), Template("*".to_owned()))];
    assert_eq!(fetch(&source).await.shown(), [shown(0..2), shown(2..3)].join(" "));
    assert_eq!(server.targets(), ["/items?after=*", "/items?after=a"]);
}

/// An API of pages of two that answers a page behind the last with the last one.
fn clamped(last: u64) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let page = request.number("page").min(last);
        records(2 * page..2 * page + 2)
    }
}

#[tokio::test]
async fn the_last_page_again_is_the_end() {
    let expected = (1..=3).map(|page| shown(2 * page..2 * page + 2)).collect::<Vec<_>>().join(" ");
    for concurrency in [1, 4] {
        check(page_number(2, concurrency), clamped(3), &expected).await;
        let kind = PageOnly {
            page_param: Some("page".into()),
            first_page: 1,
            concurrency,
            params_in: ParamsIn::Query,
            stop: Stop::default(),
        };
        check(Pagination::PageOnly(kind), clamped(3), &expected).await;
    }
    // With one page only, that cannot be told from a parameter that is ignored.
    let expected =
        format!("{} error: page 2 repeats page 1: the API seems to ignore `page`", shown(2..4));
    check(page_number(2, 1), clamped(1), &expected).await;
}

#[tokio::test]
async fn the_first_page_again_behind_the_last_is_not_stored_twice() {
    let expected = [2, 3, 4, 2].map(|page| shown(2 * page..2 * page + 2)).join(" ");
    let error =
        "page 5 repeats an earlier page, and so did the page before: the run would never end";
    for concurrency in [1, 4] {
        let answer = |request: &Request| {
            let page = match request.number("page") {
                page @ ..=3 => page + 1,
                _ => 2,
            };
            records(2 * page..2 * page + 2)
        };
        let expected = format!("{expected} error: {error}");
        check(page_number(2, concurrency), answer, &expected).await;
    }
}

#[tokio::test]
async fn the_end_does_not_depend_on_how_many_requests_are_under_way() {
    for concurrency in [1, 2, 4] {
        for hole in [204, 404, 416] {
            let answer = move |request: &Request| match request.number("page") {
                3 => Reply::status(hole),
                page if page > 5 => records([]),
                page => records(2 * page..2 * page + 2),
            };
            let expected = format!(
                "{} {} error: a page before page 4 is empty or missing, but page 4 has records",
                shown(2..4),
                shown(4..6)
            );
            check(page_number(2, concurrency), answer, &expected).await;
        }
        let answer = |request: &Request| match request.number("page") {
            page @ ..=2 => records(2 * page..2 * page + 2),
            3 => records([]),
            _ => Reply::status(500),
        };
        let expected = format!(
            "{} {} error: the API answered `500 Internal Server Error` (3 attempts)",
            shown(2..4),
            shown(4..6)
        );
        check(page_number(2, concurrency), answer, &expected).await;
    }
}
