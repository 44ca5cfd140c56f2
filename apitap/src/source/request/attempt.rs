//! One attempt: a request is sent, redirects are followed, and the answer is read to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::answer::Answered;
use super::auth::{Renewal, Request};
use super::content::{self, Chunks};
use super::endpoint::{Ask, Endpoint, names_inside, origin};
use super::failure::Failure;
use super::on_response::{self, Seen, Watched};
use super::rate_limit::Turn;
use super::retry::{LONGEST_WAIT, retry_after};
use crate::definition::Action;
use crate::source::body::{self, Layout, Value, Wanted};
use crate::source::pagination::Reads;

/// How many redirects one request follows.
const MAX_REDIRECTS: usize = 10;

/// How long to wait for the text of an error: its status says the most.
const EXCERPT_PATIENCE: Duration = Duration::from_secs(5);

/// The shortest secret that is looked for within a text.
const SHORTEST_SECRET: usize = 4;

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
    /// Asks once, a second time where expired credentials could be renewed, and a third time where others have
    /// taken their place by then: many requests at once may use up what one of them has renewed.
    pub(super) async fn attempt(
        &self,
        ask: &Ask,
        what: &For<'_>,
        turn: Turn,
    ) -> Result<Answered, Failure> {
        let refused = match self.once(ask, what, turn).await? {
            Outcome::Answered(answered) => return Ok(*answered),
            Outcome::Refused(refused) => refused,
        };
        let renewal = self.renewed(&refused).await?;
        if renewal == Renewal::None {
            return Err(*refused.failure);
        }
        let refused = match self.again(ask, what).await? {
            Outcome::Answered(answered) => return Ok(*answered),
            Outcome::Refused(refused) => refused,
        };
        let may_be_asked = match renewal {
            // Those of another request may have ended before this one had its turn.
            Renewal::Others => self.renewed(&refused).await? != Renewal::None,
            // They have been good: others have used them up.
            Renewal::Own if self.were_good(&refused) => {
                self.renewed(&refused).await? != Renewal::None
            }
            // They were new: others have to be there already.
            Renewal::Own | Renewal::None => self.has_others(ask, &refused).await?,
        };
        if !may_be_asked {
            return Err(*refused.failure);
        }
        match self.again(ask, what).await? {
            Outcome::Answered(answered) => Ok(*answered),
            Outcome::Refused(refused) => Err(*refused.failure),
        }
    }

    async fn once(&self, ask: &Ask, what: &For<'_>, turn: Turn) -> Result<Outcome, Failure> {
        let sent = self.follow_redirects(ask.clone(), turn).await?;
        let generation = sent.generation;
        let outcome = self.outcome(ask, sent, what).await?;
        if let (Outcome::Answered(_), Some(signer), Some(generation)) =
            (&outcome, &self.target.signer, generation)
        {
            signer.took(generation);
        }
        Ok(outcome)
    }

    /// The same for a request that was refused.
    async fn again(&self, ask: &Ask, what: &For<'_>) -> Result<Outcome, Failure> {
        self.fetched.retries.fetch_add(1, Relaxed);
        let turn = self.turn(what.label).await?;
        self.once(ask, what, turn).await
    }

    async fn outcome(&self, ask: &Ask, sent: Sent, what: &For<'_>) -> Result<Outcome, Failure> {
        let Sent { response, url, added, generation } = sent;
        let answered = Answered::empty(ask, &response, url, what);
        let status = answered.status();
        let mut text = self.text(response, status).await;
        let mut begin = Bytes::new();
        if self.rules.look_at(status)
            && let Ok(chunks) = text
        {
            (begin, text) = match on_response::begin(chunks).await {
                Ok((begin, chunks)) => (begin, Ok(chunks)),
                Err(failure) => (begin, Err(failure)),
            };
        }
        let Looked { page, values, text } = self.look(&answered, text, what).await?;
        let seen = Seen { status, headers: &answered.headers, begin: &begin, values };
        if let Some(rule) = self.rules.of(&seen).map_err(Failure::error)? {
            if matches!(rule.action, Action::Skip | Action::Empty) {
                self.tell_skipped(rule.action, &answered);
                let values = self.values_of_skipped(page, text, what).await;
                return Ok(Outcome::Answered(Box::new(answered.skipped(rule.action, values))));
            }
            let failure = self.failure(answered, text, &added).await.ruled(rule);
            let is_renewed = rule.action == Action::RefreshAuth;
            return refused(failure, generation.filter(|_| is_renewed), added);
        }
        if let Some(messages) = self.rules.graphql_errors(&seen).filter(|_| self.is_page(status)) {
            return Err(Failure::graphql(&messages, &self.secrets.and(&added)));
        }
        self.rest(&answered);
        match status {
            _ if self.is_page(status) => {
                let page = match page {
                    Some(page) => page?,
                    None => answered.page(self, text?, what).await?,
                };
                Ok(Outcome::Answered(Box::new(page)))
            }
            204 | 205 => Ok(Outcome::Answered(Box::new(answered))),
            _ => {
                let failure = self.failure(answered, text, &added).await;
                let is_refused = status == StatusCode::UNAUTHORIZED.as_u16();
                refused(failure, generation.filter(|_| is_refused), added)
            }
        }
    }

    /// Sends nothing more for as long as an answer that is no failure says.
    fn rest(&self, answered: &Answered) {
        let is_success = (200..300).contains(&answered.status());
        let wait = retry_after(&answered.headers).filter(|_| is_success);
        // How long a job takes is for its `deadline` to say.
        if let Some(wait) = wait.filter(|wait| !self.of_job || *wait <= LONGEST_WAIT) {
            self.rate_limit.pause(wait);
        }
    }

    /// Whether an answer with this status holds a page, or says how a job is.
    fn is_page(&self, status: u16) -> bool {
        matches!(status, 200 | 201 | 203 | 206) || self.of_job && status == 202
    }

    /// What rules want to know of a body: all of it passes by, and what may be a page is read as one.
    ///
    /// # Errors
    /// It broke off: what would have followed may decide.
    async fn look(
        &self,
        answered: &Answered,
        text: Result<Chunks, Failure>,
        what: &For<'_>,
    ) -> Result<Looked, Failure> {
        let status = answered.status();
        let pointers = self.rules.pointers(status);
        let chunks = match text {
            Ok(chunks) if !pointers.is_empty() => chunks,
            text => return Ok(Looked { page: None, values: Vec::new(), text }),
        };
        let watched = Watched::new(chunks, &pointers);
        if !self.is_page(status) {
            let (values, begin) = watched.end(self.patience()).await?;
            return Ok(Looked { page: None, values, text: Ok(begin) });
        }
        let page = match answered.clone().page(self, watched.chunks(), what).await {
            Err(broken) if broken.passing => return Err(broken),
            page => page,
        };
        let (values, begin) = watched.end(self.timeout).await?;
        Ok(Looked { page: Some(page), values, text: Ok(begin) })
    }

    /// The text of an answer; one that is no page is not waited for as long.
    async fn text(&self, response: Response, status: u16) -> Result<Chunks, Failure> {
        let text = content::decoded(response);
        match status {
            200..300 => text.await,
            _ => tokio::time::timeout(self.patience(), text)
                .await
                .unwrap_or_else(|_| Err(self.late())),
        }
    }

    fn patience(&self) -> Duration {
        (self.timeout / 2).min(EXCERPT_PATIENCE)
    }

    /// What an answer that is skipped says all the same of the page behind it, where its body is JSON and comes
    /// soon.
    async fn values_of_skipped(
        &self,
        page: Option<Result<Answered, Failure>>,
        text: Result<Chunks, Failure>,
        what: &For<'_>,
    ) -> Vec<Value> {
        let values = match what.reads {
            Reads::Body => return Vec::new(),
            Reads::Values(values) | Reads::ValuesAndLast(values, _) => values,
        };
        if let Some(Ok(page)) = page {
            return page.body.values().to_vec();
        }
        let Ok(text) = text else { return Vec::new() };
        // Wherever its records would be.
        let layout = &Layout { allow_empty: true, ..Layout::default() };
        let wanted = Wanted { layout, values, last_record: &[], text: false };
        let read = tokio::time::timeout(self.patience(), body::read(text, &wanted, &self.limits));
        match read.await {
            Ok(Ok(body)) => body.values().to_vec(),
            // What breaks off, or is no JSON, says nothing.
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// Says that an answer is passed over.
    fn tell_skipped(&self, action: Action, answered: &Answered) {
        let (name, status) = (&self.name, answered.status());
        let request = &answered.page.request;
        if action == Action::Empty {
            tracing::debug!(%request, "`{name}`: no records, as `on_response` says: answered {status}");
            return;
        }
        tracing::warn!(%request, "`{name}`: skipped, as `on_response` says: answered {status}");
    }

    /// What an answer without a page means.
    async fn failure(
        &self,
        mut answered: Answered,
        text: Result<Chunks, Failure>,
        added: &[String],
    ) -> Failure {
        if let Ok(chunks) = text {
            let start = tokio::time::timeout(self.patience(), content::start(chunks)).await;
            answered.start = start.unwrap_or_default();
        }
        // Masked before it is cut: a cut through a secret would show the half of it.
        let excerpt = content::excerpt(&answered.start, &self.secrets.and(added));
        Failure::status(answered, &excerpt, self.target.credentials_in.as_deref())
    }

    /// Whether there are new credentials in place of those that were refused.
    async fn renewed(&self, refused: &Refused) -> Result<Renewal, Failure> {
        let (Some(signer), Some(answered)) = (&self.target.signer, &refused.failure.answered)
        else {
            return Ok(Renewal::None);
        };
        let answer = answered.view(false, &self.secrets);
        signer.refused(refused.generation, &answer).await.map_err(Failure::of_rust)
    }

    /// Whether another request was answered with the same credentials.
    fn were_good(&self, refused: &Refused) -> bool {
        let signer = self.target.signer.as_ref();
        signer.is_some_and(|signer| signer.has_taken(refused.generation))
    }

    /// Whether a request would have other credentials by now than those that were refused: another one has
    /// renewed them, or they have ended.
    async fn has_others(&self, ask: &Ask, refused: &Refused) -> Result<bool, Failure> {
        let Some(signer) = &self.target.signer else { return Ok(false) };
        let mut request = Request::new(self.request(ask));
        let generation = signer.apply(&mut request).await.map_err(Failure::of_rust)?;
        let (_, added) = request.into_parts();
        // A signature is another one each time.
        let is_other = signer.requests_tokens() && added != refused.added;
        Ok(generation != refused.generation || is_other)
    }

    /// Sends the request and follows redirects, credentials left off where they lead elsewhere.
    async fn follow_redirects(&self, mut ask: Ask, mut turn: Turn) -> Result<Sent, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let sent = self.send(&ask, turn).await?;
            let status = sent.response.status().as_u16();
            let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
            let Some(location) = sent.response.headers().get(LOCATION).filter(|_| redirects) else {
                return Ok(sent);
            };
            let location = std::str::from_utf8(location.as_bytes()).ok();
            let url = location.and_then(|location| ask.url.join(location).ok());
            ask = self.redirected(ask, url, status, names_inside).await?;
            self.check_secrets(&ask.url, &sent.added)?;
            turn = self.turn(&self.label(&ask)).await?;
        }
        Err(Failure::lasting(format!("the API redirects more than {MAX_REDIRECTS} times"))
            .help("check `url`"))
    }

    /// The request that a redirect leads to; `named` says whether the name in a URL stands for an
    /// address in the local network.
    async fn redirected(
        &self,
        ask: Ask,
        url: Option<Url>,
        status: u16,
        named: impl AsyncFn(&Url) -> bool,
    ) -> Result<Ask, Failure> {
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
        if self.target.leads_inside(&url, named).await {
            let to = origin(&url);
            let message = format!("the API redirects to `{to}`, which is in the local network");
            return Err(
                Failure::lasting(message).help("if that is right, name its host in `allow_hosts`")
            );
        }
        if ask.method != Method::GET && matches!(status, 301 | 302) {
            return Err(self.turns_into_get(&ask, url, status));
        }
        // 303 says that the answer is to be had there with a GET.
        if ask.method != Method::GET && status == 303 {
            return Ok(Ask { method: Method::GET, url, body: None, headers: ask.headers });
        }
        if ask.body.is_some() && !self.target.trusts(&url) {
            let to = origin(&url);
            return Err(Failure::lasting(format!(
                "the API redirects the request's body to `{to}`"
            ))
            .help(format!(
                "a body is sent to the source's own server only: if `{to}` is to have it, too, \
                 name its host in `allow_hosts`"
            )));
        }
        Ok(Ask { url, ..ask })
    }

    /// A redirect that programs follow with a GET, whatever the request was: what it says would be gone.
    fn turns_into_get(&self, ask: &Ask, url: Url, status: u16) -> Failure {
        let there = self.label(&Ask { url, ..ask.clone() });
        let there = there.split_once(' ').map_or("", |(_, there)| there);
        let method = &ask.method;
        let message = format!(
            "the API redirects a {method} with the status {status}, which would make it a GET without \
             its body"
        );
        Failure::lasting(message).help(format!("set `url` to where it leads: `{there}`"))
    }

    /// Whether a redirect to another server carries credentials of the source's in its address, as where
    /// a server repeats the parameters that it was sent.
    fn check_secrets(&self, url: &Url, added: &[String]) -> Result<(), Failure> {
        let text = percent_decode_str(url.as_str()).decode_utf8_lossy();
        let is_there = |secret: &String| {
            secret.len() >= SHORTEST_SECRET && text.contains(secret.as_str())
                || url.query_pairs().any(|(_, value)| value == secret.as_str())
        };
        if self.target.trusts(url)
            || !(added.iter().any(is_there) || self.target.sends_secret_param(url))
        {
            return Ok(());
        }
        let to = origin(url);
        let message =
            format!("the API redirects to `{to}` with the source's credentials in the URL");
        Err(Failure::lasting(message).help(format!(
            "set `url` to where it leads; or, if `{to}` is to have the credentials, name its host in \
             `allow_hosts`"
        )))
    }

    async fn send(&self, ask: &Ask, turn: Turn) -> Result<Sent, Failure> {
        let mut request = Request::new(self.request(ask));
        let signer = self.target.signer.as_ref().filter(|_| self.target.trusts(&ask.url));
        let generation = match signer {
            Some(signer) => Some(signer.apply(&mut request).await.map_err(Failure::of_rust)?),
            None => None,
        };
        let (request, added) = request.into_parts();
        if signer.is_some_and(|signer| signer.requests_tokens()) {
            self.secrets.learn(&added);
        }
        let sent = self.client.execute(request).await;
        let response = sent.map_err(|error| {
            let failure = Failure::transport(&error);
            match failure.refused && self.reached.load(Relaxed) {
                true => {
                    failure.help("it has answered before in this run: run it again when it is up")
                }
                false => failure,
            }
        })?;
        self.reached.store(true, Relaxed);
        turn.answered(response.headers());
        Ok(Sent { response, url: ask.url.clone(), added, generation })
    }
}

/// What was found out about an answer before its rules are asked.
struct Looked {
    /// The page, or why it is none, where its body was read.
    page: Option<Result<Answered, Failure>>,
    /// What stands at the places of the body that decide.
    values: Vec<Value>,
    /// The body as far as it was not read, or the begin of it.
    text: Result<Chunks, Failure>,
}

enum Outcome {
    Answered(Box<Answered>),
    Refused(Refused),
}

/// 401, or what a rule takes for that, where credentials were on the request.
struct Refused {
    failure: Box<Failure>,
    /// Of the credentials.
    generation: u64,
    /// What was put on the request.
    added: Vec<String>,
}

/// An answer that refuses credentials of a generation; without one, a failure.
fn refused(
    failure: Failure,
    generation: Option<u64>,
    added: Vec<String>,
) -> Result<Outcome, Failure> {
    match generation {
        Some(generation) => {
            Ok(Outcome::Refused(Refused { failure: Box::new(failure), generation, added }))
        }
        None => Err(failure),
    }
}

#[cfg(test)]
mod tests;
