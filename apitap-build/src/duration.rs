//! Durations as people write them: `500ms`, `30s`, `15m`, `1h`, `7d`, `2w`.

use std::fmt;
use std::time::Duration;

/// The units, and their milliseconds: the largest first.
pub(crate) const UNITS: [(&str, u32); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The duration that a text says; `None` where it says none.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(millis.into()).map(Duration::from_millis)
}

/// A duration in the largest unit that says it, to milliseconds.
pub fn shown(length: Duration) -> impl fmt::Display {
    of_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
}

/// Milliseconds in the largest unit that says them; those before a moment are negative.
pub(crate) fn of_millis(millis: i64) -> impl fmt::Display {
    let is_whole = |(_, of_unit): &(&str, u32)| millis != 0 && millis % i64::from(*of_unit) == 0;
    let (unit, of_unit) = UNITS.into_iter().find(is_whole).unwrap_or(("s", 1_000));
    fmt::from_fn(move |f| write!(f, "{}{unit}", millis / i64::from(of_unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_as_it_is_parsed() {
        let check = |text: &str, expected: &str| {
            let parsed = parse(text).expect("it is one");
            assert_eq!(shown(parsed).to_string(), expected);
        };
        check("7d", "1w");
        check("36h", "36h");
        check("90 m", "90m");
        check("1500ms", "1500ms");
        check("0s", "0s");
    }
}
