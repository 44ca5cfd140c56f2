//! APIs modelled on well-known public ones, from their documentation: how each pages, where its records
//! are, and what it says at the end. Served on loopback, with faults that pass.
//!
//! Each serves the same made-up items in its own form. [`Model::keys`] is how a source reads it, and
//! [`Model::select`] brings the items back, so that what has been loaded can be held against what was
//! served.

mod exports;
mod linked;
mod numbered;
mod posted;
mod recipes;
mod tokens;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use url::form_urlencoded;

use crate::loopback::Loopback;
pub use recipes::{Recipe, recipes};

/// One thing that all of them serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// From 1.
    pub id: u64,
    /// Text that has to be escaped in one place or another.
    pub title: String,
    /// Not there for some.
    pub note: Option<String>,
}

/// The items of an API, in order.
pub fn items(count: u64) -> Vec<Item> {
    let note = |id: u64| (!id.is_multiple_of(3)).then(|| format!("note, \"{id}\"\nof {}", id % 7));
    let item = |id| Item { id, title: format!("Äpfel & <{id}> 'x' \\"), note: note(id) };
    (1..=count).map(item).collect()
}

/// An API, as its documentation describes it.
#[derive(Clone, Copy)]
pub struct Model {
    /// Its name, and that of its table.
    pub name: &'static str,
    /// Where its collection is; what stands before an expression is what all of its paths begin with.
    pub path: &'static str,
    /// The keys of a source that reads it, as lines of YAML; `HOST` stands for its origin.
    keys: &'static str,
    /// What a query selects for the columns `id`, `title` and `note`.
    pub select: &'static str,
    /// How it says that something went wrong, where it does not with a status.
    refuses: Option<&'static str>,
    /// Answers a request.
    answer: fn(&Call<'_>) -> Reply,
}

/// What a server needs of an API.
#[derive(Clone, Copy)]
pub struct Served {
    /// What the paths of its requests begin with.
    path: &'static str,
    refuses: Option<&'static str>,
    answer: fn(&Call<'_>) -> Reply,
}

impl From<Model> for Served {
    fn from(Model { path, refuses, answer, .. }: Model) -> Self {
        let path = path.split_once("/{").map_or(path, |(begin, _)| begin);
        Self { path, refuses, answer }
    }
}

impl Model {
    /// The keys of a source that reads it from `https://api.example.com` or another origin.
    pub fn keys(&self, origin: &str) -> Vec<String> {
        let keys = self.keys.trim().replace("HOST", origin);
        keys.lines().map(|line| format!("    {line}")).collect()
    }

    /// The `id` of an item as its column has it.
    pub fn id(&self, item: &Item) -> Value {
        match self.keys.to_lowercase().contains("id: string!") {
            true => text_id(item.id).into(),
            false => item.id.into(),
        }
    }
}

/// All of them.
pub fn models() -> Vec<Model> {
    let all = [linked::MODELS, numbered::MODELS, exports::MODELS, posted::MODELS, tokens::MODELS];
    all.concat()
}

/// A key that is text, and sorts as the number does.
fn text_id(id: u64) -> String {
    format!("id_{id:06}")
}

/// A request, taken apart.
struct Call<'a> {
    query: BTreeMap<String, String>,
    headers: &'a HeaderMap,
    path: &'a str,
    body: &'a [u8],
    items: &'a [Item],
    memory: &'a Mutex<Memory>,
}

/// What APIs keep in mind between requests, by their names.
#[derive(Debug, Default)]
struct Memory {
    tokens: BTreeMap<String, tokens::Given>,
    /// How often a job was asked for.
    polls: BTreeMap<String, usize>,
}

impl Call<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.param(name).map_or(default, |text| text.parse().expect("a number"))
    }

    /// `http://127.0.0.1:port`.
    fn origin(&self) -> String {
        format!("http://{}", self.headers[HOST].to_str().expect("ASCII"))
    }

    /// The body of the request; null where there is none.
    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    fn has(&self, header: &str, value: &str) -> bool {
        self.headers.get(header).is_some_and(|found| found == value)
    }

    /// So many items from an index on, in the form of the API; and whether more follow.
    fn page(&self, start: usize, size: usize, form: fn(&Item) -> Value) -> (Vec<Value>, bool) {
        let items = self.items.iter().skip(start).take(size).map(form).collect();
        (items, start + size < self.items.len())
    }
}

