//! A query string → what is asked for, or what is wrong with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use url::form_urlencoded;

/// At most so many events in one answer.
const MOST: usize = 20_000;

/// What a request asks for, all of it valid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// The earliest time of an event.
    pub(super) start: DateTime<Utc>,
    /// The latest time of an event, if there is one.
    pub(super) end: Option<DateTime<Utc>>,
    /// Only events that have changed after this.
    pub(super) updated_after: Option<DateTime<Utc>>,
    /// In which order they come.
    pub(super) order: Order,
    /// At most so many; `None` where the request does not say.
    pub(super) limit: Option<usize>,
    /// The first one to come, from 1; `None` where the request does not say.
    pub(super) offset: Option<usize>,
}

/// `orderby`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `time`: newest first.
    Time,
    /// `time-asc`: oldest first.
    TimeAscending,
    /// `magnitude`: largest first.
    Magnitude,
    /// `magnitude-asc`: smallest first.
    MagnitudeAscending,
}

impl Query {
    /// What `query` (without `?`) asks for at the time `now`; the reason where it cannot be.
    pub(super) fn parse(query: &str, now: DateTime<Utc>) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if given.insert(name.to_string(), value.to_string()).is_some() {
                return Err(format!("Parameter \"{name}\" is given more than once."));
            }
        }
        let mut take = |name: &str| given.remove(name);
        match take("format").as_deref() {
            Some("geojson") => {}
            Some(other) => {
                return Err(bad("format", other, "This recording answers \"geojson\" only."));
            }
            None => return Err("This recording answers \"format=geojson\" only.".to_owned()),
        }
        let parsed = Self {
            start: time("starttime", take("starttime"))?.unwrap_or(now - Duration::days(30)),
            end: time("endtime", take("endtime"))?,
            updated_after: time("updatedafter", take("updatedafter"))?,
            order: order(take("orderby"))?,
            limit: count("limit", take("limit"), MOST)?,
            offset: count("offset", take("offset"), usize::MAX)?,
        };
        match given.keys().next() {
            Some(name) => Err(format!("Unknown parameter \"{name}\".")),
            None if parsed.end.is_some_and(|end| end < parsed.start) => {
                Err("\"endtime\" is before \"starttime\".".to_owned())
            }
            None => Ok(parsed),
        }
    }
}

fn bad(name: &str, value: &str, help: &str) -> String {
    format!("Bad value \"{value}\" for parameter \"{name}\". {help}")
}

fn order(value: Option<String>) -> Result<Order, String> {
    match value.as_deref() {
        None | Some("time") => Ok(Order::Time),
        Some("time-asc") => Ok(Order::TimeAscending),
        Some("magnitude") => Ok(Order::Magnitude),
        Some("magnitude-asc") => Ok(Order::MagnitudeAscending),
        Some(other) => {
            let help = "Valid values are: time, time-asc, magnitude, magnitude-asc.";
            Err(bad("orderby", other, help))
        }
    }
}

/// A whole number from 1 to `most`.
fn count(name: &str, value: Option<String>, most: usize) -> Result<Option<usize>, String> {
    let Some(text) = value else { return Ok(None) };
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ if most == MOST => {
            Err(bad(name, &text, &format!("Valid values are integers in the range [1,{MOST}].")))
        }
        _ => Err(bad(name, &text, "Valid values are integers starting at 1.")),
    }
}

/// An ISO 8601 date or time; UTC where it does not say.
fn time(name: &str, value: Option<String>) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = value else { return Ok(None) };
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let local = || Some(text.parse::<NaiveDateTime>().ok()?.and_utc());
    let zoned = || Some(DateTime::parse_from_rfc3339(&text).ok()?.to_utc());
    match date().or_else(local).or_else(zoned) {
        Some(time) => Ok(Some(time)),
        None => Err(bad(name, &text, "Valid values are ISO 8601 dates and times.")),
    }
}
