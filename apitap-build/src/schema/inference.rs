//! Records seen → the narrowest schema that holds all of them.
//!
//! Every value is looked at, and a type only ever widens: `int64` and a fraction become `float64`, or
//! `decimal` where that would round; two kinds that have nothing in common become `json`, which keeps
//! both as they are. Texts that are all days, instants or UUIDs have the type of those. Every field may be
//! null, for nobody has promised that the next record has it.

mod number;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::notation::{self, type_text};
use super::{Field, Item, Schema, Type};
use crate::shown::shown;
use number::Numbers;

/// How deep lists and records may be nested, as everywhere.
const MAX_DEPTH: usize = 128;

/// The schema of the records seen so far.
#[derive(Debug, Clone, Default)]
pub struct Inference {
    record: Shape,
}

/// What values of one place have been seen.
#[derive(Debug, Clone, Default, PartialEq)]
enum Shape {
    /// Nothing but null.
    #[default]
    Null,
    Bool,
    Number(Numbers),
    String,
    /// Texts that all have this form.
    Formatted(Format),
    List(Box<Shape>),
    Record(Fields),
    /// Kinds that have nothing in common.
    Mixed,
}

/// The fields of a record, in the order in which they were first seen.
#[derive(Debug, Clone, Default, PartialEq)]
struct Fields {
    list: Vec<(String, Shape)>,
    /// Where each of them stands in the list.
    places: HashMap<String, usize>,
}

impl Fields {
    /// The shape of the field of that name, new where it was not seen before.
    fn shape(&mut self, hint: usize, name: &str) -> &mut Shape {
        // Records of one API have their fields in one order: the next one is mostly the right one.
        let place = match self.list.get(hint) {
            Some((known, _)) if known == name => hint,
            _ => self.place(name),
        };
        &mut self.list[place].1
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.list.len();
        self.places.insert(name.to_owned(), place);
        self.list.push((name.to_owned(), Shape::Null));
        place
    }
}

/// The forms of texts that have a type of their own, or may have one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Date,
    Timestamp,
    Uuid,
    /// A number, with so many digits before and behind its point: what it counts, or whether it is a name,
    /// nobody knows.
    Number {
        whole: usize,
        fraction: usize,
    },
}

impl Format {
    /// The form that holds texts of both.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (
                Self::Number { whole, fraction },
                Self::Number { whole: other_whole, fraction: other_fraction },
            ) => Some(Self::Number {
                whole: whole.max(other_whole),
                fraction: fraction.max(other_fraction),
            }),
            _ => (self == other).then_some(self),
        }
    }

    /// The decimal that reads texts that are numbers, where some of them have a fraction.
    fn decimal(self) -> Option<Type> {
        let Self::Number { whole, fraction: scale @ 1.. } = self else { return None };
        let digits = whole + scale;
        if digits > MOST_DIGITS {
            return None;
        }
        let precision = if digits <= USUAL_DIGITS { USUAL_DIGITS } else { MOST_DIGITS };
        let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
        Some(Type::Decimal { precision, scale })
    }
}

/// The digits of a decimal that amounts of money fit into, and the most that one has.
const USUAL_DIGITS: usize = 18;
const MOST_DIGITS: usize = 38;

impl Inference {
    /// Looks at one record, whose whole JSON text this is.
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub fn observe(&mut self, record: &[u8]) -> Result<(), serde_json::Error> {
        let record: &RawValue = serde_json::from_slice(record)?;
        Observer { depth: 0 }.value(&mut self.record, record.get())?;
        match self.record {
            Shape::Record(_) => Ok(()),
            _ => Err(serde_json::Error::custom("a record must be an object")),
        }
    }

    /// The fields in the order in which they were first seen.
    pub fn schema(&self) -> Schema {
        Schema { fields: fields(&self.record) }
    }

