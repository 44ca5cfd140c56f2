//! Answers that are not what they should be, or come in another coding.

use tower_http::compression::CompressionLayer;

use super::*;

#[tokio::test]
async fn compressed_answers_are_read() {
    for coding in ["gzip", "br", "zstd"] {
        let answer = |_: &Request| records(0..1000);
        let server = Server::with(answer, move |router| {
            let layer = CompressionLayer::new();
            router.layer(match coding {
                "gzip" => layer.no_br().no_zstd(),
                "br" => layer.no_gzip().no_zstd(),
                _ => layer.no_gzip().no_br(),
            })
        })
        .await;
        let outcome = fetch(&source(&server, Pagination::default())).await;
        assert_eq!(outcome.shown(), shown(0..1000), "{coding}");
        let length = body(0..1000, "").len() as u64;
        assert_eq!(outcome.fetched.bytes.load(Relaxed), length, "decompressed");
    }
}

#[tokio::test]
async fn html_where_json_was_expected_is_said_to_be_html() {
    let expected = "error: the API answered with an HTML page where JSON was expected";
    for reply in [
        Reply::json("\n <!doctype html><title>Sign in</title>"),
        Reply::json("Sign in").header("content-type", "text/html; charset=utf-8"),
    ] {
        let (server, _) = check(Pagination::default(), move |_| reply.clone(), expected).await;
        assert_eq!(server.requests().len(), 1);
    }
    let answer = |_: &Request| Reply::json("<html><body>no</body></html>").with_status(404);
    check(Pagination::default(), answer, "error: the API answered `404 Not Found`: an HTML page")
        .await;
}

#[tokio::test]
async fn xml_where_json_was_expected_is_said_to_be_xml() {
    let expected = "error: the API answered with XML where JSON was expected";
    for reply in [
        Reply::json("<?xml version=\"1.0\"?><rows/>"),
        Reply::json("<feed/>").header("content-type", "application/xml"),
    ] {
        let (server, _) = check(Pagination::default(), move |_| reply.clone(), expected).await;
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_wrong_data_path_is_not_tried_again() {
    let answer = |_: &Request| Reply::json(r#"{"items":[]}"#);
    let expected = "error: `data_path` finds no `data` in the body";
    let (server, outcome) = check(Pagination::default(), answer, expected).await;
    assert_eq!(server.requests().len(), 1);
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    let request = format!("request:  GET {}/items\n", server.url());
    assert!(error.to_string().contains(&request), "{error}");
}

#[tokio::test]
async fn a_body_that_is_not_whole_json_is_fetched_again() {
    let whole = body(0..3, "");
    for broken in ["{\"data\":[{\"id\":0},", "{\"data\":[{\"id\":0}", " "] {
        let whole = whole.clone();
        let answer = move |request: &Request| match request.before {
            0 | 1 => Reply::json(broken),
            _ => Reply::json(whole.clone()),
        };
        let (_, outcome) = check(Pagination::default(), answer, &shown(0..3)).await;
        assert_eq!(outcome.fetched.retries.load(Relaxed), 2);
    }
    let expected = "error: the answer is not whole JSON (3 attempts)";
    let (_, outcome) = check(Pagination::default(), |_| Reply::json("{\"data\":["), expected).await;
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.to_string().contains("ends in the middle of"), "{error}");
}

#[tokio::test]
async fn statuses_that_do_not_pass_fail_at_once_with_fitting_help() {
    for (status, message, help) in [
        (400, "400 Bad Request", "check `query_params` and the parameters of `pagination`"),
        (401, "401 Unauthorized", "the API requires authentication: add `auth`"),
        (404, "404 Not Found", "there is nothing at this address: check `url`"),
        (418, "418 I'm a teapot", "check `url`"),
    ] {
        let answer = move |_: &Request| Reply::json("{\n\"why\": \"so\"}").with_status(status);
        let expected = format!("error: the API answered `{message}`: {{ \"why\": \"so\"}}");
        let (server, outcome) = check(Pagination::default(), answer, &expected).await;
        assert_eq!(server.requests().len(), 1);
        let error = outcome.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Request);
        assert!(error.to_string().ends_with(&format!("help:     {help}")), "{error}");
    }
}

#[tokio::test]
async fn the_excerpt_of_an_error_is_short() {
    let answer = |_: &Request| Reply::json("x".repeat(100_000)).with_status(400);
    let expected = format!("error: the API answered `400 Bad Request`: {}…", "x".repeat(200));
    check(Pagination::default(), answer, &expected).await;
}
