//! An API on loopback that says the truth: records by path, in every kind of pages that it is asked
//! for, and 404 for what it does not have.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

/// A running API; it stops when this is dropped.
pub(super) struct Api {
    address: String,
    _runtime: tokio::runtime::Runtime,
}

struct Served {
    address: String,
}

impl Api {
    pub(super) fn serve() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Served { address: address.clone() });
        let router = Router::new().route("/{name}", get(answer)).with_state(served);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        });
        Self { address, _runtime: runtime }
    }

    /// `http://127.0.0.1:4711`
    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

/// The records of a collection.
fn records(name: &str) -> Option<Vec<Value>> {
    let record = |n: i64| -> Option<Value> {
        let at = format!("2026-01-{:02}T10:0{}:00Z", 1 + n, n);
        Some(match name {
            "orders" => json!({
                "id": n, "status": if n % 2 == 0 { "paid" } else { "open" },
                "amount": n * 10, "quantity": n, "placed_at": at, "customer_id": 1 + n % 3,
                "customer": {"id": 1 + n % 3, "email": format!("c{n}@example.com"),
                    "address": {"city": "Bern", "zip": "3000"}},
                "tags": ["a", "b"], "note": null,
            }),
            "customers" => {
                json!({"id": n, "name": format!("n{n}"), "country": "CH", "since": "2020-05-01"})
            }
            "events" => json!({"uuid": format!("00000000-0000-4000-8000-00000000000{n}"),
                "kind": "click", "at": at, "user": {"login": "x", "id": n}, "order": n}),
            "issues" => json!({"number": n, "title": format!("t{n}"), "state": "open",
                "labels": [{"id": n, "name": "bug"}, {"id": n + 10, "name": "ui"}],
                "created_at": at, "closed_at": null}),
            "readings" => json!({"sensor": format!("s{}", n % 2), "value": 1.5 * n as f64,
                "day": format!("2026-02-{:02}", 1 + n)}),
            "products" => json!({"sku": format!("p{n}"), "price": "9.90", "inStock": n % 2 == 0,
                "sizes": {"width": 1.0, "height": 2.0}}),
            _ => return None,
        })
    };
    (1..8).map(record).collect()
}

async fn answer(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    Query(asked): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let Some(records) = records(&name) else {
        return (StatusCode::NOT_FOUND, "there is no such collection").into_response();
    };
    if name == "customers"
        && headers.get("authorization") != Some(&HeaderValue::from_static("Bearer open-sesame"))
    {
        return (StatusCode::UNAUTHORIZED, "who asks?").into_response();
    }
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<usize>().ok());
    let page = |start: usize, count: usize| -> Vec<Value> {
        records.iter().skip(start).take(count).cloned().collect()
    };
    let many = |name: &str| number(name).unwrap_or(100).max(1);
    match name.as_str() {
        "orders" => {
            let data = page(number("offset").unwrap_or(0), many("limit"));
            json_of(&json!({"data": data, "total": records.len()}))
        }
        "events" => {
            let size = many("per_page");
            json_of(&json!(page(number("page").unwrap_or(1).saturating_sub(1) * size, size)))
        }
        "issues" => {
            let start = number("after").unwrap_or(0);
            let size = many("first");
            let more = start + size < records.len();
            let next = more.then(|| (start + size).to_string());
            json_of(&json!({"nodes": page(start, size), "page": {"next": next}}))
        }
        "readings" => {
            let (start, size) = (number("start").unwrap_or(0), 3);
            let mut response = json_of(&json!({"values": page(start, size)}));
            if start + size < records.len() {
                let link =
                    format!("<{}/readings?start={}>; rel=\"next\"", served.address, start + size);
                response.headers_mut().insert("link", HeaderValue::from_str(&link).unwrap());
            }
            response
        }
        _ => json_of(&json!(records)),
    }
}

fn json_of(value: &Value) -> Response {
    ([("content-type", "application/json")], value.to_string()).into_response()
}