    /// The schema as it is written in the YAML file, a field a line. Behind texts that are all numbers, a comment
    /// says which type reads them.
    pub fn yaml(&self) -> String {
        let Shape::Record(fields) = &self.record else { return String::new() };
        let line = |(name, shape): &(String, Shape)| {
            let mut hints = Vec::new();
            numbers(name, shape, &mut hints);
            let said = hints.iter().map(|(path, ty)| {
                let which = if path == name { "each" } else { path.as_str() };
                format!("{which} is a number: {} reads it, too", type_text(ty, true))
            });
            let said: Vec<_> = said.collect();
            let line = notation::yaml(&field(name, shape));
            match said.is_empty() {
                true => line,
                false => format!("{line}  # {}", shown(&said.join("; "))),
            }
        };
        fields.list.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The dotted paths of the fields whose values have nothing in common.
    pub fn mixed(&self) -> Vec<String> {
        let mut found = Vec::new();
        mixed("", &self.record, &mut found);
        found
    }
}

fn fields(shape: &Shape) -> Vec<Field> {
    match shape {
        Shape::Record(fields) => {
            fields.list.iter().map(|(name, shape)| field(name, shape)).collect()
        }
        _ => Vec::new(),
    }
}

fn field(name: &str, shape: &Shape) -> Field {
    Field::new(name, ty(shape), true)
}

fn ty(shape: &Shape) -> Type {
    match shape {
        // Whatever comes some day can be read as text only by a query that asks for it.
        Shape::Null | Shape::String | Shape::Formatted(Format::Number { .. }) => Type::String,
        Shape::Formatted(Format::Date) => Type::Date,
        Shape::Formatted(Format::Timestamp) => Type::Timestamp,
        Shape::Formatted(Format::Uuid) => Type::Uuid,
        Shape::Bool => Type::Bool,
        // What no number type holds is kept as it is written.
        Shape::Number(numbers) => numbers.ty().unwrap_or(Type::Json),
        Shape::List(item) => Type::List(Box::new(Item { ty: ty(item), nullable: true })),
        // An object without fields holds nothing that a column could.
        Shape::Record(fields) if fields.list.is_empty() => Type::Json,
        Shape::Record(_) => Type::Record(fields(shape)),
        Shape::Mixed => Type::Json,
    }
}

/// The texts that are all numbers: their dotted paths, and the decimals that read them.
fn numbers(path: &str, shape: &Shape, found: &mut Vec<(String, Type)>) {
    match shape {
        Shape::Formatted(format) => {
            found.extend(format.decimal().map(|ty| (path.to_owned(), ty)));
        }
        Shape::List(item) => numbers(path, item, found),
        Shape::Record(fields) => {
            fields.list.iter().for_each(|(name, shape)| numbers(&inside(path, name), shape, found));
        }
        _ => {}
    }
}

/// `customer.email`.
fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn mixed(path: &str, shape: &Shape, found: &mut Vec<String>) {
    match shape {
        Shape::Mixed => found.push(path.to_owned()),
        Shape::Number(numbers) if numbers.ty().is_none() => found.push(path.to_owned()),
        Shape::List(item) => mixed(path, item, found),
        Shape::Record(fields) => {
            fields.list.iter().for_each(|(name, shape)| mixed(&inside(path, name), shape, found));
        }
        _ => {}
    }
}

impl Shape {
    /// Widens by a scalar that was seen.
    fn widen(&mut self, seen: Shape) {
        *self = match (std::mem::take(self), seen) {
            (known, Shape::Null) => known,
            (Shape::Null, seen) => seen,
            (known, seen) if known == seen => known,
            (Shape::Number(known), Shape::Number(seen)) => Shape::Number(known.and(seen)),
            (Shape::Formatted(known), Shape::Formatted(seen)) => {
                known.and(seen).map_or(Shape::String, Shape::Formatted)
            }
            (Shape::String | Shape::Formatted(_), Shape::String | Shape::Formatted(_)) => {
                Shape::String
            }
            _ => Shape::Mixed,
        };
    }
}

/// The form of a text, where the decoder reads every text of that form.
fn format(text: &str) -> Option<Format> {
    if is_uuid(text) {
        return Some(Format::Uuid);
    }
    if let Some(number) = number(text) {
        return Some(number);
    }
    let (day, rest) = text.split_at_checked(10)?;
    // `parse` takes signs and missing zeros, too.
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = day.split('-').map(str::len).eq([4, 2, 2]) && day.split('-').all(digits);
    if !is_day || day.parse::<chrono::NaiveDate>().is_err() {
        return None;
    }
    let Some(rest) = rest.strip_prefix('T') else {
        return rest.is_empty().then_some(Format::Date);
    };
    let (clock, zone) = rest.split_at(rest.find(['Z', '+', '-'])?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let is_fraction = !fraction.is_empty() && fraction.len() <= 6 && digits(fraction);
    let is_zone = zone == "Z" || is_offset(zone.get(1..).unwrap_or_default());
    (is_clock(clock, &[23, 59, 59]) && is_fraction && is_zone).then_some(Format::Timestamp)
}

/// A text that is a number as a decimal is written, without a zero before others: that may be a name.
fn number(text: &str) -> Option<Format> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (number, "0"),
    };
    if !digits(whole) || !digits(fraction) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let fraction = if number.contains('.') { fraction.len() } else { 0 };
    Some(Format::Number { whole: whole.len(), fraction })
}

