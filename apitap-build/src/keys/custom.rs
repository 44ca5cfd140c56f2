//! A Rust type that does what no key says, and its settings.

use super::group::{Group, read};
use super::key::{Info, Key, KeyType, required};
use super::mapping::{Mapping, string};
use super::pairs::named_text;
use super::printed::Printed;
use super::rules;
use super::rust_path::{RustPath, rust_path};
use super::shape::{GroupShape, Shape};
use crate::definition::{Custom, Template};
use crate::diagnostic::{Findings, Place, Spanned};
use crate::tree::Node;

/// [`Custom`] as it was written.
#[derive(Debug, Clone)]
pub struct CustomSpec {
    /// The type's path.
    pub path: Spanned<String>,
    /// Names and values, in order.
    pub settings: Vec<(Spanned<String>, Spanned<Template>)>,
}

fn path() -> Key<RustPath> {
    required("\"crate::shop::Signed\"").named("type").doc("The path of the type.").rule(rust_path)
}

impl Group for Custom {
    const KIND: &'static str = "custom";

    fn group() -> GroupShape {
        GroupShape {
            name: Self::KIND,
            doc: "A Rust type: its path, and settings that it is made with.".to_owned(),
            keys: vec![path().filled().shape()],
            open: true,
            ..GroupShape::default()
        }
    }

    fn defaults() -> Option<Self> {
        None
    }

    /// Reads `type` and, of all keys that are left, the settings.
    fn read_keys(mapping: &mut Mapping<'_, '_>) -> Option<CustomSpec> {
        let path = mapping.key(&path().filled());
        let others = mapping.others();
        let settings: Vec<_> = others
            .iter()
            .filter_map(|(name, node)| {
                named_text(name.clone(), node, rules::template, mapping.findings)
            })
            .collect();
        let path = path?.map(|path| path.0);
        (settings.len() == others.len()).then_some(CustomSpec { path, settings })
    }

    fn print_keys(&self) -> Vec<(String, Printed)> {
        let path = ("type".to_owned(), Printed::Text(self.path.clone()));
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.clone(), Printed::Text(value.0.clone())));
        std::iter::once(path).chain(settings).collect()
    }
}

impl KeyType for Custom {
    type Spec = CustomSpec;

    /// Reads `"crate::Signed"`, or `{type: "crate::Signed", key: "${SHOP_KEY}"}`.
    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<CustomSpec> {
        if node.text().is_none() {
            return read::<Self>(format!("`{}`", info.name), node, findings);
        }
        let path = string(info.name, node, findings)?;
        rust_path(&path, findings).then(|| CustomSpec { path, settings: Vec::new() })
    }

    fn plain(spec: &CustomSpec) -> Self {
        let settings = spec.settings.iter();
        let settings = settings.map(|(name, value)| (name.value.clone(), value.value.clone()));
        Self { path: spec.path.value.clone(), settings: settings.collect() }
    }

    fn at(self, place: &Place) -> CustomSpec {
        let at =
            |(name, value)| (Spanned::new(name, place.clone()), Spanned::new(value, place.clone()));
        let settings = self.settings.into_iter().map(at).collect();
        CustomSpec { path: Spanned::new(self.path, place.clone()), settings }
    }

    fn print(&self, _: &Info) -> Printed {
        match self.settings.is_empty() {
            true => Printed::Text(self.path.clone()),
            false => Printed::Map(self.print_keys()),
        }
    }

    fn shape(_: &Info) -> Shape {
        Shape::Either(vec![Shape::RustPath, Shape::Group(Self::group())])
    }
}
