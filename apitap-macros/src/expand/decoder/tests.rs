//! The generated code is kept as a file, which the runtime's own tests and benchmarks compile and run
//! (`apitap/src/source/decode/tests/agreement.rs`, `apitap/benches/decode.rs`). `INSTA_UPDATE=always`
//! writes it anew, as it does with snapshots.

use super::*;

const RUNTIME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../apitap");

/// Generates a decoder for `{name}.json` and compares it with `{name}.rs`.
fn check(name: &str, reads: impl Fn(&str) -> bool) {
    let folder = format!("{RUNTIME}/src/source/decode/tests");
    check_in(&folder, name, reads, syn::parse_quote!(crate));
}

#[expect(clippy::disallowed_methods, reason = "it asks whether to write")]
fn check_in(folder: &str, name: &str, reads: impl Fn(&str) -> bool, krate: syn::Path) {
    let json = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let schema: Schema = serde_json::from_str(&json).unwrap();
    let read = schema.fields.iter().filter(|field| reads(&field.name)).cloned().collect();
    let policy = OnUnknownField::default();
    let tokens = decoder(&format_ident!("Decoder"), &read, &schema, policy, &krate);
    let actual = prettyplease::unparse(&syn::parse2(tokens).unwrap());
    let path = format!("{folder}/{name}.rs");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{path} is not what is generated (INSTA_UPDATE=always):\n{actual}");
}

#[test]
fn a_decoder_knows_every_type_nested_records_and_lists() {
    check("rich", |name| name != "unread");
}

#[test]
fn a_query_may_read_no_field_at_all() {
    check("nothing", |_| false);
}

#[test]
fn what_is_measured_is_what_is_generated() {
    for name in ["orders", "earthquakes", "magnitudes"] {
        let folder = format!("{RUNTIME}/benches/decode");
        check_in(&folder, name, |_| true, syn::parse_quote!(apitap));
    }
}

#[test]
fn names_become_identifiers_that_differ() {
    check("names", |_| true);
}
