//! Days, times of day and instants as they are written → the numbers that Arrow keeps.

use chrono::NaiveDate;

/// Why a text is no day, time or instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is written in another way.
    Form,
    /// It is written well, but the calendar or the clock has no such thing.
    Range,
    /// It is finer than a microsecond.
    Precise,
    /// It does not say how far it is from UTC.
    NoOffset,
}

const SECONDS_A_DAY: i64 = 86_400;
const MICROS_A_SECOND: i64 = 1_000_000;

/// `2026-11-23` → days since 1970-01-01.
pub(super) fn date(text: &[u8]) -> Result<i32, Unfit> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return Err(Unfit::Form) };
    let year = digits(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (digits(&[*m1, *m2])?, digits(&[*d1, *d2])?);
    let year = i32::try_from(year).map_err(|_| Unfit::Range)?;
    NaiveDate::from_ymd_opt(year, month, day).map(|date| date.to_epoch_days()).ok_or(Unfit::Range)
}

/// `13:45:00.5` → microseconds since midnight.
pub(super) fn time(text: &[u8]) -> Result<i64, Unfit> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, fraction @ ..] = text else {
        return Err(Unfit::Form);
    };
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?, digits(&[*s1, *s2])?);
    let micros = micros(fraction)?;
    // A leap second, `23:59:60`, is not kept: no two instants may become one.
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Unfit::Range);
    }
    Ok(i64::from(hour * 3600 + minute * 60 + second) * MICROS_A_SECOND + micros)
}

/// RFC 3339, `2026-11-23T13:45:00.5+01:00` → microseconds since 1970-01-01 UTC. The offset may be
/// without its colon, as Jira and Salesforce write it.
pub(super) fn timestamp(text: &[u8]) -> Result<i64, Unfit> {
    let Some((day, [b'T' | b't' | b' ', rest @ ..])) = text.split_at_checked(10) else {
        return Err(Unfit::Form);
    };
    let days = date(day)?;
    let Some(end) = rest.iter().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-')) else {
        return time(rest).and(Err(Unfit::NoOffset));
    };
    let (clock, zone) = rest.split_at_checked(end).ok_or(Unfit::Form)?;
    let micros = time(clock)?;
    let seconds = i64::from(days) * SECONDS_A_DAY - offset(zone)?;
    Ok(seconds * MICROS_A_SECOND + micros)
}

/// `Z`, `+01:00`, `+0100` → seconds east of UTC.
fn offset(text: &[u8]) -> Result<i64, Unfit> {
    let (sign, h1, h2, m1, m2) = match text {
        [b'Z' | b'z'] => return Ok(0),
        [b'+', h1, h2, b':', m1, m2] | [b'+', h1, h2, m1, m2] => (1, h1, h2, m1, m2),
        [b'-', h1, h2, b':', m1, m2] | [b'-', h1, h2, m1, m2] => (-1, h1, h2, m1, m2),
        _ => return Err(Unfit::Form),
    };
    let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    if hours > 23 || minutes > 59 {
        return Err(Unfit::Range);
    }
    Ok(sign * i64::from(hours * 3600 + minutes * 60))
}

/// Nothing, or `.` and digits, of which those after the sixth are zeros → microseconds.
fn micros(text: &[u8]) -> Result<i64, Unfit> {
    let fraction = match text {
        [] => return Ok(0),
        [b'.', fraction @ ..] if !fraction.is_empty() => fraction,
        _ => return Err(Unfit::Form),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(Unfit::Form);
    }
    let (kept, rest) = fraction.split_at(fraction.len().min(6));
    if rest.iter().any(|digit| *digit != b'0') {
        return Err(Unfit::Precise);
    }
    let value = digits(kept)?;
    Ok((kept.len()..6).fold(i64::from(value), |value, _| value * 10))
}

/// At most nine decimal digits.
fn digits(text: &[u8]) -> Result<u32, Unfit> {
    text.iter().try_fold(0, |value, byte| match byte {
        b'0'..=b'9' => Ok(value * 10 + u32::from(byte - b'0')),
        _ => Err(Unfit::Form),
    })
}
