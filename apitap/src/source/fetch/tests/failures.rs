//! Trouble that may pass is met with another attempt, and told when it does not pass.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use apitap_build::definition::PageNumber;

use super::*;
use crate::source::task::Task;

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    for status in [408, 429, 500, 502, 503, 504] {
        let answer = move |request: &Request| match request.before {
            0 | 1 => Reply::status(status),
            _ => records(0..1),
        };
        let (_, outcome) = check(Pagination::default(), answer, &shown(0..1)).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
        assert_eq!(outcome.fetched.pages.load(Relaxed), 1);
    }
}

#[tokio::test]
async fn trouble_that_stays_is_told_after_the_last_attempt() {
    let answer = |_: &Request| Reply::json("maintenance").with_status(503);
    let expected = "error: the API answered `503 Service Unavailable`: maintenance (3 attempts)";
    let (server, outcome) = check(Pagination::default(), answer, expected).await;
    assert_eq!(server.requests().len(), 3);
    assert_eq!(
        outcome.error.unwrap().to_string(),
        format!(
            "the API answered `503 Service Unavailable`: maintenance (3 attempts)\n  request:  GET \
             {}/items\n  help:     the trouble is on the API's side: run it again later",
            server.url()
        )
    );
}

#[tokio::test]
async fn an_error_in_the_middle_keeps_the_pages_before_it() {
    let pagination = Pagination::PageNumber(PageNumber {
        page_param: Some("page".into()),
        per_page_param: "size".into(),
        per_page: 1,
        first_page: 1,
        concurrency: 4,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    });
    let answer = |request: &Request| match request.number("page") {
        3 => Reply::status(500),
        page => records([page]),
    };
    let expected = format!(
        "{} {} error: the API answered `500 Internal Server Error` (3 attempts)",
        shown([1]),
        shown([2])
    );
    check(pagination, answer, &expected).await;
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let date = "Tue, 15 Nov 1994 08:12:32 GMT";
    for after in ["1", date] {
        let answer = move |request: &Request| match request.before {
            0 => Reply::status(429)
                .header("retry-after", after)
                .header("date", "Tue, 15 Nov 1994 08:12:31 GMT"),
            _ => records(0..1),
        };
        let started = Instant::now();
        check(Pagination::default(), answer, &shown(0..1)).await;
        assert!(started.elapsed() >= Duration::from_secs(1), "{after}");
    }
}

#[tokio::test]
async fn a_wait_of_hours_is_an_error_that_names_it() {
    let answer = |_: &Request| Reply::status(429).header("retry-after", "7200");
    let expected = "error: the API answered `429 Too Many Requests`, and asks to wait 7200 s: \
                    longer than the 300 s that a run waits";
    let (server, _) = check(Pagination::default(), answer, expected).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn one_attempt_means_no_second() {
    let server = Server::start(|_| Reply::status(500)).await;
    let mut source = source(&server, Pagination::default());
    source.retry.max_attempts = 1;
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), "error: the API answered `500 Internal Server Error`");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_slow_answer_is_an_error_that_names_the_timeout() {
    let server = Server::start(|_| records(0..1).after(Duration::from_secs(5))).await;
    let mut source = source(&server, Pagination::default());
    source.timeout = Duration::from_millis(20);
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), "error: no whole answer within 20ms (3 attempts)");
}

/// Fetches from a server that writes these bytes to each connection, one after the other, and
/// closes it; the last one's again and again.
pub(super) async fn check_raw(answers: &[&[u8]], expected: &str) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
    let _server = Task::spawn(async move {
        let mut next = 0;
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(&answers[next]).await.unwrap();
            next = (next + 1).min(answers.len() - 1);
        }
    });
    let server = Server::start(|_| records([])).await;
    let mut source = source(&server, Pagination::default());
    source.url = Template(format!("http://{address}/items"));
    let outcome = fetch(&source).await;
    assert_eq!(outcome.shown(), expected);
    outcome
}

const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"data\":[{\"id\":1}]}";
const SHORT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{\"data\":[{\"id\":1}]}";

#[tokio::test]
async fn a_body_shorter_than_it_said_is_fetched_again() {
    let outcome = check_raw(&[SHORT, SHORT, WHOLE], &shown([1])).await;
    assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
    let expected = "error: the answer broke off before its end (3 attempts)";
    let outcome = check_raw(&[SHORT], expected).await;
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Request);
}

#[tokio::test]
async fn a_chunked_body_without_its_end_is_fetched_again() {
    let broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                   13\r\n{\"data\":[{\"id\":1}]}\r\n";
    let expected = "error: the answer broke off before its end (3 attempts)";
    check_raw(&[broken], expected).await;
    check_raw(&[broken, WHOLE], &shown([1])).await;
}

#[tokio::test]
async fn a_connection_that_closes_is_tried_again() {
    check_raw(&[b"", WHOLE], &shown([1])).await;
    let expected = "error: the connection broke before there was an answer (3 attempts)";
    check_raw(&[b""], expected).await;
}

#[tokio::test]
async fn a_compressed_body_without_its_end_is_fetched_again() {
    for coding in ["gzip", "br", "zstd"] {
        let compressed = compressed(coding).await;
        let half = compressed.len() / 2;
        let mut broken =
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n").into_bytes();
        broken.extend(&compressed[..half]);
        check_raw(&[&broken, WHOLE], &shown([1])).await;
        // Cut at the very end, all records may be there: still it is not whole.
        broken.extend(&compressed[half..compressed.len() - 1]);
        let outcome = check_raw(&[&broken, WHOLE], &shown([1])).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 1, "{coding}");
    }
}

/// A page as a server compresses it.
async fn compressed(coding: &str) -> Vec<u8> {
    let layer = tower_http::compression::CompressionLayer::new();
    let server = Server::with(|_| records(0..1000), |router| router.layer(layer)).await;
    let mut connection =
        tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let request = format!("GET / HTTP/1.0\r\naccept-encoding: {coding}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert!(
        String::from_utf8_lossy(&answer[..head]).contains(&format!("content-encoding: {coding}"))
    );
    answer.split_off(head + 4)
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_says_so() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = Server::start(|_| records([])).await;
    let mut source = source(&server, Pagination::default());
    source.url = Template(format!("http://{gone}/items"));
    let error = fetch(&source).await.error.unwrap();
    let expected = "cannot connect to the server (2 attempts)\n  cause:    Connection refused";
    assert!(error.to_string().starts_with(expected), "{error}");
}
