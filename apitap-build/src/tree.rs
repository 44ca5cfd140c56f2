//! What was written, before anybody knows what it means: keys and values with their places.
//!
//! YAML, the attribute of `#[pipeline]` and the `sink(…)` call of a SQL file all become a [`Node`],
//! and [`crate::spec`] reads nothing else: so the three spellings have the same keys and checks.

use std::borrow::Cow;

use crate::diagnostic::{Place, Spanned};
use crate::pointer::{self, Pointer};

/// Where a JSON Pointer leads in a [`Node`].
#[derive(Debug)]
pub enum Step<'a> {
    /// To this value.
    There(&'a Node),
    /// Nowhere.
    Missing {
        /// The first token that leads nowhere.
        token: String,
        /// The value that has no such key or element.
        within: &'a Node,
    },
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// The text of a number or a boolean as it was written: `007`, `1.10`, `True`. What such a value
    /// stands for is the text where a text is wanted.
    pub written: Option<Box<str>>,
}

/// What kind of value it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: `key:` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// Text, quoted or plain.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order written; a key that was written twice is here twice.
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// A value at a place, which has no spelling of its own.
    pub fn new(value: Value, place: Place) -> Self {
        Self { value, place, written: None }
    }

    /// A value at a place, and the text that it was read from.
    pub fn plain(value: Value, place: Place, written: impl Into<Box<str>>) -> Self {
        Self { value, place, written: Some(written.into()) }
    }

    /// The text of a single value as it was written. Lists, mappings and nothing have none.
    pub fn written(&self) -> Option<Cow<'_, str>> {
        let other = match &self.value {
            Value::String(text) => return Some(text.into()),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Map(_) => return None,
        };
        Some(self.written.as_deref().map_or(Cow::Owned(other), Cow::Borrowed))
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Spanned<String>, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub fn elements(&self) -> &[Node] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(known, _)| known.value == key).map(|(_, node)| node)
    }

    /// Follows a JSON Pointer, as a run does in a body.
    pub fn follow(&self, path: &Pointer) -> Step<'_> {
        let mut within = self;
        for token in path.tokens() {
            let next = match &within.value {
                Value::List(elements) => pointer::index(&token).and_then(|at| elements.get(at)),
                _ => within.get(&token),
            };
            match next {
                Some(node) => within = node,
                None => return Step::Missing { token, within },
            }
        }
        Step::There(within)
    }

    /// The same where `*` stands for every element of a list or an object.
    pub fn follow_all(&self, path: &Pointer) -> Vec<Step<'_>> {
        let mut there = vec![self];
        let mut steps = Vec::new();
        for token in path.tokens() {
            let mut next = Vec::new();
            for within in there {
                match (&*token, &within.value) {
                    ("*", Value::List(elements)) => next.extend(elements),
                    ("*", Value::Map(members)) => next.extend(members.iter().map(|(_, node)| node)),
                    _ => match within.follow(&Pointer::default().child(&token)) {
                        Step::There(node) => next.push(node),
                        missing @ Step::Missing { .. } => steps.push(missing),
                    },
                }
            }
            there = next;
        }
        steps.extend(there.into_iter().map(Step::There));
        steps
    }

    /// Its first byte, where it may have many lines; else all of it.
    pub fn begin(&self) -> Place {
        match &self.value {
            Value::List(_) | Value::Map(_) => self.place.within(0..1),
            _ => self.place.clone(),
        }
    }

    /// The value as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::String(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| (key.value.clone(), node.json())).collect()
            }
        }
    }

    /// The text, where it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Value {
    /// What a message calls it.
    pub fn describe(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