/// An answer.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Whether the request comes as often as it likes, as one for a token does.
    is_repeated: bool,
}

impl Reply {
    fn json(body: &Value) -> Self {
        Self::bytes("application/json", body.to_string())
    }

    fn bytes(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status: 200, headers, body: body.into(), is_repeated: false }
    }

    fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"{}".to_vec(), is_repeated: false }
    }

    fn repeated(self) -> Self {
        Self { is_repeated: true, ..self }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// What goes wrong with a request before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// 429, with a `Retry-After`.
    TooMany,
    /// 500, or what the API says in place of it.
    Broken,
    /// The connection breaks in the middle of the body.
    Cut,
}

/// The faults of the requests that are new, in turn; each is well at last.
const FAULTS: [&[Wrong]; 6] =
    [&[], &[Wrong::TooMany], &[Wrong::Broken], &[], &[Wrong::Cut], &[Wrong::Cut, Wrong::TooMany]];

/// A server of one API, or of several.
#[derive(Debug)]
pub struct Public {
    server: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    apis: Vec<Served>,
    items: Vec<Item>,
    faults: bool,
    latency: Duration,
    requests: Mutex<BTreeMap<String, Seen>>,
    memory: Mutex<Memory>,
}

/// A request that has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often it has come.
    pub came: usize,
    /// How often it was answered well.
    pub well: usize,
    /// Whether that may be more than once, as of a question for a token.
    pub is_repeated: bool,
    /// How many others came before it.
    turn: usize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Public {
    /// Serves these items in the form of each API, with faults or without.
    pub fn serve<S: Into<Served>>(
        apis: impl IntoIterator<Item = S>,
        items: Vec<Item>,
        faults: bool,
        latency: Duration,
    ) -> Self {
        let apis = apis.into_iter().map(Into::into).chain([tokens::SERVER]).collect();
        let (requests, memory) = Default::default();
        let shared = Arc::new(Shared { apis, items, faults, latency, requests, memory });
        let server =
            Loopback::serve(Router::new().fallback(answer).with_state(Arc::clone(&shared)));
        Self { server, shared }
    }

    /// The source that reads an API, as an entry of `sources`.
    pub fn source(&self, model: &Model) -> String {
        let origin = self.origin();
        let lines = model.keys(&origin).join("\n");
        format!(
            "  - name: {}\n    url: \"{origin}{}\"\n{lines}\n    \
             retry: {{max_attempts: 8, min_delay_secs: 0.01, max_delay_secs: 0.05}}\n",
            model.name, model.path
        )
    }

    /// `http://127.0.0.1:port`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Each request that was made.
    pub fn requests(&self) -> BTreeMap<String, Seen> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let named = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
    tokio::time::sleep(shared.latency).await;
    let Some(api) = shared.apis.iter().find(|api| uri.path().starts_with(api.path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let wrong = {
        let mut requests = shared.requests.lock().unwrap();
        let new = requests.len();
        let seen = requests.entry(named.clone()).or_insert(Seen { turn: new, ..Seen::default() });
        let faults = if shared.faults { FAULTS[seen.turn % FAULTS.len()] } else { &[] };
        let fault = faults.get(seen.came).copied();
        seen.came += 1;
        fault
    };
    match wrong {
        Some(Wrong::TooMany) => {
            return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "0.02")]).into_response();
        }
        Some(Wrong::Broken) => {
            return match api.refuses {
                Some(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            };
        }
        Some(Wrong::Cut) | None => {}
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let (items, memory) = (&shared.items, &shared.memory);
    let call = Call { query, headers: &headers, path: uri.path(), body: &body, items, memory };
    let reply = (api.answer)(&call);
    if let Some(seen) = shared.requests.lock().unwrap().get_mut(&named) {
        seen.well += usize::from(wrong.is_none() && reply.status < 400);
        seen.is_repeated |= reply.is_repeated;
    }
    let whole = Bytes::from(reply.body);
    let body = match wrong {
        Some(Wrong::Cut) => cut(&whole),
        _ => Body::from(whole.clone()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        let value = HeaderValue::from_str(&value).expect("visible ASCII");
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
    response.headers_mut().insert(CONTENT_LENGTH, whole.len().into());
    response
}

/// Half of a body, and then the connection breaks.
fn cut(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    let rest = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::Error::new(std::io::ErrorKind::BrokenPipe, "broken on purpose"))
    });
    Body::from_stream(stream::once(async move { Ok(half) }).chain(rest))
}
