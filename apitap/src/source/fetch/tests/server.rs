//! A server that answers as a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use tokio::net::TcpListener;

use crate::source::task::Task;

/// What the server was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// How many requests came before it.
    pub(super) before: usize,
}

impl Request {
    /// A query parameter; empty where there is none.
    pub(super) fn param(&self, name: &str) -> String {
        let query = self.uri.query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// A query parameter that is a number; 0 where there is none.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.param(name).parse().unwrap_or_default()
    }

    /// A field of the form that it sends; empty where there is none.
    pub(super) fn field(&self, name: &str) -> String {
        let mut pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server answers.
#[derive(Clone)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    delay: Duration,
}

impl Reply {
    pub(super) fn json(body: impl Into<String>) -> Self {
        let reply = Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.into(),
            delay: Duration::ZERO,
        };
        reply.header("content-type", "application/json")
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), ..Self::json("") }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), ..self }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref()).unwrap();
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    pub(super) fn redirect(location: impl AsRef<str>) -> Self {
        Self::status(302).header("location", location)
    }

    pub(super) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// Lives as long as the test holds it.
pub(super) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    _task: Task<()>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(answer, |router| router).await
    }

    /// With layers of the caller's around it.
    pub(super) async fn with(
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        layers: impl FnOnce(Router) -> Router,
    ) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        let router = Router::new().fallback(
            move |method: Method, uri: Uri, headers: HeaderMap, body: String| {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                async move {
                    let request = {
                        let mut seen = seen.lock().unwrap();
                        let request = Request { method, uri, headers, body, before: seen.len() };
                        seen.push(request.clone());
                        request
                    };
                    let reply = answer(&request);
                    tokio::time::sleep(reply.delay).await;
                    let mut response = Response::new(Body::from(reply.body));
                    *response.status_mut() = reply.status;
                    response.headers_mut().extend(reply.headers);
                    response
                }
            },
        );
        let router = layers(router);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _task = Task::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, requests, _task }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests for a path.
    pub(super) fn requests_of(&self, path: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.uri.path() == path).collect()
    }

    /// Path and query of each request, in the order of their arrival.
    pub(super) fn targets(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.uri.to_string()).collect()
    }
}
