//! Fields that the API sends and the schema does not declare: counted by name while records are decoded.
//!
//! Records of one API have their fields in one order, nearly always. So each name remembers which one
//! followed it last time, and a field costs one comparison with the name that is expected.

use std::collections::{BTreeMap, HashMap};

use apitap_build::shown::shown;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::differences::Differences;
use super::record::skip;
use crate::source::json::{Cursor, Fault};

/// Names that are told apart in one record; the fields of further ones are counted together.
const NAMES: usize = 100;

/// Characters of a name that are shown.
const SHOWN: usize = 100;

/// The fields of one record that are not read: those that are declared, and those that are not.
#[derive(Debug, Default)]
pub struct Unread {
    seen: Vec<Seen>,
    places: HashMap<Box<str>, usize>,
    /// The name that came last, and the one that is expected.
    last: usize,
    expected: usize,
    /// Whether a field that is not declared is an error.
    refuses: bool,
    /// Names that are declared.
    declared: usize,
    /// Fields that are not declared, of names beyond [`NAMES`].
    others: u64,
}

/// A name that came.
#[derive(Debug)]
struct Seen {
    name: Box<str>,
    times: u64,
    /// The place of the name that came after it.
    then: usize,
}

impl Unread {
    /// The names of the fields that are declared and not read; what else comes is counted.
    #[must_use]
    pub fn beside(declared: &[&str]) -> Self {
        let mut unread = Self::default();
        for name in declared {
            unread.add(name);
        }
        unread.declared = unread.seen.len();
        unread
    }

    /// The same; what else comes is an error.
    #[must_use]
    pub fn only(declared: &[&str]) -> Self {
        Self { refuses: true, ..Self::beside(declared) }
    }

    /// Passes over the value of a key that no column takes, which must be JSON all the same.
    #[inline]
    pub fn skip(&mut self, key: &str, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match self.seen.get_mut(self.expected) {
            Some(seen) if *seen.name == *key => {
                seen.times += 1;
                self.last = self.expected;
                self.expected = seen.then;
            }
            _ => self.look_up(key)?,
        }
        skip(key, cursor)
    }

    #[cold]
    fn look_up(&mut self, key: &str) -> Result<(), Fault> {
        let place = match self.places.get(key) {
            Some(place) => *place,
            None if self.refuses => {
                return Err(Fault::misfit(format!("`{key}` is not declared in the schema"))
                    .within(key)
                    .help("declare it, or set `on_unknown_field: warn`"));
            }
            None if self.seen.len() - self.declared == NAMES => {
                self.others += 1;
                return Ok(());
            }
            None => self.add(key),
        };
        if let Some(last) = self.seen.get_mut(self.last) {
            last.then = place;
        }
        if let Some(seen) = self.seen.get_mut(place) {
            seen.times += 1;
            self.last = place;
            self.expected = seen.then;
        }
        Ok(())
    }

    /// The place of a new name.
    fn add(&mut self, name: &str) -> usize {
        let place = self.seen.len();
        self.seen.push(Seen { name: name.into(), times: 0, then: place + 1 });
        self.places.insert(name.into(), place);
        place
    }

    /// Tells what was not declared, and which of the declared fields were there if any record `came`; `at` leads to it.
    pub(super) fn tell(&self, at: &str, came: bool, found: &mut Differences) {
        for (place, seen) in self.seen.iter().enumerate() {
            let path = format!("{at}{}", seen.name);
            if place >= self.declared {
                found.unknown.add(&path, seen.times);
            } else if came {
                found.seen.note(path, seen.times > 0);
            }
        }
        found.unknown.others += self.others;
    }
}

/// The fields of a source's records that no schema declares, and how often each came.
///
/// As JSON it is a mapping of names to numbers; `…` has the fields of further names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownFields {
    names: BTreeMap<String, u64>,
    others: u64,
}

impl UnknownFields {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.others == 0
    }

    /// Adds those of another part of the source.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (name, times) in &other.names {
            self.add(name, *times);
        }
        self.others += other.others;
    }

    /// The same with the names as `mask` makes them.
    pub(crate) fn masked(self, mask: impl Fn(&str) -> String) -> Self {
        let mut masked = Self { others: self.others, ..Self::default() };
        for (name, times) in self.names {
            *masked.names.entry(mask(&name)).or_default() += times;
        }
        masked
    }

    fn add(&mut self, name: &str, times: u64) {
        let name = shown(name);
        let mut short: String = name.chars().take(SHOWN).collect();
        if short.len() < name.len() {
            short.push('…');
        }
        if self.names.len() == NAMES && !self.names.contains_key(&short) {
            self.others += times;
        } else {
            *self.names.entry(short).or_default() += times;
        }
    }

    /// The names, those first that came most often.
    fn by_number(&self) -> Vec<(&str, u64)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, times)| (&**name, *times)).collect();
        names.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        names
    }
}

