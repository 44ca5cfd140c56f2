//! Nothing is not a page: an answer that is missing is asked for again, and never taken for the end.

use apitap_build::definition::Format;
use apitap_build::schema::{Field, Schema, Type};

use super::failures::check_raw;
use super::*;

const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"data\":[{\"id\":1}]}";

/// gzip of no bytes at all.
const GZIP_OF_NOTHING: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";

#[tokio::test]
async fn an_answer_without_a_body_is_asked_for_again() {
    let gzip = [
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n",
        GZIP_OF_NOTHING,
    ]
    .concat();
    for nothing in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n",
        b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\ncontent-length: 0\r\n\r\n",
        &gzip,
    ] {
        let outcome = check_raw(&[nothing, nothing, WHOLE], &shown([1])).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
        check_raw(&[nothing], "error: the answer has no body (3 attempts)").await;
    }
    check_raw(&[b"HTTP/1.1 204 No Content\r\n\r\n"], "").await;
    check_raw(&[b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"], "").await;
}

#[tokio::test]
async fn an_answer_without_a_body_in_the_middle_is_not_the_end() {
    let pages = |request: &Request| match request.param("after").as_str() {
        "" => page(0..2, "\"a\""),
        "a" => page(2..4, "\"b\""),
        _ => page(4..6, "null"),
    };
    let answer = move |request: &Request| match (request.before, request.param("after").as_str()) {
        (1, _) => Reply::json(""),
        _ => pages(request),
    };
    check(
        Pagination::Cursor(cursor("/next")),
        answer,
        &[shown(0..2), shown(2..4), shown(4..6)].join(" "),
    )
    .await;
    let answer = move |request: &Request| match request.param("after").as_str() {
        "a" => Reply::json(""),
        _ => pages(request),
    };
    let expected = format!("{} error: the answer has no body (3 attempts)", shown(0..2));
    check(Pagination::Cursor(cursor("/next")), answer, &expected).await;
}

#[tokio::test]
async fn an_answer_without_a_body_is_no_page_of_lines_either() {
    for (format, pages, shown) in [
        (Format::Jsonl, ["{}", "{\"a\":2}"], ["[{}]", r#"[{"a":2}]"#]),
        (Format::Csv, ["a\n1\n", "a\n2\n"], [r#"[{"a":"1"}]"#, r#"[{"a":"2"}]"#]),
    ] {
        let answer = move |request: &Request| match request.param("page").as_str() {
            "" => Reply::json(pages[0]).header("link", "</items?page=2>; rel=next"),
            "2" => Reply::json("").header("link", "</items?page=3>; rel=next"),
            _ => Reply::json(pages[1]),
        };
        let server = Server::start(answer).await;
        let mut source = source(&server, Pagination::LinkHeader(LinkHeader::default()));
        (source.format, source.data_path) = (format, Pointer::default());
        let expected = format!("{} error: the answer has no body (3 attempts)", shown[0]);
        assert_eq!(fetch(&source).await.shown(), expected);
        source.allow_empty = true;
        assert_eq!(fetch(&source).await.shown(), shown.join(" "));
    }
}

#[tokio::test]
async fn an_answer_that_is_not_ready_is_asked_for_again() {
    let answer = |request: &Request| match request.before {
        0 => Reply::json("[]").with_status(202).header("retry-after", "0.02"),
        1 => Reply::json("{\"status\": \"running\"}").with_status(202),
        _ => records(0..2),
    };
    let (_, outcome) = check(Pagination::default(), answer, &shown(0..2)).await;
    assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
    let answer = |_: &Request| Reply::json("[]").with_status(202);
    check(Pagination::default(), answer, "error: the API answered `202 Accepted`: [] (3 attempts)")
        .await;
}

#[tokio::test]
async fn other_successes_than_pages_are_errors_that_name_them() {
    for (status, name) in [(207, "207 Multi-Status"), (208, "208 Already Reported"), (299, "299")] {
        let answer = move |_: &Request| Reply::json(body(0..1, "")).with_status(status);
        let expected = format!("error: the API answered `{name}`: {{\"data\":[{{\"id\":0}}]}}");
        let (server, _) = check(Pagination::default(), answer, &expected).await;
        assert_eq!(server.requests().len(), 1);
    }
    for status in [200, 201, 203, 206] {
        let answer = move |_: &Request| records(0..1).with_status(status);
        check(Pagination::default(), answer, &shown(0..1)).await;
    }
}

#[tokio::test]
async fn one_object_where_lists_were_is_not_a_record() {
    for object in ["{}", r#"{"error":"try later"}"#] {
        let answer = move |request: &Request| match request.param("after").as_str() {
            "" => page(0..2, "\"a\""),
            _ => Reply::json(format!(r#"{{"next":null,"data":{object}}}"#)),
        };
        let expected = format!(
            "{} error: page 2 holds one object, where the pages before it hold lists of records",
            shown(0..2)
        );
        check(Pagination::Cursor(cursor("/next")), answer, &expected).await;
    }
    let answer = |_: &Request| Reply::json(r#"{"data":{"id":7}}"#);
    check(Pagination::default(), answer, r#"[{"id":7}]"#).await;
}

#[tokio::test]
async fn null_is_an_empty_list_where_lists_came_before() {
    let answer = |request: &Request| match request.param("after").as_str() {
        "" => page(0..2, "\"a\""),
        _ => Reply::json(r#"{"data":null,"next":null}"#),
    };
    check(Pagination::Cursor(cursor("/next")), answer, &shown(0..2)).await;
    let answer = |_: &Request| Reply::json(r#"{"data":null}"#);
    check(Pagination::default(), answer, "error: expected the records, found null").await;
}

#[tokio::test]
async fn an_object_without_any_declared_field_is_not_a_record_of_nulls() {
    let field =
        |name: &str, ty| Field { name: name.to_owned(), ty, nullable: true, description: None };
    let fields = vec![field("id", Type::Int64), field("name", Type::String)];
    let check = async |text: &'static str, expected: &str| {
        let server = Server::start(move |_| Reply::json(text)).await;
        let mut source = source(&server, Pagination::default());
        source.schema = Some(Schema { fields: fields.clone() });
        assert_eq!(fetch(&source).await.shown(), expected);
    };
    let expected = "error: the answer is one object without any of the declared fields";
    check(r#"{"data":{}}"#, expected).await;
    check(r#"{"data":{"error":"try later"}}"#, expected).await;
    check(r#"{"data":{"items":[{"id":1}]}}"#, expected).await;
    check(r#"{"data":{"name":null}}"#, r#"[{"name":null}]"#).await;
    // In a list, each record may leave out what may be null.
    check(r#"{"data":[{}]}"#, "[{}]").await;
    check(r#"{"data":[{"kind":"item"}]}"#, r#"[{"kind":"item"}]"#).await;
    let expected = "error: the answer is a list of one object without any of the declared fields";
    check(r#"{"data":[{"errorCode":"X","message":"y"}]}"#, expected).await;
    check(r#"{"data":[{"id":1,"message":"y"}]}"#, r#"[{"id":1,"message":"y"}]"#).await;
    let two = r#"{"data":[{"message":"y"},{"message":"z"}]}"#;
    check(two, r#"[{"message":"y"},{"message":"z"}]"#).await;
}
