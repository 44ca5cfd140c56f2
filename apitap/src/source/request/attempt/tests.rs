//! Where redirects lead, and what goes along.

use reqwest::Method;

use super::*;
use crate::definition::{self, Pagination, Pointer, Retry, Source, Template, default_timeout};
use crate::engine::limits::{Limits, Memory};
use crate::environment::{Environment, Secrets};
use crate::source::fetch::{Driver, FetchPlan};
use crate::source::request::client::Client;

/// The request that a redirect of a `GET`, or of a `POST` with a body, leads to.
async fn check(method: &str, from: &str, status: u16, to: &str, expected: Result<&str, &str>) {
    let source = Source {
        name: "items".to_owned(),
        description: None,
        url: Template(from.to_owned()),
        headers: Vec::new(),
        method: definition::Method::Get,
        query_params: Vec::new(),
        body: None,
        auth: None,
        data_path: Pointer::default(),
        pagination: Pagination::default(),
        retry: Retry {
            max_attempts: 1,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(1),
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
    };
    let plan = FetchPlan::resolve(&source, &[], &mut Environment::default());
    let driver = Driver {
        client: Client::new().unwrap(),
        secrets: Secrets::default(),
        fetched: Default::default(),
        left_out: Default::default(),
        limits: Limits::of(Memory::default(), 1),
        in_step: false,
    };
    let endpoint = Endpoint::new(&driver, &plan).unwrap();
    let ask = Ask {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        url: Url::parse(from).unwrap(),
        body: (method == "POST").then(|| ("{}".into(), "application/json")),
        headers: None,
    };
    let named = async |url: &Url| url.host_str().is_some_and(|host| host.ends_with(".inside"));
    let found = endpoint.redirected(ask, Url::parse(to).ok(), status, named).await.map(|ask| {
        let body = ask.body.map_or("", |_| " with its body");
        format!("{} {}{body}", ask.method, ask.url)
    });
    let found = found.map_err(|failure| failure.reason(&Secrets::default()));
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let refused = |to: &str| format!("the API redirects from https to `{to}`");
    for (to, origin) in [("http://h/items", "http://h"), ("http://x:81/", "http://x:81")] {
        check("GET", "https://h/items", 302, to, Err(&refused(origin))).await;
    }
    check("GET", "https://h/items", 301, "https://x/", Ok("GET https://x/")).await;
    check("GET", "http://h/items", 301, "https://h/", Ok("GET https://h/")).await;
    check("GET", "http://h/items", 301, "http://x/", Ok("GET http://x/")).await;
}

#[tokio::test]
async fn a_body_goes_along_where_the_status_says_so_and_to_its_own_server_only() {
    check("POST", "https://h/a", 307, "https://h/b", Ok("POST https://h/b with its body")).await;
    check("POST", "https://h/a", 308, "https://h/b", Ok("POST https://h/b with its body")).await;
    check("POST", "https://h/a", 303, "https://x/b", Ok("GET https://x/b")).await;
    let refused = "the API redirects the request's body to `https://x`";
    check("POST", "https://h/a", 307, "https://x/b", Err(refused)).await;
}

#[tokio::test]
async fn a_redirect_that_would_leave_the_body_behind_is_refused() {
    for status in [301, 302] {
        let refused = format!(
            "the API redirects a POST with the status {status}, which would make it a GET without its body"
        );
        check("POST", "https://h/a", status, "https://h/b", Err(&refused)).await;
        check("GET", "https://h/a", status, "https://h/b", Ok("GET https://h/b")).await;
    }
    check("POST", "https://h/a", 303, "https://h/b", Ok("GET https://h/b")).await;
}

#[tokio::test]
async fn a_redirect_to_something_else_is_an_error() {
    let refused = "the API redirects to something that is not an HTTP URL";
    for to in ["file:///etc/passwd", "ftp://h/", "no URL"] {
        check("GET", "https://h/items", 302, to, Err(refused)).await;
    }
}

#[tokio::test]
async fn a_redirect_into_the_local_network_is_refused() {
    for to in [
        "https://127.0.0.1/x",
        "https://localhost/",
        "https://a.localhost./",
        "https://10.1.2.3:8080/",
        "https://192.168.0.1/",
        "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
    ] {
        let origin = Url::parse(to).unwrap().origin().ascii_serialization();
        let refused = format!("the API redirects to `{origin}`, which is in the local network");
        check("GET", "https://api.example.com/items", 302, to, Err(&refused)).await;
    }
    // A name that stands for such an address is one, unless the source is in there itself.
    let refused = "the API redirects to `https://files.inside`, which is in the local network";
    check("GET", "https://h/items", 302, "https://files.inside/x", Err(refused)).await;
    check(
        "GET",
        "https://a.inside/",
        302,
        "https://files.inside/",
        Ok("GET https://files.inside/"),
    )
    .await;
    check("GET", "https://a.inside/", 302, "https://h/", Ok("GET https://h/")).await;
    check("GET", "https://h/items", 302, "https://8.8.8.8/", Ok("GET https://8.8.8.8/")).await;
    check("GET", "http://10.0.0.1/", 302, "http://127.0.0.1/", Ok("GET http://127.0.0.1/")).await;
}
