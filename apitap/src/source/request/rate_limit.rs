//! How often requests are sent: never more than `rate_limit` says, and not while the server wants none.
//!
//! What the API counts is every request, so that all sources of the process that share a scope take
//! turns. The requests of the last stretch are known one by one: a limit of 8 a second then holds in any
//! second, where a bucket that refills would let through twice as many after a pause.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::retry::LONGEST_WAIT;
use crate::definition;
use crate::source::Fetched;

/// The limits of this process, by their scopes.
static SCOPES: LazyLock<Mutex<HashMap<String, Arc<Scope>>>> = LazyLock::new(Mutex::default);

/// The limit of a source.
pub(in crate::source) struct RateLimit {
    scope: Arc<Scope>,
    quota: Option<Quota>,
}

/// So many requests in any stretch of that length.
#[derive(Debug, Clone, Copy)]
struct Quota {
    requests: usize,
    per: Duration,
}

/// What sources share.
#[derive(Default)]
struct Scope(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the last requests were sent, in order.
    sent: VecDeque<Instant>,
    /// The most of them that any source of the scope looks at.
    kept: usize,
    /// Until when the server wants none.
    paused: Option<Instant>,
}

impl RateLimit {
    /// `origin` is the scope where none is said.
    pub(super) fn new(limit: Option<&definition::RateLimit>, origin: &str) -> Self {
        let name = limit.and_then(|limit| limit.scope.as_deref()).unwrap_or(origin);
        let quota = limit.map(|limit| Quota {
            requests: usize::try_from(limit.requests).unwrap_or(usize::MAX).max(1),
            per: limit.per,
        });
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let mut scopes = SCOPES.lock().unwrap_or_else(PoisonError::into_inner);
        Self { scope: Arc::clone(scopes.entry(name.to_owned()).or_default()), quota }
    }

    /// Waits until a request may be sent, which it then counts as sent; gives how long that was.
    pub(super) async fn turn(&self, fetched: &Fetched) -> Duration {
        let began = Instant::now();
        while let Some(until) = self.take(Instant::now()) {
            let left = until.saturating_duration_since(Instant::now());
            fetched.wait("waits for the rate limit", left).await;
        }
        began.elapsed()
    }

    /// Takes a turn; or until when there is none.
    fn take(&self, now: Instant) -> Option<Instant> {
        let mut state = self.scope.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.paused.filter(|until| now < *until) {
            return Some(until);
        }
        let Quota { requests, per } = self.quota?;
        state.kept = state.kept.max(requests);
        let before = state.sent.len().checked_sub(requests);
        let oldest = before.and_then(|index| state.sent.get(index)).copied();
        if let Some(free) = oldest.map(|oldest| oldest + per).filter(|free| now < *free) {
            return Some(free);
        }
        state.sent.push_back(now);
        while state.sent.len() > state.kept {
            state.sent.pop_front();
        }
        None
    }

    /// Sends nothing more for so long, in the whole scope. What is longer than a run waits is left to
    /// the server, which then says it with a status.
    pub(super) fn pause(&self, wait: Duration) {
        self.pause_from(Instant::now(), wait);
    }

    fn pause_from(&self, now: Instant, wait: Duration) {
        if wait > LONGEST_WAIT {
            return;
        }
        let until = now + wait;
        let mut state = self.scope.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused = Some(state.paused.map_or(until, |other| other.max(until)));
    }
}

/// How long the server wants no request, where its answer says that none is left.
pub(super) fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    exhausted_at(headers, SystemTime::now())
}

