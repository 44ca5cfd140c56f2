//! A Rust type that does what no word says, as written → [`Custom`].

use super::path::rust_path;
use super::values::text;
use super::words::string;
use super::{Words, secrets};
use crate::definition::Custom;
use crate::diagnostic::{Findings, Spanned};
use crate::tree::{Node, Value};

/// Reads `"crate::Signed"`, or `{type: "crate::Signed", key: "${SHOP_KEY}"}`.
pub(super) fn custom(node: &Node, findings: &mut Findings) -> Option<Custom> {
    if let Value::String(path) = &node.value {
        let path = Spanned::new(path.clone(), node.place.clone());
        return rust_path(&path, findings)
            .then(|| Custom { path: path.value, settings: Vec::new() });
    }
    let mut words = Words::new("`custom`", node, findings)?;
    let custom = self::words(&mut words);
    if words.finish() { custom } else { None }
}

/// Reads `type` and, of all words that are left, the settings.
pub(super) fn words(words: &mut Words<'_, '_>) -> Option<Custom> {
    let path = words.required_string("type", "type: \"crate::Signed\"");
    let mut settings = Vec::new();
    let mut whole = true;
    for (key, node) in words.others() {
        let value = string(&key.value, node, words.findings);
        if let Some(value) = &value {
            secrets::named(&key.value, value, words.findings);
        }
        match value.and_then(|value| text(value, words.findings)) {
            Some(value) => settings.push((key.value.clone(), value)),
            None => whole = false,
        }
    }
    let path = path.filter(|path| rust_path(path, words.findings))?;
    whole.then_some(Custom { path: path.value, settings })
}
