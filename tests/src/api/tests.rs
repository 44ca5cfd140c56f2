use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::Api;
use crate::collection::{Collection, End, Pagination};
use crate::faults::{Fault, On};
use crate::records::{Records, order};

fn client() -> Client {
    // Whichever test comes first installs it.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().timeout(Duration::from_secs(60)).build().expect("a client")
}

async fn get(url: &str) -> Response {
    client().get(url).send().await.expect("an answer")
}

async fn json(url: &str) -> Value {
    let answer = get(url).await;
    assert_eq!(answer.status(), 200, "{url}");
    parse(answer).await
}

async fn parse(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.expect("a whole answer")).expect("JSON")
}

fn numbers(count: u64) -> Vec<Value> {
    (1..=count).map(|id| json!({"id": id})).collect()
}

fn ids(records: &Value) -> Vec<u64> {
    let records = records.as_array().expect("an array");
    records.iter().map(|record| record["id"].as_u64().expect("an id")).collect()
}

fn five(pagination: Pagination) -> Collection {
    Collection::new(numbers(5), pagination).page_size(2)
}

async fn check(collection: Collection, query: &str, expected: &[u64]) {
    let api = Api::serve(collection.data_path("/data"));
    assert_eq!(ids(&json(&format!("{}{query}", api.url())).await["data"]), expected, "{query}");
}

#[tokio::test]
async fn a_page_is_what_its_parameters_ask_for() {
    check(five(Pagination::None), "", &[1, 2, 3, 4, 5]).await;
    check(five(Pagination::page_number()), "", &[1, 2]).await;
    check(five(Pagination::page_number()), "?page=2&per_page=3", &[4, 5]).await;
    check(five(Pagination::page_number()), "?page=9&per_page=3", &[]).await;
    check(five(Pagination::page_only()), "?page=3", &[5]).await;
    check(five(Pagination::limit_offset()), "?limit=3&offset=1", &[2, 3, 4]).await;
    check(five(Pagination::limit_offset()), "?offset=5", &[]).await;
    let from_one =
        Pagination::LimitOffset { limit_param: "count", offset_param: "first", first_offset: 1 };
    check(five(from_one), "?count=2&first=1", &[1, 2]).await;
    check(five(Pagination::cursor()), "?limit=4", &[1, 2, 3, 4]).await;
}

#[tokio::test]
async fn a_bad_parameter_is_refused() {
    for (pagination, query) in [
        (Pagination::page_number(), "?page=x"),
        (Pagination::page_number(), "?page=0"),
        (Pagination::page_number(), "?per_page=0"),
        (Pagination::cursor(), "?after=nonsense"),
        (Pagination::limit_offset(), "?offset=-1"),
    ] {
        let api = Api::serve(five(pagination));
        assert_eq!(get(&format!("{}{query}", api.url())).await.status(), 400, "{query}");
    }
}

/// Follows whatever `next` finds in an answer, to its end.
async fn follow(
    api: &Api,
    next: impl Fn(&str, &Value, Option<&str>) -> Option<String>,
) -> Vec<u64> {
    let mut found = Vec::new();
    let mut url = Some(api.url());
    while let Some(here) = url {
        let answer = get(&here).await;
        let link = answer.headers().get("link").map(|link| link.to_str().expect("text").to_owned());
        let body: Value = parse(answer).await;
        found.extend(ids(body.get("data").unwrap_or(&body)));
        url = next(&here, &body, link.as_deref());
    }
    found
}

fn with_cursor(url: &str, cursor: &str) -> String {
    let mut next = url::Url::parse(url).expect("a URL");
    next.query_pairs_mut().clear().append_pair("after", cursor);
    next.to_string()
}

#[tokio::test]
async fn following_the_cursor_gets_each_record_and_page_once() {
    for end in [End::Null, End::Empty, End::Absent] {
        let api = Api::serve(five(Pagination::cursor()).end(end));
        let found = follow(&api, |url, body, _| {
            let next = body.pointer("/meta/next")?.as_str().filter(|next| !next.is_empty())?;
            Some(with_cursor(url, next))
        });
        assert_eq!(found.await, [1, 2, 3, 4, 5]);
        assert_eq!(api.pages(), [1, 2, 3]);
    }
}

