//! What is declared of a key: its name, type, default and documentation, and how it is checked.
//!
//! A [`Key`] is written once, in the file of its group. The reader, the printer, the JSON Schema, the
//! reference and the help of findings all take what they say of the key from it.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::group::Group;
use super::printed::Printed;
use super::shape::{KeyShape, Presence, Shape};
use crate::definition::Template;
use crate::diagnostic::{Findings, Place, Spanned};
use crate::tree::Node;

/// A type that the value of a key can have.
pub trait KeyType: Sized + Clone + PartialEq {
    /// The value as it was read: with the places of all that is in it.
    type Spec: Clone + std::fmt::Debug;

    /// Reads a value; what is wrong with it is a finding.
    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec>;

    /// The value without its places.
    fn plain(spec: &Self::Spec) -> Self;

    /// The value as if all of it had been written at one place.
    fn at(self, place: &Place) -> Self::Spec;

    /// The value as it is written, in any spelling.
    fn print(&self, info: &Info) -> Printed;

    /// What can be written.
    fn shape(info: &Info) -> Shape;

    /// Adds what the value of the key of that name means for other keys.
    fn facts(_name: &'static str, _spec: &Spanned<Self::Spec>, _facts: &mut Facts) {}
}

/// What values mean for other keys, by their types, whichever keys they are the values of.
#[derive(Debug, Default)]
pub struct Facts {
    /// The names of query parameters that apitap sets.
    pub params: Vec<Spanned<String>>,
    /// What looks into JSON bodies: the keys, and where their values stand.
    pub pointers: Vec<(&'static str, Place)>,
}

/// A check of a text; a finding says what is wrong.
pub type TextRule = fn(&Spanned<String>, &mut Findings) -> bool;

/// A check of one of several names and their values.
pub type PairRule = fn(&Spanned<String>, &Spanned<Template>, &mut Findings) -> bool;

/// What is declared of a key besides the type and the default of its values.
#[derive(Debug, Clone, Default)]
pub struct Info {
    /// As it is written: `page_size`.
    pub name: &'static str,
    /// What it means: the doc comment of its field.
    pub doc: String,
    /// Values as they are written in YAML; the first is shown where the key is missing.
    pub examples: Vec<&'static str>,
    /// What a number can be.
    pub bounds: Option<RangeInclusive<u64>>,
    /// The longest that a duration can be; a day if absent.
    pub longest: Option<Duration>,
    /// Whether a text must not be empty.
    pub filled: bool,
    /// The key does the same as another one of this meaning, in another kind.
    pub meaning: Option<&'static str>,
    /// The key without which this one does nothing.
    pub needs: Option<&'static str>,
    /// For a value that is a secret: what a message calls it, and a variable for it.
    pub secret: Option<(&'static str, &'static str)>,
    /// Whether a text may hold `{…}`: it is the text of a request.
    pub expressions: bool,
    /// Checks a text.
    pub rule: Option<TextRule>,
    /// Checks each of several names and values.
    pub pair_rule: Option<PairRule>,
    /// The key beside which this one is printed only.
    pub beside: Option<&'static str>,
    /// The default is not printed.
    pub brief: bool,
    /// A text is the name of a file.
    pub file: bool,
    /// A duration is written as a number of seconds.
    pub in_seconds: bool,
    /// What it is where it was not written, as it is written in YAML.
    pub default: Option<String>,
}

/// A key whose values are of type `T`.
#[derive(Debug, Clone)]
pub struct Key<T> {
    pub(super) info: Info,
    /// What it is where it was not written; `None` where it must be.
    pub(super) default: Option<T>,
}

/// A key that must be written, and how.
pub(crate) fn required<T: KeyType>(example: &'static str) -> Key<T> {
    Key { info: Info::default(), default: None }.example(example)
}

/// A key that may be left out.
pub(crate) fn optional<T: KeyType>() -> Key<Option<T>> {
    default(None)
}

/// A mapping that may be left out: then it is as if each of its keys were.
pub(crate) fn absent<T: Group>() -> Key<T> {
    Key { info: Info::default(), default: T::defaults() }
}

/// A key that may be left out, and what it is then.
pub(crate) fn default<T: KeyType>(value: T) -> Key<T> {
    Key { info: Info::default(), default: Some(value) }
}

impl<T: KeyType> Key<T> {
    /// Gives the key of a field that field's name, where it has none of its own, and documentation.
    pub(super) fn of_field(mut self, field: &'static str, doc: &[&str]) -> Self {
        if self.info.name.is_empty() {
            self.info.name = field;
        }
        if !doc.is_empty() {
            self.info.doc = paragraph(doc);
        }
        self.info.default = match self.default.as_ref().map(|value| value.print(&self.info)) {
            None | Some(Printed::Nothing) => None,
            Some(value) => Some(value.yaml()),
        };
        self
    }

