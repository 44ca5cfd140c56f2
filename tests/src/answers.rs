//! An API on loopback that answers each request as a test says, and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;
use url::form_urlencoded;

use crate::loopback::Loopback;

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// The parameters; of several of one name, the last.
    pub query: BTreeMap<String, String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How many requests came before it.
    pub before: usize,
    /// How many requests for the same path came before it.
    pub before_here: usize,
}

impl Asked {
    /// A parameter; `None` where it was not sent.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A header; empty where it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    delay: Duration,
}

impl Answer {
    /// 200, with JSON.
    pub fn json(body: &Value) -> Self {
        Self::bytes(body.to_string()).header("content-type", "application/json")
    }

    /// 200, with these bytes.
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), delay: Duration::ZERO }
    }

    /// This status, and nothing else.
    pub fn status(status: u16) -> Self {
        Self::bytes("").with_status(status)
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with a header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same after a while.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// A running API. It has a thread of its own, and stops when this is dropped.
pub struct Answers {
    server: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<dyn Fn(&Asked) -> Answer + Send + Sync>,
    asked: Mutex<Vec<Asked>>,
}

impl Answers {
    /// Answers as the function says.
    pub fn serve(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { answer: Box::new(answer), asked: Mutex::default() });
        let server =
            Loopback::serve(Router::new().fallback(respond).with_state(Arc::clone(&shared)));
        Self { server, shared }
    }

    /// `http://127.0.0.1:PORT/PATH`
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// What it was asked so far, in that order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Method, path and query of each request, in the order in which they came.
    pub fn targets(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let asked = {
        let mut all = shared.asked.lock().unwrap();
        let path = uri.path().to_owned();
        let before_here = all.iter().filter(|asked| asked.path == path).count();
        let (method, target) = (method.to_string(), uri.to_string());
        let before = all.len();
        let asked = Asked { method, path, target, query, headers, body, before, before_here };
        all.push(asked.clone());
        asked
    };
    let answer = (shared.answer)(&asked);
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    for (name, value) in answer.headers {
        let value = HeaderValue::from_str(&value).expect("visible ASCII");
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
    response
}

/// A gzip file.
pub fn gzip(text: &str) -> Vec<u8> {
    use tokio::io::AsyncWriteExt as _;

    futures::executor::block_on(async {
        let mut file = async_compression::tokio::write::GzipEncoder::new(Vec::new());
        file.write_all(text.as_bytes()).await.expect("memory");
        file.shutdown().await.expect("memory");
        file.into_inner()
    })
}
