//! Names of APIs and files → Rust identifiers: the one mapping of the generated file and of the
//! code that the macro makes.

use std::collections::BTreeSet;

/// `createdAt` → `created_at`: ASCII, not empty, no two underscores in a row, no bare `self`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut previous = '_';
    for c in name.chars() {
        let starts_word = c.is_ascii_uppercase() && !previous.is_ascii_uppercase();
        if (starts_word || !c.is_ascii_alphanumeric()) && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        }
        previous = c;
    }
    let name = out.trim_end_matches('_');
    match name {
        "" => "field".to_owned(),
        "self" | "super" | "crate" => format!("{name}_field"),
        _ if name.starts_with(|c: char| c.is_ascii_digit()) => format!("field_{name}"),
        _ => name.to_owned(),
    }
}

/// `created_at` → `CreatedAt`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in snake(name).split('_') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.extend(chars);
    }
    out
}

/// A name of [`snake`] as an identifier; keywords get `r#`.
pub fn identifier(name: &str) -> String {
    // `gen` is a keyword only since edition 2024: syn takes it.
    if name == "gen" || syn::parse_str::<syn::Ident>(name).is_err() {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// `name`, or with a number after it where that is taken.
pub fn unique(name: &str, joint: &str, taken: &mut BTreeSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while !taken.insert(free.clone()) {
        free = format!("{name}{joint}{number}");
        number += 1;
    }
    free
}

/// An API's name for a field, or a pipeline's for a module, as an identifier that is not taken.
pub(super) fn unique_identifier(name: &str, taken: &mut BTreeSet<String>) -> String {
    identifier(&unique(&snake(name), "_", taken))
}
