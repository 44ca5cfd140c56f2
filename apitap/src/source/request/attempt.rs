//! One attempt: a request is sent, redirects are followed, and the answer is read to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::answer::Answered;
use super::auth::{Again, Request};
use super::content;
use super::endpoint::{Ask, Endpoint, origin};
use super::failure::Failure;
use crate::source::pagination::Reads;

/// How many redirects one request follows.
const MAX_REDIRECTS: usize = 10;

/// How long to wait for the text of an error: its status says the most.
const EXCERPT_PATIENCE: Duration = Duration::from_secs(5);

/// What a request is for.
pub(super) struct For<'a> {
    /// How messages name it.
    pub(super) label: &'a Arc<str>,
    /// The page's number, from 1.
    pub(super) number: u64,
    /// What is read of the body besides the records.
    pub(super) reads: &'a Reads,
}

/// A request that was answered; the body is still to come.
struct Sent {
    response: Response,
    /// Where the answer comes from, redirects followed.
    url: Url,
    /// What was put on the request: never to show.
    added: Vec<String>,
    /// The generation of the credentials on it; `None` where it has none.
    generation: Option<u64>,
}

impl Endpoint {
    /// Asks once, or twice where expired credentials could be renewed.
    pub(super) async fn attempt(&self, ask: &Ask, what: &For<'_>) -> Result<Answered, Failure> {
        let sent = self.follow_redirects(ask.clone()).await?;
        let (refused, generation) = match self.outcome(ask, sent, what).await? {
            Outcome::Answered(answered) => return Ok(*answered),
            Outcome::Refused(failure, generation) => (failure, generation),
        };
        if !self.renewed(&refused, generation).await? {
            return Err(*refused);
        }
        self.fetched.retries.fetch_add(1, Relaxed);
        let sent = self.follow_redirects(ask.clone()).await?;
        match self.outcome(ask, sent, what).await? {
            Outcome::Answered(answered) => Ok(*answered),
            Outcome::Refused(failure, _) => Err(*failure),
        }
    }

    async fn outcome(&self, ask: &Ask, sent: Sent, what: &For<'_>) -> Result<Outcome, Failure> {
        let status = sent.response.status();
        let generation = sent.generation;
        match status.as_u16() {
            200 | 201 | 203 | 206 => {
                let answered = Answered::page(self, ask, sent.response, sent.url, what).await?;
                Ok(Outcome::Answered(Box::new(answered)))
            }
            204 | 205 => {
                let answered = Answered::empty(ask, &sent.response, sent.url, what);
                Ok(Outcome::Answered(Box::new(answered)))
            }
            _ => {
                let failure = Box::new(self.failure(ask, sent, what).await);
                match generation.filter(|_| status == StatusCode::UNAUTHORIZED) {
                    Some(generation) => Ok(Outcome::Refused(failure, generation)),
                    None => Err(*failure),
                }
            }
        }
    }

    /// What an answer without a page means.
    async fn failure(&self, ask: &Ask, sent: Sent, what: &For<'_>) -> Failure {
        let mut answered = Answered::empty(ask, &sent.response, sent.url, what);
        let patience = (self.timeout / 2).min(EXCERPT_PATIENCE);
        let start = tokio::time::timeout(patience, content::start(sent.response)).await;
        answered.start = start.unwrap_or_default();
        // Masked before it is cut: a cut through a secret would show the half of it.
        let excerpt = content::excerpt(&answered.start, &self.secrets.and(&sent.added));
        Failure::status(answered, &excerpt, self.target.authenticates)
    }

    /// Whether there are new credentials in place of those that were refused.
    async fn renewed(&self, failure: &Failure, generation: u64) -> Result<bool, Failure> {
        let (Some(signer), Some(answered)) = (&self.target.signer, &failure.answered) else {
            return Ok(false);
        };
        let answer = answered.view(false, &self.secrets);
        let again = signer.refused(generation, &answer).await.map_err(Failure::of_rust)?;
        Ok(again == Again::Yes)
    }

    /// Sends the request and follows redirects, credentials left off where they lead elsewhere.
    async fn follow_redirects(&self, mut ask: Ask) -> Result<Sent, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let sent = self.send(&ask).await?;
            let status = sent.response.status().as_u16();
            let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
            let Some(location) = sent.response.headers().get(LOCATION).filter(|_| redirects) else {
                return Ok(sent);
            };
            let location = std::str::from_utf8(location.as_bytes()).ok();
            let url = location.and_then(|location| ask.url.join(location).ok());
            ask = self.redirected(ask, url, status)?;
        }
        Err(Failure::lasting(format!("the API redirects more than {MAX_REDIRECTS} times"))
            .help("check `url`"))
    }

    /// The request that a redirect leads to.
    fn redirected(&self, ask: Ask, url: Option<Url>, status: u16) -> Result<Ask, Failure> {
        let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
            let message = "the API redirects to something that is not an HTTP URL";
            return Err(Failure::lasting(message));
        };
        if ask.url.scheme() == "https" && url.scheme() == "http" {
            let to = origin(&url);
            return Err(Failure::lasting(format!("the API redirects from https to `{to}`")).help(
                "what is sent and answered there can be read and changed on the way: if it \
                       has to be, set `url` to it",
            ));
        }
        let keeps = matches!(status, 307 | 308) || ask.method == Method::GET;
        if !keeps {
            return Ok(Ask { method: Method::GET, url, body: None });
        }
        if ask.body.is_some() && !self.target.owns(&url) {
            let to = origin(&url);
            return Err(Failure::lasting(format!(
                "the API redirects the request's body to `{to}`"
            ))
            .help(format!(
                "a body is sent to the source's own server only: if `{to}` is right, \
                               set `url` to it"
            )));
        }
        Ok(Ask { url, ..ask })
    }

    async fn send(&self, ask: &Ask) -> Result<Sent, Failure> {
        let mut request = Request::new(self.request(ask));
        let signer = self.target.signer.as_ref().filter(|_| self.target.owns(&ask.url));
        let generation = match signer {
            Some(signer) => Some(signer.apply(&mut request).await.map_err(Failure::of_rust)?),
            None => None,
        };
        let (request, added) = request.into_parts();
        let sent = self.client.execute(request).await;
        let response = sent.map_err(|error| Failure::transport(&error))?;
        self.reached.store(true, Relaxed);
        Ok(Sent { response, url: ask.url.clone(), added, generation })
    }
}

enum Outcome {
    Answered(Box<Answered>),
    /// 401, and credentials of this generation were on the request.
    Refused(Box<Failure>, u64),
}

#[cfg(test)]
mod tests;
