//! A target, and what `sink(…)` says of it, as written → [`TargetSpec`] and [`SinkSpec`].

use super::{SinkSpec, TargetSpec};
use crate::diagnostic::{Findings, Spanned};
use crate::keys::group::Group as _;
use crate::keys::mapping::Mapping;
use crate::keys::sink::{SinkTarget, SinkTargetSpec, Store};
use crate::keys::target::{self, Commits, CommitsSpec, Named, TargetKeys, TargetKeysSpec};
use crate::tree::Node;

/// Reads an entry of `targets`.
pub(super) fn declared(node: &Node, findings: &mut Findings) -> Option<TargetSpec> {
    let owner = super::name_of(node)
        .map_or_else(|| "a target".to_owned(), |name| format!("target `{name}`"));
    let mut mapping = Mapping::new(owner, node, findings)?;
    let named = Named::read_keys(&mut mapping);
    let keys = keys(&mut mapping);
    let commits = Commits::read_keys(&mut mapping);
    if !mapping.finish() {
        return None;
    }
    spec(named?.name, keys?, &commits?)
}

/// Reads `sink(…)`.
pub fn sink(node: &Node, findings: &mut Findings) -> Option<SinkSpec> {
    let mut mapping = Mapping::new("`sink`", node, findings)?;
    let name = SinkTarget::read_keys(&mut mapping);
    let sink = Store::read_keys(&mut mapping);
    if mapping.finish() { Some(SinkSpec { name: written(name?), store: sink? }) } else { None }
}

/// Reads `#[target(…)]`: a target and a sink in one.
pub fn inline_target(node: &Node, findings: &mut Findings) -> Option<(TargetSpec, SinkSpec)> {
    let mut mapping = Mapping::new("`target`", node, findings)?;
    let name = SinkTarget::read_keys(&mut mapping);
    let keys = keys(&mut mapping);
    let commits = Commits::read_keys(&mut mapping);
    let store = Store::read_keys(&mut mapping);
    if !mapping.finish() {
        return None;
    }
    let (keys, name) = (keys?, written(name?));
    let name = name.unwrap_or_else(|| Spanned::new(keys.kind().to_owned(), node.place.clone()));
    Some((spec(name, keys, &commits?)?, SinkSpec { name: None, store: store? }))
}

fn keys(mapping: &mut Mapping<'_, '_>) -> Option<TargetKeysSpec> {
    mapping.kind::<TargetKeys>(|owner, _| owner.to_owned()).flatten()
}

fn written(target: SinkTargetSpec) -> Option<Spanned<String>> {
    let place = target.name.place;
    target.name.value.map(|name| Spanned::new(name, place))
}

fn spec(name: Spanned<String>, keys: TargetKeysSpec, commits: &CommitsSpec) -> Option<TargetSpec> {
    let target = target::target(name.value.clone(), &keys, commits)?;
    Some(TargetSpec { name, target })
}
