//! A document against the schema, as an editor sees it: the keywords of JSON Schema that ours uses.
//!
//! A keyword that is not known here fails the test: nothing is taken for checked that is not.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use serde_json::{Map, Value as Json};

use crate::diagnostic::Place;
use crate::tree::{Node, Value};

/// The schema, ready to check documents.
pub(super) struct Validator<'s> {
    root: &'s Json,
    /// Patterns that were used before: to compile one takes longer than all the rest.
    patterns: RefCell<HashMap<String, Regex>>,
}

/// What came of a check.
#[derive(Debug, Default)]
pub(super) struct Outcome<'s> {
    /// What is wrong.
    pub(super) errors: Vec<String>,
    /// Every mapping with what describes it.
    pub(super) objects: Vec<(Place, Object<'s>)>,
}

/// What describes a mapping.
#[derive(Debug, Clone)]
pub(super) struct Object<'s> {
    /// Its schema.
    pub(super) schema: &'s Json,
    /// The choices that it is one of, itself included.
    branches: Vec<&'s Json>,
    /// The keys of the mapping.
    pub(super) keys: BTreeSet<String>,
}

impl Object<'_> {
    /// The words that it may have.
    pub(super) fn properties(&self) -> BTreeSet<String> {
        let properties = self.schema["properties"].as_object();
        properties.into_iter().flat_map(Map::keys).cloned().collect()
    }

    /// The words that it must have.
    pub(super) fn required(&self) -> BTreeSet<String> {
        required(self.schema)
    }

    /// The words of which it must have some.
    pub(super) fn alternatives(&self) -> BTreeSet<String> {
        list(&self.schema["oneOf"]).iter().flat_map(required).collect()
    }

    /// What a word may be, here and in the other choices.
    pub(super) fn choices(&self, word: &str) -> BTreeSet<String> {
        let of = |schema: &Json| {
            let property = &schema["properties"][word];
            let own = property.get("const").into_iter().chain(list(&property["enum"]));
            own.filter_map(Json::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        // A key of a kind has choices of its own; which kind it is, the others say too.
        if self.schema["properties"][word].get("enum").is_some() {
            return of(self.schema).into_iter().collect();
        }
        self.branches.iter().copied().chain([self.schema]).flat_map(of).collect()
    }
}

impl<'s> Validator<'s> {
    pub(super) fn new(root: &'s Json) -> Self {
        Self { root, patterns: RefCell::default() }
    }

    /// Checks a whole document.
    pub(super) fn check(&self, node: &Node) -> Outcome<'s> {
        let mut outcome = Outcome::default();
        self.schema(self.root, node, "", &[], &mut outcome);
        outcome
    }

    /// Whether a part of a document is as its schema says.
    pub(super) fn fits(&self, schema: &'s Json, node: &Node) -> bool {
        self.outcome(schema, node, "").errors.is_empty()
    }

    /// What a `$ref` stands for in the end.
    pub(super) fn resolve(&self, schema: &'s Json) -> &'s Json {
        match schema.get("$ref") {
            Some(_) => self.resolve(self.follow(schema)),
            None => schema,
        }
    }

    /// What a `$ref` stands for, which may be another one.
    pub(super) fn follow(&self, schema: &'s Json) -> &'s Json {
        let reference = &schema["$ref"];
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = pointer.and_then(|pointer| self.root.pointer(pointer));
        found.unwrap_or_else(|| panic!("{reference} stands for nothing"))
    }

    fn schema(
        &self,
        schema: &'s Json,
        node: &Node,
        path: &str,
        branches: &[&'s Json],
        outcome: &mut Outcome<'s>,
    ) {
        let schema = self.resolve(schema);
        match schema {
            Json::Bool(true) => return,
            Json::Bool(false) => return outcome.errors.push(format!("{path} must not be there")),
            _ => {}
        }
        let keywords = schema.as_object().expect("a schema is a mapping");
        if let (Value::Map(entries), true) = (&node.value, is_object(schema)) {
            let keys = entries.iter().map(|(key, _)| key.value.clone()).collect();
            let object = Object { schema, branches: branches.to_vec(), keys };
            outcome.objects.push((node.place.clone(), object));
        }
        for (keyword, value) in keywords {
            if let Some(error) = self.keyword(keyword, value, schema, node, path, outcome) {
                outcome.errors.push(format!("{path}: {error}"));
            }
        }
    }

    /// Checks one keyword, and what is below it; what is wrong with the node itself.
    fn keyword(
        &self,
        keyword: &str,
        value: &'s Json,
        schema: &'s Json,
        node: &Node,
        path: &str,
        outcome: &mut Outcome<'s>,
    ) -> Option<String> {
        let entries = match &node.value {
            Value::Map(entries) => &entries[..],
            _ => &[],
        };
        let has = |name: &str| entries.iter().any(|(key, _)| key.value == name);
        let items = match &node.value {
            Value::List(items) => Some(items),
            _ => None,
        };
        let wrong = |is_wrong: bool| is_wrong.then(|| format!("not `{keyword}: {value}`"));
        match keyword {
            "$schema" | "$id" | "definitions" | "title" | "description" | "default"
            | "examples" => None,
            "type" => wrong(!types(value).any(|name| is_of(name, &node.value))),
            "const" => wrong(node.json() != *value),
            "enum" => wrong(!list(value).contains(&node.json())),
            "pattern" => {
                let pattern = value.as_str().expect("a pattern is text");
                wrong(matches!(&node.value, Value::String(text) if !self.matches(pattern, text)))
            }
            "minimum" => wrong(number(node).is_some_and(|n| Some(n) < value.as_f64())),
            "maximum" => wrong(number(node).is_some_and(|n| Some(n) > value.as_f64())),
            "exclusiveMinimum" => wrong(number(node).is_some_and(|n| Some(n) <= value.as_f64())),
            "minItems" => wrong(items.is_some_and(|items| (items.len() as u64) < size(value))),
            "maxItems" => wrong(items.is_some_and(|items| items.len() as u64 > size(value))),
            "minProperties" => wrong(node.is_map() && (entries.len() as u64) < size(value)),
            "required" => {
                let absent = list(value).iter().filter_map(Json::as_str).find(|name| !has(name));
                absent.filter(|_| node.is_map()).map(|name| format!("no `{name}`"))
            }
            "dependencies" => {
                let needs = value.as_object().into_iter().flatten();
                let needed = needs.filter(|(name, _)| has(name)).flat_map(|(_, names)| list(names));
                let absent = needed.filter_map(Json::as_str).find(|name| !has(name));
                absent.map(|name| format!("no `{name}`"))
            }
            "properties" => {
                for (key, node) in entries {
                    if let Some(property) = value.get(&key.value) {
                        let path = format!("{path}/{}", key.value);
                        self.schema(property, node, &path, &[], outcome);
                    }
                }
                None
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object();
                let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
                for (key, node) in entries.iter().filter(|(key, _)| !is_known(&key.value)) {
                    self.schema(value, node, &format!("{path}/{}", key.value), &[], outcome);
                }
                None
            }
            "items" => {
                for (index, item) in items.into_iter().flatten().enumerate() {
                    self.schema(value, item, &format!("{path}/{index}"), &[], outcome);
                }
                None
            }
            "oneOf" => self.one_of(list(value), node, path, outcome),
            "anyOf" => {
                let fits = |schema: &'s Json| self.outcome(schema, node, path).errors.is_empty();
                wrong(!list(value).iter().any(fits))
            }
            "not" => wrong(self.outcome(value, node, path).errors.is_empty()),
            other => panic!("the keyword `{other}` is not known here"),
        }
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        let compile = || Regex::new(pattern).expect("a pattern is a regular expression");
        patterns.entry(pattern.to_owned()).or_insert_with(compile).is_match(text)
    }

    /// Exactly one fits; where none does, the one that was meant says what is wrong.
    fn one_of(
        &self,
        branches: &'s [Json],
        node: &Node,
        path: &str,
        outcome: &mut Outcome<'s>,
    ) -> Option<String> {
        let resolved: Vec<_> = branches.iter().map(|branch| self.resolve(branch)).collect();
        let mut outcomes: Vec<_> = resolved
            .iter()
            .map(|branch| {
                let mut outcome = Outcome::default();
                self.schema(branch, node, path, &resolved, &mut outcome);
                (is_meant(branch, node), outcome)
            })
            .collect();
        let fit = outcomes.iter().filter(|(_, outcome)| outcome.errors.is_empty()).count();
        outcomes.sort_by_key(|(meant, outcome)| (!meant, outcome.errors.len()));
        let nearest = outcomes.into_iter().next().map(|(_, outcome)| outcome)?;
        outcome.errors.extend(nearest.errors);
        outcome.objects.extend(nearest.objects);
        (fit > 1).then(|| format!("{fit} choices fit"))
    }

    fn outcome(&self, schema: &'s Json, node: &Node, path: &str) -> Outcome<'s> {
        let mut outcome = Outcome::default();
        self.schema(schema, node, path, &[], &mut outcome);
        outcome
    }
}

/// Whether a choice is of the node's type, and of the kind that it says.
fn is_meant(branch: &Json, node: &Node) -> bool {
    let Value::Map(entries) = &node.value else {
        return types(&branch["type"]).any(|name| is_of(name, &node.value));
    };
    let says = |name: &str, value: &Json| {
        entries.iter().any(|(key, node)| key.value == name && node.json() == *value)
    };
    let properties = branch["properties"].as_object().into_iter().flatten();
    let mut kinds = properties.filter_map(|(name, property)| Some((name, property.get("const")?)));
    is_object(branch) && kinds.all(|(name, value)| says(name, value))
}

/// Whether a schema describes mappings, not only some of their keys.
fn is_object(schema: &Json) -> bool {
    schema["type"] == "object"
}

impl Node {
    fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }
}

fn types(value: &Json) -> impl Iterator<Item = &str> {
    value.as_str().into_iter().chain(list(value).iter().filter_map(Json::as_str))
}

fn is_of(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Integer(_) => name == "integer" || name == "number",
        Value::Float(_) => name == "number",
        Value::String(_) => name == "string",
        Value::List(_) => name == "array",
        Value::Map(_) => name == "object",
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn size(value: &Json) -> u64 {
    value.as_u64().expect("a size is a whole number")
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn required(schema: &Json) -> BTreeSet<String> {
    list(&schema["required"]).iter().filter_map(Json::as_str).map(str::to_owned).collect()
}
