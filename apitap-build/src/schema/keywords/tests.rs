use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Files, Findings};
use crate::schema::documents::Documents;
use crate::schema::notation::type_text;

/// The record that a schema in YAML describes, or the finding's message.
fn read(schema: &str) -> Result<Vec<Field>, String> {
    let mut files = Files::default();
    let file = files.add("a.yaml", schema);
    let mut findings = Findings::default();
    let documents = Documents::parse(&files, file, &mut findings)
        .ok_or_else(|| findings.0.first().map(|f| f.message.clone()).unwrap_or_default())?;
    let references = documents.references();
    let root = documents.root().ok_or("no root")?;
    let read = Reader::new(&references).record(root);
    read.map(|(schema, _)| schema.fields).map_err(|finding| finding.message)
}

/// The type of a property `a` that has this schema and is not required; `defs` are beside it.
fn check(property: &str, expected: &str) {
    let defs = "
  Pet: {type: object, required: [id], properties: {id: {type: integer}, name: {type: string}}}
  Node: {type: object, properties: {id: {type: integer}, next: {$ref: '#/defs/Node'}}}
  Extra: {type: object, required: [age], properties: {age: {type: integer, format: int32}}}
  Kind: {type: string, enum: [cat, dog]}";
    let text = format!("properties:\n  a: {property}\ndefs:{defs}\n");
    let fields = read(&text).unwrap();
    assert_eq!(type_text(&fields[0].ty, fields[0].nullable), expected, "{property}");
}

#[test]
fn formats_say_the_type() {
    check("{type: integer}", "int64");
    check("{type: integer, format: int32}", "int32");
    check("{type: integer, format: uint64}", "decimal(20,0)");
    check("{type: number}", "float64");
    check("{type: number, format: float}", "float64");
    check("{type: number, multipleOf: 0.01}", "decimal(38,2)");
    check("{type: boolean}", "bool");
    check("{type: string}", "string");
    check("{type: string, format: date-time}", "timestamp");
    check("{type: string, format: date}", "date");
    check("{type: string, format: uuid}", "uuid");
    check("{type: string, format: byte}", "binary");
    check("{type: string, format: email}", "string");
    check("{enum: [1, 2]}", "int64");
    check("{enum: [a, null]}", "string");
    check("{const: 1.5}", "float64");
    check("{}", "json");
}

#[test]
fn records_lists_and_maps() {
    check("{$ref: '#/defs/Pet'}", "{id: int64!, name: string}");
    check("{type: array, items: {$ref: '#/defs/Pet'}}", "[{id: int64!, name: string}!]");
    check("{type: array, items: {type: string, nullable: true}}", "[string]");
    check("{type: array}", "json");
    check("{type: object, additionalProperties: {type: string}}", "json");
    check("{type: object}", "json");
    check("{type: array, prefixItems: [{type: string}, {type: integer}]}", "json");
    check(
        "{allOf: [{$ref: '#/defs/Pet'}, {$ref: '#/defs/Extra'}]}",
        "{id: int64!, name: string, age: int32!}",
    );
    check("{allOf: [{$ref: '#/defs/Kind'}], description: which}", "string");
    check("{$ref: '#/defs/Node'}", "{id: int64, next: json}");
}

#[test]
fn choices_that_only_add_null_are_no_choices() {
    check("{type: [string, 'null']}", "string");
    check("{oneOf: [{$ref: '#/defs/Pet'}, {type: 'null'}]}", "{id: int64!, name: string}");
    check("{anyOf: [{type: integer}, {type: 'null'}]}", "int64");
    check("{oneOf: [{type: integer}, {type: number}]}", "float64");
    check("{anyOf: [{type: string, format: uuid}, {$ref: '#/defs/Kind'}]}", "string");
    check("{oneOf: [{type: string}, {$ref: '#/defs/Pet'}]}", "json");
    check("{type: [string, integer]}", "json");
    check("{type: string, anyOf: [{required: [b]}, {minLength: 1}]}", "string");
}

/// Whether a required property of this schema is not null.
fn check_required(property: &str, not_null: bool) {
    let fields = read(&format!("required: [a]\nproperties: {{a: {property}}}\n")).unwrap();
    assert_eq!(!fields[0].nullable, not_null, "{property}");
}

#[test]
fn only_what_is_required_and_never_null_is_not_null() {
    check_required("{type: string}", true);
    check_required("{type: string, nullable: true}", false);
    check_required("{type: [string, 'null']}", false);
    check_required("{oneOf: [{type: string}, {type: 'null'}]}", false);
    check_required("{type: string, enum: [a, null]}", false);
    check_required("{enum: [a, null]}", false);
    check_required(
        "{anyOf: [{type: string, nullable: true}, {type: string, format: date}]}",
        false,
    );
    check_required("{}", false);
}

#[test]
fn descriptions_say_why_a_field_is_json() {
    let text = "properties: {a: {description: \"One.\\n\\nTwo.\", type: [string, integer]}}";
    let fields = read(text).unwrap();
    let expected = "One.\n\nKept as JSON: it may be of several kinds.";
    assert_eq!(fields[0].description.as_deref(), Some(expected));
}

#[test]
fn what_is_no_record_is_refused() {
    let refused = |text| read(text).unwrap_err();
    assert_eq!(refused("type: string"), "the record is not an object");
    assert_eq!(refused("type: object"), "the record is without `properties`");
    assert_eq!(refused("type: array\nitems: {type: string}"), "the record is a list");
    assert_eq!(refused("allOf: [{$ref: '#'}]"), "the record is without `properties`");
    assert_eq!(refused("$ref: '#'"), "the record is without `properties`");
}

#[test]
fn what_grows_without_end_is_bounded() {
    // Each level has the next one twice: 2^40 fields, if all were taken apart.
    let levels: String = (0..40)
        .map(|n| {
            let next = format!("{{$ref: '#/defs/L{}'}}", n + 1);
            format!("  L{n}: {{type: object, properties: {{a: {next}, b: {next}}}}}\n")
        })
        .collect();
    let text = format!("$ref: '#/defs/L0'\ndefs:\n{levels}  L40: {{type: string}}\n");
    assert_eq!(read(&text).unwrap().len(), 2);
}

const DOCUMENT: &str = r##"{"type":"object","required":["a"],"properties":{"a":{"$ref":"#/defs/P"},
"b":{"type":["string","null"],"enum":["x",null]},"c":{"oneOf":[{"type":"integer"},{"type":"null"}]},
"d":{"type":"array","items":{"allOf":[{"$ref":"#/defs/P"},{"properties":{"e":{"format":"date"}}}]}}},
"defs":{"P":{"properties":{"p":{"$ref":"#/defs/P"},"q":{"additionalProperties":{}}}}}}"##;

proptest! {
    #[test]
    fn no_document_makes_it_panic(cuts in prop::collection::vec((0usize..600, 0usize..600), 1..6)) {
        let mut text: Vec<u8> = DOCUMENT.bytes().collect();
        // Words in places where others belong leave it well-formed JSON.
        let mut words: Vec<&str> = DOCUMENT.split('"').collect();
        let word = |number: usize| (number % (words.len() / 2)) * 2 + 1;
        let swaps: Vec<_> = cuts.iter().map(|(from, to)| (word(*from), word(*to))).collect();
        swaps.into_iter().for_each(|(from, to)| words.swap(from, to));
        for (from, to) in cuts {
            let (from, to) = (from % text.len(), to % text.len());
            text.swap(from, to);
        }
        let _ = read(&String::from_utf8_lossy(&text));
        let _ = read(&words.join("\""));
    }
}