/// `01:30`, `0130`.
fn is_offset(text: &str) -> bool {
    match text.split_at_checked(2) {
        Some((hours, minutes)) if text.len() == 4 => {
            is_clock(&format!("{hours}:{minutes}"), &[23, 59])
        }
        _ => is_clock(text, &[23, 59]),
    }
}

/// Whether a text is numbers of two digits with `:` between them, each at most as large as given.
fn is_clock(text: &str, most: &[u8]) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let fits = |(part, most): (&&str, &u8)| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number && part.parse::<u8>().is_ok_and(|number| number <= *most)
    };
    parts.len() == most.len() && parts.iter().zip(most).all(fits)
}

/// Whether a text is a UUID in the form in which it is kept: lower case, with hyphens.
fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Widens shapes by the values that come.
#[derive(Clone, Copy)]
struct Observer {
    /// How many lists and records are around.
    depth: usize,
}

impl Observer {
    /// A value whose text is known to be JSON.
    fn value(self, shape: &mut Shape, text: &str) -> Result<(), serde_json::Error> {
        let seen = match text.as_bytes().first() {
            Some(b'{') => return self.record(shape, text),
            Some(b'[') => return self.list(shape, text),
            Some(b'"') => {
                let text: Cow<'_, str> = serde_json::from_str(text)?;
                format(&text).map_or(Shape::String, Shape::Formatted)
            }
            Some(b't' | b'f') => Shape::Bool,
            Some(b'n') | None => Shape::Null,
            Some(_) => Shape::Number(Numbers::of(text)),
        };
        shape.widen(seen);
        Ok(())
    }

    fn record(self, shape: &mut Shape, text: &str) -> Result<(), serde_json::Error> {
        if *shape == Shape::Null {
            *shape = Shape::Record(Fields::default());
        }
        match shape {
            Shape::Record(fields) => {
                let members = Members { fields, inside: self.inside()? };
                serde_json::Deserializer::from_str(text).deserialize_map(members)
            }
            other => {
                *other = Shape::Mixed;
                Ok(())
            }
        }
    }

    fn list(self, shape: &mut Shape, text: &str) -> Result<(), serde_json::Error> {
        if *shape == Shape::Null {
            *shape = Shape::List(Box::default());
        }
        match shape {
            Shape::List(item) => {
                let elements = Elements { item, inside: self.inside()? };
                serde_json::Deserializer::from_str(text).deserialize_seq(elements)
            }
            other => {
                *other = Shape::Mixed;
                Ok(())
            }
        }
    }

    fn inside(self) -> Result<Self, serde_json::Error> {
        match self.depth {
            MAX_DEPTH => {
                let message = format!("it is nested deeper than {MAX_DEPTH} levels");
                Err(serde_json::Error::custom(message))
            }
            depth => Ok(Self { depth: depth + 1 }),
        }
    }
}

