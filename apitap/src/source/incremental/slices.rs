//! What a request has asked for of the time, and which of its records are of another one.
//!
//! An API passes over parameters that it does not know. A record behind the end of its slice is left out, as its
//! own slice brings it. One that lies at the very end may come with that slice, with the next one, or with both:
//! it is stored with the first, and where rows are appended it is known again in the next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, Months, SubsecRound as _, TimeDelta, Utc};

use super::boundary::Mark;
use crate::definition::{Incremental, ParamName, TimeFormat};
use crate::report::Warning;
use crate::source::request::expression::{Value, formatted, truncated};
use crate::{Error, Result};

/// The most records at the end of one slice that are told apart.
const ENDS: usize = 100_000;

/// A moment, with all that a format writes like it: `2026-01-31` is a whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alike {
    pub(crate) at: DateTime<Utc>,
    /// The first moment that is written like it.
    pub(crate) from: DateTime<Utc>,
    /// The one behind the last.
    pub(crate) to: DateTime<Utc>,
}

impl Alike {
    /// `None` where the format does not write it.
    pub(crate) fn of(at: DateTime<Utc>, format: &TimeFormat) -> Option<Self> {
        let written = |time| formatted(&Value::Timestamp(time), format).map(|text| text.text());
        let text = written(at)?;
        let unit = |name| truncated(at, name);
        let months = |from: Option<DateTime<Utc>>, months| {
            from.map(|from| (from, from.checked_add_months(Months::new(months))))
        };
        let fixed = |from: Option<DateTime<Utc>>, length| {
            from.map(|from| (from, from.checked_add_signed(length)))
        };
        let units = [
            months(unit("year"), 12),
            months(unit("month"), 1),
            fixed(unit("day"), TimeDelta::days(1)),
            fixed(unit("hour"), TimeDelta::hours(1)),
            fixed(unit("minute"), TimeDelta::minutes(1)),
            fixed(Some(at.trunc_subsecs(0)), TimeDelta::seconds(1)),
            fixed(Some(at.trunc_subsecs(3)), TimeDelta::milliseconds(1)),
            fixed(Some(at), TimeDelta::microseconds(1)),
        ];
        let is_alike = |time: DateTime<Utc>| written(time).as_ref() == Some(&text);
        let last = |to: DateTime<Utc>| to.checked_sub_signed(TimeDelta::microseconds(1));
        let mut units = units.into_iter().flatten();
        // The first moment of a month is that of a day and of a second, too: the last one tells which it is.
        let (from, to) =
            units.find(|(from, to)| is_alike(*from) && to.and_then(last).is_some_and(is_alike))?;
        Some(Self { at, from, to: to? })
    }

    fn has(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }
}

/// The times that the parameters of a request say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Since when; `None` where no parameter says so.
    pub(crate) since: Option<Alike>,
    /// Until when; `None` where no parameter says so, or no later slice goes on there.
    pub(crate) end: Option<Alike>,
}

impl Asked {
    /// Whether a record of that moment belongs to a later slice.
    pub(super) fn ends_before(self, at: DateTime<Utc>) -> bool {
        self.end.is_some_and(|end| at >= end.to)
    }

    /// Whether a record of that moment may come with the slice before or behind, too.
    pub(super) fn has_at_an_end(self, at: DateTime<Utc>) -> bool {
        [self.since, self.end].into_iter().flatten().any(|end| end.has(at))
    }
}

/// The records at the very end of the last two slices.
#[derive(Debug, Default)]
pub(super) struct Ends {
    before: End,
    last: End,
}

#[derive(Debug, Default)]
struct End {
    /// The partition.
    key: String,
    at: DateTime<Utc>,
    /// How many records read the same: all of them are read by one query.
    records: HashMap<u64, u64>,
    /// How many there are in all.
    count: usize,
}

impl End {
    fn is(&self, key: &str, at: DateTime<Utc>) -> bool {
        self.at == at && self.key == key
    }
}

