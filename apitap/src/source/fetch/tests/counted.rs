//! Pages by number and offset: every record once, or an error.

use apitap_build::definition::{LimitOffset, PageNumber, PageOnly};

use super::*;

fn limit_offset(limit: u64, concurrency: usize) -> Pagination {
    Pagination::LimitOffset(LimitOffset {
        limit_param: "limit".into(),
        offset_param: "offset".into(),
        limit,
        first_offset: 0,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn page_number(per_page: u64, concurrency: usize) -> Pagination {
    Pagination::PageNumber(PageNumber {
        page_param: Some("page".into()),
        per_page_param: "per_page".into(),
        per_page,
        first_page: 1,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn page_only(concurrency: usize) -> Pagination {
    Pagination::PageOnly(PageOnly {
        page_param: Some("page".into()),
        first_page: 0,
        concurrency,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

/// An API of `total` records, from 0, that hands out at most `cap` at once.
fn by_offset(total: u64, cap: u64) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let (offset, limit) = (request.number("offset"), request.number("limit").min(cap));
        records(offset.min(total)..(offset + limit).min(total))
    }
}

/// The same by page from 1, with at most `cap` on a page.
fn by_page(total: u64, cap: u64) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let size = request.number("per_page").min(cap);
        let start = (request.number("page") - 1) * size;
        records(start.min(total)..(start + size).min(total))
    }
}

#[tokio::test]
async fn offsets_go_on_to_an_empty_page() {
    let expected = [shown(0..2), shown(2..4)].join(" ");
    let (server, _) = check(limit_offset(2, 1), by_offset(4, 9), &expected).await;
    assert_eq!(
        server.targets(),
        ["0", "2", "4", "6"].map(|offset| format!("/items?limit=2&offset={offset}"))
    );
}

#[tokio::test]
async fn a_short_page_of_offsets_is_the_end_once_nothing_follows_it() {
    let expected = [shown(0..2), shown(2..3)].join(" ");
    let (server, _) = check(limit_offset(2, 1), by_offset(3, 9), &expected).await;
    assert_eq!(server.targets().last().unwrap(), "/items?limit=2&offset=5");
    for status in [204, 400, 404, 416, 422] {
        let answer = move |request: &Request| match request.number("offset") {
            0 => records(0..1),
            _ => Reply::status(status),
        };
        check(limit_offset(2, 3), answer, &shown(0..1)).await;
    }
}

#[tokio::test]
async fn a_capped_limit_is_an_error_wherever_the_cap_is() {
    for total in [101, 150, 1000] {
        let expected = format!(
            "{} error: asked for 1000 records, got 100, and there are more: the API caps `limit`",
            shown(0..100)
        );
        let (_, outcome) = check(limit_offset(1000, 4), by_offset(total, 100), &expected).await;
        assert!(outcome.error.unwrap().to_string().ends_with("help:     set `limit: 100`"));
    }
}

#[tokio::test]
async fn a_short_page_in_the_middle_of_offsets_is_an_error() {
    let answer = |request: &Request| match request.number("offset") {
        2 => records(2..3),
        offset => records(offset..offset + 2),
    };
    let expected = format!(
        "{} {} error: page 2 has 1 of 2 records, and there are more: with records left out, or \
         added during the run, offsets are not reliable",
        shown(0..2),
        shown(2..3)
    );
    check(limit_offset(2, 4), answer, &expected).await;
}

#[tokio::test]
async fn an_ignored_limit_is_an_error_unless_everything_was_there() {
    let all = |total| move |request: &Request| records(request.number("offset").min(total)..total);
    check(limit_offset(2, 4), all(5), &shown(0..5)).await;
    let answer = |request: &Request| {
        let offset = request.number("offset");
        records(offset..offset + 3)
    };
    let expected = format!(
        "{} error: asked for 2 records, got 3, and there are more: the API ignores `limit`",
        shown(0..3)
    );
    check(limit_offset(2, 4), answer, &expected).await;
    let answer = |request: &Request| {
        let start = request.number("page") * 3;
        records(start..start + 3)
    };
    let expected = format!(
        "{} error: asked for 2 records, got 3, and there are more: the API ignores `per_page`",
        shown(3..6)
    );
    check(page_number(2, 4), answer, &expected).await;
    let answer = |request: &Request| match request.number("page") {
        1 => records(0..3),
        _ => records([]),
    };
    check(page_number(2, 4), answer, &shown(0..3)).await;
}

#[tokio::test]
async fn page_numbers_go_on_behind_short_pages() {
    let expected = [shown(0..2), shown(2..4), shown(4..5)].join(" ");
    let (server, _) = check(page_number(10, 1), by_page(5, 2), &expected).await;
    assert_eq!(
        server.targets(),
        ["1", "2", "3", "4", "5"].map(|page| format!("/items?per_page=10&page={page}"))
    );
}

#[tokio::test]
async fn page_numbers_end_where_there_is_no_such_page() {
    for status in [404, 416] {
        let inner = by_page(4, 9);
        let answer = move |request: &Request| match request.number("page") {
            3.. => Reply::status(status),
            _ => inner(request),
        };
        check(page_number(2, 4), answer, &[shown(0..2), shown(2..4)].join(" ")).await;
    }
}

#[tokio::test]
async fn a_refused_page_behind_a_full_one_is_an_error() {
    for status in ["400 Bad Request", "422 Unprocessable Entity"] {
        let inner = by_page(100, 9);
        let answer = move |request: &Request| match request.number("page") {
            3.. => Reply::json("too deep").with_status(status[..3].parse().unwrap()),
            _ => inner(request),
        };
        let expected =
            format!("{} {} error: the API answered `{status}`: too deep", shown(0..2), shown(2..4));
        check(page_number(2, 4), answer, &expected).await;
    }
}

#[tokio::test]
async fn a_first_page_that_is_not_there_is_an_error() {
    check(page_number(2, 4), |_| Reply::status(404), "error: the API answered `404 Not Found`")
        .await;
}

#[tokio::test]
async fn pages_without_a_size_go_on_to_an_empty_or_missing_one() {
    let sizes = [3, 1, 2];
    for end in [records([]), Reply::status(404), Reply::status(204)] {
        let answer = move |request: &Request| {
            let page = request.number("page") as usize;
            match sizes.get(page) {
                Some(size) => records((0..*size).map(|id| id + 10 * page as u64)),
                None => end.clone(),
            }
        };
        let expected = [shown(0..3), shown(10..11), shown(20..22)].join(" ");
        check(page_only(2), answer, &expected).await;
    }
}

#[tokio::test]
async fn a_page_that_repeats_the_one_before_is_an_error() {
    let first = shown(0..2);
    let expected = |param: &str| {
        format!("{first} error: page 2 repeats page 1: the API seems to ignore `{param}`")
    };
    check(page_number(2, 3), |_| records(0..2), &expected("page")).await;
    check(page_only(3), |_| records(0..2), &expected("page")).await;
    check(limit_offset(2, 3), |_| records(0..2), &expected("offset")).await;
    check(limit_offset(9, 3), |_| records(0..2), &expected("offset")).await;
    check(limit_offset(1, 3), |_| records(0..2), &expected("offset")).await;
}

#[tokio::test]
async fn requests_are_made_ahead_and_delivered_in_order() {
    let answer = |request: &Request| {
        let page = request.number("page");
        // The later the page, the sooner it is there.
        records(page * 10..(page * 10 + if page > 8 { 0 } else { 2 }))
            .after(Duration::from_millis(80_u64.saturating_sub(10 * page)))
    };
    let expected: Vec<String> = (1..=8).map(|page| shown(page * 10..page * 10 + 2)).collect();
    let (server, outcome) = check(page_number(2, 4), answer, &expected.join(" ")).await;
    assert!(server.requests().len() <= 9 + 3, "no more ahead than allowed");
    // The page behind the first empty one makes the end certain; what was requested behind that does
    // not count.
    assert_eq!(outcome.fetched.pages.load(Relaxed), 10);
    assert_eq!(outcome.fetched.records.load(Relaxed), 16);
}

#[tokio::test]
async fn records_behind_the_end_that_were_fetched_ahead_are_an_error() {
    let answer = |request: &Request| match request.number("page") {
        2 | 3 | 6.. => records([]),
        page => records(2 * page..2 * page + 2),
    };
    let expected = format!(
        "{} error: the pages end with page 3, but page 4, which was asked for ahead, has other records",
        shown(2..4)
    );
    check(page_number(2, 4), answer, &expected).await;
    // What is there again, missing or refused is none.
    for behind in [records(2..4), records([]), Reply::status(404), Reply::status(400)] {
        let answer = move |request: &Request| match request.number("page") {
            1 => records(2..4),
            2 | 3 => records([]),
            _ => behind.clone(),
        };
        check(page_number(2, 4), answer, &shown(2..4)).await;
    }
}

/// A page of orders, each with so many items, from the first number of a page of two.
fn orders(items: &[u64], from: u64, size: u64) -> Reply {
    let list =
        items.iter().enumerate().skip(from as usize).take(size as usize).map(|(order, count)| {
            let items = (0..*count).map(|item| format!(r#"{{"id":{}}}"#, 10 * order as u64 + item));
            format!(r#"{{"order":{order},"items":[{}]}}"#, items.collect::<Vec<_>>().join(","))
        });
    let list = list.collect::<Vec<_>>().join(",");
    Reply::json(format!(r#"{{"total":{},"orders":[{list}]}}"#, items.len()))
}

/// All items of orders that have so many each come with a pagination, from an API of both kinds.
async fn check_items(kind: Pagination, items: &'static [u64]) {
    let server = Server::start(move |request| match request.number("per_page") {
        0 => orders(items, request.number("offset"), request.number("limit")),
        size => orders(items, (request.number("page") - 1) * size, size),
    })
    .await;
    let mut source = source(&server, kind);
    source.data_path = Pointer("/orders/*/items".to_owned());
    let outcome = fetch(&source).await;
    assert!(outcome.error.is_none(), "{items:?}: {:?}", outcome.error);
    let expected = items.iter().enumerate().flat_map(|(order, count)| {
        (0..*count).map(move |item| format!(r#"{{"id":{}}}"#, 10 * order as u64 + item))
    });
    assert_eq!(outcome.pages.concat(), expected.collect::<Vec<_>>(), "{items:?}");
}

#[tokio::test]
async fn pages_of_elements_end_with_the_elements_and_not_with_their_records() {
    for items in [
        &[1, 0, 1, 1, 0, 1, 1][..],
        &[0, 1, 1, 1, 1],
        &[2, 0, 0, 0, 0, 0, 1, 1],
        &[1, 0, 0, 0],
        &[3, 3, 3, 3, 3, 3, 3],
        &[0, 0, 0],
        &[],
    ] {
        for total in [None, Some(Pointer("/total".to_owned()))] {
            let stop = Stop { total_path: total, ..Stop::default() };
            let Pagination::LimitOffset(offsets) = limit_offset(2, 3) else { unreachable!() };
            let offsets = LimitOffset { stop: stop.clone(), ..offsets };
            check_items(Pagination::LimitOffset(offsets), items).await;
            let Pagination::PageNumber(pages) = page_number(2, 3) else { unreachable!() };
            check_items(Pagination::PageNumber(PageNumber { stop, ..pages }), items).await;
        }
    }
}

#[tokio::test]
async fn elements_without_records_that_come_again_are_the_last_page_again() {
    let server = Server::start(|request: &Request| {
        orders(&[1, 1, 1, 1, 0, 0], 2 * request.number("page").min(2), 2)
    })
    .await;
    let mut source = source(&server, page_only(1));
    source.data_path = Pointer("/orders/*/items".to_owned());
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), r#"[{"id":0},{"id":10}] [{"id":20},{"id":30}]"#);
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_count_of_one_page_is_not_the_end() {
    let answer = |request: &Request| {
        let start = 5 * (request.number("page") - 1);
        Reply::json(body(start..start + 5, r#""count":5,"#))
    };
    let Pagination::PageNumber(kind) = page_number(5, 3) else { unreachable!() };
    let stop = Stop { total_path: Some(Pointer("/count".to_owned())), ..Stop::default() };
    let kind = Pagination::PageNumber(PageNumber { stop, ..kind });
    let expected =
        format!("{} error: the API counts 5 records (`/count`), and 10 came", shown(0..5));
    check(kind.clone(), answer, &expected).await;
    // One that answers with its only page again has no more.
    let (server, _) = check(kind, |_| Reply::json(body(0..5, r#""count":5,"#)), &shown(0..5)).await;
    assert_eq!(server.requests().len(), 2);
}

/// Twelve pages of one record and so many bytes each; `expected` requests are under way at most.
async fn check_under_way(page_bytes: usize, concurrency: usize, expected: usize) {
    use std::sync::atomic::AtomicUsize;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, highest) = (Arc::clone(&now), Arc::clone(&most));
    let count = axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let (inside, highest) = (Arc::clone(&inside), Arc::clone(&highest));
            async move {
                highest.fetch_max(inside.fetch_add(1, Relaxed) + 1, Relaxed);
                let response = next.run(request).await;
                inside.fetch_sub(1, Relaxed);
                response
            }
        },
    );
    let answer = move |request: &Request| match request.number("page") {
        page if page > 12 => records([]),
        page => {
            Reply::json(body([page], "") + &" ".repeat(page_bytes)).after(Duration::from_millis(5))
        }
    };
    let server = Server::with(answer, |router| router.layer(count)).await;
    let outcome = fetch(&source(&server, page_number(1, concurrency))).await;
    assert_eq!(outcome.pages.len(), 12);
    assert_eq!(most.load(Relaxed), expected);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    check_under_way(0, 3, 3).await;
}

#[tokio::test]
async fn large_pages_are_requested_one_at_a_time() {
    check_under_way(5 << 20, 3, 1).await;
}

#[tokio::test]
async fn pagination_replaces_parameters_of_the_url() {
    let server = Server::start(by_offset(1, 9)).await;
    let mut source = source(&server, limit_offset(2, 1));
    source.url = Template(format!("{}/items?offset=7&sort=a%20b&limit=1#part", server.url()));
    source.query_params = vec![("q".to_owned(), Template("x&y".to_owned()))];
    assert_eq!(fetch(&source).await.shown(), shown(0..1));
    assert_eq!(
        server.targets(),
        ["0", "1", "3"].map(|offset| format!("/items?offset={offset}&sort=a%20b&limit=2&q=x%26y"))
    );
}

#[tokio::test]
async fn a_dropped_stream_requests_nothing_more() {
    let server =
        Server::start(|request| records([request.number("page")]).after(Duration::from_millis(2)))
            .await;
    let source = source(&server, page_number(1, 2));
    let plan = FetchPlan::resolve(&source, &[], &mut Environment::default());
    let client = Client::new().unwrap();
    let limits = Limits::of(Memory::default(), 1);
    let (secrets, fetched) = (Secrets::default(), Arc::default());
    let driver =
        Driver { client, secrets, fetched, left_out: LeftOut::default(), limits, in_step: false };
    let mut stream = pages(&driver, &plan, None);
    stream.next().await.unwrap().unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let requests = server.requests().len();
    assert!(requests <= 4, "{requests}");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.requests().len(), requests);
}
