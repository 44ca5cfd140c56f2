//! What real servers send is read; what is not read is named as what it is.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::failures::check_raw;
use super::*;

#[tokio::test]
async fn a_status_that_says_when_to_come_again_is_waited_for() {
    for status in [403, 409, 413, 423, 425, 429] {
        let answer = move |request: &Request| match request.before {
            0 => Reply::status(status).header("retry-after", "0.01"),
            _ => records(0..1),
        };
        let (_, outcome) = check(Pagination::default(), answer, &shown(0..1)).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 1, "{status}");
    }
    for (status, name) in [(403, "403 Forbidden"), (409, "409 Conflict"), (425, "425 Too Early")] {
        let expected = format!("error: the API answered `{name}`");
        let (server, _) =
            check(Pagination::default(), move |_| Reply::status(status), &expected).await;
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn json_is_read_whatever_its_type_is_said_to_be() {
    for kind in ["text/html; charset=UTF-8", "text/plain", "application/octet-stream"] {
        let answer = move |_: &Request| records(0..2).header("content-type", kind);
        check(Pagination::default(), answer, &shown(0..2)).await;
    }
    let answer = |_: &Request| {
        Reply::json("{\"why\": \"so\"}").with_status(400).header("content-type", "text/html")
    };
    let expected = "error: the API answered `400 Bad Request`: {\"why\": \"so\"}";
    check(Pagination::default(), answer, expected).await;
}

#[tokio::test]
async fn a_byte_order_mark_and_a_charset_are_read() {
    let answer = |_: &Request| Reply::json(format!("\u{feff}{}", body(0..2, "")));
    check(Pagination::default(), answer, &shown(0..2)).await;
    let latin = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=iso-8859-1\r\n\
                  connection: close\r\n\r\n{\"data\":[{\"n\":\"M\xfcller\"}]}";
    check_raw(&[latin], "[{\"n\":\"Müller\"}]").await;
}

/// A body that is whole and not JSON: what is said of it, and that it is not asked for again.
async fn check_unlike(text: &str, expected: &[&str]) {
    let sent = text.to_owned();
    let server = Server::start(move |_| Reply::json(sent.clone())).await;
    let outcome = fetch(&source(&server, Pagination::default())).await;
    let error = outcome.error.map(|error| error.to_string()).unwrap_or_default();
    for part in expected {
        assert!(error.contains(part), "no `{part}` for {text}:\n{error}");
    }
    assert!(!error.contains("whole"), "{error}");
    assert_eq!(server.requests().len(), 1, "{text}");
}

#[tokio::test]
async fn what_is_not_json_is_named_as_what_it_is_and_not_asked_for_again() {
    check_unlike("{\"data\":[{\"id\":1},]}", &["JSON"]).await;
    check_unlike("{\"data\":[{\"id\":1}]}\n{\"data\":[{\"id\":2}]}", &["JSON Lines"]).await;
    check_unlike("id,name\n1,a\n2,b\n", &["CSV"]).await;
    check_unlike("callback({\"data\":[]});", &["JSONP"]).await;
    check_unlike(")]}',\n{\"data\":[]}", &["what keeps browsers from running it as a script"])
        .await;
}

#[tokio::test]
async fn headers_that_are_not_quite_valid_are_read_and_malformed_ones_are_named() {
    let answer = |line: &str| {
        format!(
            "HTTP/1.1 200 OK\r\n{line}\r\ncontent-length: 19\r\n\r\n{{\"data\":[{{\"id\":1}}]}}"
        )
    };
    for line in ["X-Trace : 1", "X-Long: one\r\n two", "X-Owner: J\u{f6}rg"] {
        check_raw(&[answer(line).as_bytes()], &shown([1])).await;
    }
    for line in ["X Powered By: PHP", "X-Cookie: \u{7f}"] {
        let expected = "error: the answer is not valid HTTP: it has a malformed header";
        let outcome = check_raw(&[answer(line).as_bytes()], expected).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 0);
    }
}

/// Answers one request and is gone.
async fn short_lived(answer: &'static [u8]) -> (u16, Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = Task::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await.unwrap());
        }
        connection.write_all(answer).await.unwrap();
    });
    (port, task)
}

#[tokio::test]
async fn a_server_that_was_there_is_waited_for_longer_than_one_that_never_was() {
    let answer = b"HTTP/1.1 200 OK\r\nlink: <?page=2>; rel=next\r\nconnection: close\r\n\r\n\
                   {\"data\":[{\"id\":1}]}";
    let (port, _server) = short_lived(answer).await;
    let server = Server::start(|_| records([])).await;
    let mut source = source(&server, Pagination::LinkHeader(LinkHeader::default()));
    source.url = Template(format!("http://127.0.0.1:{port}/items"));
    let expected = format!("{} error: cannot connect to the server (3 attempts)", shown([1]));
    assert_eq!(fetch(&source).await.shown(), expected);
}
