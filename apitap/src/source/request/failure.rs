//! Why an attempt failed, whether another may help, and how to say it in the end.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use url::Url;

use super::answer::Answered;
use super::endpoint::origin;
use super::rate_limit::exhausted;
use super::retry::{LONGEST_WAIT, passes, retry_after};
use super::shown::shortened;
use crate::definition::{Action, ResponseRule};
use crate::environment::Secrets;
use crate::{Error, ErrorKind};

/// The most characters of what an API says of an error.
const SHOWN: usize = 300;

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    message: String,
    cause: Option<Box<str>>,
    help: Option<String>,
    /// The whole error, where it comes from elsewhere.
    ready: Option<Box<Error>>,
    /// The answer, where there was one.
    pub(super) answered: Option<Box<Answered>>,
    /// Whether another attempt may help.
    pub(super) passing: bool,
    /// Whether nothing listens at the server's port, or nobody knows the server.
    pub(super) refused: bool,
    /// How long the server asked to wait.
    pub(super) wait: Option<Duration>,
    /// How long a rule of `on_response` says to wait, whatever the server says.
    pub(super) ruled: Option<Duration>,
}

impl Failure {
    fn new(kind: ErrorKind, message: impl Into<String>, passing: bool) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: None,
            help: None,
            ready: None,
            answered: None,
            passing,
            refused: false,
            wait: None,
            ruled: None,
        }
    }

    /// What may be gone with the next attempt.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message, true)
    }

    /// What comes again with each attempt.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message, false)
    }

    /// An answer that is whole and not what it should be.
    pub(super) fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message, false)
    }

    /// An error that comes again with each attempt.
    pub(super) fn error(error: Error) -> Self {
        Self { ready: Some(Box::new(error)), ..Self::data("") }
    }

    /// An error of the user's own code: a failed request may pass.
    pub(super) fn of_rust(error: Error) -> Self {
        Self { passing: error.kind() == ErrorKind::Request, ..Self::error(error) }
    }

    /// A body that is not whole JSON: taken for a broken transfer.
    pub(super) fn broken_body(cause: &Error, format: &str) -> Self {
        let message = format!("the answer is not whole {format}");
        Self { kind: ErrorKind::Data, ..Self::passing(message) }
            .cause(cause.message().to_owned())
            .help("the API, or something on the way to it, breaks its answers off")
    }

    /// A body whose end is missing.
    pub(super) fn broke_off() -> Self {
        Self::passing("the answer broke off before its end")
            .help("run it again later; smaller pages may help")
    }

    /// No answer, or the half of one.
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        let mut causes = Vec::new();
        let mut refused = false;
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            refused |= io == Some(io::ErrorKind::ConnectionRefused);
            next = cause.source();
        }
        let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
        refused |= error.is_connect() && says("dns error");
        let failure = if error.is_builder() {
            Self::lasting("the request cannot be made")
        } else if error.is_connect() && says("certificate") {
            Self::lasting("the server's certificate is not trusted")
                .help("let `SSL_CERT_FILE` name the certificate of its authority, in PEM form")
        } else if error.is_connect() && says("tunnel error") {
            Self::passing("cannot connect to the server through the proxy").help(
                "check `HTTPS_PROXY`, with its user and password; what `NO_PROXY` names is asked without it",
            )
        } else if error.is_connect() && says("InvalidContentType") {
            Self::without_tls(error.url())
        } else if error.is_connect() {
            Self::passing("cannot connect to the server").help("check the host and port in `url`")
        } else if let Some(what) = causes.iter().find_map(|cause| malformed(cause)) {
            Self::lasting(format!("the answer is not valid HTTP: it has {what}"))
                .help("`curl -v` shows it; what is on the way to the API may be the cause")
        } else if error.is_timeout() {
            Self::passing("the server did not answer in time").help("raise `timeout`")
        } else if error.is_body() || error.is_decode() {
            Self::broke_off()
        } else {
            Self::passing("the connection broke before there was an answer")
                .help("run it again later")
        };
        let failure = Self { refused, ..failure };
        match causes.pop() {
            Some(root) => failure.cause(root),
            None => failure,
        }
    }

    /// A server that answers a TLS handshake with something else.
    fn without_tls(url: Option<&Url>) -> Self {
        let plain = url.cloned().and_then(|mut url| {
            url.set_scheme("http").ok()?;
            Some(origin(&url))
        });
        let plain = plain.unwrap_or_else(|| "http://…".to_owned());
        Self::lasting("the server does not speak TLS at this port").help(format!(
            "check the port in `url`; or write `{plain}`, where what is sent and answered can be read \
             and changed on the way"
        ))
    }

    /// An answer with a status that is not a page's; `credentials_in` is where the credentials are written.
    pub(super) fn status(answered: Answered, excerpt: &str, credentials_in: Option<&str>) -> Self {
        let status = answered.status;
        let mut message = format!("the API answered `{}`", shown_status(status));
        if !excerpt.is_empty() {
            message.push_str(": ");
            message.push_str(excerpt);
        }
        let wait = wait(status, &answered.headers);
        let passing = passes(status, wait);
        let failure = if passing { Self::passing(message) } else { Self::lasting(message) };
        Self { answered: Some(Box::new(answered)), wait: wait.filter(|_| passing), ..failure }
            .help(advice(status, credentials_in))
    }

    /// Whether the server is asked too often.
    pub(super) fn is_too_much(&self) -> bool {
        match self.answered.as_ref().map(|answered| answered.status()) {
            Some(429) => true,
            Some(403 | 503) => self.wait.is_some(),
            _ => false,
        }
    }

    /// An answer of which a rule of `on_response` says what becomes of it.
    pub(super) fn ruled(self, rule: &ResponseRule) -> Self {
        let passing = rule.action == Action::Retry;
        let headers = self.answered.as_ref().map(|answered| &answered.headers);
        let wait = headers.and_then(retry_after).filter(|_| passing);
        let failure = Self { passing, wait, ruled: rule.wait, ..self };
        match passing {
            true => failure.help(
                "a rule of `on_response` asks for it again: raise its `wait`, or \
                 `retry.max_attempts`",
            ),
            false => failure.help("a rule of `on_response` takes this answer for an error"),
        }
    }

    /// An answer that tells errors beside the data, or in its place.
    pub(super) fn graphql(messages: &[String], secrets: &Secrets) -> Self {
        let shown = |message: &String| shortened(&secrets.mask(message), SHOWN);
        let said: Vec<_> = messages.iter().map(shown).collect();
        let message = match said.as_slice() {
            [] => "the API reports `errors` in its answer".to_owned(),
            said => format!("the API reports `errors` in its answer: {}", said.join("; ")),
        };
        Self::lasting(message).help(
            "what they concern is not in `data`: correct the query; a rule of `on_response` may say what \
             becomes of such an answer, as `{when: exists(body(\"/errors\")), action: skip}`",
        )
    }

    /// A server that wants no request for longer than a run waits.
    pub(super) fn shut(wait: Duration) -> Self {
        Self::lasting("the API wants no more requests").too_long(wait)
    }

    /// A failure before the API is asked: what is lasting is a mistake in the definition.
    pub(super) fn in_setup(self) -> Self {
        let kind = if self.passing { self.kind } else { ErrorKind::Config };
        Self { kind, ..self }
    }

    pub(super) fn cause(mut self, cause: String) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The wait that the server asks for, where it is longer than a run waits.
    pub(super) fn too_long(mut self, wait: Duration) -> Self {
        self.message.push_str(&format!(
            ", and asks to wait {} s: longer than the {} s that a run waits",
            wait.as_secs(),
            LONGEST_WAIT.as_secs()
        ));
        self.help(
            "run it again after that time, or with fewer requests: larger pages, a lower \
             `concurrency`",
        )
    }

    /// The same where nothing is asked again: what a run would do about a server that is asked too often.
    pub(super) fn asked_once(self) -> Self {
        if !self.is_too_much() {
            return self;
        }
        let when = match self.wait {
            Some(wait) if wait > LONGEST_WAIT => return self.too_long(wait),
            Some(wait) if !wait.is_zero() => format!("in {} s", wait.as_secs_f64().ceil()),
            Some(_) | None => "in a minute".to_owned(),
        };
        self.help(format!(
            "a check asks once and does not wait: check again {when}; a run waits, and asks again"
        ))
    }

    /// What tells this trouble from others, whatever the answer says besides.
    pub(super) fn kind_of_trouble(&self) -> String {
        match &self.answered {
            Some(answered) => format!("answered `{}`", shown_status(answered.status)),
            None => self.what().to_owned(),
        }
    }

    /// What went wrong, without its cause.
    fn what(&self) -> &str {
        match &self.ready {
            Some(error) => error.message(),
            None => &self.message,
        }
    }

    /// What went wrong, in one line.
    pub(super) fn reason(&self, secrets: &Secrets) -> String {
        let message = self.what();
        secrets.mask(&match &self.cause {
            Some(cause) => format!("{message}: {cause}"),
            None => message.to_owned(),
        })
    }

    /// The error of a request that is given up.
    pub(super) fn give_up(self, request: &str, attempts: u32, secrets: &Secrets) -> GivenUp {
        let answered = self.answered;
        if let Some(error) = self.ready {
            return GivenUp { error: error.in_request(request), answered };
        }
        let message = match attempts {
            1 => self.message,
            _ => format!("{} ({attempts} attempts)", self.message),
        };
        let mut error = Error::new(self.kind, secrets.mask(&message)).in_request(request);
        if let Some(cause) = self.cause {
            error = error.caused_by(secrets.mask(&cause));
        }
        if let Some(help) = self.help {
            error = error.help(help);
        }
        GivenUp { error, answered }
    }
}

