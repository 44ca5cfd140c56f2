//! How often requests are sent: never more than `rate_limit` says, and not while the server wants none.
//!
//! What the API counts is every request, so that all sources of the process that share a scope take
//! turns. The requests of the last stretch are known one by one: a limit of 8 a second then holds in any
//! second, where a bucket that refills would let through twice as many after a pause.
//!
//! What a server says that it has left is true of the moment at which it answered. A request that is under
//! way may have come later, so that as many are sent as are left without those.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Notify;
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

/// A longer pause is as good as this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(366 * 24 * 3600);

/// So many requests in any stretch of that length.
#[derive(Debug, Clone, Copy)]
struct Quota {
    requests: usize,
    per: Duration,
}

/// Servers round the moment of their reset: two answers may tell it this far apart.
const SAME: Duration = Duration::from_millis(1500);

/// What sources share.
#[derive(Default)]
struct Scope {
    state: Mutex<State>,
    /// Told whenever a request is no longer under way.
    ended: Notify,
}

impl Scope {
    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    /// When the last requests were sent, in order.
    sent: VecDeque<Instant>,
    /// The most of them that any source of the scope looks at.
    kept: usize,
    /// Until when the server wants none.
    paused: Option<Instant>,
    /// How many have been sent and not answered.
    under_way: u64,
    /// What the server has said that it has left.
    left: Option<Left>,
}

/// So many requests, until the server counts anew.
#[derive(Debug, Clone, Copy)]
struct Left {
    requests: u64,
    until: Instant,
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Free {
    Now,
    /// Not before, unless one that is under way ends before that.
    At(Instant),
    /// Only after longer than a run waits.
    TooLate(Duration),
}

impl State {
    /// When the server takes another request.
    fn free(&self, now: Instant) -> Free {
        if let Some(until) = self.paused.filter(|until| now < *until) {
            return later(now, until);
        }
        match self.left.filter(|left| now < left.until) {
            Some(Left { requests: 0, until }) => later(now, until),
            Some(Left { requests, until }) if self.under_way >= requests => Free::At(until),
            _ => Free::Now,
        }
    }

    /// Counts a request as sent; or until when the limit of the source allows none.
    fn count(&mut self, Quota { requests, per }: Quota, now: Instant) -> Option<Instant> {
        self.kept = self.kept.max(requests);
        let before = self.sent.len().checked_sub(requests);
        let oldest = before.and_then(|index| self.sent.get(index)).copied();
        if let Some(free) = oldest.map(|oldest| oldest + per).filter(|free| now < *free) {
            return Some(free);
        }
        self.sent.push_back(now);
        while self.sent.len() > self.kept {
            self.sent.pop_front();
        }
        None
    }

    /// The server has so many left until then. An answer that was sent before another one may come behind it.
    fn tell(&mut self, now: Instant, told: Left) {
        let is_older = |known: &Left| {
            now < known.until && told.requests >= known.requests && told.until <= known.until + SAME
        };
        if !self.left.as_ref().is_some_and(is_older) {
            self.left = Some(told);
        }
    }
}

/// A time at which the server takes requests again.
fn later(now: Instant, until: Instant) -> Free {
    match until - now {
        wait if wait > LONGEST_WAIT => Free::TooLate(wait),
        _ => Free::At(until),
    }
}

/// A request that may be sent: it is under way until this is dropped.
pub(super) struct Turn(Arc<Scope>);

impl Turn {
    /// Ends with what the headers of its answer say of the limit.
    pub(super) fn answered(self, headers: &HeaderMap) {
        let now = Instant::now();
        if let Some((requests, wait)) = left(headers, SystemTime::now()) {
            self.0.state().tell(now, Left { requests, until: now + wait });
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
        drop(state);
        self.0.ended.notify_waiters();
    }
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

    /// Waits until a request may be sent, which it then counts as sent.
    ///
    /// # Errors
    /// How long that would be, where it is longer than a run waits.
    pub(super) async fn turn(&self, fetched: &Fetched) -> Result<Turn, Duration> {
        loop {
            let ended = self.scope.ended.notified();
            let until = match self.take(Instant::now()) {
                Free::Now => return Ok(Turn(Arc::clone(&self.scope))),
                Free::TooLate(wait) => return Err(wait),
                Free::At(until) => until,
            };
            let wait = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = fetched.wait("waits for the rate limit", wait) => {}
                () = ended => {}
            }
        }
    }

