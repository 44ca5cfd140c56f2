//! When a request is sent again, and after which wait: `retry`, and what `Retry-After` asks for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::answer::Answered;
use super::attempt::For;
use super::endpoint::{Ask, Endpoint};
use super::failure::{Failure, GivenUp};
use super::rate_limit::Turn;
use crate::definition::Retry;
use crate::source::pagination::Reads;

/// The longest wait that a server may ask for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// How long a wait for a turn is before it is told.
const WORTH_TELLING: Duration = Duration::from_secs(1);

impl Endpoint {
    /// Asks until there is an answer, as often as `retry` allows; `number` is the page's, from 1.
    pub(in crate::source) async fn fetch(
        self: Arc<Self>,
        ask: Ask,
        number: u64,
        reads: Arc<Reads>,
    ) -> Result<Answered, GivenUp> {
        let label = self.label(&ask);
        let what = For { label: &label, number, reads: &reads };
        let mut delays = delays(self.retry);
        let mut attempts = 1;
        let mut causes = BTreeSet::new();
        let mut sent = self.pace.send();
        loop {
            let turn = match self.turn(&label).await {
                Ok(turn) => turn,
                Err(shut) => return Err(self.given_up(shut, &label, attempts)),
            };
            let begun = Instant::now();
            let attempt = self.attempt(&ask, &what, turn);
            let failure = match tokio::time::timeout(self.timeout, attempt).await {
                Ok(Ok(answered)) => {
                    sent.answered(begun);
                    log_answer(&answered, &label, begun);
                    return Ok(answered);
                }
                Ok(Err(failure)) => failure,
                Err(_) => self.late(),
            };
            if failure.is_too_much() {
                sent.refused();
            }
            log_failure(&failure, &label, begun);
            let most = self.most_retries(&failure);
            let delay = delays.next().filter(|_| failure.passing && attempts <= most);
            let Some(delay) = delay else {
                return Err(self.given_up(failure, &label, attempts));
            };
            let asked = failure.wait.is_some_and(|wait| !wait.is_zero());
            let delay = match (failure.ruled, failure.wait) {
                (Some(wait), _) => wait,
                (None, Some(wait)) if wait > LONGEST_WAIT => {
                    return Err(self.given_up(failure.too_long(wait), &label, attempts));
                }
                (None, Some(wait)) if !wait.is_zero() => {
                    self.rate_limit.pause(wait);
                    wait
                }
                (None, Some(_) | None) => delay,
            };
            let cause = failure.kind_of_trouble();
            let is_new = causes.insert(cause.clone());
            let said = format!(
                "`{}`: {}; retry {attempts} of {most} in {}",
                self.name,
                failure.reason(&self.secrets),
                seconds(delay)
            );
            match self.fetched.add_trouble(&cause, is_new) {
                true => tracing::warn!(request = %label, "{said}"),
                // The same again and again hides what else is said; its sum is told at the end.
                false => tracing::debug!(request = %label, "{said}"),
            }
            self.fetched.retries.fetch_add(1, Relaxed);
            if failure.wait.is_some() {
                let now = std::time::Instant::now();
                self.fetched.add_wait(now, now + delay);
            }
            let reason = if asked { "told to wait" } else { "tries again in" };
            self.fetched.wait(reason, delay).await;
            attempts += 1;
        }
    }

    /// The error of a request that is given up, with the variables that it comes from.
    fn given_up(&self, failure: Failure, label: &str, attempts: u32) -> GivenUp {
        let failure = if self.once { failure.asked_once() } else { failure };
        let GivenUp { error, answered } = failure.give_up(label, attempts, &self.secrets);
        GivenUp { error: self.variables.tell(error), answered }
    }

    /// Waits until the limit on the rate allows a request, which it then counts as sent.
    ///
    /// # Errors
    /// That would take longer than a run waits.
    pub(super) async fn turn(&self, label: &str) -> Result<Turn, Failure> {
        let began = std::time::Instant::now();
        let turn = self.rate_limit.turn(&self.fetched).await;
        let waited = began.elapsed();
        self.fetched.add_wait(began, began + waited);
        if waited >= WORTH_TELLING {
            tracing::info!(
                request = %label,
                "`{}`: waited {} for the limit on the rate of requests",
                self.name,
                seconds(waited)
            );
        }
        turn.map_err(Failure::shut)
    }

    /// How often a request is sent again after such a failure.
    ///
    /// A server at whose port nothing has ever listened is probably not this one: it is asked again
    /// once, as it may be starting.
    fn most_retries(&self, failure: &Failure) -> u32 {
        let retries = self.retry.max_attempts.saturating_sub(1);
        if failure.refused && !self.reached.load(Relaxed) { retries.min(1) } else { retries }
    }

    pub(super) fn late(&self) -> Failure {
        Failure::passing(format!("no whole answer within {:?}", self.timeout))
            .help("raise `timeout`, or ask for fewer records per page")
    }
}

/// Says at `debug` what was answered, and how fast.
fn log_answer(answered: &Answered, label: &str, began: Instant) {
    let (ms, bytes) = (began.elapsed().as_millis(), answered.body.bytes());
    tracing::debug!(request = %label, status = answered.status(), ms, bytes, "answered");
}

fn log_failure(failure: &Failure, label: &str, began: Instant) {
    let status = failure.answered.as_ref().map(|answered| answered.status());
    tracing::debug!(request = %label, status, ms = began.elapsed().as_millis(), "no page");
}

/// Whether an answer with this status may be another one next time.
///
/// Some are final unless the server says when to come again: a limit on the rate is told as 403, too.
pub(super) fn passes(status: StatusCode, wait: Option<Duration>) -> bool {
    match status.as_u16() {
        202 | 408 | 429 | 500..=599 => true,
        403 | 409 | 413 | 423 | 425 => wait.is_some(),
        _ => false,
    }
}

/// `1.5 s`, `30 s`, `20 ms`.
fn seconds(delay: Duration) -> String {
    match delay.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        millis if millis % 1000 < 50 || millis >= 10_000 => format!("{} s", delay.as_secs()),
        _ => format!("{:.1} s", delay.as_secs_f64()),
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

/// The wait in a `Retry-After`: seconds, which some servers give with a fraction, or a date, taken
/// against the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Duration::try_from_secs_f64(value.parse().ok()?).ok();
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

    fn check(after: &str, date: Option<&str>, expected: Option<f64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        assert_eq!(retry_after(&headers), expected.map(Duration::from_secs_f64), "{after}");
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let now = Some("Tue, 15 Nov 1994 08:12:31 GMT");
        check("7", None, Some(7.0));
        check("1.5", None, Some(1.5));
        check("0.503", None, Some(0.503));
        check("Tue, 15 Nov 1994 08:13:01 GMT", now, Some(30.0));
        check("Tue, 15 Nov 1994 08:12:00 GMT", now, Some(0.0));
        check("Tue, 15 Nov 1994 08:12:00 GMT", None, Some(0.0));
        check("soon", now, None);
        check("-1", now, None);
        check("1.5.0", now, None);
        check("inf", now, None);
        check("99999999999999999999999", now, None);
    }
}
