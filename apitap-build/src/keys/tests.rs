//! The keys that are read, and the JSON Schema that tells editors of them: the same.
//!
//! Documents are made from the schema, so that all it describes is read once. Each mapping in them
//! has its own object of the schema, and the keys that were asked of that mapping must be its
//! properties: a key that only one of the two knows fails, as does a choice or a default.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::json_schema;
use crate::diagnostic::{Files, Findings};
use crate::fix;
use crate::parse::yaml;
use crate::schema::scalar::{DECIMAL, SCALARS};
use crate::spec::project;
use crate::tree::Node;

mod as_written;
mod documents;
mod examples;
mod random;
mod reference;
mod repository;
pub(super) mod seen;
mod validate;

use examples::Examples;
use seen::{Asked, Seen};
use validate::{Object, Validator};

/// The schema.
fn schema() -> Json {
    serde_json::from_str(&json_schema()).expect("it is JSON")
}

/// A document's tree, what the parser asked of it, and what is wrong with it. `None` where it is
/// no YAML.
fn read(text: &str) -> Option<(Node, Seen, Vec<String>)> {
    let (mut files, mut findings) = (Files::default(), Findings::default());
    let file = files.add("pipelines.yaml", text);
    let node = yaml::parse(&files, file, &mut findings)?;
    let seen = seen::during(|| drop(project(&node, &mut findings)));
    let messages = findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    Some((node, seen, messages))
}

#[test]
fn every_example_and_choice_of_the_schema_is_read_without_a_finding() {
    let schema = schema();
    let documents = Examples::new(&schema).whole();
    assert!(documents.len() > 50, "{}", documents.len());
    let validator = Validator::new(&schema);
    for mut document in documents {
        // The API that an example of a source names.
        if let Some(keys) = document.as_object_mut() {
            let shop = serde_json::json!([{ "name": "shop", "url": "https://api.example.com" }]);
            keys.entry("apis").or_insert(shop);
        }
        let text = document.to_string();
        let (node, _, findings) = read(&text).expect("JSON is YAML");
        assert_eq!(validator.check(&node).errors, Vec::<String>::new(), "{text}");
        assert_eq!(findings, Vec::<String>::new(), "{text}");
    }
}

/// A target's URL as the file spells it, and how it does after the sure changes.
fn check_fixed_url(written: &str, expected: &str) {
    let document =
        |url: &str| format!("targets:\n  - {{name: shop, type: postgres, url: {url}}}\n");
    let (mut files, mut findings, text) =
        (Files::default(), Findings::default(), document(written));
    let file = files.add("pipelines.yaml", text.as_str());
    let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
    drop(project(&node, &mut findings));
    assert!(findings.0.iter().any(|finding| finding.message.contains("`sslmod`")), "{findings:?}");
    let fixed = fix::apply(&text, &fix::changes(file, &findings.0));
    assert_eq!(fixed, Some(document(expected)));
}

#[test]
fn a_fix_of_a_url_changes_no_byte_besides_it() {
    check_fixed_url(
        "'postgres://app@db/shop?sslmod=require'",
        "'postgres://app@db/shop?sslmode=require'",
    );
    for spelled in [
        r#""postgres:\/\/app@db/shop?sslmod=require""#,
        "'postgres://app@db/shop\n      ?sslmod=require'",
    ] {
        check_fixed_url(spelled, spelled);
    }
}

#[test]
fn the_parser_asks_for_the_words_that_the_schema_has_and_for_no_others() {
    let schema = schema();
    let (validator, examples) = (Validator::new(&schema), Examples::new(&schema));
    let mut compared = BTreeSet::new();
    for document in examples.whole().iter().chain(&examples.bare()) {
        let text = document.to_string();
        let (node, seen, _) = read(&text).expect("JSON is YAML");
        let described: BTreeMap<_, _> = validator.check(&node).objects.into_iter().collect();
        for (place, object) in &described {
            let owner = seen.owners.get(place);
            let Some(owner) = owner.filter(|_| object.schema.get("properties").is_some()) else {
                assert!(
                    owner.is_none() && object.schema.get("properties").is_none(),
                    "read by {owner:?}, described by {} in {text}",
                    object.schema
                );
                continue;
            };
            let context = format!("{} in {text}", owner.name);
            assert_eq!(owner.known, object.properties(), "the words of {context}");
            check_missing(object, &owner.missing, &context);
            for (word, asked) in seen.asked.get(place).into_iter().flatten() {
                check_asked(&validator, object, word, asked, &context);
            }
            compared.insert(owner.name.clone());
        }
        for (place, owner) in &seen.owners {
            assert!(described.contains_key(place), "nothing describes {} in {text}", owner.name);
        }
    }
    assert!(compared.len() > 15, "{compared:?}");
}

#[test]
fn every_type_is_one_for_the_schema() {
    let schema = schema();
    let validator = Validator::new(&schema);
    let plain = SCALARS.iter().filter(|scalar| scalar.ty != DECIMAL);
    let mut types: Vec<_> = plain.map(|scalar| scalar.name.to_owned()).collect();
    types.push("decimal(38,38)".to_owned());
    for ty in types.iter().flat_map(|ty| [ty.clone(), format!("{ty}!"), format!(" {ty} !")]) {
        let text = serde_json::json!({ "field": ty }).to_string();
        let (node, _, _) = read(&text).expect("JSON is YAML");
        assert!(validator.fits(&schema["definitions"]["fields"], &node), "{text}");
    }
    for ty in ["int", "int64!!", "decimal", "decimal(39,1)", "decimal(0,0)", ""] {
        let text = serde_json::json!({ "field": ty }).to_string();
        let (node, _, _) = read(&text).expect("JSON is YAML");
        assert!(!validator.fits(&schema["definitions"]["fields"], &node), "{text}");
    }
}

/// What the parser says is missing is what the schema requires, and all of that.
fn check_missing(object: &Object<'_>, missing: &BTreeSet<String>, context: &str) {
    let required = object.required();
    let absent: BTreeSet<_> = required.difference(&object.keys).cloned().collect();
    let said: BTreeSet<_> = missing.intersection(&required).cloned().collect();
    assert_eq!(said, absent, "what is missing from {context}");
    let alternatives = object.alternatives();
    let others: BTreeSet<_> = missing.difference(&required).cloned().collect();
    assert!(others.is_subset(&alternatives), "{others:?} missing from {context}");
    if !alternatives.is_empty() && object.keys.is_disjoint(&alternatives) {
        assert!(!others.is_empty(), "nothing of {alternatives:?} is missing from {context}");
    }
}

/// Choices, bounds and defaults are the same.
fn check_asked(
    validator: &Validator<'_>,
    object: &Object<'_>,
    word: &str,
    asked: &Asked,
    context: &str,
) {
    match asked {
        Asked::Choice(choices) => {
            assert_eq!(choices, &object.choices(word), "the choices of `{word}` of {context}");
        }
        Asked::Number { bounds, default } => {
            let property = validator.resolve(&object.schema["properties"][word]);
            let [least, most, usual] =
                ["minimum", "maximum", "default"].map(|k| property[k].as_u64());
            let described = (least, most.unwrap_or(u64::MAX), usual);
            let read = (Some(*bounds.start()), *bounds.end(), *default);
            assert_eq!(read, described, "bounds and default of `{word}` of {context}");
        }
    }
}
