//! The planner's words for types and the like → ours.

use std::fmt::Write;

use datafusion::arrow::datatypes::Field as ArrowField;

pub(super) use crate::schema::described::{describe, notation};
use crate::schema::{Type, arrow, scalar};

/// The name of a type in a `CAST`; `None` where nothing can be cast to it.
pub(super) fn sql(field: &ArrowField) -> Option<String> {
    let ty = arrow::from_field(field)?;
    let name = scalar::of(&ty)?.sql;
    Some(match ty {
        Type::Decimal { precision, scale } => format!("{name}({precision}, {scale})"),
        _ => name.to_owned(),
    })
}

/// The planner's sentence, in our words as far as they go: one line, no type of its own, no
/// prefix that says which of its stages speaks.
pub(super) fn sentence(message: &str) -> String {
    const PREFIXES: [&str; 9] = [
        "Error during planning: ",
        "Execution error: ",
        "Internal error: ",
        "Schema error: ",
        "Arrow error: ",
        "Cast error: ",
        "Parser error: ",
        "Invalid argument error: ",
        "This feature is not implemented: ",
    ];
    let mut message = message.trim();
    // Which rule was at work is none of the user's business.
    if let Some((_, cause)) = message.rsplit_once("caused by\n") {
        message = cause;
    }
    if let Some((_, cause)) = message.rsplit_once("failed with: ") {
        message = cause;
    }
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        message = rest;
    }
    let line = message.lines().next().unwrap_or_default();
    let line = ["This issue was likely caused", "No function matches"]
        .iter()
        .fold(line, |line, tail| line.split(tail).next().unwrap_or(line));
    let line = line.trim().trim_end_matches(['.', ',', ':']);
    let sentence = types(line);
    // What shows the planner's insides says nothing to a reader.
    if ["{", "}", "::", "Some("].iter().any(|inside| sentence.contains(inside)) {
        return "this cannot be planned".to_owned();
    }
    super::parse::lower(&sentence).replace(['\'', '"'], "`")
}

/// Replaces the planner's names of types.
pub(super) fn types(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    let mut before = ' ';
    while let Some(char) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let inside = matches!(before, '.' | '`' | '"' | '\'');
        match word_of(word).filter(|_| !inside) {
            Some(ours) => {
                let (arguments, tail) = arguments(tail);
                out.push_str(ours);
                if ours == "decimal" && !arguments.is_empty() {
                    let digits = arguments.split(',').map(str::trim).collect::<Vec<_>>().join(",");
                    let _ = write!(out, "({digits})");
                }
                rest = tail;
                before = ' ';
            }
            None if word.is_empty() => {
                out.push(char);
                rest = rest.get(char.len_utf8()..).unwrap_or_default();
                before = char;
            }
            None => {
                out.push_str(word);
                rest = tail;
                before = ' ';
            }
        }
    }
    out
}

/// `(12, 2) rest` → `12, 2` and ` rest`.
fn arguments(text: &str) -> (&str, &str) {
    let Some(inner) = text.strip_prefix('(') else { return ("", text) };
    let mut depth = 1_usize;
    for (index, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            let tail = inner.get(index + 1..).unwrap_or_default();
            return (inner.get(..index).unwrap_or_default(), tail);
        }
    }
    ("", text)
}

fn word_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "Boolean" => "bool",
        "Int8" | "Int16" | "UInt8" => "int16",
        "Int32" | "UInt16" => "int32",
        "Int64" | "UInt32" | "UInt64" => "int64",
        "Float16" | "Float32" => "float32",
        "Float64" => "float64",
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => "decimal",
        "Utf8" | "LargeUtf8" | "Utf8View" | "String" => "string",
        "Date32" | "Date64" => "date",
        "Time32" | "Time64" => "time",
        "Timestamp" => "timestamp",
        "Interval" | "Duration" => "interval",
        "Binary" | "LargeBinary" | "BinaryView" | "FixedSizeBinary" => "binary",
        "List" | "LargeList" | "FixedSizeList" | "ListView" | "LargeListView" => "list",
        "Struct" => "record",
        "Null" => "null",
        "Decimal" => "decimal",
        "Integer" => "int64",
        "Date" => "date",
        "Time" => "time",
        _ => return None,
    })
}