impl Ends {
    /// Whether a record is to be stored with the request that it came with; `mark` tells it from others, where
    /// rows are appended and it lies at an end.
    ///
    /// # Errors
    /// Too many at the end of one slice.
    pub(super) fn take(
        &mut self,
        key: &str,
        asked: Asked,
        at: DateTime<Utc>,
        mark: Option<Mark>,
        came: &mut Came,
    ) -> Result<bool> {
        if asked.ends_before(at) {
            came.behind += 1;
            return Ok(false);
        }
        if let Some(since) = asked.since {
            came.all += 1;
            came.older += u64::from(at < since.from);
        }
        let Some(Mark { read, .. }) = mark else { return Ok(true) };
        let again = asked.since.is_some_and(|since| since.has(at) && self.has(key, since.at, read));
        if let Some(end) = asked.end.filter(|end| end.has(at)) {
            self.note(key, end.at, read)?;
        }
        Ok(!again)
    }

    /// Whether a slice has ended there with a record that reads the same, and that has not come again yet.
    fn has(&mut self, key: &str, at: DateTime<Utc>, read: u64) -> bool {
        let mut ends = [&mut self.last, &mut self.before].into_iter();
        let Some(end) = ends.find(|end| end.is(key, at)) else { return false };
        match end.records.get_mut(&read) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    fn note(&mut self, key: &str, at: DateTime<Utc>, read: u64) -> Result<()> {
        if !self.last.is(key, at) {
            let next = End { key: key.to_owned(), at, ..End::default() };
            self.before = std::mem::replace(&mut self.last, next);
        }
        *self.last.records.entry(read).or_default() += 1;
        self.last.count += 1;
        match self.last.count > ENDS {
            true => Err(Error::data(format!(
                "more than {ENDS} records lie at the end of a slice: {at}"
            ))
            .help(
                "`append` cannot tell which of them come again with the next slice: write \
                     `mode=\"merge\"` with a key",
            )),
            false => Ok(()),
        }
    }
}

/// How many records have come that were asked for, and how many that were not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Came {
    /// Those within the end of their slice whose request said since when.
    all: u64,
    /// Those of them that are older.
    older: u64,
    /// Those that lie behind the end of their slice, and were left out.
    behind: u64,
}

/// The same of a whole run, with the names of the parameters.
#[derive(Debug)]
pub(super) struct Answers {
    param: Option<ParamName>,
    end_param: Option<ParamName>,
    all: AtomicU64,
    older: AtomicU64,
    behind: AtomicU64,
}

impl Answers {
    pub(super) fn new(incremental: &Incremental) -> Self {
        Self {
            param: incremental.param.clone(),
            end_param: incremental.end_param.clone(),
            all: AtomicU64::new(0),
            older: AtomicU64::new(0),
            behind: AtomicU64::new(0),
        }
    }

    pub(super) fn add(&self, came: Came) {
        self.all.fetch_add(came.all, Relaxed);
        self.older.fetch_add(came.older, Relaxed);
        self.behind.fetch_add(came.behind, Relaxed);
    }

