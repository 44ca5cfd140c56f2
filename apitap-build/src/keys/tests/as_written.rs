//! What is written is what is sent: texts that YAML would take for something else keep their spelling.

use crate::definition::Source;
use crate::diagnostic::{Files, Findings};
use crate::parse::yaml;
use crate::spec::project;

/// The source of a document, whose findings are none.
fn source(yaml: &str) -> Source {
    let (mut files, mut findings) = (Files::default(), Findings::default());
    let file = files.add("pipelines.yaml", yaml);
    let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
    let sources = project(&node, &mut findings).sources;
    assert!(!findings.has_errors(), "{yaml}: {:?}", findings.0);
    sources.first().expect("it has a source").source()
}

/// The debug form of the source whose entry goes on with these lines.
fn shown(keys: &str) -> String {
    let yaml =
        format!("sources:\n  - name: a\n    url: http://localhost\n    {keys}\ntargets: []\n");
    format!("{:?}", source(&yaml))
}

/// A value is the same text as parameter, as header, as key, as password and as a setting, in a
/// mapping, in a list and in braces.
fn check(written: &str) {
    let template = format!("Template({written:?})");
    for keys in [
        format!("query_params:\n      p: {written}"),
        format!("query_params: {{p: {written}}}"),
        format!("query_params:\n      - key: p\n        value: {written}"),
        format!("headers:\n      p: {written}"),
        format!("headers: [{{key: p, value: {written}}}]"),
        format!("auth:\n      bearer: {written}"),
        format!("auth: {{basic: {{username: x, password: {written}}}}}"),
        format!("auth: {{api_key: {{in: header, name: X, value: {written}}}}}"),
        format!("auth: {{custom: {{type: \"crate::A\", setting: {written}}}}}"),
        format!("pagination: {{kind: custom, type: \"crate::A\", setting: {written}}}"),
    ] {
        let shown = shown(&keys);
        assert!(shown.contains(&template), "{keys}\n{shown}");
    }
    let name = shown(&format!("pagination: {{kind: page_only, page_param: {written}}}"));
    assert!(name.contains(&format!("ParamName({written:?})")), "{name}");
}

#[test]
fn a_text_without_quotes_is_sent_as_it_is_written() {
    for written in [
        "012345678901",
        "12345678901234567890",
        "-12345678901234567890",
        "1.10",
        "007",
        "1e3",
        "1E3",
        "1.5e-7",
        "0x1F",
        "0o17",
        "0b1",
        "1_000",
        "+1",
        "-0",
        "-0.0",
        ".5",
        "5.",
        "1.0",
        "00",
        "1e400",
        "9007199254740993",
        "0.1000000000000000055511151231257827",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "true",
        "True",
        "TRUE",
        "false",
        "False",
        "FALSE",
        "nan",
        ".nan",
        ".inf",
        "-.inf",
        "inf",
        "~x",
        "nullx",
        "Nul",
        "2026-01-31",
        "12:30:45",
        "1:30",
        "2026-01-31T08:00:00Z",
        "1.2.3",
    ] {
        check(written);
    }
}

#[test]
fn numbers_of_keys_that_are_numbers_stay_numbers() {
    let yaml = |size: &str| {
        format!(
            "sources:\n  - name: a\n    url: http://localhost\n    pagination: {{kind: page_number, \
             page_param: p, per_page_param: s, per_page: {size}}}\ntargets: []\n"
        )
    };
    let crate::definition::Pagination::PageNumber(pages) = source(&yaml("007")).pagination else {
        panic!("it is of that kind");
    };
    assert_eq!(pages.per_page, 7);
}

#[test]
fn nothing_is_no_text() {
    for nothing in ["", "~", "null", "Null", "NULL"] {
        let (mut files, mut findings) = (Files::default(), Findings::default());
        let text = format!(
            "sources:\n  - name: a\n    url: http://localhost\n    query_params:\n      p: {nothing}\n\
             targets: []\n"
        );
        let file = files.add("pipelines.yaml", text);
        let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
        project(&node, &mut findings);
        let codes: Vec<_> = findings.0.iter().map(|finding| finding.code.number()).collect();
        assert_eq!(codes, ["E0112"], "{nothing:?}");
    }
}
