//! The promises of a fetch, kept against a real server on the loopback.

mod answers;
mod certificates;
mod counted;
mod credentials;
mod ends;
mod failures;
mod hostile;
mod linked;
mod nothing;
mod placed;
mod rates;
mod requests;
mod rules;
mod server;
mod servers;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use apitap_build::definition::{
    Cursor, LinkHeader, Method, Pagination, ParamsIn, Pointer, Retry, Source, Stop, Template,
    default_timeout,
};
use futures::StreamExt;

use super::*;
use crate::engine::limits::Memory;
use crate::environment::Environment;
use crate::{Error, ErrorKind};
use server::{Reply, Request, Server};

/// A source of `/items` on the server, its records at `/data`, which tries three times in a hurry.
fn source(server: &Server, pagination: Pagination) -> Source {
    Source {
        name: "items".to_owned(),
        description: None,
        url: Template(format!("{}/items", server.url())),
        headers: Vec::new(),
        method: Method::Get,
        query_params: Vec::new(),
        body: None,
        auth: None,
        data_path: Pointer("/data".to_owned()),
        pagination,
        retry: Retry {
            max_attempts: 3,
            min_delay: Duration::from_millis(2),
            max_delay: Duration::from_millis(8),
        },
        timeout: default_timeout(),
        on_unknown_field: Default::default(),
        on_response: Vec::new(),
        rate_limit: None,
        allow_hosts: Vec::new(),
        tls: None,
        schema: None,
        format: Default::default(),
        key_as: None,
        allow_empty: false,
        dead_letters: None,
        reads: Default::default(),
        for_each: Vec::new(),
        carried: Vec::new(),
        filters: Vec::new(),
        job: None,
        incremental: None,
    }
}

/// What became of a source.
struct Outcome {
    /// The records' texts, page by page.
    pages: Vec<Vec<String>>,
    error: Option<Error>,
    fetched: Arc<Fetched>,
}

impl Outcome {
    /// The pages' records as `[1,2] [3]`, and the error's first line behind them.
    fn shown(&self) -> String {
        let pages = self.pages.iter().map(|records| format!("[{}]", records.join(",")));
        let error = self.error.as_ref().map(|error| format!("error: {}", first_line(error)));
        pages.chain(error).collect::<Vec<_>>().join(" ")
    }
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Fetches a source whose environment has `TOKEN=s3cr3t/+"t`.
async fn fetch(source: &Source) -> Outcome {
    let mut environment = Environment::from_iter([("TOKEN", TOKEN)]);
    let plan = FetchPlan::resolve(source, &[], &mut environment);
    environment.check().unwrap();
    let fetched = Arc::new(Fetched::default());
    let client = Client::new().unwrap();
    let (secrets, limits) = (environment.secrets(), Limits::of(Memory::default(), 1));
    let driver = Driver {
        client,
        secrets,
        fetched: Arc::clone(&fetched),
        left_out: LeftOut::default(),
        limits,
        in_step: false,
    };
    let mut stream = pages(&driver, &plan, None);
    let mut outcome = Outcome { pages: Vec::new(), error: None, fetched };
    while let Some(page) = stream.next().await {
        match page {
            Ok(page) => {
                let (mut segments, mut records) = (page.segments(), Vec::new());
                while let Some(segment) = segments.next().await.unwrap() {
                    records.extend(segment.records().map(|(text, _)| text.to_owned()));
                }
                outcome.pages.push(records);
            }
            Err(error) => outcome.error = Some(error),
        }
        assert!(outcome.error.is_none() || stream.next().await.is_none(), "ends after an error");
    }
    if let Some(error) = &outcome.error {
        assert_secret(&format!("{error} {error:?}"));
    }
    outcome
}

const TOKEN: &str = "s3cr3t/+\"t";

/// No form of the token is in a text.
fn assert_secret(text: &str) {
    for form in [TOKEN, "s3cr3t", "s3cr3t%2F", "s3cr3t\\/"] {
        assert!(!text.contains(form), "{text}");
    }
}

/// Fetches `/items` of a server that answers each request with what `answer` makes of it, and
/// compares with pages as `[1,2] [3] error: first line`, `{port}` standing for the server's.
async fn check(
    pagination: Pagination,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    expected: &str,
) -> (Server, Outcome) {
    let server = Server::start(answer).await;
    let outcome = fetch(&source(&server, pagination)).await;
    let expected = expected.replace("{port}", &server.port().to_string());
    assert_eq!(outcome.shown(), expected);
    (server, outcome)
}

/// `{"data": [{"id": 1}, …]}`, with other fields of the body before it, shown as `1,2,…`.
fn body(ids: impl IntoIterator<Item = u64>, others: &str) -> String {
    let records: Vec<String> = ids.into_iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    format!(r#"{{{others}"data":[{}]}}"#, records.join(","))
}

fn records(ids: impl IntoIterator<Item = u64>) -> Reply {
    Reply::json(body(ids, ""))
}

/// A page with `"next":…`, `next` being JSON.
fn page(ids: impl IntoIterator<Item = u64>, next: &str) -> Reply {
    Reply::json(body(ids, &format!(r#""next":{next},"#)))
}

/// A cursor at that path of a body, which the parameter `after` takes.
fn cursor(path: &str) -> Cursor {
    Cursor {
        cursor_param: Some("after".into()),
        cursor_path: Some(Pointer(path.to_owned())),
        cursor_header: None,
        cursor_field: None,
        may_be_absent: false,
        page_size_param: None,
        page_size: 100,
        params_in: ParamsIn::Query,
        stop: Stop::default(),
    }
}

/// `[{"id":1},{"id":2}]` as an outcome shows it.
fn shown(ids: impl IntoIterator<Item = u64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    format!("[{}]", ids.join(","))
}

#[tokio::test]
async fn without_pagination_one_request_holds_everything() {
    let (server, outcome) = check(Pagination::default(), |_| records(1..3), &shown(1..3)).await;
    assert_eq!(server.targets(), ["/items"]);
    let counted = [
        &outcome.fetched.pages,
        &outcome.fetched.records,
        &outcome.fetched.bytes,
        &outcome.fetched.retries,
    ];
    let body = body(1..3, "").len() as u64;
    assert_eq!(counted.map(|counter| counter.load(Relaxed)), [1, 2, body, 0]);
}

#[tokio::test]
async fn an_answer_without_content_has_no_records() {
    check(Pagination::default(), |_| Reply::status(204), "").await;
    check(Pagination::default(), |_| records([]), "").await;
}

#[tokio::test]
async fn a_wrong_url_is_a_config_error_before_any_request() {
    let server = Server::start(|_| records([])).await;
    for (url, message) in [
        ("nonsense", "the `url` of source `items` is not a valid URL"),
        ("ftp://h/", "the `url` of source `items` starts with `ftp:`"),
    ] {
        let source =
            Source { url: Template(url.to_owned()), ..source(&server, Pagination::default()) };
        let error = fetch(&source).await.error.unwrap();
        assert_eq!((error.kind(), first_line(&error).as_str()), (ErrorKind::Config, message));
        let plan = FetchPlan::resolve(&source, &[], &mut Environment::default());
        assert_eq!(first_line(&plan.check().unwrap_err()), message);
    }
}
