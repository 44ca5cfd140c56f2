//! Values as text, exactly: how dates, times and instants are written in SQLite and inside JSON.
//!
//! `2026-11-23`, `13:45:00.500000`, `2026-11-23T13:45:00.500000Z`: always six digits of a second, so
//! that texts sort as the values do. Years run from 0000 to 9999; there is no form for others.

use chrono::{Datelike, NaiveDate};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Why a day has no text: it goes on after "column … of row …".
pub(super) const NO_DATE: &str = "holds a date outside the years 0 to 9999";
/// Why a time has none.
pub(super) const NO_TIME: &str = "holds a time that is not within a day";
/// Why a timestamp has none.
pub(super) const NO_TIMESTAMP: &str = "holds a timestamp outside the years 0 to 9999";

/// A day, counted from 1970-01-01. `None` where its year has not four digits.
pub(super) fn date(days: i32) -> Option<String> {
    let date = NaiveDate::from_epoch_days(days)?;
    (0..=9999).contains(&date.year()).then(|| date.to_string())
}

/// A time of day in microseconds. `None` where it is not within a day.
pub(super) fn time(micros: i64) -> Option<String> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return None;
    }
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{hour:02}:{minute:02}:{second:02}.{fraction:06}"))
}

/// An instant in microseconds from 1970-01-01T00:00:00Z. `None` where its year has not four digits.
pub(super) fn timestamp(micros: i64) -> Option<String> {
    let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()?;
    let (date, time) = (date(days)?, time(micros.rem_euclid(MICROS_PER_DAY))?);
    Some(format!("{date}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: Option<String>, expected: Option<&str>) {
        assert_eq!(written.as_deref(), expected);
    }

    #[test]
    fn a_date_is_written_as_iso_8601() {
        check(date(0), Some("1970-01-01"));
        check(date(-1), Some("1969-12-31"));
        check(date(-719_528), Some("0000-01-01"));
        check(date(2_932_896), Some("9999-12-31"));
    }

    #[test]
    fn a_date_without_a_four_digit_year_has_no_text() {
        check(date(-719_529), None);
        check(date(2_932_897), None);
        check(date(i32::MAX), None);
        check(date(i32::MIN), None);
    }

    #[test]
    fn a_time_has_six_digits_of_a_second() {
        check(time(0), Some("00:00:00.000000"));
        check(time(49_500_500_000), Some("13:45:00.500000"));
        check(time(MICROS_PER_DAY - 1), Some("23:59:59.999999"));
        check(time(MICROS_PER_DAY), None);
        check(time(-1), None);
    }

    #[test]
    fn a_timestamp_is_written_in_utc() {
        check(timestamp(0), Some("1970-01-01T00:00:00.000000Z"));
        check(timestamp(-1), Some("1969-12-31T23:59:59.999999Z"));
        check(timestamp(i64::MAX), None);
        check(timestamp(i64::MIN), None);
    }
}