/// How long to wait for a better answer than one of this status.
fn wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let limits = matches!(status.as_u16(), 403 | 429 | 503);
    retry_after(headers).or_else(|| exhausted(headers).filter(|_| limits))
}

/// A request that was given up.
#[derive(Debug)]
pub(in crate::source) struct GivenUp {
    pub(in crate::source) error: Error,
    /// The last answer, where there was one: it has no page.
    pub(in crate::source) answered: Option<Box<Answered>>,
}

/// What of an answer's head cannot be read, where that is why there is none.
fn malformed(cause: &str) -> Option<&'static str> {
    let parts = [
        ("invalid HTTP header", "a malformed header"),
        ("invalid content-length", "a malformed `Content-Length` header"),
        ("transfer-encoding parsed", "a malformed `Transfer-Encoding` header"),
        ("invalid HTTP version", "a malformed version"),
        ("invalid HTTP status-code", "a malformed status"),
        ("message head is too large", "headers that are too large"),
    ];
    parts.into_iter().find(|(says, _)| cause.contains(says)).map(|(_, what)| what)
}

/// `404 Not Found`, or the number alone.
fn shown_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn advice(status: StatusCode, credentials_in: Option<&str>) -> String {
    let advice = match (status.as_u16(), credentials_in) {
        (401, Some(place)) => {
            return format!("the API does not accept the credentials: check {place}");
        }
        (401 | 403, None) => "the API requires authentication: add `auth`",
        (403, Some(place)) => {
            return format!(
                "the credentials lack a permission, or the API blocks this client: check {place}"
            );
        }
        (404 | 410, _) => "there is nothing at this address: check `url`",
        (400 | 422, _) => "check `query_params` and the parameters of `pagination`",
        (405, _) => "the API does not take this method here: check `method` and `url`",
        (408 | 504, _) => "the API is too slow: ask for fewer records per page",
        (429, _) => {
            "the API limits how often it is asked: lower `concurrency`, or raise \
             `retry.max_attempts` and `retry.max_delay_secs`"
        }
        (202, _) => {
            "the API has no answer yet: raise `retry.max_attempts` and `retry.max_delay_secs`"
        }
        (200..=299, _) => "a page comes with the status 200: check `url` and `query_params`",
        (500..=599, _) => "the trouble is on the API's side: run it again later",
        _ => "check `url`",
    };
    advice.to_owned()
}
