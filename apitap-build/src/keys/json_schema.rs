//! What is declared → the JSON Schema (draft 7) of the YAML file, for editors.

use serde_json::{Map, Value as Json, json};

use super::group::Group as _;
use super::printed::Printed;
use super::shape::{Alternative, GroupShape, KeyShape, KindsShape, Presence, Rule, Shape};
use super::values::bounds;
use crate::schema::scalar::SCALARS;

/// The JSON Schema of the YAML file.
pub fn json_schema() -> String {
    let mut schema = object(&super::file::file());
    if let Json::Object(schema) = &mut schema {
        schema.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
        let id = "https://github.com/apitap/apitap/raw/main/docs/pipelines.schema.json";
        schema.insert("$id".into(), id.into());
        schema.insert("title".into(), "pipelines.yaml of apitap".into());
        schema.insert("definitions".into(), definitions());
    }
    format!("{schema:#}\n")
}

/// The names of the scalars that a value may have without digits; `json` may be any value.
fn plain_scalars() -> impl Iterator<Item = &'static str> {
    SCALARS.iter().map(|scalar| scalar.name).filter(|name| !["decimal", "json"].contains(name))
}

/// What the values of one type are, wherever they stand.
fn definitions() -> Json {
    let scalars = |others: &[&'static str]| {
        let names = plain_scalars();
        names.chain(others.iter().copied()).collect::<Vec<_>>().join("|")
    };
    let decimal = r"decimal\s*\(\s*0*([1-9]|[12][0-9]|3[0-8])\s*,\s*[0-9]+\s*\)";
    let pattern = |names: String| format!(r"^\s*({names}|{decimal})\s*!?$");
    let examples = |others: &[&'static str]| {
        let names = plain_scalars();
        names.chain(others.iter().copied()).collect::<Vec<_>>()
    };
    json!({
        "text": {
            "description": "`${NAME}` and `${NAME:-default}` stand for environment variables, resolved when the program starts. `$${` is a literal `${`.",
            "type": ["string", "number", "boolean"],
        },
        "word": { "description": "Taken as it is written.", "type": ["string", "number", "boolean"] },
        "words": {
            "description": "One or several.",
            "oneOf": [
                { "$ref": "#/definitions/word" },
                { "type": "array", "items": { "$ref": "#/definitions/word" } },
            ],
        },
        "pointer": {
            "description": "A JSON Pointer (RFC 6901): `/data/items`. In a key, `~` is written `~0` and `/` is written `~1`.",
            "type": "string",
            "pattern": "^(/([^~]|~[01])*)?$",
        },
        "pointer_to_a_value": {
            "description": "A JSON Pointer (RFC 6901) that is not the root: `/meta/next`. In a key, `~` is written `~0` and `/` is written `~1`.",
            "type": "string",
            "pattern": "^/([^~]|~[01])*$",
        },
        "duration": {
            "description": "`500ms`, `30s`, `2m`, `1h`, `7d`, `2w`, or a number of seconds.",
            "oneOf": [
                { "type": "number", "exclusiveMinimum": 0 },
                { "type": "string", "pattern": r"^0*[1-9][0-9]*\s*(ms|s|m|h|d|w)$" },
            ],
        },
        "size": {
            "description": "`512KiB`, `128MiB`, `1GiB`, or a number of bytes.",
            "oneOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^0*[1-9][0-9]{0,8}\s*([kKmMgG]([iI]?[bB])?|[bB])$" },
            ],
        },
        "pairs": {
            "description": "Names and values: a mapping, or a list of `{key, value}`.",
            "oneOf": [
                { "type": "object", "additionalProperties": { "$ref": "#/definitions/text" } },
                { "type": "array", "items": object(&super::pairs::Pair::group()) },
            ],
        },
        "json": {
            "description": "Any JSON, as a YAML value: what has no quotes is a number, a boolean or null where YAML takes it for one. `${NAME}` may stand in its texts.",
        },
        "rust_path": {
            "description": "The path of a Rust item: `crate::module::item`, or `::dependency::item`. Whether it is there is checked by rustc.",
            "type": "string",
            "pattern": r"^\s*(crate\s*::|::[^:]*::)",
        },
        "value_type": {
            "description": "The type of a single value. `!` behind it: never null.",
            "type": "string",
            "pattern": pattern(scalars(&[])),
            "examples": examples(&["decimal(12,2)", "string!"]),
        },
        "file": {
            "description": "A file, relative to the YAML file. Its name has a `.` or a `/` in it.",
            "type": "string",
            "pattern": "[./]",
        },
        "fields": {
            "description": "A record. `name!` is never null, never absent.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "$ref": "#/definitions/type" },
            "examples": [{
                "id": "int64!", "amount": "decimal(12,2)", "tags": ["string!"],
                "customer!": { "id": "int64!", "email": "string" },
            }],
        },
        "type": {
            "description": "A type, `[type]` for a list, or `{field: type}` for a record. `!` behind it: never null, never absent. Within braces and brackets, `decimal(12,2)` is quoted.",
            "oneOf": [
                {
                    "type": "string",
                    "pattern": pattern(scalars(&["json"])),
                    "examples": examples(&["decimal(12,2)", "json", "int64!"]),
                },
                { "type": "array", "items": { "$ref": "#/definitions/type" }, "minItems": 1, "maxItems": 1 },
                { "$ref": "#/definitions/fields" },
            ],
        },
    })
}

/// A mapping with keys of its own.
fn object(group: &GroupShape) -> Json {
    object_of(&group.doc, &[&group.keys], &group.rules, group.open)
}

