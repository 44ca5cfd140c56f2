//! A REST collection → pages, in order.
//!
//! ```text
//! Source → Resolved (values for ${NAME}) → Endpoint (URL, headers) → answers → Page, Page, …
//! ```
//! [`pages`] is the whole of it. An answer is fetched with retries (`fetch`), and the pagination
//! says which request comes next and when the collection has ended (`counted`, `linked`). Nothing
//! here knows what the records mean.

mod body;
mod client;
mod counted;
mod endpoint;
mod fetch;
mod link;
mod linked;
mod trouble;
mod visited;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use apitap_build::definition::{
    ApiKey, ApiKeyPlace, Auth, Basic, Pagination, Pointer, Retry, RustRole, Source,
};
use base64::Engine;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

pub use client::Client;

use super::Fetched;
use super::custom::{Prepared, RustType};
use super::page::Page;
use crate::Result;
use crate::engine::limits::Limits;
use crate::environment::{Environment, Secrets};
use counted::Counted;
use endpoint::Endpoint;
pub(super) use endpoint::set_param;
use linked::Linked;

/// A source with the environment's values in its texts; nothing was requested yet.
#[derive(Clone)]
pub struct Resolved {
    name: String,
    url: String,
    headers: Vec<(String, String)>,
    query_params: Vec<(String, String)>,
    auth: Option<Credentials>,
    data_path: Pointer,
    pagination: Pagination,
    retry: Retry,
    timeout: Duration,
    /// What is written in Rust.
    authenticate: Prepared,
    paginate: Prepared,
}

/// [`Auth`] with its values.
#[derive(Clone)]
enum Credentials {
    /// The whole value of the `Authorization` header.
    Authorization(String),
    ApiKey {
        place: ApiKeyPlace,
        name: String,
        value: String,
    },
}

impl Resolved {
    /// Whether requests can be made of it: a proper URL, and values that fit into their headers.
    ///
    /// # Errors
    /// A config error that names the source and the value's place, never the value.
    pub fn check(&self) -> Result<()> {
        endpoint::Address::new(self)?;
        self.authenticate.sign()?;
        self.paginate.follow().map(drop)
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Resolved {
    /// The name only: the rest holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Puts the environment's values into a source's texts; `types` are those of the program that it may
/// name. What is missing is in the environment's
/// [`check`](Environment::check); what cannot be requested is in [`Resolved::check`].
pub fn resolve(source: &Source, types: &[RustType], environment: &mut Environment) -> Resolved {
    let auth = source.auth.as_ref().and_then(|auth| match auth {
        Auth::Bearer(token) => {
            Some(Credentials::Authorization(format!("Bearer {}", environment.secret(token))))
        }
        Auth::Basic(Basic { username, password }) => {
            let pair = format!("{}:{}", environment.text(username), environment.secret(password));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            environment.hide(&encoded);
            Some(Credentials::Authorization(format!("Basic {encoded}")))
        }
        Auth::ApiKey(ApiKey { place, name, value }) => Some(Credentials::ApiKey {
            place: *place,
            name: name.clone(),
            value: environment.secret(value),
        }),
        Auth::Custom(_) => None,
    });
    let [authenticate, paginate] = custom(source, types, environment);
    let pairs = |pairs: &[(String, _)], environment: &mut Environment| {
        pairs.iter().map(|(name, value)| (name.clone(), environment.text(value))).collect()
    };
    Resolved {
        name: source.name.clone(),
        url: environment.text(&source.url),
        headers: pairs(&source.headers, environment),
        query_params: pairs(&source.query_params, environment),
        auth,
        data_path: source.data_path.clone(),
        pagination: source.pagination.clone(),
        retry: source.retry,
        timeout: source.timeout,
        authenticate,
        paginate,
    }
}

/// The Rust types that a source names, with their settings: how it authenticates, how it paginates.
///
/// That each is among `types` was checked before.
fn custom(source: &Source, types: &[RustType], environment: &mut Environment) -> [Prepared; 2] {
    let mut prepared = [Prepared::default(), Prepared::default()];
    for (role, custom) in source.rust_types() {
        let signs = role == RustRole::Authenticate;
        let values = custom.settings.iter().map(|(name, text)| {
            // Which of its settings is the secret one is known to the type only.
            let value = if signs { environment.secret(text) } else { environment.text(text) };
            (name.clone(), value)
        });
        let values = values.collect();
        let ty = types.iter().find(|ty| ty.path == custom.path && ty.signs() == signs);
        if let Some(ty) = ty {
            prepared[usize::from(!signs)] = Prepared::new(&source.name, *ty, values);
        }
    }
    prepared
}

/// Requests the collection page by page, in order, and ends after the first error.
///
/// Pages without records are not passed on. The first request is made when the stream is first
/// polled, on a tokio runtime; dropping the stream stops what is under way. `fetched` counts the
/// pages as they are passed on.
pub fn pages(
    client: &Client,
    source: Resolved,
    secrets: Secrets,
    fetched: Arc<Fetched>,
    limits: &Limits,
) -> BoxStream<'static, Result<Page>> {
    let pager = Pager::new(client, source, secrets, fetched, limits);
    stream::try_unfold(pager, |pager| async move {
        let mut pager = pager?;
        Ok(pager.next().await?.map(|page| (page, Ok(pager))))
    })
    .boxed()
}

/// The pages of one collection, one after the other.
enum Pager {
    /// The request for a page follows from its number.
    Counted(Counted),
    /// The request for a page follows from the answer before it.
    Linked(Linked),
}

impl Pager {
    fn new(
        client: &Client,
        source: Resolved,
        secrets: Secrets,
        fetched: Arc<Fetched>,
        limits: &Limits,
    ) -> Result<Self> {
        let pagination = source.pagination.clone();
        let endpoint = Arc::new(Endpoint::new(client, &source, secrets, fetched, limits)?);
        let custom = source.paginate.follow()?;
        Ok(match counted::Counting::new(&pagination) {
            Some(counting) => Self::Counted(Counted::new(endpoint, counting)),
            None => Self::Linked(Linked::new(endpoint, pagination, custom)),
        })
    }

    async fn next(&mut self) -> Result<Option<Page>> {
        match self {
            Self::Counted(counted) => counted.next().await,
            Self::Linked(linked) => linked.next().await,
        }
    }
}

impl Fetched {
    /// Counts a page that arrived in its turn.
    fn count(&self, page: &Page) {
        self.pages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(page.body.len() as u64, Relaxed);
        self.records.fetch_add(page.records.len() as u64, Relaxed);
    }
}

/// Whether two pages hold the very same records, and at least one.
fn same_records(one: &Page, other: &Page) -> bool {
    !one.records.is_empty() && one.texts().eq(other.texts())
}
