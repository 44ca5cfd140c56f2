//! How many requests of a source may be under way: more while the server keeps up, half when it does not.
//!
//! ```text
//! 429, or 503 with a wait                  → half as many
//! answers take several times the shortest  → half as many
//! answers while all places are taken       → one more each; after the first halving, one more a round
//! ```
//! What was sent before a halving says nothing about the number after it. The source's `concurrency`
//! bounds what is asked for; this bounds what of it is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many go at once at the start.
const START: f64 = 4.0;

/// Answers that take so many times the shortest time are slow.
const SLOW: f64 = 4.0;

/// Less than this is jitter, whatever the shortest time is.
const JITTER: f64 = 0.2;

/// How much of the usual time the newest answer makes.
const NEWEST: f64 = 0.25;

/// The pace of one source.
#[derive(Debug)]
pub(in crate::source) struct Pace(Mutex<State>);

#[derive(Debug)]
struct State {
    /// How many may be under way; at least 1.
    limit: f64,
    under_way: usize,
    /// How often it was halved: requests from before do not count.
    round: u64,
    /// The shortest and the usual time of an answer in this round, in seconds.
    shortest: f64,
    usual: Option<f64>,
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub(in crate::source) struct Sent<'p> {
    pace: &'p Pace,
    round: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(State {
            limit: START,
            under_way: 0,
            round: 0,
            shortest: f64::INFINITY,
            usual: None,
        }))
    }
}

impl Pace {
    /// How many requests may be under way.
    pub(in crate::source) fn at_once(&self) -> usize {
        self.state().whole()
    }

    /// A request that is sent now.
    pub(in crate::source) fn send(&self) -> Sent<'_> {
        let mut state = self.state();
        state.under_way += 1;
        Sent { pace: self, round: state.round }
    }

    /// It is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent<'_> {
    /// Its answer has come, so long after `begun`.
    pub(in crate::source) fn answered(&self, begun: Instant) {
        self.took(begun.elapsed());
    }

    fn took(&self, time: Duration) {
        let mut state = self.pace.state();
        if state.round == self.round {
            state.answered(time.as_secs_f64());
        }
    }

    /// The server has said that there are too many. The next attempt counts anew.
    pub(in crate::source) fn refused(&mut self) {
        let mut state = self.pace.state();
        if state.round == self.round {
            state.halve();
        }
        self.round = state.round;
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.under_way = state.under_way.saturating_sub(1);
    }
}

impl State {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to some 1,000")]
    fn whole(&self) -> usize {
        self.limit as usize
    }

    fn answered(&mut self, time: f64) {
        let usual = self.usual.map_or(time, |usual| usual + (time - usual) * NEWEST);
        self.usual = Some(usual);
        self.shortest = self.shortest.min(time);
        if usual > SLOW * self.shortest && usual - self.shortest > JITTER {
            self.halve();
        } else if self.under_way >= self.whole() {
            self.limit += if self.round == 0 { 1.0 } else { self.limit.recip() };
        }
    }

    fn halve(&mut self) {
        self.limit = (self.limit / 2.0).max(1.0);
        self.round += 1;
        // What is slow now may be all that the server can: it is the measure of this round.
        (self.shortest, self.usual) = (f64::INFINITY, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to the requests of a source.
    enum Event {
        /// As many as may are sent, and answered after so many milliseconds.
        Round(u64),
        /// As many as may are sent, and each is refused.
        Refused,
        /// One is sent, and answered.
        Alone,
    }
    use Event::{Alone, Refused, Round};

    /// How many may be under way behind each event.
    fn check(events: &[Event], expected: &[usize]) {
        let pace = Pace::default();
        let mut found = Vec::new();
        for event in events {
            let count = if matches!(event, Alone) { 1 } else { pace.at_once() };
            let mut sent: Vec<_> = (0..count).map(|_| pace.send()).collect();
            for request in &mut sent {
                match event {
                    Round(millis) => request.took(Duration::from_millis(*millis)),
                    Alone => request.took(Duration::from_millis(50)),
                    Refused => request.refused(),
                }
            }
            drop(sent);
            found.push(pace.at_once());
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn places_that_are_not_taken_do_not_become_more() {
        check(&[Alone, Alone, Alone, Alone, Alone], &[4, 4, 4, 4, 4]);
    }

    #[test]
    fn a_refusal_halves_once_for_all_that_was_under_way() {
        check(&[Refused, Refused, Refused, Refused], &[2, 1, 1, 1]);
    }

    #[test]
    fn slow_answers_halve_and_are_the_measure_from_then_on() {
        check(&[Round(50), Round(50)], &[5, 6]);
        check(&[Round(50), Round(2_000), Round(2_000), Round(2_000)], &[5, 2, 3, 4]);
        // A multiple of next to nothing is jitter.
        check(&[Round(1), Round(100)], &[5, 6]);
    }
}
