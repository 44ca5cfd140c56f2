//! `functions` as written → [`FunctionSpec`]s.

use super::FunctionSpec;
use crate::codes;
use crate::definition::Function;
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::keys::function::FunctionKeys;
use crate::keys::group;
use crate::keys::mapping::wrong_kind;
use crate::keys::schema::{FieldsSpec, ValueType};
use crate::schema::notation::type_text;
use crate::schema::{Item, Type};
use crate::tree::{Node, Value};

/// The names and what is said of each.
pub(super) fn entries<'a>(
    node: Option<&'a Node>,
    findings: &mut Findings,
) -> Vec<(&'a Spanned<String>, &'a Node)> {
    let Some(node) = node else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        findings.push(wrong_kind("`functions`", "a mapping of names to functions", node));
        return Vec::new();
    };
    let mut all: Vec<(&Spanned<String>, &Node)> = Vec::new();
    for (name, node) in entries {
        match all.iter().find(|(first, _)| first.value == name.value) {
            Some((first, _)) => findings.push(super::same_name("function", name, first)),
            None => all.push((name, node)),
        }
    }
    all
}

/// Reads one of them.
pub(super) fn declared(
    name: &Spanned<String>,
    node: &Node,
    findings: &mut Findings,
) -> Option<FunctionSpec> {
    let owner = format!("function `{}`", name.value);
    let keys = group::read::<FunctionKeys>(owner, node, findings)?;
    let (fields, places) = match keys.arguments.value {
        Some(FieldsSpec { schema, places }) => (schema.fields, places),
        None => Default::default(),
    };
    let ValueType { ty, nullable } = keys.returns.value;
    let mut whole = is_name(name, findings);
    for field in &fields {
        let place = places.get(&field.name).unwrap_or(&name.place);
        whole &= is_scalar(&field.ty, place, findings)
            && is_name(&Spanned::new(field.name.clone(), place.clone()), findings);
    }
    whole &= is_scalar(&ty, &keys.returns.place, findings);
    let function = Function {
        name: name.value.clone(),
        parameters: fields,
        returns: Item { ty, nullable },
        path: Some(keys.path.value.0),
        fallible: keys.fallible.value,
    };
    whole.then(|| FunctionSpec { function, place: name.place.clone() })
}

/// Names of functions and of their arguments are names in Rust, too.
fn is_name(name: &Spanned<String>, findings: &mut Findings) -> bool {
    if syn::parse_str::<syn::Ident>(&name.value).is_ok() {
        return true;
    }
    findings.push(
        Finding::error(
            codes::UNSUPPORTED_SIGNATURE,
            format!("`{}` is not a name in Rust", name.value),
            &name.place,
        )
        .help("a name has letters, digits and `_`, and is not a keyword"),
    );
    false
}

/// A function takes and gives single values.
fn is_scalar(ty: &Type, place: &crate::diagnostic::Place, findings: &mut Findings) -> bool {
    if !matches!(ty, Type::List(_) | Type::Record(_) | Type::Json) {
        return true;
    }
    let message = format!("a function cannot take or give `{}`", type_text(ty, true));
    findings.push(
        Finding::error(codes::UNSUPPORTED_SIGNATURE, message, place)
            .note("it takes and gives single values: numbers, text, times, bytes")
            .help("let the query take the value out of the list or record: `customer.email`"),
    );
    false
}
