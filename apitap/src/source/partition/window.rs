//! Since when, and until when, a partition is requested: a slice, or several.

use chrono::{DateTime, TimeDelta, Utc};

use super::Partition;
use crate::definition::TimeFormat;
use crate::definition::{Incremental, IncrementalMode, ParamName};
use crate::environment::Environment;
use crate::schema::{Schema, Type};
use crate::source::filters::{Stretch, written_end};
use crate::source::incremental::{Alike, Asked, MomentReader, Watermarks, moment};
use crate::source::page::Page;
use crate::source::request::expression::{Scope, Value, formatted};
use crate::{Error, Result};

/// What `incremental` says of the requests.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct WindowPlan {
    /// Since when the first run loads, as it is written.
    start: Option<String>,
    param: Option<ParamName>,
    end_param: Option<ParamName>,
    format: TimeFormat,
    /// How much time a slice covers; all of it where there are none.
    slice: Option<TimeDelta>,
    /// Which records are requested, as far as their times can be written.
    wanted: Stretch,
    /// When the run began.
    now: DateTime<Utc>,
    mode: IncrementalMode,
}

impl WindowPlan {
    pub(super) fn resolve(
        incremental: &Incremental,
        schema: Option<&Schema>,
        environment: &mut Environment,
    ) -> Self {
        Self {
            start: incremental.start.as_ref().map(|start| environment.text(start)),
            param: incremental.param.clone(),
            end_param: incremental.end_param.clone(),
            format: format(incremental, schema),
            slice: incremental.window.and_then(|window| TimeDelta::from_std(window).ok()),
            wanted: Stretch::default(),
            now: environment.now(),
            mode: incremental.mode,
        }
    }

    /// Records of that time only are wanted: an API that is told since when is asked for no others.
    pub(super) fn narrow(&mut self, wanted: Stretch) {
        if self.mode == IncrementalMode::Server {
            let until = wanted.until.and_then(|until| written_end(until, &self.format));
            self.wanted = Stretch { until, ..wanted };
        }
    }

    /// Since when the first run loads.
    ///
    /// # Errors
    /// A config error: it is not a time.
    pub(super) fn start(&self) -> Result<Option<DateTime<Utc>>> {
        let Some(text) = &self.start else { return Ok(None) };
        moment(text).map(Some).ok_or_else(|| {
            Error::config(format!("`start` is not a date or a timestamp: `{text}`"))
                .help("write it as in `2026-01-31` or `2026-01-31T00:00:00Z`")
        })
    }