fn object_of(doc: &str, keys: &[&[KeyShape]], rules: &[Rule], open: bool) -> Json {
    let mut schema = Map::new();
    if !doc.is_empty() {
        schema.insert("description".into(), doc.into());
    }
    schema.insert("type".into(), "object".into());
    let others = if open { reference("text") } else { Json::Bool(false) };
    schema.insert("additionalProperties".into(), others);
    let keys = || keys.iter().flat_map(|keys| keys.iter());
    let required = keys().filter(|key| matches!(key.presence, Presence::Required));
    let required: Vec<_> = required.map(|key| key.info.name).collect();
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    let needs = keys().filter_map(|key| Some((key.info.name.to_owned(), json!([key.info.needs?]))));
    let needs: Map<_, _> = needs.collect();
    if !needs.is_empty() {
        schema.insert("dependencies".into(), needs.into());
    }
    rules.iter().for_each(|rule| add_rule(rule, &mut schema));
    let properties: Map<_, _> =
        keys().map(|key| (key.info.name.to_owned(), property(key))).collect();
    schema.insert("properties".into(), properties.into());
    schema.into()
}

fn add_rule(rule: &Rule, schema: &mut Map<String, Json>) {
    match rule {
        Rule::OneOf(alternatives) => {
            let alternatives: Vec<_> = alternatives.iter().map(alternative).collect();
            schema.insert("oneOf".into(), alternatives.into());
        }
        Rule::AnyOf(names) => {
            let any: Vec<_> = names.iter().map(|name| json!({ "required": [name] })).collect();
            schema.insert("anyOf".into(), any.into());
        }
        Rule::NotBoth(first, second) => {
            schema.insert("not".into(), json!({ "required": [first, second] }));
        }
    }
}

fn alternative(keys: &Alternative) -> Json {
    let without: Vec<_> = keys.without.iter().map(|key| json!({ "required": [key] })).collect();
    match without.is_empty() {
        true => json!({ "required": keys.with }),
        false => json!({ "required": keys.with, "not": { "anyOf": without } }),
    }
}

/// A key: its values, and what is said of them.
fn property(key: &KeyShape) -> Json {
    let mut schema = match value(&key.shape, key) {
        Json::Object(schema) => schema,
        other => return other,
    };
    if !key.info.doc.is_empty() {
        schema.insert("description".into(), key.info.doc.as_str().into());
    }
    let examples: Vec<_> = key.info.examples.iter().filter_map(|yaml| example(yaml)).collect();
    if !examples.is_empty() {
        schema.insert("examples".into(), examples.into());
    }
    if let Presence::Default(default) = &key.presence
        && let Some(default) = json(default)
    {
        schema.insert("default".into(), default);
    }
    schema.into()
}

fn value(shape: &Shape, key: &KeyShape) -> Json {
    let bounds = bounds(&key.info);
    match shape {
        Shape::Template => reference("text"),
        Shape::Text => reference("word"),
        Shape::Texts => reference("words"),
        Shape::Condition => json!({ "type": "string" }),
        Shape::Pointer if key.info.filled => reference("pointer_to_a_value"),
        Shape::Pointer => reference("pointer"),
        Shape::Duration => reference("duration"),
        Shape::Size => reference("size"),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number => {
            json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() })
        }
        Shape::Choice(choices) => {
            json!({ "enum": choices.iter().map(|choice| choice.name).collect::<Vec<_>>() })
        }
        Shape::Pairs => reference("pairs"),
        Shape::Json => reference("json"),
        Shape::RustPath => reference("rust_path"),
        Shape::File => reference("file"),
        Shape::Files => json!({ "oneOf": [
            reference("file"),
            { "type": "array", "items": reference("file"), "minItems": 1 },
        ] }),
        Shape::Fields => reference("fields"),
        Shape::Arguments => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": reference("value_type"),
        }),
        Shape::ValueType => reference("value_type"),
        Shape::Group(group) => object(group),
        Shape::Kinds(kinds) => json!({ "oneOf": of_kinds(kinds) }),
        Shape::Either(shapes) => {
            json!({ "oneOf": shapes.iter().map(|shape| value(shape, key)).collect::<Vec<_>>() })
        }
        Shape::List(item) => json!({ "type": "array", "items": value(item, key) }),
        Shape::Named(item) => {
            json!({ "type": "object", "additionalProperties": value(item, key) })
        }
    }
}

/// One mapping for each kind.
fn of_kinds(kinds: &KindsShape) -> Vec<Json> {
    let of_kind = |kind: &GroupShape| {
        let mut schema = object_of(&kind.doc, &[&kinds.shared, &kind.keys], &kind.rules, kind.open);
        schema["title"] = kind.name.into();
        schema["properties"][kinds.key] = json!({ "const": kind.name });
        match schema.get_mut("required").and_then(Json::as_array_mut) {
            Some(required) => required.insert(0, kinds.key.into()),
            None => schema["required"] = json!([kinds.key]),
        }
        schema
    };
    kinds.kinds.iter().map(of_kind).collect()
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{name}") })
}

/// An example as it is written in YAML.
fn example(yaml: &str) -> Option<Json> {
    let (mut files, mut findings) = Default::default();
    let file = crate::diagnostic::Files::add(&mut files, "example", yaml);
    crate::parse::yaml::parse(&files, file, &mut findings).map(|node| node.json())
}

/// A default; nothing where there is none to show.
fn json(value: &Printed) -> Option<Json> {
    match value {
        Printed::Map(_) | Printed::Nothing => None,
        value => example(&value.yaml()),
    }
}
