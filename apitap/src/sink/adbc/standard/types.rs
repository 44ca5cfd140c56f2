//! Schema types as types of columns, by the words of a database.

use std::fmt;

use super::words::{Name, Types};
use crate::schema::Type;

/// The shortest limit of a text that is none: some catalogs show the most bytes or characters that a text has.
const LONG: u64 = 1 << 24;
/// How many digits a second has behind the point.
const MICROS: u64 = 6;
/// The characters of a UUID.
const UUID: u64 = 36;

impl Types {
    /// The type of a column that we create.
    pub(super) fn creates(&self, ty: &Type) -> String {
        let name = self.of(ty).creates;
        match ty {
            Type::Decimal { precision, scale } => {
                let name = (self.long_decimal)(*precision, *scale).unwrap_or(name);
                format!("{name}({precision},{scale})")
            }
            _ => name.to_owned(),
        }
    }

    /// The same for a column of a key.
    pub(super) fn creates_key(&self, ty: &Type) -> String {
        let text = self.key_text.filter(|_| self.is_text(ty));
        text.map_or_else(|| self.creates(ty), str::to_owned)
    }

    fn is_text(&self, ty: &Type) -> bool {
        self.of(ty).creates == self.text.creates
    }

    fn of(&self, ty: &Type) -> Name {
        match ty {
            Type::Bool => self.bool,
            Type::Int16 => self.int16,
            Type::Int32 => self.int32,
            Type::Int64 => self.int64,
            Type::Float32 => self.float32,
            Type::Float64 => self.float64,
            Type::Decimal { .. } => self.decimal,
            Type::Date => self.date,
            Type::Time => self.time,
            Type::Timestamp => self.timestamp,
            Type::Binary => self.binary,
            Type::String | Type::Uuid | Type::Json | Type::Record(_) | Type::List(_) => self.text,
        }
    }

    /// The limit of a text of a key that we create.
    fn least_key_text(&self) -> u64 {
        let limit = self.key_text.and_then(|text| Parsed::of(text).numbers.first().copied());
        limit.unwrap_or(LONG)
    }

    /// Whether a column of that type, as [`Shown`] writes it, holds every value of ours unchanged; `key` where it is
    /// of the key.
    pub(super) fn holds(&self, actual: &str, ty: &Type, key: bool) -> bool {
        let actual = Parsed::of(actual);
        let one_of =
            |names: &[Name]| names.iter().any(|name| name.shown.contains(&actual.name.as_str()));
        match ty {
            Type::Int16 => {
                one_of(&[self.int16, self.int32, self.int64]) || self.has_digits(&actual, 5, 0)
            }
            Type::Int32 => one_of(&[self.int32, self.int64]) || self.has_digits(&actual, 10, 0),
            Type::Int64 => one_of(&[self.int64]) || self.has_digits(&actual, 19, 0),
            Type::Float32 => one_of(&[self.float32, self.float64]),
            Type::Decimal { precision, scale } => {
                self.has_digits(&actual, u64::from(*precision), u64::from(*scale))
            }
            Type::Uuid => one_of(&[self.text]) && actual.reaches(UUID),
            // As many characters as the target says of texts of a key, each of two units at most.
            Type::String if key => one_of(&[self.text]) && actual.reaches(self.least_key_text()),
            Type::Time | Type::Timestamp => one_of(&[self.of(ty)]) && actual.reaches(MICROS),
            Type::Bool | Type::Float64 | Type::Date | Type::Binary => one_of(&[self.of(ty)]),
            Type::String | Type::Json | Type::Record(_) | Type::List(_) => {
                one_of(&[self.text]) && actual.reaches(LONG)
            }
        }
    }

    /// Whether it is a decimal with room on both sides of the point.
    fn has_digits(&self, actual: &Parsed, precision: u64, scale: u64) -> bool {
        let is_decimal = self.decimal.shown.contains(&actual.name.as_str());
        let [p, s] = *actual.numbers.as_slice() else { return false };
        is_decimal && s >= scale && p.saturating_sub(s) >= precision.saturating_sub(scale)
    }
}

/// What the catalog shows of a column's type.
pub(super) struct Shown {
    pub(super) name: String,
    /// The length of texts, the digits of numbers, those behind the point, and those of seconds; empty where the
    /// catalog says nothing.
    pub(super) limits: [String; 4],
}

/// In one text: `decimal(12,2)`, `character varying(40)`, `time(3)`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.to_ascii_lowercase();
        let [length, precision, scale, seconds] = &self.limits;
        f.write_str(&name)?;
        if name.contains('(') {
            return Ok(());
        }
        match [length, precision, scale, seconds].map(|limit| !limit.is_empty()) {
            [true, ..] => write!(f, "({length})"),
            // The digits of whole numbers, and the bits of floats, follow from the name.
            [_, true, true, _] if ["decimal", "numeric", "number"].contains(&name.as_str()) => {
                write!(f, "({precision},{scale})")
            }
            [_, false, _, true] => write!(f, "({seconds})"),
            _ => Ok(()),
        }
    }
}

/// A type as it is shown: its name without the numbers, and these.
struct Parsed {
    name: String,
    numbers: Vec<u64>,
}

impl Parsed {
    fn of(shown: &str) -> Self {
        let parts = shown.split_once('(').and_then(|(name, rest)| {
            let (numbers, behind) = rest.split_once(')')?;
            Some((format!("{name}{behind}"), numbers))
        });
        let Some((name, numbers)) = parts else {
            return Self { name: shown.to_owned(), numbers: Vec::new() };
        };
        // `-1` is no limit.
        let numbers = numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        Self { name, numbers }
    }

    /// Whether there is no limit below that one.
    fn reaches(&self, least: u64) -> bool {
        self.numbers.first().is_none_or(|limit| *limit >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::STANDARD;
    use super::*;

    #[track_caller]
    fn check(name: &str, limits: [&str; 4], ty: Type, expected: bool) {
        let shown = Shown { name: name.to_owned(), limits: limits.map(str::to_owned) }.to_string();
        assert_eq!(STANDARD.types.holds(&shown, &ty, false), expected, "{shown} and {ty:?}");
    }

    #[test]
    fn a_column_holds_values_where_the_catalog_says_so() {
        const NOTHING: [&str; 4] = [""; 4];
        check("BIGINT", ["", "64", "0", ""], Type::Int32, true);
        check("INTEGER", ["", "32", "0", ""], Type::Int64, false);
        check("numeric", ["", "12", "2", ""], Type::Decimal { precision: 12, scale: 2 }, true);
        check(
            "DECIMAL(12,2)",
            ["", "12", "2", ""],
            Type::Decimal { precision: 12, scale: 3 },
            false,
        );
        check("numeric", NOTHING, Type::Decimal { precision: 12, scale: 2 }, false);
        check("character varying", NOTHING, Type::String, true);
        check("character varying", ["255", "", "", ""], Type::String, false);
        check("character varying", ["255", "", "", ""], Type::Uuid, true);
        check("varchar", ["1", "", "", ""], Type::Uuid, false);
        check("varchar", ["-1", "", "", ""], Type::String, true);
        check("time without time zone", ["", "", "", "6"], Type::Time, true);
        check("TIME", NOTHING, Type::Time, true);
        check("time", ["", "", "", "0"], Type::Time, false);
        check("timestamp(3) with time zone", NOTHING, Type::Timestamp, false);
        check("timestamp", NOTHING, Type::Timestamp, false);
        check("double precision", ["", "53", "", ""], Type::Float32, true);
        check("float", ["", "53", "", ""], Type::Float64, false);
    }
}
