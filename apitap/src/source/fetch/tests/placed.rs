//! `{cursor}` and `{page}` in the texts of requests: each page has its own value of them.

use apitap_build::definition::{Body, Json, PageNumber, PageOnly, Pairs};
use serde_json::json;

use super::*;

fn by_cursor() -> Pagination {
    Pagination::Cursor(Cursor { cursor_param: None, ..cursor("/next") })
}

fn page_only() -> Pagination {
    Pagination::PageOnly(PageOnly {
        page_param: None,
        first_page: 1,
        concurrency: 2,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    })
}

fn text(text: &str) -> Template {
    Template(text.to_owned())
}

/// What the cursor is that a request sends.
type Sent = fn(&Request) -> String;

/// Loads three pages from an API that takes a cursor where `sent` finds it: "" or `start`, `a/b "c`, `d`.
async fn check_cursor(sent: Sent, change: impl FnOnce(&mut Source)) -> Server {
    let server = Server::start(move |request| match sent(request).as_str() {
        "" | "start" => page(0..2, r#""a/b \"c""#),
        "a/b \"c" => page(2..4, "\"d\""),
        "d" => page(4..5, "null"),
        other => panic!("{other}"),
    })
    .await;
    let mut source = source(&server, by_cursor());
    change(&mut source);
    let expected = [shown(0..2), shown(2..4), shown(4..5)].join(" ");
    assert_eq!(fetch(&source).await.shown(), expected);
    assert_eq!(server.requests().len(), 3);
    server
}

/// The last segment of the path.
fn segment(request: &Request) -> String {
    let last = request.uri.path().rsplit('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(last).decode_utf8().unwrap().into_owned()
}

fn of_json(request: &Request, pointer: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    body.pointer(pointer).unwrap().as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_cursor_stands_where_the_api_wants_it() {
    let server = check_cursor(segment, |source| {
        source.url = Template(format!("{}/{{default(cursor, 'start')}}", source.url.0));
    })
    .await;
    assert_eq!(server.targets(), ["/items/start", "/items/a%2Fb%20%22c", "/items/d"]);
    let server = check_cursor(
        |request| request.param("from"),
        |source| {
            source.query_params = vec![("from".to_owned(), text("{cursor}"))];
        },
    )
    .await;
    assert_eq!(server.targets(), ["/items", "/items?from=a%2Fb+%22c", "/items?from=d"]);
    check_cursor(
        |request| request.header("x-from").to_owned(),
        |source| source.headers = vec![("X-From".to_owned(), text("{cursor}"))],
    )
    .await;
}

#[tokio::test]
async fn a_cursor_stands_in_any_body() {
    let with = |body: Body| {
        move |source: &mut Source| (source.method, source.body) = (Method::Post, Some(body))
    };
    let variables = json!({"query": "query { o }", "variables": {"after": "{cursor}", "first": 2}});
    let server = check_cursor(
        |request| of_json(request, "/variables/after"),
        with(Body::Json(Json(variables))),
    )
    .await;
    let first = &server.requests()[0].body;
    assert_eq!(first, r#"{"query":"query { o }","variables":{"after":null,"first":2}}"#);
    check_cursor(
        |request| request.field("from"),
        with(Body::Form(Pairs(vec![("from".to_owned(), text("{cursor}"))]))),
    )
    .await;
    check_cursor(
        |request| request.body.strip_prefix("from ").unwrap().to_owned(),
        with(Body::Text(text("from {default(cursor, '')}"))),
    )
    .await;
}

#[tokio::test]
async fn a_page_stands_where_the_api_wants_it() {
    let by_segment = |request: &Request| {
        let page: u64 = segment(request).parse().unwrap();
        records((2 * page..2 * page + 2).filter(|_| page <= 3))
    };
    let server = Server::start(by_segment).await;
    let mut source = source(&server, page_only());
    source.url = Template(format!("{}/page/{{page}}", source.url.0));
    let expected = (1..=3).map(|page| shown(2 * page..2 * page + 2)).collect::<Vec<_>>().join(" ");
    assert_eq!(fetch(&source).await.shown(), expected);
    assert_eq!(server.targets()[..2], ["/items/page/1", "/items/page/2"]);
    let by_body = |request: &Request| {
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let page = body["page"]["number"].as_u64().unwrap();
        assert_eq!(request.header("x-page"), page.to_string());
        records((2 * page..2 * page + 2).filter(|_| page <= 3))
    };
    let server = Server::start(by_body).await;
    let kind = PageNumber {
        page_param: None,
        per_page_param: "size".into(),
        per_page: 2,
        first_page: 1,
        concurrency: 3,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    };
    let mut source = super::source(&server, Pagination::PageNumber(kind));
    source.method = Method::Post;
    source.body = Some(Body::Json(Json(json!({"page": {"number": "{page}"}}))));
    source.headers = vec![("X-Page".to_owned(), text("{page}"))];
    assert_eq!(fetch(&source).await.shown(), expected);
}

#[tokio::test]
async fn an_expression_that_the_api_ignores_is_an_error() {
    let server = Server::start(|_| Reply::json(body(0..2, r#""next":"a","#))).await;
    let mut source = source(&server, by_cursor());
    source.headers = vec![("X-From".to_owned(), text("{cursor}"))];
    let expected = format!(
        "{} error: page 2 repeats page 1: the API seems to ignore `{{cursor}}`",
        shown(0..2)
    );
    assert_eq!(fetch(&source).await.shown(), expected);
}
