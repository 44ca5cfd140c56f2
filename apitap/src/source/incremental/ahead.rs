//! Records from the future: the state moves behind them, and what is changed before that is not asked for again.
//!
//! The state is not kept at the begin of the run instead. Where rows are appended, a record is known again by being of the
//! very moment of the state: one that lies beyond it would come with each run, and be stored with each. And where a later
//! moment is usual, as in `due_at`, all of these records would be loaded each time. So the run says what its state leaves
//! out, and the user decides.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::lock;
use crate::report::Warning;
use crate::source::request::expression::rfc3339;

/// How much later than the run a moment may be: clocks differ, and a date is that of another zone.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// The latest moment that lies beyond a run.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// When the run began; `None` where nobody asks.
    begun: Option<DateTime<Utc>>,
    found: Mutex<Option<Found>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Found {
    at: DateTime<Utc>,
    /// The record, with its request; `None` where an earlier run has found it.
    record: Option<(Arc<str>, u64)>,
}

impl Ahead {
    pub(super) fn of_run(begun: DateTime<Utc>) -> Self {
        Self { begun: Some(begun), ..Self::default() }
    }

    /// Looks at a moment behind which the state is, of which so much is loaded again; `record` is where it comes from.
    pub(super) fn look(
        &self,
        at: DateTime<Utc>,
        lookback: TimeDelta,
        record: impl FnOnce() -> Option<(Arc<str>, u64)>,
    ) {
        let since = at.checked_sub_signed(lookback).unwrap_or(at);
        let Some(last) = self.begun.and_then(|begun| begun.checked_add_signed(AHEAD)) else {
            return;
        };
        if since <= last {
            return;
        }
        let mut found = lock(&self.found);
        if found.as_ref().is_none_or(|found| at > found.at) {
            *found = Some(Found { at, record: record() });
        }
    }

    /// What to say of it: `field` is the field of a source of a pipeline, and `yes` what its commands need.
    pub(super) fn warning(
        &self,
        pipeline: &str,
        source: &str,
        field: &str,
        yes: &str,
    ) -> Option<Warning> {
        let Found { at, record } = lock(&self.found).clone()?;
        let at = rfc3339(&at);
        let begun = rfc3339(&self.begun?.trunc_subsecs(0));
        // What came since an earlier run has stored the record has not been asked for, either.
        let (time, which) = match &record {
            Some(_) => (begun.as_str(), ""),
            None => ("TIME", ", TIME being when the run began that has stored that record"),
        };
        let what = match &record {
            Some((request, number)) => format!(
                "`{field}` of a record of `{source}` is {at}, more than a day later than this run ({request}, \
                 record {number}): the next run does not ask for what is changed before that"
            ),
            None => format!(
                "the state of `{source}` is {at}, more than a day later than this run: what is changed before \
                 that is not asked for"
            ),
        };
        Some(Warning {
            message: what,
            help: format!(
                "have the next run go on with `state set {pipeline} {time}{yes}`{which}, and leave such records out: \
                 `WHERE {field} <= now()`; where they are usual, `{field}` does not say when a record was changed: \
                 name another one in `incremental.field`, or a `lookback` that covers them"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(moments: &[&str], lookback: TimeDelta, expected: Option<&str>) {
        let ahead = Ahead::of_run("2026-01-31T12:00:00.5Z".parse().unwrap());
        for (index, moment) in moments.iter().enumerate() {
            let record = || Some((Arc::from("GET https://a.com"), index as u64 + 1));
            ahead.look(moment.parse().unwrap(), lookback, record);
        }
        let warning = ahead.warning("p", "o", "at", " --yes");
        assert_eq!(warning.map(|warning| warning.message).as_deref(), expected);
    }

    #[test]
    fn the_latest_moment_beyond_the_run_is_said() {
        let none = TimeDelta::zero();
        check(&["2026-02-01T12:00:00Z"], none, None);
        let expected = "`at` of a record of `o` is 2999-01-01T00:00:00Z, more than a day later than this run (GET \
                        https://a.com, record 2): the next run does not ask for what is changed before that";
        let moments = ["2026-02-03T00:00:00Z", "2999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"];
        check(&moments, none, Some(expected));
        check(&["2026-02-20T00:00:00Z"], TimeDelta::days(30), None);
    }
}