    /// Takes a turn, if there is one.
    fn take(&self, now: Instant) -> Free {
        let mut state = self.scope.state();
        let free = state.free(now);
        if free != Free::Now {
            return free;
        }
        if let Some(until) = self.quota.and_then(|quota| state.count(quota, now)) {
            return Free::At(until);
        }
        state.under_way += 1;
        Free::Now
    }

    /// Sends nothing more for so long, in the whole scope.
    pub(super) fn pause(&self, wait: Duration) {
        self.pause_from(Instant::now(), wait);
    }

    fn pause_from(&self, now: Instant, wait: Duration) {
        // A time that no clock shows is as good as a year.
        let until = now + wait.min(LONGEST_PAUSE);
        let mut state = self.scope.state();
        state.paused = Some(state.paused.map_or(until, |other| other.max(until)));
    }
}

/// How long the server wants no request, where its answer says that none is left.
pub(super) fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    left(headers, SystemTime::now()).filter(|(requests, _)| *requests == 0).map(|(_, wait)| wait)
}

/// How many requests an answer says are left, and for how long.
fn left(headers: &HeaderMap, now: SystemTime) -> Option<(u64, Duration)> {
    let standard = headers.get("ratelimit").and_then(text).and_then(of_field);
    let (left, reset) = standard.or_else(|| of_pair(headers))?;
    // Rounded down, and never below zero: a cast saturates.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as said above")]
    let left = left as u64;
    let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    let seconds = match reset {
        // Milliseconds since 1970, seconds since 1970, seconds from now: as large as they are.
        millis if millis >= 1e12 => millis / 1000.0 - since,
        epoch if epoch >= 1e9 => epoch - since,
        seconds => seconds,
    };
    let wait = Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())?;
    Some((left, wait.min(LONGEST_PAUSE)))
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
                while let Free::At(until) = limit.take(self.now) {
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
        let long = LONGEST_WAIT + Duration::from_secs(1);
        one.pause_from(clock.now, long);
        assert_eq!(two.take(clock.now), Free::TooLate(long));
        let without = RateLimit::new(None, "http://without");
        assert_eq!(Clock::new().turns(&[&without], 3), [0, 0, 0]);
    }

    #[test]
    fn requests_under_way_count_as_well() {
        let (limit, now) = (RateLimit::new(None, "http://under-way"), Instant::now());
        let until = now + Duration::from_secs(60);
        let tell = |requests, until| limit.scope.state().tell(now, Left { requests, until });
        let end = || drop(Turn(Arc::clone(&limit.scope)));
        let take = || limit.take(now);
        assert_eq!([take(), take(), take()], [Free::Now; 3]);
        // One of three is answered: of the four that are left, two may be used up.
        end();
        tell(4, until);
        assert_eq!([take(), take(), take()], [Free::Now, Free::Now, Free::At(until)]);
        // An answer that was sent before that one says nothing new; one that was sent behind it does.
        end();
        tell(5, until);
        end();
        tell(2, until);
        assert_eq!(take(), Free::At(until));
        end();
        assert_eq!([take(), take()], [Free::Now, Free::At(until)]);
        // The server counts anew.
        tell(0, until);
        assert_eq!(take(), Free::At(until));
        tell(9, until + Duration::from_secs(60));
        assert_eq!(take(), Free::Now);
        // None is left, for longer than a run waits.
        let far = LONGEST_WAIT + Duration::from_secs(9);
        tell(0, now + far);
        assert_eq!(take(), Free::TooLate(far));
        assert_eq!(limit.take(now + far), Free::Now);
    }

    #[tokio::test]
    async fn a_request_that_ends_makes_room_for_one_that_waits() {
        let (limit, fetched) = (RateLimit::new(None, "http://makes-room"), Fetched::default());
        let first = limit.turn(&fetched).await.unwrap();
        let told = Left { requests: 1, until: Instant::now() + Duration::from_secs(60) };
        limit.scope.state().tell(Instant::now(), told);
        let turns = async { tokio::join!(limit.turn(&fetched), async { drop(first) }) };
        let (second, ()) = tokio::time::timeout(Duration::from_secs(5), turns).await.unwrap();
        drop(second.unwrap());
        assert_eq!(limit.scope.state().under_way, 0);
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
            let found = left(&map, now).filter(|(requests, _)| *requests == 0);
            let found = found.map(|(_, wait)| wait.as_secs_f64());
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