/// The members of a record.
struct Members<'a> {
    fields: &'a mut Fields,
    inside: Observer,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut hint = 0;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = map.next_value()?;
            let shape = self.fields.shape(hint, &name);
            self.inside.value(shape, value.get()).map_err(A::Error::custom)?;
            hint += 1;
        }
        Ok(())
    }
}

/// The elements of a list.
struct Elements<'a> {
    item: &'a mut Shape,
    inside: Observer,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(value) = elements.next_element::<&RawValue>()? {
            self.inside.value(self.item, value.get()).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::notation::type_text;

    fn check(records: &[&str], expected: &str) {
        let mut inference = Inference::default();
        records.iter().for_each(|record| inference.observe(record.as_bytes()).unwrap());
        let ty = Type::Record(inference.schema().fields);
        assert_eq!(type_text(&ty, true), expected);
    }

    #[test]
    fn types_widen_until_they_hold_every_value() {
        check(&[r#"{"a": 1}"#, r#"{"a": 2.5}"#], "{a: float64}");
        check(&[r#"{"a": 2.5}"#, r#"{"a": 1}"#], "{a: float64}");
        check(&[r#"{"a": 18446744073709551615}"#, r#"{"a": 1}"#], "{a: decimal(38,0)}");
        check(&[r#"{"a": 2942420318599003496251393}"#], "{a: decimal(38,0)}");
        check(&[r#"{"a": null}"#, r#"{"a": true}"#], "{a: bool}");
        check(&[r#"{"a": null}"#], "{a: string}");
        check(&[r#"{"a": 1}"#, r#"{"a": "1"}"#], "{a: json}");
        check(&[r#"{"a": [1, 2]}"#, r#"{"a": 1}"#], "{a: json}");
        check(&[r#"{"a": {}}"#], "{a: json}");
    }

    #[test]
    fn a_number_is_never_rounded() {
        let check_numbers = |numbers: &[&str], expected: &str| {
            let records: Vec<_> = numbers.iter().map(|n| format!("{{\"a\": {n}}}")).collect();
            let records: Vec<_> = records.iter().map(String::as_str).collect();
            check(&records, &format!("{{a: {expected}}}"));
        };
        check_numbers(&["0.1", "12345.678901", "1e-7", "-1.5E+300", "1.50"], "float64");
        // As programs write values of 64 bits: the shortest form, or 17 digits.
        check_numbers(&["0.30000000000000004", "0.10000000000000001", "5e-324"], "float64");
        check_numbers(&["955031734.1681486901", "3"], "decimal(38,10)");
        check_numbers(&["0.12345678901234567891", "1878352336.1681147245"], "decimal(38,20)");
        check_numbers(&["12345678901234567.5"], "decimal(38,1)");
        check_numbers(&["1234567890123456789.5e-3", "7"], "decimal(38,4)");
        check_numbers(&["18446744073709551615", "0.5"], "decimal(38,1)");
        check_numbers(&["1e400"], "json");
        check_numbers(&["0.1234567890123456789012345678901234567890"], "json");
        check_numbers(&["123456789012345678901234567890.123456789"], "json");
        check_numbers(&["1e2", "5"], "float64");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Inference::default().observe(nested(127).as_bytes()).is_ok());
        assert!(Inference::default().observe(nested(128).as_bytes()).is_err());
        assert!(Inference::default().observe(nested(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_record_may_have_many_fields() {
        let members: Vec<_> = (0..100_000).map(|n| format!("\"field_{n}\":1")).collect();
        let record = format!("{{{}}}", members.join(","));
        let began = std::time::Instant::now();
        let mut inference = Inference::default();
        inference.observe(record.as_bytes()).unwrap();
        assert_eq!(inference.schema().fields.len(), 100_000);
        // Some 0.3 s; minutes, if each were looked for among all.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    #[test]
    fn fields_keep_the_order_in_which_they_came() {
        check(
            &[r#"{"b": 1, "a": "x"}"#, r#"{"c": true, "a": null}"#],
            "{b: int64, a: string, c: bool}",
        );
    }

    #[test]
    fn records_and_lists_widen_within() {
        check(
            &[r#"{"a": {"x": 1}, "l": [{"y": 1}]}"#, r#"{"a": {"z": "s"}, "l": [{"y": 0.5}]}"#],
            "{a: {x: int64, z: string}, l: [{y: float64}]}",
        );
    }

    #[test]
    fn fields_with_nothing_in_common_are_named() {
        let mut inference = Inference::default();
        for record in [r#"{"a": {"b": 1}, "c": [1]}"#, r#"{"a": {"b": "x"}, "c": [{}]}"#] {
            inference.observe(record.as_bytes()).unwrap();
        }
        assert_eq!(inference.mixed(), ["a.b", "c"]);
    }

    /// The type of a field that holds these texts in a sample.
    fn check_texts(texts: &[&str], expected: &str) {
        let mut inference = Inference::default();
        for text in texts {
            let record = serde_json::json!({"a": text}).to_string();
            inference.observe(record.as_bytes()).unwrap();
        }
        let ty = Type::Record(inference.schema().fields);
        assert_eq!(type_text(&ty, true), format!("{{a: {expected}}}"), "{texts:?}");
    }

    #[test]
    fn texts_of_one_form_have_its_type() {
        check_texts(&["2026-11-24", "2024-02-29"], "date");
        check_texts(&["2026-11-24", "2025-02-29"], "string");
        check_texts(&["2026-11-24T08:00:00Z", "2026-11-24T08:00:00.123456+01:30"], "timestamp");
        check_texts(&["2026-11-24T08:00:00.000+0130", "2026-11-24T08:00:00-0500"], "timestamp");
        check_texts(&["2026-11-24T08:00:00+2400"], "string");
        check_texts(&["2026-11-24T08:00:00"], "string");
        check_texts(&["2026-11-24T08:00:60Z"], "string");
        check_texts(&["2026-11-24T08:00:00.1234567Z"], "string");
        check_texts(&["2026-11-24", "2026-11-24T08:00:00Z"], "string");
        check_texts(&["7f0c1d9e-6a55-4a0e-9d2e-0a1b2c3d4e5f"], "uuid");
        check_texts(&["7F0C1D9E-6A55-4A0E-9D2E-0A1B2C3D4E5F"], "string");
        check_texts(&["", "2026-11-24"], "string");
        check_texts(&["+026-11-24", "2026-1-024"], "string");
    }

    #[test]
    fn texts_that_are_all_numbers_stay_texts_with_a_comment_that_says_what_reads_them() {
        let check = |records: &[&str], expected: &str| {
            let mut inference = Inference::default();
            records.iter().for_each(|record| inference.observe(record.as_bytes()).unwrap());
            assert_eq!(inference.yaml(), expected);
        };
        check(
            &[r#"{"price": "3.01", "n": 1}"#, r#"{"price": "-12", "n": 2}"#],
            "price: string  # each is a number: decimal(18,2) reads it, too\nn: int64",
        );
        check(
            &[r#"{"rates": ["0.12345678901", "12345678.5"]}"#],
            "rates: [string]  # each is a number: decimal(38,11) reads it, too",
        );
        check(
            &[r#"{"owner": {"credit": "0.50", "debit": "1.5"}}"#],
            "owner: {credit: string, debit: string}  # owner.credit is a number: decimal(18,2) reads it, \
             too; owner.debit is a number: decimal(18,1) reads it, too",
        );
        // What may be a name, a version or a number of an account is none.
        for texts in
            ["\"12\"", "\"3.01\", \"\"", "\"3.01\", \"n/a\"", "\"03.01\"", "\"1.2.3\"", "\".5\""]
        {
            check(&[&format!("{{\"a\": [{texts}]}}")], "a: [string]");
        }
        check(&[r#"{"a": "3.01"}"#, r#"{"a": 3.01}"#], "a: json");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for text in ["1", "[]", "{", "null", "{} {}"] {
            assert!(Inference::default().observe(text.as_bytes()).is_err(), "{text}");
        }
    }
}
