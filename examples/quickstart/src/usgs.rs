//! The earthquake catalogue of the U.S. Geological Survey on loopback, from a recording.
//!
//! Answers `GET /fdsnws/event/1/query` by the rules of the live API, down to its quirks: offsets
//! count from 1, nothing found is a 204 without a body, a mistake is a 400 with a text. Its clock
//! stands at the moment of the recording.

mod catalogue;
mod query;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use catalogue::Catalogue;
use query::Query;

/// Where the live API answers queries, after its host.
pub const PATH: &str = "/fdsnws/event/1/query";

/// The running API. It has a thread of its own, and stops when this is dropped.
#[derive(Debug)]
pub struct Usgs {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Usgs {
    /// Serves the recording on a free port of loopback.
    pub fn serve() -> io::Result<Self> {
        let router = router(Arc::new(Catalogue::recorded()?));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        // Not `block_on`: the caller may be on a runtime of its own.
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _runtime = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// The address of the whole, as `https://earthquake.usgs.gov` is that of the live one.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Usgs {
    fn drop(&mut self) {
        // In the background: waiting is not allowed where the caller is on a runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn router(catalogue: Arc<Catalogue>) -> Router {
    Router::new().route(PATH, get(answer)).with_state(catalogue)
}

async fn answer(
    State(catalogue): State<Arc<Catalogue>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let parsed = match Query::parse(&query, catalogue.recorded_at) {
        Ok(parsed) => parsed,
        Err(reason) => return refusal(&reason, &query, &catalogue.version),
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match catalogue.answer(&parsed, &format!("http://{host}{PATH}?{query}")) {
        Ok(Some(json)) => {
            ([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response()
        }
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A 400 as the live API answers.
fn refusal(reason: &str, query: &str, version: &str) -> Response {
    let text = format!(
        "Error 400: Bad Request\n\n{reason}\n\n\
         Usage details are available from https://earthquake.usgs.gov/fdsnws/event/1\n\n\
         Request:\n{PATH}?{query}\n\nService version:\n{version}\n"
    );
    (StatusCode::BAD_REQUEST, text).into_response()
}

#[cfg(test)]
mod tests;
