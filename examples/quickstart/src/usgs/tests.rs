use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use super::catalogue::Catalogue;
use super::{PATH, Usgs, router};

/// The status, the content type and the body of an answer.
async fn get(query: &str) -> (StatusCode, Option<String>, String) {
    static CATALOGUE: LazyLock<Arc<Catalogue>> =
        LazyLock::new(|| Arc::new(Catalogue::recorded().expect("the recording can be read")));
    let request = Request::get(format!("{PATH}?{query}")).header("host", "usgs.test");
    let request = request.body(Body::empty()).expect("a request");
    let answer = router(CATALOGUE.clone()).oneshot(request).await.expect("an answer");
    let kind =
        answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, kind, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

async fn events(query: &str) -> Vec<Value> {
    let (status, kind, body) = get(&format!("format=geojson&{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    assert_eq!(kind.as_deref(), Some("application/json; charset=utf-8"));
    let mut body: Value = serde_json::from_str(&body).expect("JSON");
    serde_json::from_value(body["features"].take()).expect("an array")
}

/// The property of each event that `query` finds.
async fn values(query: &str, property: &str) -> Vec<f64> {
    let events = events(query).await;
    let value = |event: &Value| event["properties"][property].as_f64().expect("a number");
    events.iter().map(value).collect()
}

fn recording() -> Value {
    serde_json::from_str(include_str!("../../data/usgs_all_week_2018-02.geojson")).expect("JSON")
}

/// A mistake: `query` is refused with a text that says `reason`.
async fn refused(query: &str, reason: &str) {
    let (status, kind, body) = get(query).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    assert_eq!(kind.as_deref(), Some("text/plain; charset=utf-8"), "{query}");
    assert!(body.starts_with("Error 400: Bad Request\n\n"), "{body}");
    assert!(body.contains(reason), "{query}: {body}");
}

#[tokio::test]
async fn without_conditions_all_that_was_recorded_comes_newest_first_and_as_it_was() {
    assert_eq!(Value::Array(events("").await), recording()["features"]);
}

#[tokio::test]
async fn numbers_are_spelled_as_in_the_recording() {
    let (_, _, body) = get("format=geojson").await;
    // A float of two digits and an integer, in one field.
    assert!(body.contains(r#""mag":2,"#) && body.contains(r#""mag":0.54,"#));
}

#[tokio::test]
async fn the_answer_is_framed_as_the_recording_is() {
    let (_, _, body) = get("format=geojson").await;
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let recording = recording();
    for member in ["type", "bbox"] {
        assert_eq!(answer[member], recording[member], "{member}");
    }
    for member in ["generated", "status", "api", "count"] {
        assert_eq!(answer["metadata"][member], recording["metadata"][member], "{member}");
    }
    let (_, _, body) = get("format=geojson&limit=3&offset=2").await;
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    let metadata = &answer["metadata"];
    assert_eq!((&metadata["limit"], &metadata["offset"]), (&3.into(), &2.into()));
    assert_eq!(metadata["count"], 3);
    let url = "http://usgs.test/fdsnws/event/1/query?format=geojson&limit=3&offset=2";
    assert_eq!(metadata["url"], url);
}

#[tokio::test]
async fn the_format_has_to_be_geojson() {
    refused("", "format=geojson").await;
    refused("format=csv", "Bad value \"csv\" for parameter \"format\"").await;
}

#[tokio::test]
async fn start_and_end_are_part_of_their_range() {
    let at = "2018-02-07T01:26:13.840";
    assert_eq!(values(&format!("starttime={at}"), "time").await, [1_517_966_773_840.0]);
    assert_eq!(values(&format!("starttime={at}&endtime={at}"), "time").await.len(), 1);
    assert_eq!(events("endtime=2018-02-07T01:26:13.839").await.len(), 1706);
    let day = values("starttime=2018-02-01&endtime=2018-02-02", "time").await;
    assert!(day.iter().all(|time| (1_517_443_200_000.0..=1_517_529_600_000.0).contains(time)));
    assert_eq!(day.len(), 231);
}

#[tokio::test]
async fn a_time_is_utc_unless_it_says_otherwise() {
    let utc = events("starttime=2018-02-06T12:00:00").await;
    assert!(!utc.is_empty());
    assert_eq!(events("starttime=2018-02-06T12:00:00Z").await, utc);
    assert_eq!(events("starttime=2018-02-06T12:00:00.000%2B00:00").await, utc);
    assert_eq!(events("starttime=2018-02-06T04:00:00-08:00").await, utc);
}

#[tokio::test]
async fn updated_after_leaves_out_that_very_moment() {
    let last = values("updatedafter=2018-02-07T01:45:04.876Z", "updated").await;
    assert_eq!(last, [1_517_967_904_877.0]);
    let (status, _, _) = get("format=geojson&updatedafter=2018-02-07T01:45:04.877Z").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_order_is_the_one_asked_for() {
    let newest = values("", "time").await;
    assert!(newest.is_sorted_by(|a, b| a > b));
    assert_eq!(values("orderby=time", "time").await, newest);
    assert!(values("orderby=time-asc", "time").await.is_sorted_by(|a, b| a < b));
    assert!(values("orderby=magnitude", "mag").await.is_sorted_by(|a, b| a >= b));
    assert!(values("orderby=magnitude-asc", "mag").await.is_sorted_by(|a, b| a <= b));
}

#[tokio::test]
async fn limit_and_offset_walk_through_each_event_once() {
    let all = values("orderby=time-asc", "time").await;
    let mut walked = Vec::new();
    for offset in (1..=all.len()).step_by(500) {
        let page = values(&format!("orderby=time-asc&limit=500&offset={offset}"), "time").await;
        assert!(page.len() <= 500);
        walked.extend(page);
    }
    assert_eq!(walked, all);
}

#[tokio::test]
async fn limit_and_offset_count_from_one() {
    assert_eq!(events("limit=1&offset=1").await, events("limit=1").await);
    assert_eq!(events("limit=20000").await.len(), 1707);
    for bad in ["limit=0", "limit=20001", "limit=-1", "limit=ten", "limit="] {
        refused(&format!("format=geojson&{bad}"), "integers in the range [1,20000]").await;
    }
    for bad in ["offset=0", "offset=-1", "offset=1.5"] {
        refused(&format!("format=geojson&{bad}"), "integers starting at 1").await;
    }
}

#[tokio::test]
async fn where_nothing_matches_there_is_no_content() {
    for query in ["offset=1708", "starttime=2018-02-08", "endtime=2018-01-20"] {
        let (status, kind, body) = get(&format!("format=geojson&{query}")).await;
        assert_eq!((status, body.as_str()), (StatusCode::NO_CONTENT, ""), "{query}");
        assert_eq!(kind, None);
    }
}

#[tokio::test]
async fn other_mistakes_are_refused() {
    refused("format=geojson&page=2", "Unknown parameter \"page\"").await;
    refused("format=geojson&limit=1&limit=2", "\"limit\" is given more than once").await;
    refused("format=geojson&orderby=depth", "Valid values are: time,").await;
    refused("format=geojson&starttime=yesterday", "ISO 8601").await;
    refused("format=geojson&updatedafter=2018-02-30", "ISO 8601").await;
    refused("format=geojson&starttime=2018-02-03&endtime=2018-02-02", "before \"starttime\"").await;
}

#[test]
fn it_is_served_on_loopback_until_it_is_dropped() {
    let usgs = Usgs::serve().expect("the recording is served");
    let address = usgs.address;
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "GET {PATH}?format=geojson&limit=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("ci37868143"), "{answer}");

    drop(usgs);
    let started = std::time::Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(started.elapsed().as_secs() < 5, "still there");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
