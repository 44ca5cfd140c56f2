//! `headers` and `query_params`: names and templates, as a mapping or as the original's list.

use super::declare::keys;
use super::key::{Info, KeyType};
use super::mapping::{string, written_twice, wrong_kind};
use super::printed::Printed;
use super::shape::Shape;
use super::{group, rules};
use crate::codes;
pub use crate::definition::Pairs;
use crate::definition::Template;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::spec::secrets;
use crate::tree::{Node, Value};

/// Names and templates as they were written.
pub type PairsSpec = Vec<(Spanned<String>, Spanned<Template>)>;

keys! {
    /// One name and its value.
    pub struct Pair, spec PairSpec {
        /// The name.
        key: String = required("Accept").filled(),
        /// The value.
        value: Template = required("application/json").expressions(),
    }
}

impl KeyType for Pairs {
    type Spec = PairsSpec;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<PairsSpec> {
        let before = findings.errors();
        let pairs: PairsSpec = match &node.value {
            Value::Map(entries) => mapping(info.name, entries, findings),
            Value::List(items) => {
                items.iter().filter_map(|item| pair(info.name, item, findings)).collect()
            }
            _ => {
                let what = format!("`{}`", info.name);
                findings.push(wrong_kind(&what, "a mapping of names to values", node));
                return None;
            }
        };
        if let Some(rule) = info.pair_rule {
            for (name, value) in &pairs {
                rule(name, value, findings);
            }
        }
        (findings.errors() == before).then_some(pairs)
    }

    fn plain(spec: &PairsSpec) -> Self {
        Self(spec.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect())
    }

    fn at(self, place: &Place) -> PairsSpec {
        let at =
            |(name, value)| (Spanned::new(name, place.clone()), Spanned::new(value, place.clone()));
        self.0.into_iter().map(at).collect()
    }

    /// A mapping where it can say the same: one name may have several values only in a list, and
    /// `{key: …, value: …}` is an entry of one.
    fn print(&self, info: &Info) -> Printed {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        let twice =
            names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|n| n == name));
        if names.is_empty() {
            Printed::Nothing
        } else if twice || names == ["key", "value"] {
            let pair = |(key, value): &(String, Template)| {
                Pair { key: key.clone(), value: value.clone() }.print(info)
            };
            Printed::List(self.0.iter().map(pair).collect())
        } else {
            let pair = |(name, value): &(String, Template)| (name.clone(), value.print(info));
            Printed::Map(self.0.iter().map(pair).collect())
        }
    }

    fn shape(_: &Info) -> Shape {
        Shape::Pairs
    }
}

fn mapping(key: &str, entries: &[(Spanned<String>, Node)], findings: &mut Findings) -> PairsSpec {
    if let [(first, _), (second, _)] = entries
        && first.value == "key"
        && second.value == "value"
    {
        findings.push(pair_as_mapping(key, first));
        return Vec::new();
    }
    named_texts(entries, rules::request_text, findings)
}

fn pair_as_mapping(key: &str, first: &Spanned<String>) -> Finding {
    let (name, value) = match key {
        "headers" => ("Accept", "application/json"),
        _ => ("sort", "id"),
    };
    let message = format!("`{key}` would have a name `key` and a name `value`");
    Finding::error(codes::MIXED_PAIRS, message, &first.place)
        .label("this is one entry of a list")
        .help(format!(
            "write `{key}: {{{name}: {value}}}`, or a list: `- {{key: {name}, value: {value}}}`"
        ))
}

/// How a text is read that may hold `${NAME}`.
pub(super) type ReadText = fn(Spanned<String>, &mut Findings) -> Option<Template>;

/// Names and their templates, each name once.
pub(super) fn named_texts(
    entries: &[(Spanned<String>, Node)],
    read: ReadText,
    findings: &mut Findings,
) -> PairsSpec {
    let mut pairs = PairsSpec::new();
    for (index, (name, node)) in entries.iter().enumerate() {
        let mut before = entries.iter().take(index);
        if let Some((first, _)) = before.find(|(other, _)| other.value == name.value) {
            findings.push(written_twice(name, first));
            continue;
        }
        pairs.extend(named_text(name.clone(), node, read, findings));
    }
    pairs
}

/// A name and its template; a secret that stands there as it is, is hidden.
pub(super) fn named_text(
    name: Spanned<String>,
    node: &Node,
    read: ReadText,
    findings: &mut Findings,
) -> Option<(Spanned<String>, Spanned<Template>)> {
    let value = string(&name.value, node, findings)?;
    secrets::named(&name.value, &value, findings);
    Some((name, Spanned::new(read(value, findings)?, node.place.clone())))
}

fn pair(
    key: &str,
    node: &Node,
    findings: &mut Findings,
) -> Option<(Spanned<String>, Spanned<Template>)> {
    // The mapping's own spelling, in the original's list.
    if let [(name, value)] = node.entries()
        && !["key", "value"].contains(&name.value.as_str())
        && value.text().is_some()
    {
        let (name, at) = (&name.value, &name.place);
        let message = format!("`{name}` is written as in a mapping, in a list");
        let help = format!(
            "write `{{key: {name}, value: …}}`, or all of them as a mapping: `{key}: {{{name}: …}}`"
        );
        findings.push(
            Finding::error(codes::MIXED_PAIRS, message, at)
                .label("an entry of a list has `key` and `value`")
                .help(help),
        );
        return None;
    }
    let pair = group::read::<Pair>(format!("an entry of `{key}`"), node, findings)?;
    let value = Spanned::new(pair.value.value.0.clone(), pair.value.place.clone());
    secrets::named(&pair.key.value, &value, findings);
    Some((pair.key, pair.value))
}
