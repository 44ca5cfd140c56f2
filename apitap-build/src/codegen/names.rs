//! Names of APIs and files → Rust identifiers.

/// `placeholder_post` → a module's name; keywords get `r#`.
pub(super) fn module(name: &str) -> String {
    identifier(&snake(name))
}

/// `createdAt` → `created_at`; keywords get `r#`.
pub(super) fn field(name: &str) -> String {
    identifier(&snake(name))
}

/// `paid_orders` → `PaidOrders`.
pub(super) fn ty(name: &str) -> String {
    let mut out = String::new();
    for word in snake(name).split('_').filter(|word| !word.is_empty()) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.extend(chars);
    }
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) || out == "Self" {
        out.insert(0, 'T');
    }
    out
}

/// Lower case, words joined by `_`, ASCII only: what is not becomes `_`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut previous = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        previous = c;
    }
    if out.chars().all(|c| c == '_') {
        out.insert_str(0, "field");
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

fn identifier(name: &str) -> String {
    match name {
        "self" | "super" | "crate" => format!("{name}_"),
        _ if syn::parse_str::<syn::Ident>(name).is_err() => format!("r#{name}"),
        _ => name.to_owned(),
    }
}