    /// The slices of a partition, in order; `since` is where they begin, and `until` where they end if
    /// that is not when the run began.
    pub(super) fn of(
        &self,
        partition: Partition,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = Partition> + use<> {
        let plan = self.clone();
        let until = until.unwrap_or(self.now);
        let until = self.wanted.until.map_or(until, |wanted| until.min(wanted));
        let slices = slices(since.max(self.wanted.since), until, self.slice);
        slices.map(move |(start, end)| {
            let is_last = start.is_none() || end >= until;
            let left = (!is_last).then_some(end);
            let asked = plan.asked(start, left);
            Partition { left, asked, ..plan.slice(&partition, start, end) }
        })
    }

    /// When the run began, up to which it loads.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether a partition may have several slices.
    pub(super) fn is_sliced(&self) -> bool {
        self.slice.is_some()
    }

    /// What its parameters say, where later slices go on at that end.
    fn asked(&self, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Asked {
        // An expression may write a time in any way.
        let is_told = self.param.is_some() && self.end_param.is_some();
        let since = start.filter(|_| self.param.is_some() && self.mode == IncrementalMode::Server);
        let alike = |at| Alike::of(at, &self.format);
        Asked { since: since.and_then(alike), end: end.filter(|_| is_told).and_then(alike) }
    }

    fn slice(
        &self,
        partition: &Partition,
        start: Option<DateTime<Utc>>,
        end: DateTime<Utc>,
    ) -> Partition {
        let start = start.map(Value::Timestamp);
        let end = Value::Timestamp(end);
        let mut params = partition.params.clone();
        let mut add = |name: &Option<ParamName>, time: Option<&Value>| {
            let name = name.as_ref().map(|name| name.0.clone());
            let written = time.and_then(|time| formatted(time, &self.format));
            params.extend(name.zip(written.map(|written| written.text())));
        };
        // A client and a feed leave out themselves what is known.
        if self.mode == IncrementalMode::Server {
            add(&self.param, start.as_ref());
            add(&self.end_param, Some(&end));
        }
        let scope = partition.scope.clone().with("start", start).with("end", Some(end));
        Partition { scope, params, ..partition.clone() }
    }
}

/// How times are written: dates as dates, where nothing else is said.
fn format(incremental: &Incremental, schema: Option<&Schema>) -> TimeFormat {
    let field = schema.and_then(|schema| schema.path(&incremental.field)?.last().copied());
    match &incremental.format {
        TimeFormat::Rfc3339 if field.is_some_and(|field| field.ty == Type::Date) => {
            TimeFormat::Pattern("%Y-%m-%d".to_owned())
        }
        format => format.clone(),
    }
}

/// From `start` to `now`, in steps; all of it in one where there is no step or no beginning.
fn slices(
    start: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    step: Option<TimeDelta>,
) -> impl Iterator<Item = (Option<DateTime<Utc>>, DateTime<Utc>)> {
    let behind = move |start: DateTime<Utc>| {
        let end = step.and_then(|step| start.checked_add_signed(step));
        end.map_or(now, |end| end.min(now)).max(start)
    };
    let first = (start, start.map_or(now, behind));
    std::iter::successors(Some(first), move |(start, end)| {
        (start.is_some() && *end < now).then(|| (Some(*end), behind(*end)))
    })
}

/// Names with times, to try out what is requested with them.
pub(super) fn probe(scope: Scope) -> Scope {
    let time = || Some(Value::Timestamp(DateTime::UNIX_EPOCH));
    scope.with("start", time()).with("end", time())
}

/// A feed that is newest first: it ends at a record that is known.
pub(super) struct Feed {
    moments: MomentReader,
    /// Since when records are new; `None` where all of them are.
    since: Option<DateTime<Utc>>,
    /// When the last record of the page before was changed.
    last: Option<DateTime<Utc>>,
}

impl Feed {
    /// `None` where the source is none.
    pub(super) fn new(watermarks: &Watermarks, key: &str) -> Option<Self> {
        let moments = MomentReader::new(watermarks.feed()?.clone());
        Some(Self { moments, since: watermarks.since(key), last: None })
    }

    /// Whether the last record of a page is known, and with it all that follow.
    ///
    /// # Errors
    /// A record has no such field; a later one is newer, so that others that are new may follow one that is known.
    pub(super) async fn is_known(&mut self, page: &Page) -> Result<bool> {
        let (mut first, mut last) = (None, None);
        let mut segments = page.segments();
        let mut number = 0;
        while let Some(segment) = segments.next().await? {
            number += segment.records().count() as u64;
            first = first.or_else(|| segment.records().next().map(|(record, _)| record.to_owned()));
            last = segment.records().last().map(|(record, _)| record.to_owned()).or(last);
        }
        let Some((first, last)) = first.zip(last) else { return Ok(false) };
        let mut read = |number, record: &str| {
            let moment = self.moments.of(record);
            moment.map_err(|error| error.at_record(number).in_request(&page.request))
        };
        let (first, last) = (read(1, &first)?, read(number, &last)?);
        let before = self.last.replace(last).unwrap_or(first).min(first);
        if last > before {
            return Err(self.unsorted(before, last).at_record(number).in_request(&page.request));
        }
        Ok(self.since.is_some_and(|since| last < since))
    }

    fn unsorted(&self, before: DateTime<Utc>, last: DateTime<Utc>) -> Error {
        let name = self.moments.name();
        let message = format!(
            "the API does not send the newest records first: `{name}` is {last} behind {before}"
        );
        Error::data(message).help(
            "`mode: feed` ends at the first page that is known, and would not see what is new behind it: \
             have the API sort by a query parameter, or write `mode: client`",
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveTime};

    use super::*;

    fn check(start: Option<&str>, now: &str, step: Option<i64>, expected: &str) {
        let day = |text: &str| -> DateTime<Utc> {
            text.parse::<NaiveDate>().unwrap().and_time(NaiveTime::MIN).and_utc()
        };
        let slices = slices(start.map(day), day(now), step.map(TimeDelta::days));
        let shown = |time: DateTime<Utc>| time.format("%d").to_string();
        let found: Vec<_> = slices
            .map(|(start, end)| format!("{}-{}", start.map_or("".to_owned(), shown), shown(end)))
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn slices_cover_the_time_until_now() {
        check(None, "2026-01-10", None, "-10");
        check(Some("2026-01-03"), "2026-01-10", None, "03-10");
        check(Some("2026-01-03"), "2026-01-10", Some(3), "03-06 06-09 09-10");
        check(Some("2026-01-04"), "2026-01-10", Some(3), "04-07 07-10");
        check(Some("2026-01-12"), "2026-01-10", Some(3), "12-12");
        check(None, "2026-01-10", Some(3), "-10");
    }
}