    /// The name, where a field of Rust cannot have it.
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.info.name = name;
        self
    }

    /// What it means, where it is the key of no field.
    pub(crate) fn doc(mut self, doc: &str) -> Self {
        self.info.doc = doc.to_owned();
        self
    }

    /// A value as it is written in YAML.
    pub(crate) fn example(mut self, yaml: &'static str) -> Self {
        self.info.examples.push(yaml);
        self
    }

    /// What a number can be.
    pub(crate) fn within(mut self, bounds: RangeInclusive<u64>) -> Self {
        self.info.bounds = Some(bounds);
        self
    }

    /// A text that must not be empty.
    pub(crate) fn filled(mut self) -> Self {
        self.info.filled = true;
        self
    }

    /// What other keys of this meaning do, in other kinds.
    pub(crate) fn means(mut self, meaning: &'static str) -> Self {
        self.info.meaning = Some(meaning);
        self
    }

    /// The key without which this one does nothing.
    pub(crate) fn needs(mut self, key: &'static str) -> Self {
        self.info.needs = Some(key);
        self
    }

    /// The value is a secret: it belongs into a variable, and is hidden wherever it is shown.
    pub(crate) fn secret(mut self, what: &'static str, variable: &'static str) -> Self {
        self.info.secret = Some((what, variable));
        self
    }

    /// The longest that a duration can be.
    pub(crate) fn up_to(mut self, longest: Duration) -> Self {
        self.info.longest = Some(longest);
        self
    }

    /// The text of a request, in which `{…}` is an expression.
    pub(crate) fn expressions(mut self) -> Self {
        self.info.expressions = true;
        self
    }

    /// A key that is printed beside another only.
    pub(crate) fn beside(mut self, key: &'static str) -> Self {
        self.info.beside = Some(key);
        self
    }

    /// A key that is not printed where its value is the default.
    pub(crate) fn brief(mut self) -> Self {
        self.info.brief = true;
        self
    }

    /// A text that is the name of a file.
    pub(crate) fn files(mut self) -> Self {
        self.info.file = true;
        self
    }

    /// A duration that is written as a number of seconds.
    pub(crate) fn in_seconds(mut self) -> Self {
        self.info.in_seconds = true;
        self
    }

    /// A check of the text.
    pub(crate) fn rule(mut self, rule: TextRule) -> Self {
        self.info.rule = Some(rule);
        self
    }

    /// A check of each name and its value.
    pub(crate) fn each(mut self, rule: PairRule) -> Self {
        self.info.pair_rule = Some(rule);
        self
    }

    /// What it is where it was not written.
    pub(super) fn into_default(self) -> Option<T> {
        self.default
    }

    /// The key beside which this one is printed only.
    pub(super) fn printed_beside(&self) -> Option<&'static str> {
        self.info.needs.or(self.info.beside)
    }

    /// What is declared, without its type.
    pub(super) fn shape(&self) -> KeyShape {
        let presence = match &self.default {
            None => Presence::Required,
            Some(value) => match value.print(&self.info) {
                Printed::Nothing => Presence::Optional,
                value => Presence::Default(value),
            },
        };
        KeyShape { info: self.info.clone(), shape: T::shape(&self.info), presence }
    }

    /// The key and a value as they are printed; nothing where leaving it out says the same.
    pub(super) fn print(&self, value: &T) -> Option<(String, Printed)> {
        let same = self.info.brief && self.default.as_ref() == Some(value);
        match value.print(&self.info) {
            Printed::Nothing => None,
            _ if same => None,
            printed => Some((self.info.name.to_owned(), printed)),
        }
    }
}

/// The lines of a doc comment as one text.
pub(crate) fn paragraph(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
