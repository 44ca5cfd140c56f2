//! A JSON Schema → warnings about names of types that JSON Schema does not have: what such a name stands for
//! is taken as it comes.

use crate::codes;
use crate::diagnostic::{Edit, Finding, Place};
use crate::tree::{Node, Value};

/// What stands under these keys is data, and no schema.
const DATA: [&str; 5] = ["enum", "const", "default", "example", "examples"];

/// The warnings about all types of a schema.
pub(super) fn unknown(root: &Node) -> Vec<Finding> {
    let (mut found, mut waiting) = (Vec::new(), vec![root]);
    while let Some(node) = waiting.pop() {
        match &node.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    match (key.value.as_str(), &value.value) {
                        (key, _) if DATA.contains(&key) => {}
                        ("type", Value::String(name)) => found.extend(of_name(name, value)),
                        ("type", Value::List(names)) => found
                            .extend(names.iter().filter_map(|name| of_name(name.text()?, name))),
                        _ => waiting.push(value),
                    }
                }
            }
            Value::List(items) => waiting.extend(items),
            _ => {}
        }
    }
    found
}

fn of_name(name: &str, node: &Node) -> Option<Finding> {
    let known = ["string", "integer", "number", "boolean", "object", "array", "null", "any"];
    if known.contains(&name) {
        return None;
    }
    let (meant, sure) = meant(name)?;
    let message =
        format!("`{name}` is not a type of JSON Schema, so its values are kept as `json`");
    // In YAML it may stand without quotes, and in JSON the place may be what is within them.
    let is_bare = matches!(node.place, Place::Text { start, end, .. } if end - start == name.len());
    let replacement = if is_bare { meant.to_owned() } else { format!("\"{meant}\"") };
    let edit = Edit { place: node.place.clone(), replacement, sure };
    let finding = Finding::warning(codes::MISLEADING_VALUE, message, &node.place);
    let finding = finding.fix(format!("write `{meant}`"), edit);
    Some(match name.to_lowercase().as_str() {
        "datetime" | "date-time" | "timestamp" => {
            finding.help("with `\"format\": \"date-time\"` beside it")
        }
        "date" => finding.help("with `\"format\": \"date\"` beside it"),
        "time" => finding.help("with `\"format\": \"time\"` beside it"),
        "uuid" => finding.help("with `\"format\": \"uuid\"` beside it"),
        _ => finding,
    })
}

/// The type that another name stands for in other languages, and whether that is all of it.
fn meant(name: &str) -> Option<(&'static str, bool)> {
    Some(match name.to_lowercase().as_str() {
        "int" | "int16" | "int32" | "int64" | "long" | "bigint" | "integer" => ("integer", true),
        "float" | "float32" | "float64" | "double" | "decimal" | "numeric" | "number" => {
            ("number", true)
        }
        "str" | "text" | "varchar" | "string" => ("string", true),
        "datetime" | "date-time" | "timestamp" | "date" | "time" | "uuid" => ("string", false),
        "bool" | "boolean" => ("boolean", true),
        "list" | "array" => ("array", true),
        "dict" | "map" | "record" | "struct" | "object" => ("object", true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Files;
    use crate::parse::json;

    /// The types that are warned of, and what is offered for each.
    fn check(text: &str, expected: &[(&str, &str)]) {
        let file = Files::default().add("schema.json", text.to_owned());
        let node = json::parse(text, file, 0..text.len()).unwrap();
        let mut found: Vec<_> = unknown(&node)
            .into_iter()
            .map(|finding| (finding.message, finding.help[0].sentence.clone()))
            .collect();
        found.sort();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, meant)| {
                let message = format!(
                    "`{name}` is not a type of JSON Schema, so its values are kept as `json`"
                );
                (message, format!("write `{meant}`"))
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_of_other_languages_are_found() {
        check(r#"{"properties": {"id": {"type": "int"}}}"#, &[("int", "integer")]);
        check(r#"{"properties": {"id": {"type": ["str", "null"]}}}"#, &[("str", "string")]);
        check(r#"{"items": {"type": "Boolean"}}"#, &[("Boolean", "boolean")]);
        check(r#"{"properties": {"type": {"type": "string"}}}"#, &[]);
        check(r#"{"type": "object", "default": {"type": "int"}}"#, &[]);
        check(r#"{"type": "any"}"#, &[]);
    }
}
