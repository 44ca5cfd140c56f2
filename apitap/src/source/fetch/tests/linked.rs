//! Pages that name the next one.

use apitap_build::definition::NextUrl;

use super::*;

fn by_cursor(page_size_param: Option<&str>) -> Pagination {
    let page_size_param = page_size_param.map(Into::into);
    Pagination::Cursor(Cursor { page_size_param, page_size: 2, ..cursor("/meta/next") })
}

fn next_url() -> Pagination {
    Pagination::NextUrl(NextUrl {
        path: Pointer("/next".to_owned()),
        may_be_absent: false,
        stop: Stop::default(),
    })
}

/// A page with `"meta":{"next":…}`, `next` being JSON.
fn page(ids: impl IntoIterator<Item = u64>, next: &str) -> Reply {
    Reply::json(body(ids, &format!(r#""meta":{{"next":{next}}},"#)))
}

#[tokio::test]
async fn cursors_are_followed_to_the_end() {
    for end in ["null", "\"\""] {
        let answer = move |request: &Request| match request.param("after").as_str() {
            "" => page(0..2, "\"a b\""),
            "a b" => page(2..4, "17"),
            "17" => page(4..5, end),
            other => panic!("{other}"),
        };
        let expected = [shown(0..2), shown(2..4), shown(4..5)].join(" ");
        let (server, _) = check(by_cursor(Some("size")), answer, &expected).await;
        assert_eq!(
            server.targets(),
            ["/items?size=2", "/items?size=2&after=a+b", "/items?size=2&after=17"]
        );
    }
    check(by_cursor(None), |_| Reply::status(204), "").await;
}

#[tokio::test]
async fn an_empty_page_of_cursors_is_not_the_end() {
    let answer = |request: &Request| match request.param("after").as_str() {
        "" => page([], "\"a\""),
        "a" => page(0..1, "\"b\""),
        "b" => page([], "\"c\""),
        _ => page(1..2, "null"),
    };
    let expected = [shown(0..1), shown(1..2)].join(" ");
    check(by_cursor(None), answer, &expected).await;
}

#[tokio::test]
async fn a_cursor_that_came_before_is_an_error() {
    let answer = |request: &Request| match request.param("after").as_str() {
        "" => page(0..1, "\"a\""),
        "a" => page(1..2, "\"b\""),
        _ => page(2..3, "\"a\""),
    };
    let expected = format!(
        "{} {} error: the cursor `a` came before: the run would never end",
        shown(0..1),
        shown(1..2)
    );
    let (_, outcome) = check(by_cursor(None), answer, &expected).await;
    let error = outcome.error.unwrap().to_string();
    assert!(error.contains("/items?after=b") && error.contains("/meta/next"), "{error}");
}

#[tokio::test]
async fn a_cursor_page_that_repeats_the_one_before_is_an_error() {
    let answer = |request: &Request| page(0..1, &format!("{}", request.before + 1));
    let expected =
        format!("{} error: page 2 repeats page 1: the API seems to ignore `after`", shown(0..1));
    check(by_cursor(None), answer, &expected).await;
}

#[tokio::test]
async fn link_headers_are_followed_relative_to_the_request() {
    let answer = |request: &Request| match request.number("page") {
        0 => records(0..1).header("link", "</items?page=2>; rel=\"next last\", </>; rel=first"),
        2 => records([]).header("link", "<?page=3&x=1>; rel=prev, <?page=3&x=2>; rel=next"),
        _ => records(1..2).header("link", "</items>; rel=\"first\""),
    };
    let (server, _) = check(
        Pagination::LinkHeader(LinkHeader::default()),
        answer,
        &[shown(0..1), shown(1..2)].join(" "),
    )
    .await;
    assert_eq!(server.targets(), ["/items", "/items?page=2", "/items?page=3&x=2"]);
}

#[tokio::test]
async fn a_malformed_link_header_is_an_error() {
    check(
        Pagination::LinkHeader(LinkHeader::default()),
        |_| records(0..1).header("link", "page 2"),
        "error: the `Link` header is not a list of links: `page 2`",
    )
    .await;
}

#[tokio::test]
async fn next_urls_are_followed_absolute_or_relative() {
    for base in ["", "http://127.0.0.1:{port}", "http://user:secret@127.0.0.1:{port}"] {
        let answer = move |request: &Request| {
            let port = request.header("host").rsplit(':').next().unwrap();
            let base = base.replace("{port}", port);
            match request.number("page") {
                0 => Reply::json(body(0..1, &format!(r#""next":"{base}/items?page=2","#))),
                _ => Reply::json(body(1..2, r#""next":null,"#)),
            }
        };
        let (server, _) = check(next_url(), answer, &[shown(0..1), shown(1..2)].join(" ")).await;
        assert_eq!(server.targets(), ["/items", "/items?page=2"]);
    }
}

#[tokio::test]
async fn a_url_that_came_before_is_an_error() {
    let expected = "error: the next page is one that was requested before: the run would never \
                    end (`GET http://127.0.0.1:{port}/items`)";
    let answer = |_: &Request| records(0..1).header("link", "<#top>; rel=next");
    check(Pagination::LinkHeader(LinkHeader::default()), answer, expected).await;
    let answer = |request: &Request| match request.number("page") {
        0 => Reply::json(body(0..1, r#""next":"?page=1","#)),
        _ => Reply::json(body(1..2, r#""next":"/items","#)),
    };
    check(next_url(), answer, &format!("{} {expected}", shown(0..1))).await;
}

#[tokio::test]
async fn a_next_page_on_another_server_is_an_error_that_names_both() {
    let other = Server::start(|_| records(1..2)).await;
    let elsewhere = other.url();
    let answer = move |_: &Request| {
        Reply::json(body(0..1, &format!(r#""next":"{elsewhere}/items?page=2","#)))
    };
    let expected = format!(
        "error: the next page is on `{}`, but the source is on `http://127.0.0.1:{{port}}`",
        other.url()
    );
    check(next_url(), answer, &expected).await;
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_next_page_that_is_no_url_is_an_error() {
    check(
        next_url(),
        |_| Reply::json(body(0..1, r#""next":"http://[/","#)),
        "error: the next page's URL `http://[/` is not a valid URL",
    )
    .await;
    check(
        next_url(),
        |_| Reply::json(body(0..1, r#""next":"ftp://h/x","#)),
        "error: the next page is on `ftp://h`, but the source is on `http://127.0.0.1:{port}`",
    )
    .await;
}
