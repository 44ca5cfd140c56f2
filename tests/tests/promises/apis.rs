//! What sources of one API share: its address, its credentials, and one token for all of them.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apitap::environment::Environment;
use apitap_tests::answers::{Answer, Answers};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::runs::{project, run_well, sqlite, sqlite_file};

/// An API whose tokens are good for some requests each.
struct Shop {
    address: String,
    seen: Arc<Seen>,
    runtime: Option<Runtime>,
}

struct Seen {
    /// How many requests a token is good for.
    good_for: u64,
    tokens: AtomicU64,
    /// Requests with the last token.
    with_it: AtomicU64,
    /// Method, path, query and `X-Client` of each request.
    requests: Mutex<Vec<String>>,
}

impl Shop {
    fn open(good_for: u64) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tokens, with_it, requests) = Default::default();
        let seen = Arc::new(Seen { good_for, tokens, with_it, requests });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, seen, runtime: Some(runtime) }
    }

    fn requests(&self, begin: &str) -> Vec<String> {
        let requests = self.seen.requests.lock().unwrap();
        requests.iter().filter(|request| request.starts_with(begin)).cloned().collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // In the background, since a test may drop this inside a runtime of its own.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(seen): State<Arc<Seen>>, request: Request) -> Response {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let said = format!("{} {} {}", request.method(), request.uri(), header("x-client"));
    seen.requests.lock().unwrap().push(said);
    let path = request.uri().path();
    if path == "/oauth/token" {
        let token = seen.tokens.fetch_add(1, SeqCst) + 1;
        seen.with_it.store(0, SeqCst);
        return json!({"access_token": format!("token-{token}"), "expires_in": 3600})
            .to_string()
            .into_response();
    }
    let last = format!("Bearer token-{}", seen.tokens.load(SeqCst));
    if header("authorization") != last || seen.with_it.fetch_add(1, SeqCst) >= seen.good_for {
        return (StatusCode::UNAUTHORIZED, "your token has ended").into_response();
    }
    let number: u64 = path.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or_default();
    let next =
        (path.contains("/pages/") && number < 10).then(|| format!("/v1/pages/{}", number + 1));
    let kind = request.method().to_string();
    json!({"data": [{"id": number, "kind": kind}], "next": next}).to_string().into_response()
}

fn apis(shop: &Shop) -> String {
    let address = &shop.address;
    format!(
        "apis:
  - name: shop
    url: {address}/v1/
    headers: {{X-Client: apitap, X-Other: a}}
    query_params: {{v: 2, lang: en}}
    auth:
      oauth2:
        grant: client_credentials
        token_url: {address}/oauth/token
        client_id: tester
        client_secret: ${{SHOP_SECRET:-s3cr3t}}
    retry: {{max_attempts: 1}}
"
    )
}

#[test]
fn fifty_pipelines_of_one_api_share_its_keys_and_one_token() {
    let shop = Shop::open(u64::MAX);
    let mut yaml = apis(&shop) + "sources:\n";
    let mut queries = Vec::new();
    for number in 1..=50 {
        yaml += &format!(
            "  - {{name: s{number}, api: shop, path: /items/{number}, data_path: /data, \
             query_params: {{lang: de}}, schema: {{id: int64!, kind: string!}}}}\n"
        );
        let sql = format!("SELECT id, kind FROM {{{{ use_source(\"s{number}\") }}}}");
        queries.push((format!("q{number}"), sql));
    }
    let queries: Vec<_> = queries.iter().map(|(name, sql)| (&**name, &**sql)).collect();
    let project = project(&yaml, &queries);
    let report = run_well(&project);
    assert_eq!(report["total"]["records"], 50, "{report}");
    for number in [1, 25, 50] {
        let rows = sqlite(&project, &format!("id, kind) FROM q{number}"));
        assert_eq!(rows, [json!([number, "GET"])]);
    }
    assert_eq!(shop.requests("POST /oauth/token").len(), 1);
    let items = shop.requests("GET /v1/items/");
    assert_eq!(items.len(), 50);
    assert!(items.iter().all(|item| item.ends_with("?v=2&lang=de apitap")), "{items:?}");
}

