//! How a time is written in a request: `rfc3339`, `epoch_s`, `epoch_ms`, or a pattern such as `%Y-%m-%d`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a time is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2026-01-31T12:00:00Z`, with a fraction where there is one.
    #[default]
    Rfc3339,
    /// Whole seconds since 1970.
    EpochS,
    /// Whole milliseconds since 1970.
    EpochMs,
    /// As `strftime` writes it.
    Pattern(String),
}

impl TimeFormat {
    /// What a text means: one of the names, or a pattern with a `%`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "rfc3339" => Self::Rfc3339,
            "epoch_s" => Self::EpochS,
            "epoch_ms" => Self::EpochMs,
            pattern if pattern.contains('%') => Self::Pattern(pattern.to_owned()),
            _ => return None,
        })
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::EpochS | Self::EpochMs)
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rfc3339 => "rfc3339",
            Self::EpochS => "epoch_s",
            Self::EpochMs => "epoch_ms",
            Self::Pattern(pattern) => pattern,
        })
    }
}

#[cfg(feature = "compiler")]
pub(crate) use check::{gap, problem};

#[cfg(feature = "compiler")]
mod check {
    use chrono::NaiveDate;
    use chrono::format::{Fixed, Item, Numeric, StrftimeItems};

    use super::TimeFormat;
    use crate::nearest::nearest;

    /// The names of those that are no pattern.
    const NAMED: [&str; 3] = ["rfc3339", "epoch_s", "epoch_ms"];

    /// What is wrong with a text as a format of times, and what to write instead; `dates` where it is
    /// one of days, which have no hours.
    pub(crate) fn problem(text: &str, dates: bool) -> Option<(String, String)> {
        let help =
            "write `rfc3339`, `epoch_s`, `epoch_ms`, or a pattern such as `%Y-%m-%dT%H:%M:%SZ`";
        let Some(format) = TimeFormat::parse(text) else {
            let near = nearest(text, NAMED).map(|name| format!("a similar one exists: `{name}`"));
            return Some((
                format!("`{text}` is not a format of times"),
                near.unwrap_or_else(|| help.to_owned()),
            ));
        };
        let TimeFormat::Pattern(pattern) = format else {
            return dates.then(|| {
                let help = "write a pattern such as `%Y-%m-%d`, or `timestamp(…)` around the date";
                (format!("a date cannot be written as `{text}`"), help.to_owned())
            });
        };
        let items: Vec<_> = StrftimeItems::new(&pattern).collect();
        if items.contains(&Item::Error) {
            let help = "see the table of `strftime`: `%Y` year, `%m` month, `%d` day, `%H` hour, \
                        `%M` minute, `%S` second; `%%` is a `%`";
            return Some((format!("`{text}` is not a format of times"), help.to_owned()));
        }
        let midnight = NaiveDate::default();
        let mut written = String::new();
        let fits = std::fmt::Write::write_fmt(
            &mut written,
            format_args!("{}", midnight.format_with_items(items.iter())),
        );
        if dates && fits.is_err() {
            return Some((
                format!("`{text}` has hours, and a date has none"),
                "write `timestamp(…)` around the date, or a pattern such as `%Y-%m-%d`".to_owned(),
            ));
        }
        (!dates).then(|| ambiguous(&items)).flatten()
    }

    /// Why later times are written like earlier ones: a part is missing above one that is there. A text that is
    /// no pattern has none.
    pub(crate) fn gap(text: &str) -> Option<(String, String)> {
        let Some(TimeFormat::Pattern(pattern)) = TimeFormat::parse(text) else { return None };
        let items: Vec<_> = StrftimeItems::new(&pattern).collect();
        let has = |numbers: &[Numeric], names: &[Fixed]| {
            items.iter().any(|item| match item {
                Item::Numeric(found, _) => numbers.contains(found),
                Item::Fixed(found) => names.contains(found),
                _ => false,
            })
        };
        if has(&[Numeric::Timestamp], &[Fixed::RFC2822, Fixed::RFC3339]) {
            return None;
        }
        let week = has(&[Numeric::IsoWeek, Numeric::WeekFromSun, Numeric::WeekFromMon], &[]);
        let of_week = has(
            &[Numeric::NumDaysFromSun, Numeric::WeekdayFromMon],
            &[Fixed::ShortWeekdayName, Fixed::LongWeekdayName],
        );
        let of_year = has(&[Numeric::Ordinal], &[]);
        let years = [Numeric::Year, Numeric::YearMod100, Numeric::IsoYear, Numeric::IsoYearMod100];
        let units = [
            ("year", has(&years, &[])),
            (
                "month",
                week || of_year
                    || has(&[Numeric::Month], &[Fixed::ShortMonthName, Fixed::LongMonthName]),
            ),
            ("day", week && of_week || of_year || has(&[Numeric::Day], &[])),
            ("hour", has(&[Numeric::Hour, Numeric::Hour12], &[])),
            ("minute", has(&[Numeric::Minute], &[])),
            ("second", has(&[Numeric::Second], &[])),
        ];
        let help = "write all larger parts, too, as in `%Y-%m-%dT%H:%M:%SZ`".to_owned();
        let Some(last) = units.iter().rposition(|(_, is_there)| *is_there) else {
            return Some((format!("`{text}` has no part of a time"), help));
        };
        let missing = units.iter().take(last).find(|(_, is_there)| !is_there);
        missing.map(|(unit, _)| {
            let message = format!(
                "`{text}` does not say the {unit}: a later time may be written like an earlier one"
            );
            (message, help)
        })
    }

    /// Hours of twelve without a half of the day, and years of two digits: what is sent means two
    /// times.
    fn ambiguous(items: &[Item<'_>]) -> Option<(String, String)> {
        let has = |wanted: &[Numeric]| {
            items
                .iter()
                .any(|item| matches!(item, Item::Numeric(found, _) if wanted.contains(found)))
        };
        let half =
            |item: &Item<'_>| matches!(item, Item::Fixed(Fixed::LowerAmPm | Fixed::UpperAmPm));
        if has(&[Numeric::Hour12]) && !items.iter().any(half) {
            let message = "`%I` is the same for morning and evening".to_owned();
            return Some((message, "write `%H` for hours from 0 to 23, or add `%p`".to_owned()));
        }
        // `%m` is a month where minutes were meant.
        let hours = has(&[Numeric::Hour, Numeric::Hour12]);
        let minutes = has(&[Numeric::Minute]);
        let months = items.iter().filter(|item| matches!(item, Item::Numeric(Numeric::Month, _)));
        (hours && !minutes && months.count() > 1).then(|| {
            let message = "`%m` is the month, and stands in it twice".to_owned();
            (message, "write `%M` for the minutes".to_owned())
        })
    }
}
