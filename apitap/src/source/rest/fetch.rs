//! A URL → its page: redirects, retries, and the checks that the answer is a whole JSON body.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use apitap_build::definition::Retry;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::header::{HeaderMap, LINK, LOCATION};
use reqwest::{Response, StatusCode};
use url::Url;

use super::body;
use super::endpoint::Endpoint;
use super::trouble::{LONGEST_WAIT, Trouble};
use crate::Error;
use crate::source::page::Page;

/// How many redirects one request follows.
const MAX_REDIRECTS: usize = 10;

/// How long to wait for the text of an error: its status says the most.
const EXCERPT_PATIENCE: Duration = Duration::from_secs(5);

/// A page, and what its answer says about the next.
pub(super) struct Answer {
    pub(super) page: Page,
    /// Where it came from in the end: what relative URLs refer to.
    pub(super) url: Url,
    /// The values of its `Link` headers.
    pub(super) links: Vec<String>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// A request that was given up.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The last answer's status, where it was no success.
    pub(super) status: Option<StatusCode>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, status: None }
    }
}

impl Endpoint {
    /// Requests a page until it is there, as often as `retry` allows; `number` counts from 1.
    pub(super) async fn fetch(self: Arc<Self>, url: Url, number: u64) -> Result<Answer, Failure> {
        let label = self.label(&url);
        let mut delays = delays(self.retry);
        let mut attempts = 1;
        loop {
            let attempt = self.attempt(&url, &label, number);
            let trouble = match tokio::time::timeout(self.timeout, attempt).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(trouble)) => trouble,
                Err(_) => self.late(),
            };
            let delay = if trouble.passing { delays.next() } else { None };
            let status = trouble.status;
            let give_up = |trouble: Trouble| Failure {
                error: trouble.into_error(&label, attempts, &self.secrets),
                status,
            };
            let Some(delay) = delay else { return Err(give_up(trouble)) };
            let delay = match trouble.wait {
                Some(wait) if wait > LONGEST_WAIT => return Err(give_up(trouble.too_long(wait))),
                Some(wait) if !wait.is_zero() => wait,
                Some(_) | None => delay,
            };
            tracing::warn!(request = %label, attempt = attempts, ?delay, "the request is repeated");
            self.fetched.retries.fetch_add(1, Relaxed);
            tokio::time::sleep(delay).await;
            attempts += 1;
        }
    }

    fn late(&self) -> Trouble {
        Trouble::passing(format!("no whole answer within {:?}", self.timeout))
            .help("raise `timeout`, or ask for fewer records per page")
    }

    async fn attempt(&self, url: &Url, label: &Arc<str>, number: u64) -> Result<Answer, Trouble> {
        let (response, url, added) = self.follow_redirects(url.clone()).await?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            let patience = (self.timeout / 2).min(EXCERPT_PATIENCE);
            let secrets = self.secrets.and(&added);
            let excerpt = tokio::time::timeout(patience, body::excerpt(response, &secrets));
            let excerpt = excerpt.await.unwrap_or_default();
            return Err(Trouble::status(status, &headers, &excerpt, self.authenticates));
        }
        let links = response.headers().get_all(LINK).iter();
        let links = links.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let links = links.collect();
        let headers = response.headers().clone();
        let html = body::is_html(&response);
        let body = body::whole(response).await?;
        if !body.is_empty() && (html || body::looks_like_html(&body)) {
            return Err(Trouble::data(
                "the API answered with an HTML page where JSON was expected",
            )
            .help("check `url`: pages for people, and for logging in, are HTML"));
        }
        let page = self.split(body, label, number)?;
        Ok(Answer { page, url, links, status, headers })
    }

    /// Sends the request and follows redirects, credentials left off where they lead elsewhere.
    async fn follow_redirects(
        &self,
        mut url: Url,
    ) -> Result<(Response, Url, Vec<String>), Trouble> {
        for _ in 0..=MAX_REDIRECTS {
            let (response, added) = self.send(url.clone()).await?;
            let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else {
                return Ok((response, url, added));
            };
            let next = std::str::from_utf8(location.as_bytes()).ok().and_then(|location| {
                url.join(location).ok().filter(|next| matches!(next.scheme(), "http" | "https"))
            });
            url = next.ok_or_else(|| {
                Trouble::lasting("the API redirects to something that is not an HTTP URL")
            })?;
        }
        Err(Trouble::lasting(format!("the API redirects more than {MAX_REDIRECTS} times"))
            .help("check `url`"))
    }

    /// A body that is not whole is passing trouble; a whole one without the records is not.
    fn split(&self, body: Bytes, label: &Arc<str>, number: u64) -> Result<Page, Trouble> {
        Page::split(Arc::clone(label), number, body.clone(), &self.data_path).map_err(|error| {
            match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
                Err(cause) => Trouble::broken_body(&cause),
                Ok(_) => Trouble::error(error),
            }
        })
    }
}

/// The waits between the attempts: doubling, with jitter, so that many sources do not come at once.
fn delays(retry: Retry) -> impl Iterator<Item = Duration> {
    let max_delay = retry.max_delay.max(retry.min_delay);
    ExponentialBuilder::new()
        .with_min_delay(retry.min_delay)
        .with_max_delay(max_delay)
        .with_max_times(retry.max_attempts.saturating_sub(1) as usize)
        .with_jitter()
        .build()
        .map(move |delay| delay.min(max_delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_their_limit() {
        let retry = Retry {
            max_attempts: 6,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(5),
        };
        let found: Vec<Duration> = delays(retry).collect();
        assert_eq!(found.len(), 5);
        let least = [1, 2, 4, 5, 5].map(Duration::from_secs);
        for (delay, least) in found.iter().zip(least) {
            assert!((least..=(2 * least).min(retry.max_delay)).contains(delay), "{found:?}");
        }
    }
}
