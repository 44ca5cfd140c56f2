//! Sampled records → a schema: where each field was first seen, and what does not fit together.
//!
//! Types are found as [`super::inference`] finds them; this module adds places. Every field may be
//! null: that all sampled records have it does not say that the next one will.

use std::collections::BTreeMap;

use super::Schema;
use super::inference::Inference;
use super::keywords::Places;
use crate::codes;
use crate::diagnostic::{Finding, Place};
use crate::tree::{Node, Value};

/// What has been seen of the records of one source.
#[derive(Debug, Default)]
pub struct Sample {
    inference: Inference,
    places: Places,
    /// The first kind of value at each path, and where it stands.
    kinds: BTreeMap<String, (&'static str, Place)>,
    conflicts: Vec<Conflict>,
    /// How many records have been seen.
    pub records: usize,
    /// Where the first of them begins.
    pub first: Option<Place>,
}

/// Two values of one field that have nothing in common.
#[derive(Debug)]
struct Conflict {
    path: String,
    first: (&'static str, Place),
    other: (&'static str, Place),
}

impl Sample {
    /// Looks at a record; `text` is the file in which it stands.
    ///
    /// # Errors
    /// A value in it is one that no run could read, as a number beyond all bounds.
    pub fn observe(&mut self, record: &Node, text: &str) -> Result<(), Box<Finding>> {
        let Place::Text { file, start, end } = record.place else { return Ok(()) };
        let json = text.get(start..end).unwrap_or_default();
        self.inference.observe(json.as_bytes()).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            let message = format!("this record cannot be read: {reason}");
            Box::new(
                Finding::error(codes::INVALID_JSON, message, &record.begin())
                    .help("correct the record, or take the sample again"),
            )
        })?;
        self.records += 1;
        self.first.get_or_insert_with(|| Place::text(file, start..start + 1));
        self.fields("", record);
        Ok(())
    }

    fn fields(&mut self, path: &str, record: &Node) {
        for (key, value) in record.entries() {
            let path = match path {
                "" => key.value.clone(),
                path => format!("{path}.{}", key.value),
            };
            self.places.entry(path.clone()).or_insert_with(|| key.place.clone());
            self.value(&path, &path, value);
        }
    }

    /// `slot` is the path with `[]` for the elements of a list.
    fn value(&mut self, path: &str, slot: &str, node: &Node) {
        let kind = match &node.value {
            Value::Null => return,
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        };
        match self.kinds.get(slot) {
            None => drop(self.kinds.insert(slot.to_owned(), (kind, node.place.clone()))),
            Some((first, _)) if *first == kind => {}
            Some(first) => {
                let within = |conflict: &Conflict| {
                    let rest = path.strip_prefix(conflict.path.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                if !self.conflicts.iter().any(within) {
                    let other = (kind, node.place.clone());
                    let path = path.to_owned();
                    self.conflicts.push(Conflict { path, first: first.clone(), other });
                }
                return;
            }
        }
        for element in node.elements() {
            self.value(path, &format!("{slot}[]"), element);
        }
        self.fields(path, node);
    }

    /// A warning for each field whose values have nothing in common.
    pub fn conflicts(&self) -> impl Iterator<Item = Finding> {
        self.conflicts.iter().map(|Conflict { path, first, other }| {
            let inner = path.rsplit('.').fold("json".to_owned(), |inner, name| {
                if inner == "json" {
                    format!("{name}: json")
                } else {
                    format!("{name}: {{{inner}}}")
                }
            });
            let message = format!("field `{path}` is {} here, and {} elsewhere", other.0, first.0);
            Finding::warning(codes::MIXED_KINDS, message, &other.1)
                .related(&first.1, format!("it is {} here", first.0))
                .note(
                    "no type holds both, so the field is read as `json`, which keeps each as it is",
                )
                .help(format!("to say so yourself, write `fields: {{{inner}}}`"))
        })
    }

    /// The fields in the order in which they were first seen, and where that was.
    pub fn schema(self) -> (Schema, Places) {
        (self.inference.schema(), self.places)
    }
}
