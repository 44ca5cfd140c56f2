//! Keys and values in an attribute: what is written is what is read, and what is printed is read as
//! what it was.

use apitap_build::codegen::attribute;
use apitap_build::definition::Source;
use apitap_build::diagnostic::Findings;
use apitap_build::keys::group::Group as _;
use apitap_build::keys::source::Request;
use apitap_build::spec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Spans;

#[path = "../../../apitap-build/src/keys/tests/documents.rs"]
mod documents;

/// The source of an attribute; `None` where there are errors.
fn source(attribute: &str) -> Option<Source> {
    let item = syn::parse_str::<syn::ItemStruct>(&format!("{attribute}\nstruct Record;"));
    let item = item.unwrap_or_else(|error| panic!("not Rust: {attribute}\n{error}"));
    let words = super::words(item.attrs.first()?, &mut Spans::default());
    let words = words.unwrap_or_else(|error| panic!("not an attribute: {attribute}\n{error}"));
    let mut findings = Findings::default();
    let spec = spec::source(&words, &spec::Apis::default(), &mut findings)?;
    (!findings.has_errors()).then(|| spec.source())
}

/// A number in a text is the text that was written.
fn check(literal: &str) {
    let written = format!(
        "#[source(name = \"a\", url = \"http://localhost\", query_params(p = {literal}), \
         headers(h = {literal}), auth(basic(username = {literal}, password = {literal})))]"
    );
    let source = source(&written).expect("it is a source");
    assert_eq!(source.query_params.first().map(|(_, value)| value.0.as_str()), Some(literal));
    assert_eq!(source.headers.first().map(|(_, value)| value.0.as_str()), Some(literal));
    let shown = format!("{:?}", source.auth);
    assert_eq!(shown.matches(&format!("Template({literal:?})")).count(), 2, "{shown}");
}

#[test]
fn a_number_is_sent_as_it_is_written() {
    for literal in [
        "012345678901",
        "12345678901234567890",
        "-12345678901234567890",
        "123456789012345678901234",
        "1.10",
        "007",
        "1e3",
        "1E3",
        "1.5e-7",
        "0x1F",
        "0o17",
        "0b1",
        "1_000",
        "-0",
        "-0.0",
        "5.",
        "00",
        "9007199254740993",
        "0.1000000000000000055511151231257827",
        "true",
        "false",
    ] {
        check(literal);
    }
}

#[test]
fn a_number_with_a_type_is_refused() {
    for literal in ["1u8", "1.5f32", "'a'", "b\"a\""] {
        let attribute = format!("#[source(name = {literal})] struct Record;");
        let item: syn::ItemStruct = syn::parse_str(&attribute).expect("it is Rust");
        let read = super::words(&item.attrs[0], &mut Spans::default());
        let error = read.expect_err("it is refused").to_string();
        assert_eq!(error, "expected a string, number or list", "{literal}");
    }
}

#[test]
fn a_source_that_is_printed_is_read_as_what_it_was() {
    let config = Config { max_global_rejects: 1 << 16, ..Config::with_cases(300) };
    let read = |entries: Vec<_>| {
        let mut written = String::new();
        attribute::write(&mut written, "source", &entries);
        let first = source(&written);
        prop_assume!(first.is_some());
        let Some(first) = first else { return Ok(()) };
        let mut printed = String::new();
        attribute::write(&mut printed, "source", &attribute::source(&first));
        prop_assert_eq!(source(&printed), Some(first), "{}", printed);
        Ok(())
    };
    TestRunner::new(config).run(&documents::group(&Request::group()), read).expect("all of them");
}
