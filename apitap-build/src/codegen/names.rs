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

/// Names that belong together as identifiers, no two alike: `type` → `r#type`.
///
/// A name that is an identifier as it stands keeps it: `created_at` does, beside a `createdAt`.
pub fn identifiers<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    let is_exact = |name: &&str| snake(name) == **name;
    let mut taken = names.clone().filter(is_exact).map(str::to_owned).collect();
    let mut exact = BTreeSet::new();
    names
        .map(|name| match is_exact(&name) && exact.insert(name) {
            true => identifier(name),
            false => identifier(&unique(&snake(name), "_", &mut taken)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[&str]) {
        assert_eq!(identifiers(names.iter().copied()), expected);
    }

    #[test]
    fn no_two_names_become_one_identifier() {
        check(&["id", "type", "gen"], &["id", "r#type", "r#gen"]);
        check(
            &["createdAt", "created_at", "CREATED_AT"],
            &["created_at_2", "created_at", "created_at_3"],
        );
        check(&["a-b", "aB", "a_b_2"], &["a_b", "a_b_3", "a_b_2"]);
        check(
            &["self", "Self", "crate", "super"],
            &["self_field", "self_field_2", "crate_field", "super_field"],
        );
        check(&["", "🦀", "_", "field"], &["field_2", "field_3", "field_4", "field"]);
        check(&["123", "1a", "@type"], &["field_123", "field_1a", "r#type"]);
        check(&["id", "id"], &["id", "id_2"]);
    }
}
