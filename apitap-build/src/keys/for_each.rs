//! `for_each`: what a source is requested for, one after the other.

use super::declare::{Mapping, keys};
use super::group::read;
use super::key::{Info, KeyType};
use super::mapping::wrong_kind;
use super::printed::Printed;
use super::shape::Shape;
use super::values::Texts;
use crate::codes;
use crate::definition::ForEach;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::tree::{Node, Value};

keys! {
    /// Requests once for each of several values, or for each record of another source.
    pub struct ForEachKeys, spec ForEachKeysSpec {
        /// The source for whose records it is requested.
        source: Option<String> = optional().filled().example("organizations"),
        /// The values for which it is requested.
        values: Option<Texts> = optional().example("[open, closed]"),
        /// The name of a value in expressions, and of its field in SQL.
        alias: String = required("org").named("as").filled().rule(is_name),
        /// The fields of the other source's records that are taken: `{org.slug}`.
        fields: Option<Texts> = optional().example("[slug]"),
        /// Only for the records that have changed since the last run: the other source is incremental.
        only_changed: bool = default(false).brief().example("true"),
    }
    check: one_of_both;
    missing: neither;
    rules: vec![
        Rule::OneOf(vec![
            Alternative { with: vec!["source", "fields"], without: vec!["values"] },
            Alternative { with: vec!["values"], without: vec!["source", "fields", "only_changed"] },
        ]),
    ];
}

/// A name that expressions and SQL can hold.
fn is_name(name: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = name.value.as_str();
    let is_name = text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name {
        let message = format!("`{text}` is not a name");
        findings.push(
            Finding::error(codes::INVALID_VALUE, message, &name.place)
                .help("a name has letters, digits and `_`, and does not start with a digit"),
        );
    }
    is_name
}

/// Something says what it is requested for.
fn neither(mapping: &mut Mapping<'_, '_>) {
    if !mapping.has("source") && !mapping.has("values") {
        mapping.missing_as("source", "source: organizations");
    }
}

/// One thing says what it is requested for, with all that belongs to it.
fn one_of_both(spec: &ForEachKeysSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    match (&spec.source.value, &spec.values.value) {
        (Some(_), Some(_)) => {
            let place = mapping.key_place("values").unwrap_or(mapping.place).clone();
            let finding = Finding::error(
                codes::CONFLICTING_KEYS,
                "`source` and `values` both say what it is requested for",
                &place,
            );
            mapping.findings.push(finding.help("write two entries for the product of both"));
            false
        }
        (None, None) => false,
        (Some(_), None) if spec.fields.value.as_ref().is_none_or(Vec::is_empty) => {
            mapping.missing_as("fields", "fields: [id]");
            false
        }
        (None, Some(values)) => {
            let mut alone = true;
            for (key, help) in [
                ("fields", "remove it: a value has no fields"),
                ("only_changed", "remove it: values do not change"),
            ] {
                let Some(place) = mapping.key_place(key).cloned() else { continue };
                let message = format!("`{key}` does nothing beside `values`");
                let finding = Finding::error(codes::CONFLICTING_KEYS, message, &place);
                mapping.findings.push(finding.help(help));
                alone = false;
            }
            alone && are_different(values, &spec.values.place, mapping.findings)
        }
        _ => true,
    }
}

/// Whether there are values, and none of them twice: it would be requested twice.
fn are_different(values: &[Spanned<String>], place: &Place, findings: &mut Findings) -> bool {
    let before = findings.errors();
    for (index, value) in values.iter().enumerate() {
        let mut earlier = values.iter().take(index);
        if let Some(first) = earlier.find(|other| other.value == value.value) {
            let message = format!("`{}` stands in the list twice", value.value);
            findings.push(
                Finding::error(codes::DUPLICATE_KEY, message, &value.place)
                    .related(&first.place, "the first one")
                    .help("remove one of them"),
            );
        }
    }
    if values.is_empty() {
        let finding = Finding::error(codes::EMPTY_VALUE, "`values` is empty", place);
        findings.push(finding.help("write at least one value: for none, there is no request"));
    }
    findings.errors() == before
}

/// One entry of `for_each`, or a list of them, whose product it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForEachList(pub Vec<ForEach>);

impl KeyType for ForEachList {
    type Spec = Vec<ForEachKeysSpec>;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<Self::Spec> {
        let entry = |node: &Node, findings: &mut Findings| {
            read::<ForEachKeys>("an entry of `for_each`".to_owned(), node, findings)
        };
        match &node.value {
            Value::Map(_) => Some(vec![entry(node, findings)?]),
            Value::List(nodes) => {
                let read: Vec<_> = nodes.iter().map(|node| entry(node, findings)).collect();
                read.into_iter().collect()
            }
            _ => {
                let what = format!("`{}`", info.name);
                findings.push(wrong_kind(&what, "a mapping, or a list of mappings", node));
                None
            }
        }
    }

    fn plain(spec: &Self::Spec) -> Self {
        Self(spec.iter().map(|entry| ForEachKeys::plain(entry).into_definition()).collect())
    }

    fn at(self, place: &Place) -> Self::Spec {
        self.0.into_iter().map(|entry| ForEachKeys::of(entry).at(place)).collect()
    }

    fn print(&self, info: &Info) -> Printed {
        let entries = self.0.iter().map(|entry| ForEachKeys::of(entry.clone()).print(info));
        let mut entries: Vec<_> = entries.collect();
        match entries.len() {
            0 => Printed::Nothing,
            1 => entries.remove(0),
            _ => Printed::List(entries),
        }
    }

    fn shape(info: &Info) -> Shape {
        let one = ForEachKeys::shape(info);
        Shape::Either(vec![one.clone(), Shape::List(Box::new(one))])
    }
}

impl ForEachKeys {
    fn into_definition(self) -> ForEach {
        match self.source {
            Some(source) => ForEach::Records {
                source,
                alias: self.alias,
                fields: self.fields.unwrap_or_default().0,
                only_changed: self.only_changed,
            },
            None => {
                ForEach::Values { alias: self.alias, values: self.values.unwrap_or_default().0 }
            }
        }
    }

    fn of(entry: ForEach) -> Self {
        match entry {
            ForEach::Records { source, alias, fields, only_changed } => {
                let (source, fields) = (Some(source), Some(Texts(fields)));
                Self { source, values: None, alias, fields, only_changed }
            }
            ForEach::Values { alias, values } => {
                let values = Some(Texts(values));
                Self { source: None, values, alias, fields: None, only_changed: false }
            }
        }
    }
}
