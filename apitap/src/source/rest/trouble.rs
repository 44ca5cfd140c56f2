//! What went wrong with one attempt, whether another may help, and how to say it in the end.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::environment::Secrets;
use crate::{Error, ErrorKind};

/// The longest wait that a server may ask for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Trouble {
    kind: ErrorKind,
    message: String,
    cause: Option<String>,
    help: Option<String>,
    /// The whole error, where it comes from elsewhere.
    ready: Option<Box<Error>>,
    /// The answer's status, where there was an answer.
    pub(super) status: Option<StatusCode>,
    /// Whether another attempt may help.
    pub(super) passing: bool,
    /// How long the server asked to wait.
    pub(super) wait: Option<Duration>,
}

impl Trouble {
    fn new(kind: ErrorKind, message: impl Into<String>, passing: bool) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: None,
            help: None,
            ready: None,
            status: None,
            passing,
            wait: None,
        }
    }

    /// Trouble that may be gone with the next attempt.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message, true)
    }

    /// Trouble that comes again with each attempt.
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
    pub(super) fn broken_body(cause: &serde_json::Error) -> Self {
        Self { kind: ErrorKind::Data, ..Self::passing("the answer is not whole JSON") }
            .cause(cause.to_string())
            .help("the API, or something on the way to it, breaks its answers off")
    }

    /// No answer, or the half of one.
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let certificate = causes.iter().any(|cause| cause.contains("certificate"));
        let trouble = if error.is_builder() {
            Self::lasting("the request cannot be made")
        } else if error.is_connect() && certificate {
            Self::lasting("the server's certificate is not trusted")
                .help("let `SSL_CERT_FILE` name the certificate of its authority, in PEM form")
        } else if error.is_connect() {
            Self::passing("cannot connect to the server").help("check the host and port in `url`")
        } else if error.is_timeout() {
            Self::passing("the server did not answer in time").help("raise `timeout`")
        } else if error.is_body() || error.is_decode() {
            Self::passing("the answer broke off before its end")
                .help("run it again later; smaller pages may help")
        } else {
            Self::passing("the connection broke before there was an answer")
                .help("run it again later")
        };
        match causes.pop() {
            Some(root) => trouble.cause(root),
            None => trouble,
        }
    }

    /// An answer with a status that is not a success.
    pub(super) fn status(
        status: StatusCode,
        headers: &HeaderMap,
        excerpt: &str,
        authenticates: bool,
    ) -> Self {
        let mut message = format!("the API answered `{}`", shown_status(status));
        if !excerpt.is_empty() {
            message.push_str(": ");
            message.push_str(excerpt);
        }
        let passing = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        let trouble = if passing { Self::passing(message) } else { Self::lasting(message) };
        let wait = if passing { retry_after(headers) } else { None };
        Self { status: Some(status), wait, ..trouble }.help(advice(status, authenticates))
    }

    fn cause(mut self, cause: String) -> Self {
        self.cause = Some(cause);
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

    /// The error of a request that is given up.
    pub(super) fn into_error(self, request: &str, attempts: u32, secrets: &Secrets) -> Error {
        if let Some(error) = self.ready {
            return error.in_request(request);
        }
        let message = match attempts {
            1 => self.message,
            _ => format!("{} ({attempts} attempts)", self.message),
        };
        let mut error = Error::new(self.kind, secrets.mask(&message)).in_request(request);
        if let Some(cause) = self.cause {
            error = error.caused_by(secrets.mask(&cause));
        }
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// `404 Not Found`, or the number alone.
pub(super) fn shown_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn advice(status: StatusCode, authenticates: bool) -> &'static str {
    match status.as_u16() {
        401 if authenticates => "the API does not accept the credentials: check `auth`",
        401 | 403 if !authenticates => "the API wants to know who asks: add `auth`",
        403 => "the credentials lack a permission, or the API blocks this client: check `auth`",
        404 | 410 => "there is nothing at this address: check `url`",
        400 | 422 => "check `query_params` and the parameters of `pagination`",
        405 => "the API does not take GET requests here: check `url`",
        408 | 504 => "the API is too slow: ask for fewer records per page",
        429 => {
            "the API limits how often it is asked: lower `concurrency`, or raise \
                `retry.max_attempts` and `retry.max_delay_secs`"
        }
        500..=599 => "the trouble is on the API's side: run it again later",
        _ => "check `url`",
    }
}

/// The wait in a `Retry-After`: seconds, or a date, taken against the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let now = headers
        .get(DATE)
        .and_then(|value| value.to_str().ok())
        .and_then(date)
        .unwrap_or_else(SystemTime::now);
    // A date that has passed asks for no wait.
    Some(date(value)?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(after: &str, date: Option<&str>, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{after}");
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let now = Some("Tue, 15 Nov 1994 08:12:31 GMT");
        check("7", None, Some(7));
        check("Tue, 15 Nov 1994 08:13:01 GMT", now, Some(30));
        check("Tue, 15 Nov 1994 08:12:00 GMT", now, Some(0));
        check("Tue, 15 Nov 1994 08:12:00 GMT", None, Some(0));
        check("soon", now, None);
        check("-1", now, None);
    }
}
