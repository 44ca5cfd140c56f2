//! Tokens that are requested, kept and renewed: what `oauth2` and `login` share.
//!
//! ```text
//! Issuer (one request) → Issued (token, how long it lasts) → a header of every request until it ends
//! ```
//! However many requests need a token, one asks for it, and the others wait for what it gets: the
//! token, or the error.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use reqwest::header::HeaderName;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Again, Authenticator, Request};
use crate::environment::Secrets;
use crate::source::answer::Answer;
use crate::source::request::client::{Client, TlsFiles};
use crate::source::request::content;
use crate::source::request::failure::Failure;
use crate::source::request::shown::label;
use crate::{Error, ErrorKind, Result};

/// How long a request for a token may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer to a request for a token.
const MOST: usize = 1 << 20;

/// How long before its end a token is renewed, at most: what is under way then still arrives.
const MARGIN: Duration = Duration::from_secs(60);

/// Where tokens come from.
pub(super) trait Issuer: Send + Sync + 'static {
    /// Requests a token.
    fn issue(&self) -> impl Future<Output = Result<Issued>> + Send;
}

/// A token that has been requested.
pub(super) struct Issued {
    pub(super) token: String,
    /// How long it is good for, where the server says it.
    pub(super) lasts: Option<Duration>,
}

/// Puts a token into a header, requests it where there is none, and another one before it ends.
pub(super) struct Tokens<I> {
    shared: Arc<Shared<I>>,
    header: HeaderName,
    /// What stands before the token, with the space between.
    before: String,
}

struct Shared<I> {
    issuer: I,
    /// How many requests for a token have ended.
    ended: AtomicU64,
    held: Arc<Mutex<Held>>,
}

/// What the last request for a token came to.
enum Held {
    Nothing,
    Token { token: String, ends: Option<Instant> },
    Failed(Error),
}

impl<I: Issuer> Tokens<I> {
    pub(super) fn new(issuer: I, header: HeaderName, scheme: &str) -> Self {
        let held = Arc::new(Mutex::new(Held::Nothing));
        let before = if scheme.is_empty() { String::new() } else { format!("{scheme} ") };
        Self { shared: Arc::new(Shared { issuer, ended: AtomicU64::new(0), held }), header, before }
    }

    /// The token, requested where there is none that is good for long enough.
    async fn token(&self) -> Result<String> {
        let ended = self.shared.ended.load(Relaxed);
        let held = Arc::clone(&self.shared.held).lock_owned().await;
        match &*held {
            Held::Token { token, ends } if ends.is_none_or(|ends| Instant::now() < ends) => {
                return Ok(token.clone());
            }
            // It failed while this one waited for it.
            Held::Failed(error) if self.shared.ended.load(Relaxed) != ended => {
                return Err(error.clone());
            }
            Held::Nothing | Held::Token { .. } | Held::Failed(_) => {}
        }
        self.request(held).await
    }

    /// Requests one in a task of its own: who waits for it may be dropped, and a refresh token that
    /// has been used must not be lost with it.
    async fn request(&self, mut held: OwnedMutexGuard<Held>) -> Result<String> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let issued = shared.issuer.issue().await;
            let token = issued.as_ref().map(|issued| issued.token.clone()).map_err(Error::clone);
            *held = match issued {
                Ok(Issued { token, lasts }) => Held::Token { token, ends: lasts.map(ends) },
                Err(error) => Held::Failed(error),
            };
            shared.ended.fetch_add(1, Relaxed);
            token
        });
        let broken = |_| Error::new(ErrorKind::Interrupted, "the request for a token was stopped");
        task.await.map_err(broken)?
    }
}

/// When a token that lasts so long is renewed.
fn ends(lasts: Duration) -> Instant {
    Instant::now() + lasts.saturating_sub(MARGIN.min(lasts / 10))
}

impl<I: Issuer> Authenticator for Tokens<I> {
    async fn apply(&self, request: &mut Request) -> Result<()> {
        let token = self.token().await?;
        request.set_header(self.header.as_str(), &format!("{}{token}", self.before))
    }

    /// The next request asks for another one.
    async fn refused(&self, _: &Answer<'_>) -> Result<Again> {
        *self.shared.held.lock().await = Held::Nothing;
        Ok(Again::Yes)
    }
}

/// What came of a request for a token.
pub(super) struct Answered {
    pub(super) status: u16,
    /// The body; null where it is not JSON.
    pub(super) json: Value,
    /// The request, as messages name it.
    pub(super) label: Arc<str>,
    /// The begin of the body, as messages show it.
    pub(super) excerpt: String,
}

/// Sends a request for a token. Redirects are not followed: credentials are in it.
///
/// # Errors
/// There is no whole answer within a minute.
pub(super) async fn ask(
    request: reqwest::Request,
    tls: Option<&TlsFiles>,
    hidden: &[String],
) -> Result<Answered> {
    let secrets = Secrets::default().and(hidden);
    let label = label(request.method(), request.url(), None, &secrets);
    let answer = async {
        let sent = Client::of(tls).map_err(Failure::error)?.execute(request).await;
        let response = sent.map_err(|error| Failure::transport(&error))?;
        let status = response.status().as_u16();
        Ok((status, content::whole(response, MOST).await?))
    };
    let answer = tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
        Err(Failure::passing(format!("no whole answer within {} s", TIMEOUT.as_secs())))
    });
    let (status, body) =
        answer.map_err(|failure: Failure| failure.in_setup().give_up(&label, 1, &secrets).error)?;
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Answered { status, json, label, excerpt: content::excerpt(&body, &secrets) })
}

impl Answered {
    /// Whether there may be a token in it.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The error of an answer without a token. It may pass where the server is at fault, or limits
    /// how often it is asked.
    pub(super) fn error(&self, what: &str) -> Error {
        // A success may hold a token elsewhere; one with an error does not.
        let shows = !self.is_success() || self.json.get("error").is_some();
        let said = match self.excerpt.as_str() {
            excerpt if shows && !excerpt.is_empty() => format!(": {excerpt}"),
            _ => String::new(),
        };
        let message = match self.is_success() {
            true => format!("{what} was answered without a token{said}"),
            false => format!("{what} was answered `{}`{said}", self.status),
        };
        let error = match self.status {
            408 | 425 | 429 | 500..=599 => Error::request(message),
            _ => Error::config(message),
        };
        error.in_request(&self.label)
    }
}