/// Names that stand in one line of a report.
const IN_A_LINE: usize = 10;

impl std::fmt::Display for UnknownFields {
    /// `` `vip` (250), `customer.tier` (3) and 12 more ``.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.by_number();
        for (index, (name, times)) in names.iter().take(IN_A_LINE).enumerate() {
            write!(f, "{}`{name}` ({times})", if index == 0 { "" } else { ", " })?;
        }
        match (names.len().saturating_sub(IN_A_LINE), self.others) {
            (0, 0) => Ok(()),
            (more, 0) => write!(f, " and {more} more"),
            (more, _) => write!(f, " and more than {more} more"),
        }
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let others = (self.others > 0).then_some(("…", self.others));
        let mut map = serializer.serialize_map(None)?;
        for (name, times) in self.by_number().into_iter().chain(others) {
            map.serialize_entry(name, &times)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::OnUnknownField;
    use crate::schema::{Field, Item, Schema, Type};
    use crate::source::decode::{Decoder, dynamic};

    /// `{id, name, customer: {id, email}, lines: [{n, text}]}`, of which all but `name`, `email` and
    /// `text` is read.
    fn decoder(policy: OnUnknownField) -> Box<dyn Decoder> {
        let schema = |all: bool| {
            let field = |name: &str, ty| Field::new(name, ty, true);
            let two = |one: &str, two: &str| {
                let two = all.then(|| field(two, Type::String));
                Type::Record(std::iter::once(field(one, Type::Int64)).chain(two).collect())
            };
            let lines = Type::List(Box::new(Item { ty: two("n", "text"), nullable: true }));
            let mut fields = vec![field("id", Type::Int64), field("name", Type::String)];
            fields.retain(|field| all || field.name != "name");
            fields.extend([field("customer", two("id", "email")), field("lines", lines)]);
            Schema { fields }
        };
        dynamic::watching(&schema(false), &schema(true), policy)
    }

    #[track_caller]
    fn check(records: &[&str], line: &str, json: &str) {
        let mut decoder = decoder(OnUnknownField::Warn);
        for record in records {
            decoder.append(record).unwrap();
        }
        let found = decoder.differences().unknown;
        assert_eq!(found.to_string(), line);
        assert_eq!(serde_json::to_string(&found).unwrap(), json);
        assert_eq!(found.is_empty(), line.is_empty());
    }

    #[test]
    fn what_no_schema_declares_is_counted_by_name() {
        check(&[r#"{"id": 1, "name": "a", "customer": null}"#], "", "{}");
        check(
            &[
                r#"{"vip": true, "id": 1}"#,
                r#"{"id": 1, "vip": 0, "x": {}}"#,
                r#"{"x": 1, "vip": 0}"#,
            ],
            "`vip` (3), `x` (2)",
            r#"{"vip":3,"x":2}"#,
        );
        check(
            &[
                r#"{"customer": {"id": 1, "tier": 2, "email": "a"}, "lines": [{"m": 1}, {"m": 1, "n": 7, "text": ""}]}"#,
            ],
            "`lines.m` (2), `customer.tier` (1)",
            r#"{"lines.m":2,"customer.tier":1}"#,
        );
        check(&[r#"{"a\u001b\n": 1}"#], r"`a\u{1b}\n` (1)", r#"{"a\\u{1b}\\n":1}"#);
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut decoder = decoder(OnUnknownField::Warn);
        for number in 0..1000 {
            decoder.append(&format!(r#"{{"day {number}": 1, "id": 2}}"#)).unwrap();
        }
        let found = decoder.differences().unknown;
        assert_eq!((found.names.len(), found.others), (NAMES, 900));
        assert!(found.to_string().ends_with(" and more than 90 more"), "{found}");
    }

    #[test]
    fn a_field_that_is_refused_is_an_error_at_its_path() {
        let mut decoder = decoder(OnUnknownField::Error);
        decoder.append(r#"{"id": 1, "name": "a", "customer": {"email": "b"}}"#).unwrap();
        let fault = decoder.append(r#"{"customer": {"tier": 1}}"#).unwrap_err();
        let error = fault.into_error("the body").to_string();
        assert!(error.contains("`tier` is not declared in the schema"), "{error}");
        assert!(error.contains("/customer/tier"), "{error}");
    }

    #[test]
    fn nothing_is_counted_where_nobody_wants_to_know() {
        let mut decoder = decoder(OnUnknownField::Ignore);
        decoder.append(r#"{"vip": 1}"#).unwrap();
        assert!(decoder.differences().unknown.is_empty());
    }
}
