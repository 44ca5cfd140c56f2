//! Mappings with keys of their own: what is read, printed and described of each in the same way.

use super::key::KeyType;
use super::mapping::Mapping;
use super::printed::Printed;
use super::shape::{ChoiceShape, GroupShape, KindsShape};
use crate::diagnostic::{Edit, Findings, Place, Spanned};
use crate::tree::Node;

/// A mapping with keys of its own, or one kind of such a mapping.
pub trait Group: KeyType {
    /// The kind that it is; empty where there is only one.
    const KIND: &'static str;

    /// What is declared.
    fn group() -> GroupShape;

    /// What it is where none of its keys is written; `None` where one must be.
    fn defaults() -> Option<Self>;

    /// Reads its keys out of a mapping that may have others.
    fn read_keys(mapping: &mut Mapping<'_, '_>) -> Option<Self::Spec>;

    /// Its keys and their values.
    fn print_keys(&self) -> Vec<(String, Printed)>;
}

/// A mapping whose keys depend on the value of one of them.
pub trait Kinds: KeyType {
    /// What is declared.
    fn kinds() -> KindsShape;

    /// Reads the keys of a kind.
    fn read_kind(kind: &str, mapping: &mut Mapping<'_, '_>) -> Option<Self::Spec>;

    /// The kind and its keys.
    fn print_kind(&self) -> Vec<(String, Printed)>;
}

/// Reads a whole mapping of a group.
pub(crate) fn read<T: Group>(
    owner: String,
    node: &Node,
    findings: &mut Findings,
) -> Option<T::Spec> {
    let mut mapping = Mapping::new(owner, node, findings)?;
    let spec = T::read_keys(&mut mapping);
    if mapping.finish() { spec } else { None }
}

/// Reads a whole mapping of one of several kinds.
pub(crate) fn read_kinds<T: Kinds>(
    owner: &str,
    node: &Node,
    findings: &mut Findings,
) -> Option<T::Spec> {
    let mut mapping = Mapping::new(owner, node, findings)?;
    match mapping.kind::<T>(|owner, kind| format!("{owner} of the kind `{kind}`")) {
        Some(spec) => {
            if mapping.finish() {
                spec
            } else {
                None
            }
        }
        None => {
            mapping.give_up();
            None
        }
    }
}

/// The place of a text among choices; that it is none of them is a finding.
pub(crate) fn choose(
    name: &str,
    text: &Spanned<String>,
    choices: &[ChoiceShape],
    findings: &mut Findings,
) -> Option<usize> {
    let found = choices.iter().position(|choice| choice.name == text.value);
    if found.is_none() {
        let theirs = |choice: &&ChoiceShape| {
            choice.synonyms.iter().any(|synonym| synonym.eq_ignore_ascii_case(&text.value))
        };
        let finding = super::mapping::no_choice(name, text);
        findings.push(match choices.iter().find(theirs) {
            Some(ours) => {
                let (place, replacement) = (text.place.clone(), ours.name.to_owned());
                let edit = Edit { place, replacement, sure: true };
                finding.fix(format!("here it is `{}`", ours.name), edit)
            }
            None => {
                let names = choices.iter().map(|choice| choice.name);
                finding.suggest("choice", &text.value, names)
            }
        });
    }
    found
}

/// A value at a place.
pub(crate) fn spanned<T>(value: T, place: &Place) -> Spanned<T> {
    Spanned::new(value, place.clone())
}

/// The keys that are printed: without those that are printed beside another only, where that one is
/// not.
pub(crate) fn together<const N: usize>(
    keys: [Option<(String, Printed)>; N],
    beside: [Option<&'static str>; N],
) -> Vec<(String, Printed)> {
    let written: Vec<String> = keys.iter().flatten().map(|(key, _)| key.clone()).collect();
    let works =
        |needed: &Option<&str>| needed.is_none_or(|needed| written.iter().any(|key| key == needed));
    let working = keys.into_iter().zip(beside).filter(|(_, needed)| works(needed));
    working.filter_map(|(key, _)| key).collect()
}
