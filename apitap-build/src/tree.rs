//! What was written, before anybody knows what it means: words and values with their places.
//!
//! YAML, the attribute of `#[pipeline]` and the `sink(…)` call of a SQL file all become a [`Node`],
//! and [`crate::spec`] reads nothing else: so the three spellings have the same words and checks.

use crate::diagnostic::{Place, Spanned};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
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

    /// Its first byte, where it may have many lines; else all of it.
    pub fn begin(&self) -> Place {
        match &self.value {
            Value::List(_) | Value::Map(_) => self.place.within(0..1),
            _ => self.place.clone(),
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
