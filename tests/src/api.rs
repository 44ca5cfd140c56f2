//! A REST API on loopback: serves collections over HTTP, and remembers what it was asked.

mod answer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;

use crate::collection::Collection;
use crate::loopback::Loopback;
use answer::{Served, router};

/// One request that an [`Api`] got.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The query as it was sent, without `?`; empty where there was none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The page that was asked for, from 1; `None` where the request is not one for a page.
    pub page: Option<u64>,
}

/// A running API. It has a thread of its own, and stops when this is dropped.
#[derive(Debug)]
pub struct Api {
    server: Loopback,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    collections: BTreeMap<&'static str, Arc<Served>>,
    requests: Mutex<Vec<Request>>,
}

impl Shared {
    /// How many requests have come for a path.
    fn asked(&self, path: &str) -> usize {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.path == path).count()
    }
}

impl Api {
    /// Serves one collection, at [`Api::url`].
    pub fn serve(collection: impl Into<Collection>) -> Self {
        Self::serve_all([("/records", collection.into())])
    }

    /// Serves several collections, each at its path.
    pub fn serve_all(collections: impl IntoIterator<Item = (&'static str, Collection)>) -> Self {
        let collections = collections
            .into_iter()
            .map(|(path, collection)| (path, Arc::new(Served::from(collection))))
            .collect();
        let shared = Arc::new(Shared { collections, requests: Mutex::default() });
        let server = Loopback::serve(router(shared.clone()));
        Self { server, shared }
    }

    /// The address of the only collection.
    pub fn url(&self) -> String {
        let mut paths = self.shared.collections.keys();
        match (paths.next(), paths.next()) {
            (Some(path), None) => self.url_of(path),
            _ => panic!("`url` is that of the only collection; `url_of` takes a path"),
        }
    }

    /// The address of a path.
    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The pages that were asked for so far, in order, each as often as it was.
    pub fn pages(&self) -> Vec<u64> {
        self.requests().iter().filter_map(|request| request.page).collect()
    }
}

#[cfg(test)]
mod tests;