fn exhausted_at(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let standard = headers.get("ratelimit").and_then(text).and_then(of_field);
    let (left, reset) = standard.or_else(|| of_pair(headers))?;
    if left > 0.0 {
        return None;
    }
    let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    let seconds = match reset {
        // Milliseconds since 1970, seconds since 1970, seconds from now: as large as they are.
        millis if millis >= 1e12 => millis / 1000.0 - since,
        epoch if epoch >= 1e9 => epoch - since,
        seconds => seconds,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

/// `RateLimit: "hour";r=0;t=30` (IETF draft 10), `RateLimit: limit=100, remaining=0, reset=30` (draft 7).
fn of_field(field: &str) -> Option<(f64, f64)> {
    let value = |names: [&str; 2]| {
        let mut pairs = field.split([';', ',']).filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(name, _)| names.contains(&name.trim()));
        found.and_then(|(_, value)| value.trim().parse().ok())
    };
    Some((value(["r", "remaining"])?, value(["t", "reset"])?))
}

/// Two headers, under the names that are in use.
fn of_pair(headers: &HeaderMap) -> Option<(f64, f64)> {
    let number = |name: HeaderName| text(headers.get(name)?)?.trim().parse().ok();
    let pair = |prefix: &str| {
        let name = |rest: &str| HeaderName::try_from(format!("{prefix}-{rest}")).ok();
        Some((number(name("remaining")?)?, number(name("reset")?)?))
    };
    ["ratelimit", "x-ratelimit", "x-rate-limit"].into_iter().find_map(pair)
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: u32, millis: u64, scope: &str) -> RateLimit {
        let per = Duration::from_millis(millis);
        let scope = Some(scope.to_owned());
        RateLimit::new(Some(&definition::RateLimit { requests, per, scope }), "http://h")
    }

    /// A clock that stands still while nobody waits.
    struct Clock {
        began: Instant,
        now: Instant,
    }

    impl Clock {
        fn new() -> Self {
            let now = Instant::now();
            Self { began: now, now }
        }

        /// When each of so many requests is sent, in milliseconds, by sources with these limits in turn.
        fn turns(&mut self, limits: &[&RateLimit], count: usize) -> Vec<u128> {
            let mut sent = Vec::new();
            for limit in limits.iter().cycle().take(count) {
                while let Some(until) = limit.take(self.now) {
                    self.now = until;
                }
                sent.push((self.now - self.began).as_millis());
            }
            sent
        }
    }

    #[test]
    fn no_stretch_has_more_requests_than_the_limit() {
        let sent = Clock::new().turns(&[&limit(3, 1000, "stretch")], 7);
        assert_eq!(sent, [0, 0, 0, 1000, 1000, 1000, 2000]);
        // After a pause there are not more at once than that.
        let (limit, mut clock) = (limit(2, 1000, "pause"), Clock::new());
        assert_eq!(clock.turns(&[&limit], 1), [0]);
        clock.now += Duration::from_millis(900);
        assert_eq!(clock.turns(&[&limit], 4), [900, 1000, 1900, 2000]);
    }

    #[test]
    fn sources_of_one_scope_share_the_limit_and_others_do_not() {
        let (one, two) = (limit(2, 1000, "shared"), limit(2, 1000, "shared"));
        assert_eq!(Clock::new().turns(&[&one, &two], 4), [0, 0, 1000, 1000]);
        let (one, other) = (limit(1, 1000, "own"), limit(1, 1000, "other"));
        assert_eq!(Clock::new().turns(&[&one, &other], 4), [0, 0, 1000, 1000]);
        // Each obeys its own limit, and all requests count.
        let (strict, lax) = (limit(1, 1000, "mixed"), limit(3, 1000, "mixed"));
        assert_eq!(Clock::new().turns(&[&lax, &strict], 2), [0, 1000]);
    }

    #[test]
    fn what_the_server_asks_for_holds_for_the_whole_scope() {
        let (one, two) = (limit(9, 1000, "asked"), limit(9, 1000, "asked"));
        let mut clock = Clock::new();
        one.pause_from(clock.now, Duration::from_secs(3));
        one.pause_from(clock.now, Duration::from_secs(1));
        assert_eq!(clock.turns(&[&two], 2), [3000, 3000]);
        one.pause_from(clock.now, LONGEST_WAIT + Duration::from_secs(1));
        assert_eq!(clock.turns(&[&two], 1), [3000]);
        let without = RateLimit::new(None, "http://without");
        assert_eq!(Clock::new().turns(&[&without], 3), [0, 0, 0]);
    }

    #[test]
    fn servers_say_in_many_ways_that_none_is_left() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let check = |headers: &[(&str, &str)], expected: Option<f64>| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                let name = HeaderName::try_from(*name).unwrap();
                map.insert(name, HeaderValue::from_str(value).unwrap());
            }
            let found = exhausted_at(&map, now).map(|wait| wait.as_secs_f64());
            assert_eq!(found, expected, "{headers:?}");
        };
        check(&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "30")], Some(30.0));
        check(&[("RateLimit-Remaining", "1"), ("RateLimit-Reset", "30")], None);
        check(&[("RateLimit", "\"default\";r=0;t=30")], Some(30.0));
        check(&[("RateLimit", "\"default\";r=50;t=30")], None);
        check(&[("RateLimit", "limit=100, remaining=0, reset=5")], Some(5.0));
        check(&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "2.5")], Some(2.5));
        check(&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000060")], Some(60.0));
        check(
            &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1800000060000")],
            Some(60.0),
        );
        check(&[("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Reset", "7")], Some(7.0));
        check(&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1700000000")], None);
        check(&[("X-RateLimit-Remaining", "0")], None);
        check(&[("X-RateLimit-Remaining", "none"), ("X-RateLimit-Reset", "7")], None);
        check(&[], None);
    }
}