#[tokio::test]
async fn following_the_next_url_keeps_the_other_parameters() {
    for relative in [false, true] {
        let pagination = Pagination::NextUrl { path: "/links/next", relative };
        let api = Api::serve(five(pagination));
        let found = follow(&api, |url, body, _| {
            let base = url::Url::parse(url).expect("a URL");
            Some(base.join(body.pointer("/links/next")?.as_str()?).expect("a URL").to_string())
        });
        assert_eq!(found.await, [1, 2, 3, 4, 5]);
        let next = json(&format!("{}?since=a%26b", api.url())).await["links"]["next"].clone();
        let next = next.as_str().expect("a URL");
        assert!(next.ends_with("?since=a%26b&page=2"), "{next}");
        assert_eq!(next.starts_with("http://"), !relative, "{next}");
    }
}

#[tokio::test]
async fn following_the_link_header_ends_where_there_is_no_next() {
    let api = Api::serve(five(Pagination::LinkHeader));
    let found = follow(&api, |_, _, link| {
        let next = link?.split(", <").find(|link| link.ends_with("rel=\"next\""))?;
        Some(next.split_once('>')?.0.trim_start_matches('<').to_owned())
    });
    assert_eq!(found.await, [1, 2, 3, 4, 5]);
    assert_eq!(api.pages(), [1, 2, 3]);
}

#[tokio::test]
async fn requests_are_remembered() {
    let api = Api::serve_all([
        ("/orders", five(Pagination::page_only()).require("authorization", "Bearer t0p")),
        ("/customers", numbers(1).into()),
    ]);
    assert_eq!(get(&api.url_of("/orders?page=2")).await.status(), 401);
    let request = client().get(api.url_of("/orders?page=2")).bearer_auth("t0p");
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    assert_eq!(get(&api.url_of("/nowhere")).await.status(), 404);
    let requests = api.requests();
    let seen: Vec<_> = requests.iter().map(|request| (&*request.path, &*request.query)).collect();
    assert_eq!(seen, [("/orders", "page=2"), ("/orders", "page=2"), ("/nowhere", "")]);
    assert_eq!(requests[1].headers["authorization"], "Bearer t0p");
    assert_eq!(requests[1].page, Some(2));
}

#[tokio::test]
async fn compressed_answers_are_compressed_as_the_client_accepts() {
    let api = Api::serve(Collection::new(numbers(50), Pagination::None).compressed());
    rustls::crypto::ring::default_provider().install_default().ok();
    let plain = Client::builder().no_gzip().no_brotli().no_zstd().build().expect("a client");
    for encoding in ["gzip", "br", "zstd"] {
        let request = plain.get(api.url()).header("accept-encoding", encoding);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["content-encoding"], encoding);
        assert!(answer.bytes().await.expect("bytes").len() < 300);
    }
    assert_eq!(ids(&json(&api.url()).await).len(), 50);
    let plain = plain.get(api.url()).send().await.expect("an answer");
    assert!(plain.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn a_large_collection_is_streamed() {
    let api = Api::serve(Collection::new(Records::Orders(20_000), Pagination::None));
    let answer = get(&api.url()).await;
    assert_eq!(answer.content_length(), None);
    let body: Value = parse(answer).await;
    assert_eq!(ids(&body), (1..=20_000).collect::<Vec<_>>());
    assert_eq!(body[12_345], order(12_346));
}

/// Page 2 of three, where `fault` happens once.
async fn faulty(fault: Fault, compressed: bool) -> (Api, Response) {
    let mut collection = five(Pagination::page_only()).fault(On::page(2).times(1), fault);
    if compressed {
        collection = collection.compressed();
    }
    let api = Api::serve(collection);
    let page = |number: u64| format!("{}?page={number}", api.url());
    assert_eq!(ids(&json(&page(1)).await), [1, 2]);
    let answer = get(&page(2)).await;
    assert_eq!(ids(&json(&page(2)).await), [3, 4], "the fault happens once");
    (api, answer)
}

#[tokio::test]
async fn a_status_is_answered_as_often_as_it_should() {
    let api = Api::serve(
        five(Pagination::page_only())
            .fault(On::request(2), Fault::Status(404))
            .fault(On::page(1).times(2), Fault::Status(503))
            .fault(On::page(3), Fault::Status(500)),
    );
    let mut statuses = Vec::new();
    for page in [1, 1, 1, 1, 2, 3, 3, 3] {
        statuses.push(get(&format!("{}?page={page}", api.url())).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 404, 503, 200, 200, 500, 500, 500]);
}

#[tokio::test]
async fn retry_after_says_when() {
    let (_api, answer) = faulty(Fault::RetryAfter(429, "3".to_owned()), false).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
}

#[tokio::test]
async fn another_body_or_content_type_is_sent() {
    let (_api, answer) = faulty(Fault::Body("text/html", "<p>log in".to_owned()), false).await;
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(answer.text().await.expect("text"), "<p>log in");
    let (_api, answer) = faulty(Fault::ContentType("text/plain"), false).await;
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(ids(&parse(answer).await), [3, 4]);
}

#[tokio::test]
async fn a_cut_connection_delivers_half_of_the_body_and_an_error() {
    for compressed in [false, true] {
        for (fault, length) in [(Fault::CutLength, true), (Fault::CutChunked, false)] {
            let (_api, mut answer) = faulty(fault, compressed).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers().contains_key("content-length"), length && !compressed);
            let mut got = Vec::new();
            let error = loop {
                match answer.chunk().await {
                    Ok(Some(chunk)) => got.extend_from_slice(&chunk),
                    Ok(None) => panic!("the answer came to a good end: {got:?}"),
                    Err(error) => break error,
                }
            };
            assert!(!error.is_timeout(), "{error:?}");
            assert!(compressed || b"[{\"id\":3},{\"id\":4}]".starts_with(&got) && !got.is_empty());
        }
    }
}

