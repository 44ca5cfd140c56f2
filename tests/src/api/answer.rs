//! A request → its answer, with the faults that are due.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LINK, RETRY_AFTER};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tower_http::compression::CompressionLayer;

use super::{Request, Shared};
use crate::collection::{Asked, Collection};
use crate::faults::Fault;

/// How many records are written at once: a page of more is streamed, without `Content-Length`.
const AT_ONCE: u64 = 1_000;

/// A collection, and how often it was asked.
#[derive(Debug)]
pub(super) struct Served {
    collection: Collection,
    requests: AtomicU64,
}

impl From<Collection> for Served {
    fn from(collection: Collection) -> Self {
        Self { collection, requests: AtomicU64::new(0) }
    }
}

/// Marks an answer whose collection compresses.
#[derive(Debug, Clone, Copy)]
struct Compressed;

/// Answers every request out of the collections.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let wanted = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Compressed>().is_some()
    };
    Router::new()
        .fallback(answer)
        .layer(CompressionLayer::new().compress_when(wanted))
        // Outside of the compression: a connection breaks where it likes.
        .layer(map_response(break_body))
        .with_state(shared)
}

/// Everything about an answer but what [`break_body`] does to it.
async fn answer(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    let (request, _) = request.into_parts();
    let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
    let served = shared.collections.get(path);
    let asked = served.map(|served| served.collection.asked(query));
    let page = asked.as_ref().and_then(|asked| asked.as_ref().ok()).map(|asked| asked.page());
    shared.requests.lock().unwrap().push(Request {
        method: request.method.to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: request.headers.clone(),
        page,
    });
    let (Some(served), Some(asked)) = (served, asked) else {
        return (StatusCode::NOT_FOUND, format!("nothing at {path}")).into_response();
    };
    if request.method != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, "only GET").into_response();
    }
    let Served { collection, requests } = served.as_ref();
    let number = 1 + requests.fetch_add(1, Ordering::SeqCst);
    let header = |name: &str| request.headers.get(name).map(HeaderValue::as_bytes);
    if collection.required.iter().any(|(name, value)| header(name) != Some(value.as_bytes())) {
        return (StatusCode::UNAUTHORIZED, "who are you?").into_response();
    }
    tokio::time::sleep(collection.latency).await;
    if let Some((path, count)) = collection.after {
        while shared.asked(path) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let fault = collection.faults.due(number, page);
    if let Some(answer) = instead(fault).await {
        return answer;
    }
    let asked = match (asked, fault) {
        (Ok(asked), Some(Fault::Page(page))) => asked.instead(*page),
        (Ok(asked), _) => asked,
        (Err(reason), _) => return (StatusCode::BAD_REQUEST, reason).into_response(),
    };
    let host = header(HOST.as_str()).unwrap_or_default();
    let url = format!("http://{}{path}", String::from_utf8_lossy(host));
    page_of(served, asked, &url, query, fault)
}

/// What is answered in place of a page, whatever was asked.
async fn instead(fault: Option<&Fault>) -> Option<Response> {
    let status = |code: u16| StatusCode::from_u16(code).expect("a fault's status is one of HTTP");
    Some(match fault? {
        Fault::Status(code) => (status(*code), format!("{code}, on purpose")).into_response(),
        Fault::RetryAfter(code, after) => {
            (status(*code), [(RETRY_AFTER, after.clone())], "later").into_response()
        }
        Fault::Body(kind, text) => ([(CONTENT_TYPE, *kind)], text.clone()).into_response(),
        Fault::Hang => std::future::pending().await,
        _ => return None,
    })
}

/// A page: whole, or streamed where it is a large one.
fn page_of(
    served: &Arc<Served>,
    asked: Asked,
    url: &str,
    query: &str,
    fault: Option<&Fault>,
) -> Response {
    let collection = &served.collection;
    let next = collection.next(asked, fault);
    let envelope = collection.envelope(asked, url, query, next);
    let end = (asked.start + asked.size).min(collection.records.count());
    let body = if end.saturating_sub(asked.start) <= AT_ONCE {
        let records = collection.write(asked.start, end, asked.start, fault);
        let text = [envelope.before.as_bytes(), &records, envelope.after.as_bytes()].concat();
        Body::from(text)
    } else {
        let (served, fault) = (served.clone(), fault.cloned());
        let starts = (asked.start..end).step_by(AT_ONCE as usize);
        let records = starts.map(move |start| {
            let stop = (start + AT_ONCE).min(end);
            Bytes::from(served.collection.write(start, stop, asked.start, fault.as_ref()))
        });
        let before = std::iter::once(Bytes::from(envelope.before));
        let chunks = before.chain(records).chain(std::iter::once(Bytes::from(envelope.after)));
        Body::from_stream(stream::iter(chunks.map(Ok::<_, Infallible>)))
    };
    let kind = match fault {
        Some(Fault::ContentType(kind)) => kind,
        _ => "application/json",
    };
    let mut answer = ([(CONTENT_TYPE, kind)], body).into_response();
    if let Some(link) = collection.link(asked, url, query, next) {
        let link = HeaderValue::try_from(link).expect("a link is ASCII");
        answer.headers_mut().insert(LINK, link);
    }
    if collection.compressed {
        answer.extensions_mut().insert(Compressed);
    }
    if let Some(fault) = fault {
        answer.extensions_mut().insert(fault.clone());
    }
    answer
}

/// Halves the body, where the fault says so.
async fn break_body(answer: Response) -> Response {
    let Some(fault) = answer.extensions().get::<Fault>().cloned() else { return answer };
    let cut = matches!(fault, Fault::CutLength | Fault::CutChunked | Fault::CutBody);
    if !cut && !matches!(fault, Fault::HangInBody) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let whole = to_bytes(body, usize::MAX).await.expect("our own body is whole");
    let half = whole.slice(..whole.len() / 2);
    head.headers.remove(CONTENT_LENGTH);
    if let Fault::CutBody = fault {
        return Response::from_parts(head, half.into());
    }
    if let Fault::CutLength = fault {
        head.headers.insert(CONTENT_LENGTH, whole.len().into());
    }
    let rest = stream::once(async move {
        if !cut {
            std::future::pending::<()>().await;
        }
        // What was sent has to arrive before the connection breaks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::new(io::ErrorKind::BrokenPipe, "broken on purpose"))
    });
    let chunks = stream::once(async move { Ok(half) }).chain(rest);
    Response::from_parts(head, Body::from_stream(chunks))
}