    /// The parameters that the API seems to pass over; `pages` is how many have come.
    pub(super) fn warnings(&self, source: &str, pages: u64) -> Vec<Warning> {
        let [all, older, behind] =
            [&self.all, &self.older, &self.behind].map(|count| count.load(Relaxed));
        let mut warnings = Vec::new();
        if let Some(ParamName(param)) = self.param.as_ref().filter(|_| pages > 1 && older > all / 2)
        {
            warnings.push(Warning {
                message: format!(
                    "{older} of {all} records of `{source}` are older than what was asked for: the API seems \
                     to ignore `{param}`"
                ),
                help: "look in its documentation for the name of that parameter, and write it as `param`; \
                       where there is none, `mode: client` leaves out here what is known"
                    .to_owned(),
            });
        }
        if let Some(ParamName(end_param)) = self.end_param.as_ref().filter(|_| behind > 0) {
            warnings.push(Warning {
                message: format!(
                    "{behind} records of `{source}` lie behind the end of the slice that they came with, and \
                     were left out of it: the API seems to ignore `{end_param}`"
                ),
                help: "look in its documentation for the name of that parameter, and write it as `end_param`; \
                       until then the API sends records several times, of which each is stored with its own \
                       slice"
                    .to_owned(),
            });
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_format_writes_some_moments_alike() {
        let check = |at: &str, format: &str, from: &str, to: &str| {
            let at = moment(at);
            let found = Alike::of(at, &TimeFormat::parse(format).unwrap()).unwrap();
            assert_eq!(found, Alike { at, from: moment(from), to: moment(to) }, "{format}");
        };
        let any = "2026-02-04T13:45:30.123456Z";
        check(any, "rfc3339", "2026-02-04T13:45:30.123456Z", "2026-02-04T13:45:30.123457Z");
        check(any, "epoch_ms", "2026-02-04T13:45:30.123Z", "2026-02-04T13:45:30.124Z");
        check(any, "epoch_s", "2026-02-04T13:45:30Z", "2026-02-04T13:45:31Z");
        check(any, "%Y-%m-%d %H:%M", "2026-02-04T13:45:00Z", "2026-02-04T13:46:00Z");
        check(any, "%Y%m%d", "2026-02-04T00:00:00Z", "2026-02-05T00:00:00Z");
        check(any, "%Y-%m", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
        check(any, "%Y", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        // The first moment of a year is that of a second, too.
        let year = "2026-01-01T00:00:00Z";
        check(year, "rfc3339", year, "2026-01-01T00:00:00.000001Z");
        check(year, "epoch_s", year, "2026-01-01T00:00:01Z");
        check(year, "%Y-%m-%d", year, "2026-01-02T00:00:00Z");
        check(year, "%Y-%m", year, "2026-02-01T00:00:00Z");
        check(year, "%Y", year, "2027-01-01T00:00:00Z");
    }

    /// The hours of a day that are stored of slices `(since, end, hours that came)`, where days are asked for.
    fn stored(format: &str, slices: &[(u32, Option<u32>, &[u32])]) -> Vec<u32> {
        let format = TimeFormat::parse(format).unwrap();
        let at = |hour: u32| moment(&format!("2026-02-04T{hour:02}:00:00Z"));
        let (mut ends, mut came, mut stored) = (Ends::default(), Came::default(), Vec::new());
        for (since, end, hours) in slices {
            let asked = Asked {
                since: Alike::of(at(*since), &format),
                end: end.and_then(|end| Alike::of(at(end), &format)),
            };
            for hour in *hours {
                let mark = Mark { read: u64::from(*hour), written: 0 };
                if ends.take("", asked, at(*hour), Some(mark), &mut came).unwrap() {
                    stored.push(*hour);
                }
            }
        }
        stored
    }

    #[test]
    fn a_record_at_the_end_of_a_slice_is_stored_once_whichever_slices_bring_it() {
        let check = |first: &[u32], second: &[u32]| {
            assert_eq!(stored("rfc3339", &[(0, Some(5), first), (5, None, second)]), [1, 5, 6]);
        };
        check(&[1], &[5, 6]);
        check(&[1, 5], &[6]);
        check(&[1, 5], &[5, 6]);
        check(&[1, 5, 6], &[5, 6]);
        // The day is in all slices.
        let day: &[u32] = &[1, 5, 6];
        let slices = [(0, Some(5), day), (5, Some(6), day), (6, None, day)];
        assert_eq!(stored("%Y-%m-%d", &slices), [1, 5, 6]);
        // Two that are alike come with one slice.
        let twice: &[u32] = &[1, 1];
        assert_eq!(stored("%Y-%m-%d", &[(0, Some(5), twice), (5, None, &[])]), [1, 1]);
        assert_eq!(stored("%Y-%m-%d", &[(0, Some(5), twice), (5, None, twice)]), [1, 1]);
        assert_eq!(stored("%Y-%m-%d", &[(0, Some(5), &[1]), (5, None, twice)]), [1, 1]);
    }
}
