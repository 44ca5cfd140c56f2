//! JSON text → a [`Node`] tree, every value with its bytes: the same tree that YAML becomes.
//!
//! serde_json says whether the text is JSON, and what is wrong with it; jsonc-parser says
//! where everything stands. A key that was written twice is in the tree twice.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::codes;
use crate::diagnostic::{FileId, Finding, Place, Spanned};
use crate::tree::{Node, Value};

/// How many values a text may have: a tree of them takes some 200 bytes for each.
const MAX_VALUES: usize = 4_000_000;
/// How deep they may be nested; serde_json has the same limit.
const MAX_DEPTH: usize = 127;

/// Parses the JSON text that stands at these bytes of a file.
///
/// # Errors
/// A finding at the first byte that is wrong.
pub fn parse(text: &str, file: FileId, range: Range<usize>) -> Result<Node, Box<Finding>> {
    let mark = text.get(range.clone()).unwrap_or_default().starts_with('\u{feff}');
    let start = range.start + if mark { '\u{feff}'.len_utf8() } else { 0 };
    let text = text.get(start..range.end).unwrap_or_default();
    if let Some(at) = too_much(text) {
        return Err(Box::new(too_large(&Place::text(file, start + at..start + at))));
    }
    validate(text, file, start)?;
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => match parsed.value {
            Some(value) => Ok(Tree { file, start }.node(value)),
            None => Err(Box::new(no_json("there is nothing", file, start..start))),
        },
        Err(error) => {
            let at = start + error.range().start;
            Err(Box::new(no_json(&error.kind().to_string().to_lowercase(), file, at..at)))
        }
    }
}

/// Where a text begins to have more values, or deeper ones, than are read.
fn too_much(text: &str) -> Option<usize> {
    let (mut depth, mut values) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => (depth, values) = (depth + 1, values + 1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH || values > MAX_VALUES {
            return Some(at);
        }
    }
    None
}

/// Whether it is JSON.
fn validate(text: &str, file: FileId, start: usize) -> Result<(), Box<Finding>> {
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else { return Ok(()) };
    let before: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = start + (before + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Err(Box::new(no_json(message, file, at..at)))
}

fn too_large(place: &Place) -> Finding {
    Finding::error(codes::JSON_TOO_LARGE, "the file is too large or too deep", place)
        .note(format!("{MAX_VALUES} values, nested {MAX_DEPTH} deep, are the most"))
        .help("keep a part of it: some records of a sample, the operations that you read")
}

fn no_json(message: &str, file: FileId, range: Range<usize>) -> Finding {
    Finding::error(codes::INVALID_JSON, "this is not JSON", &Place::text(file, range))
        .label(message)
}

struct Tree {
    file: FileId,
    /// Where the text starts in its file.
    start: usize,
}

impl Tree {
    fn node(&self, value: ast::Value<'_>) -> Node {
        let range = value.range();
        let (value, range) = match value {
            ast::Value::NullKeyword(_) => (Value::Null, range.start..range.end),
            ast::Value::BooleanLit(literal) => (Value::Bool(literal.value), range.start..range.end),
            ast::Value::NumberLit(literal) => (number(literal.value), range.start..range.end),
            ast::Value::StringLit(literal) => {
                (Value::String(literal.value.into_owned()), inner(range.start..range.end))
            }
            ast::Value::Array(array) => {
                let elements = array.elements.into_iter().map(|element| self.node(element));
                (Value::List(elements.collect()), range.start..range.end)
            }
            ast::Value::Object(object) => {
                let entries = object.properties.into_iter().map(|property| {
                    let range = property.name.range();
                    let place = self.place(inner(range.start..range.end));
                    let key = Spanned::new(property.name.into_string(), place);
                    (key, self.node(property.value))
                });
                (Value::Map(entries.collect()), range.start..range.end)
            }
        };
        Node::new(value, self.place(range))
    }

    fn place(&self, range: Range<usize>) -> Place {
        Place::text(self.file, self.start + range.start..self.start + range.end)
    }
}

/// A text without its quotes.
fn inner(range: Range<usize>) -> Range<usize> {
    if range.len() >= 2 { range.start + 1..range.end - 1 } else { range }
}

/// A number; where it is beyond 64 bits, the text at its place says it exactly.
fn number(text: &str) -> Value {
    text.parse().map_or_else(
        |_| text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Float),
        Value::Integer,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Files;

    fn read(text: &str) -> Result<Node, Box<Finding>> {
        let mut files = Files::default();
        let file = files.add("a.json", text);
        parse(text, file, 0..text.len())
    }

    /// The tree as JSON again.
    fn json(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::String(text) => text.clone().into(),
            Value::List(items) => items.iter().map(json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, node)| (key.value.clone(), json(node))).collect(),
            ),
        }
    }

    /// The tree holds what serde_json reads, or both refuse.
    fn check(text: &str) {
        let expected = serde_json::from_str::<serde_json::Value>(text);
        match (read(text), expected) {
            (Ok(node), Ok(expected)) => assert_eq!(json(&node), expected, "{text}"),
            (Err(_), Err(_)) => {}
            (found, expected) => panic!("{text}: {found:?} but {expected:?}"),
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it() {
        check("{\"a\": [1, -2.5, 1e3, true, null, \"x\"]}");
        check("\t{\t\"a\"\t:\r\n\t1}");
        check(r#""\u00e9 \ud83d\ude00 \/ \" \n \b""#);
        check(r#""\ud83d""#);
        check(r#"["ü", "😀"]"#);
        check("[9223372036854775807, -9223372036854775808, 1.0]");
        check("{\"a\": 1,}");
        check("{'a': 1}");
        check("[1, // no\n2]");
        check("+1");
        check("01");
        check("\"\n\"");
        check("");
        check("{} {}");
        check(&"[".repeat(100_000));
        check(&format!("{}{}", "[".repeat(127), "]".repeat(127)));
        check(&format!("{}{}", "[".repeat(128), "]".repeat(128)));
    }

    #[test]
    fn a_key_that_was_written_twice_is_there_twice() {
        assert_eq!(read(r#"{"a": 1, "a": 2}"#).unwrap().entries().len(), 2);
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "\u{feff}{\"é\": {\"b\": 18446744073709551616}}";
        let node = read(text).unwrap();
        let (key, value) = &node.get("é").unwrap().entries()[0];
        let at = |place: &Place| match place {
            Place::Text { start, end, .. } => &text[*start..*end],
            Place::Token(_) => "",
        };
        assert_eq!((at(&key.place), at(&value.place)), ("b", "18446744073709551616"));
        assert_eq!(at(&node.place), text.trim_start_matches('\u{feff}'));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}:,"\\u0-9a-f.e+ -]{0,40}|\PC{0,20}"#) {
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(read(&text).is_ok(), expected.is_ok());
        }
    }
}