#[test]
fn a_token_that_has_ended_is_renewed_and_no_page_is_lost() {
    let shop = Shop::open(3);
    let yaml = apis(&shop)
        + "sources:
  - name: pages
    api: shop
    path: /pages/1
    data_path: /data
    pagination: {kind: next_url, path: /next}
    schema: {id: int64!, kind: string!}
";
    let sql = "SELECT id, kind FROM {{ use_source(\"pages\") }}";
    let project = project(&yaml, &[("pages", sql)]);
    let report = run_well(&project);
    assert_eq!(report["total"]["pages"], 10, "{report}");
    assert_eq!(sqlite(&project, "count(DISTINCT id), count(*)) FROM pages"), [json!([10, 10])]);
    // Three pages a token.
    assert_eq!(shop.requests("POST /oauth/token").len(), 4);
    assert_eq!(shop.requests("GET /v1/pages/").len(), 13);
}

#[apitap::pipeline]
#[api(
    name = "shop",
    url = "${SHOP}/v1",
    headers("X-Client" = "in rust"),
    auth(oauth2(
        grant = "client_credentials",
        token_url = "${SHOP}/oauth/token",
        client_id = "tester",
        client_secret = "${SHOP_SECRET}",
        scopes = ["read"]
    )),
    timeout = "10s"
)]
mod orders {
    #[source(
        name = "orders",
        api = "shop",
        path = "/orders/7",
        method = "POST",
        body(json(query = "{ orders { id } }", variables(first = 10, after = null))),
        data_path = "/data",
        on_response = [(status = 404, action = "skip"), (contains = "\"ok\":false", action = "fail")],
        rate_limit(requests = 100, per = "1s")
    )]
    pub struct Order {
        pub id: i64,
        pub kind: String,
    }

    #[target(type = "sqlite", path = "${OUT}", table = "orders", mode = "append")]
    #[sql("SELECT id, kind FROM orders")]
    pub struct Row {
        pub id: i64,
        pub kind: String,
    }
}

#[test]
fn an_api_in_rust_has_the_same_keys() {
    let shop = Shop::open(u64::MAX);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let variables = [
        ("SHOP", shop.address.as_str()),
        ("OUT", out.to_str().unwrap()),
        ("SHOP_SECRET", "s3cr3t"),
    ];
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let report =
        runtime.block_on(apitap::run_in(orders::PIPELINES, Environment::from_iter(variables)));
    assert!(report.is_success(), "{report}");
    assert_eq!(sqlite_file(&out, "SELECT json_array(id, kind) FROM orders"), [json!([7, "POST"])]);
    assert_eq!(shop.requests("POST /v1/orders/7"), ["POST /v1/orders/7 in rust"]);
    assert_eq!(shop.requests("POST /oauth/token").len(), 1);
}

/// Four pipelines of two APIs at one address, whose `rate_limit` is that of each API: what is asked in a second, of
/// whichever pipeline, is no more than it says.
#[test]
fn the_rate_of_an_api_is_that_of_all_its_pipelines() {
    const LIMIT: usize = 4;
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let api = Answers::serve(move |asked| {
        seen.lock().unwrap().push((asked.path.clone(), Instant::now()));
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let records: Vec<_> = (page..4).take(1).map(|id| json!({"id": id})).collect();
        Answer::json(&json!(records))
    });
    let address = api.url("");
    let mut sources = "apis:\n".to_owned();
    for name in ["one", "two"] {
        sources += &format!(
            "  - {{name: {name}, url: \"{address}/{name}\", rate_limit: {{requests: {LIMIT}, per: 1s}}}}\n"
        );
    }
    sources += "sources:";
    let mut queries = Vec::new();
    for name in ["one_a", "one_b", "two_a", "two_b"] {
        let (of, _) = name.split_once('_').unwrap();
        sources += &format!(
            "
  - name: {name}
    api: {of}
    path: /{name}
    pagination: {{kind: page_only, page_param: page}}
    schema: {{id: int64!}}"
        );
        let sql = format!("{{{{ sink() }}}} SELECT id FROM {{{{ use_source(\"{name}\") }}}}");
        queries.push((name, sql));
    }
    let queries: Vec<_> = queries.iter().map(|(name, sql)| (*name, sql.as_str())).collect();
    let report = run_well(&project(&sources, &queries));
    let times = times.lock().unwrap();
    for of in ["/one/", "/two/"] {
        let of: Vec<_> = times.iter().filter(|(path, _)| path.starts_with(of)).collect();
        assert!(of.len() >= 8, "{of:?}");
        // What was sent a second apart may come a little closer.
        for pair in of.windows(LIMIT + 1) {
            let apart = pair[LIMIT].1 - pair[0].1;
            assert!(apart >= Duration::from_millis(800), "{apart:?} for {} requests", LIMIT + 1);
        }
    }
    assert!(report["total"]["waited"].as_f64().unwrap() > 0.5, "{report}");
}
