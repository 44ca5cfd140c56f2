//! Names that are given twice: by the user's items and by what the macro adds to them.

use std::collections::BTreeMap;

use apitap_build::codes;
use apitap_build::diagnostic::{Finding, Findings, Place};
use apitap_build::schema::Field;
use syn::ext::IdentExt as _;

use crate::attribute::Spans;
use crate::module::Module;

/// Reports the items of a module that are named as what is added to it.
pub(crate) fn check(module: &Module, added: &[String], spans: &mut Spans, findings: &mut Findings) {
    for ident in module.items.iter().filter_map(value_name) {
        let name = ident.unraw().to_string();
        if !added.contains(&name) {
            continue;
        }
        let message = format!("`{name}` is in this module already: `#[pipeline]` adds it");
        let added: Vec<_> = added.iter().map(|name| format!("`{name}`")).collect();
        findings.push(
            Finding::error(codes::RESERVED_NAME, message, &spans.place(ident.span()))
                .note(format!("it adds {}", added.join(", ")))
                .help("give yours another name, or put it outside of the module"),
        );
    }
}

/// The name of an item that is a value, as functions and statics are.
pub(crate) fn value_name(item: &syn::Item) -> Option<&syn::Ident> {
    match item {
        syn::Item::Fn(item) => Some(&item.sig.ident),
        syn::Item::Static(item) => Some(&item.ident),
        syn::Item::Const(item) => Some(&item.ident),
        _ => None,
    }
}

/// Reports `#[target]` structs for which the macro would add the same names.
pub(crate) fn check_rows(
    rows: &[(&syn::Ident, String)],
    spans: &mut Spans,
    findings: &mut Findings,
) {
    let mut known = BTreeMap::new();
    for (row, function) in rows {
        if let Some(other) = known.insert(function, row) {
            let message =
                format!("`{row}` and `{other}` would both have the function `{function}`");
            findings.push(
                Finding::error(codes::RESERVED_NAME, message, &spans.place(row.span()))
                    .related(&spans.place(other.span()), "the other one")
                    .help("give one of them another name"),
            );
        }
    }
}

/// Reports fields of one struct that have one name in JSON and SQL.
pub(crate) fn check_fields(
    item: &syn::Ident,
    fields: &[(Field, Place)],
    findings: &mut Findings,
) -> bool {
    let mut known = BTreeMap::new();
    let before = findings.0.len();
    for (field, place) in fields {
        if let Some(other) = known.insert(field.name.as_str(), place) {
            let message = format!("two fields of `{item}` are named `{}`", field.name);
            findings.push(
                Finding::error(codes::DUPLICATE_FIELD, message, place)
                    .related(other, "the other one")
                    .help("name each as the API does: `#[field(name = \"…\")]`"),
            );
        }
    }
    findings.0.len() == before
}