#[tokio::test]
async fn a_cut_body_is_whole_for_http_and_no_json() {
    let (_api, answer) = faulty(Fault::CutBody, false).await;
    assert_eq!(answer.text().await.expect("a whole answer"), "[{\"id\":3}");
    let (_api, answer) = faulty(Fault::CutBody, true).await;
    answer.bytes().await.expect_err("half of a gzip file");
}

#[tokio::test]
async fn a_hanging_answer_never_comes() {
    for (fault, head) in [(Fault::Hang, false), (Fault::HangInBody, true)] {
        let api = Api::serve(five(Pagination::None).fault(On::every(), fault));
        let wait = Duration::from_secs(2);
        let answer = client().get(api.url()).timeout(wait).send().await;
        assert_eq!(answer.is_ok(), head);
        let error = match answer {
            Ok(answer) => answer.text().await.expect_err("no end"),
            Err(error) => error,
        };
        assert!(error.is_timeout(), "{error:?}");
    }
}

#[tokio::test]
async fn an_api_can_ignore_the_page_and_repeat_the_cursor() {
    let ignores = five(Pagination::page_only()).fault(On::every(), Fault::Page(1));
    let api = Api::serve(ignores);
    assert_eq!(ids(&json(&format!("{}?page=3", api.url())).await), [1, 2]);
    assert_eq!(api.pages(), [3]);

    let api = Api::serve(five(Pagination::cursor()).fault(On::page(2), Fault::Next(2)));
    let next = |body: &Value| body["meta"]["next"].as_str().expect("a cursor").to_owned();
    let first = json(&api.url()).await;
    let second = json(&with_cursor(&api.url(), &next(&first))).await;
    assert_eq!(ids(&second["data"]), [3, 4]);
    assert_eq!(next(&second), next(&first));
}

#[tokio::test]
async fn one_value_of_one_record_can_be_wrong() {
    let fault = Fault::Value { record: 2, path: "/customer/id", value: json!("twelve") };
    let orders = Collection::new(Records::Orders(9), Pagination::page_only()).page_size(3);
    let api = Api::serve(orders.fault(On::page(2), fault));
    let body = json(&format!("{}?page=2", api.url())).await;
    assert_eq!(body[1]["customer"]["id"], "twelve");
    assert_eq!((&body[0], &body[2]), (&order(4), &order(6)));
}

#[test]
fn a_test_without_a_runtime_may_block_and_the_server_stops_with_its_api() {
    use std::io::{Read as _, Write as _};
    let api = Api::serve(numbers(1));
    let mut stream = std::net::TcpStream::connect(api.server.address).expect("a connection");
    stream
        .write_all(b"GET /records HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("[{\"id\":1}]"), "{answer}");

    let address = api.server.address;
    drop(api);
    let started = std::time::Instant::now();
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(5), "still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
