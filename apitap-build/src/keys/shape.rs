//! What is declared of all keys, as plain data without types: what the JSON Schema, the reference and
//! the help of findings are made of.

use super::key::Info;
use super::printed::Printed;

/// What can be written as a value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Text in which `${NAME}` stands for a variable.
    Template,
    /// Text, taken as it is written.
    Text,
    /// One text, or a list of them.
    Texts,
    /// A JSON Pointer.
    Pointer,
    /// An expression over an answer that is true or false.
    Condition,
    /// `30s`.
    Duration,
    /// `128MiB`.
    Size,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// One of these texts.
    Choice(Vec<ChoiceShape>),
    /// Names and templates, as a mapping or a list.
    Pairs,
    /// Any JSON.
    Json,
    /// The path of a Rust item.
    RustPath,
    /// A file.
    File,
    /// A file, or a list of them.
    Files,
    /// A record's fields and their types.
    Fields,
    /// Names of arguments and their types.
    Arguments,
    /// The type of a single value.
    ValueType,
    /// A mapping with keys of its own.
    Group(GroupShape),
    /// A mapping whose keys depend on the value of one of them.
    Kinds(KindsShape),
    /// One of several.
    Either(Vec<Shape>),
    /// A list of such values.
    List(Box<Shape>),
    /// A mapping of names to such values.
    Named(Box<Shape>),
}

/// One of the texts that a value can be.
#[derive(Debug, Clone)]
pub struct ChoiceShape {
    /// As it is written.
    pub name: &'static str,
    /// What it means.
    pub doc: String,
    /// What other tools call it.
    pub synonyms: &'static [&'static str],
}

/// A mapping with keys of its own.
#[derive(Debug, Clone, Default)]
pub struct GroupShape {
    /// The kind that it is; empty where there is only one.
    pub name: &'static str,
    /// What it is for.
    pub doc: String,
    /// What other tools call the kind.
    pub synonyms: &'static [&'static str],
    /// Its keys.
    pub keys: Vec<KeyShape>,
    /// Which of them go together.
    pub rules: Vec<Rule>,
    /// All other keys have a meaning too: they are texts.
    pub open: bool,
}

/// A mapping whose keys depend on the value of one of them.
#[derive(Debug, Clone)]
pub struct KindsShape {
    /// The key that says the kind.
    pub key: &'static str,
    /// The kinds.
    pub kinds: Vec<GroupShape>,
    /// The keys that each of them has besides.
    pub shared: Vec<KeyShape>,
}

/// A key.
#[derive(Debug, Clone)]
pub struct KeyShape {
    /// Its name, documentation and checks.
    pub info: Info,
    /// Its values.
    pub shape: Shape,
    /// Whether it can be left out.
    pub presence: Presence,
}

/// Whether a key can be left out.
#[derive(Debug, Clone)]
pub enum Presence {
    /// It cannot.
    Required,
    /// It can, and is this then.
    Default(Printed),
    /// It can, and says nothing then.
    Optional,
}

/// Which keys of a mapping go together.
#[derive(Debug, Clone)]
pub enum Rule {
    /// One of these is written, and not another.
    OneOf(Vec<Alternative>),
    /// At least one of them.
    AnyOf(Vec<&'static str>),
    /// Not both of them.
    NotBoth(&'static str, &'static str),
}

/// Keys that say something together.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// All of them are written.
    pub with: Vec<&'static str>,
    /// None of them is.
    pub without: Vec<&'static str>,
}

impl KeyShape {
    /// The key as one of several of which one must be written.
    pub(super) fn alternative(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }
}

impl Rule {
    /// Exactly one of these sets of keys.
    pub(crate) fn one_of(keys: Vec<Vec<&'static str>>) -> Self {
        let alternative = |with| Alternative { with, without: Vec::new() };
        Self::OneOf(keys.into_iter().map(alternative).collect())
    }
}
