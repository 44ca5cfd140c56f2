//! Every finding has a fixture with its exact rendering, and a section in `docs/errors.md`.
//!
//! `tests/findings/E0110` and `tests/findings/E0110-sink` are projects that have the finding E0110.
//! What each finds is a snapshot: `INSTA_UPDATE=always` (or `cargo insta review`) writes down what is
//! found; look at the difference before you keep it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use apitap_build::check::Schemas;
use apitap_build::codes;
use apitap_build::project::check_files;
use apitap_build::render::render;
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::root;

use super::runs::LIMIT;

/// A folder of `tests/findings`.
pub(crate) struct Fixture {
    pub(crate) folder: PathBuf,
    /// `E0110-sink`.
    pub(crate) name: String,
}

impl Fixture {
    /// `E0110` of `E0110-sink`.
    fn code(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    /// Whether it is compiled; the others are YAML and SQL.
    pub(crate) fn is_rust(&self) -> bool {
        self.folder.join("pipeline.rs").exists()
    }
}

/// All of them, sorted by name.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let folder = root().join("tests/findings");
    let entries = std::fs::read_dir(&folder).expect("the fixtures are there");
    let mut fixtures: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Fixture { folder, name }
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(fixtures.len() > 50, "only {} fixtures in {}", fixtures.len(), folder.display());
    fixtures
}

/// What a user sees of a project of YAML and SQL.
fn found(folder: &Path) -> String {
    let (yaml, sql) = (folder.join("pipelines.yaml"), folder.join("sql"));
    let compiled = check_files(folder, &yaml, &sql, Schemas::Declared);
    let texts = compiled.findings.iter().map(|finding| render(&compiled.files, finding));
    texts.map(|text| format!("{}\n", text.trim_end())).collect::<Vec<_>>().join("\n")
}

/// Compares a text with the snapshot `NAME.snap` in a folder.
pub(crate) fn snapshot(folder: &Path, name: &str, found: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, found));
}

/// The text of a snapshot, without what insta says of it.
fn snapshot_text(path: &Path) -> String {
    let text = std::fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parts = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    parts.unwrap_or_else(|| panic!("{} is not a snapshot", path.display())).1.to_owned()
}

/// Checks that each fixture has its own finding, and that all findings are as its snapshot says.
pub(crate) fn check(fixtures: impl Iterator<Item = (Fixture, String)>) {
    let mut different = Vec::new();
    for (fixture, found) in fixtures {
        let compare = || {
            let code = format!("[{}]", fixture.code());
            assert!(
                found.contains(&code),
                "{} does not have its own finding:\n{found}",
                fixture.name
            );
            snapshot(&fixture.folder, "findings", &found);
        };
        // All differences are shown, not only the first.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(compare)).is_err() {
            different.push(fixture.name);
        }
    }
    assert!(different.is_empty(), "{} differ, see above: {different:?}", different.len());
}

/// Compares a document, parts of which are made, with what it should be. As with snapshots,
/// `INSTA_UPDATE=always` writes it anew.
pub(crate) fn document(path: &Path, expected: &str) {
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, expected).expect("the document can be written");
        return;
    }
    let found = std::fs::read_to_string(path).expect("the document is there");
    assert_eq!(found, expected, "{} is out of date (INSTA_UPDATE=always)", path.display());
}

#[test]
fn every_finding_of_yaml_and_sql_is_shown_as_its_fixture_says() {
    let fixtures = fixtures().into_iter().filter(|fixture| !fixture.is_rust());
    check(fixtures.map(|fixture| {
        let found = found(&fixture.folder);
        (fixture, found)
    }));
}

/// The files of a fixture, in a folder of their own.
fn project(fixture: &str) -> Project {
    let folder = root().join("tests/findings").join(fixture);
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).expect("it is a text");
    let (yaml, sql) = (read("pipelines.yaml"), read("sql/orders.sql"));
    Project::new([("pipelines.yaml", yaml.as_str()), ("sql/orders.sql", sql.as_str())])
}

#[test]
fn a_note_is_shown_and_is_neither_an_error_nor_a_warning() {
    let project = project("E0396");
    let text = finish(&mut project.apitap(["check"]), LIMIT);
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    assert!(text.stderr.contains("note[E0396]"), "{}", text.stderr);
    assert!(text.stderr.ends_with("1 pipeline, nothing wrong\n"), "{}", text.stderr);

    let json = finish(&mut project.apitap(["check", "--format", "json"]), LIMIT);
    let findings: serde_json::Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(findings[0]["severity"], "note", "{findings}");
    assert_eq!(findings[1], serde_json::Value::Null, "{findings}");
}

#[test]
fn warnings_and_notes_of_one_cause_are_said_once_with_all_places() {
    let folder = root().join("tests/findings/E0420");
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).expect("it is a text");
    let (yaml, sql) = (read("pipelines.yaml"), read("sql/posts.sql"));
    let queries = ["sql/a.sql", "sql/b.sql", "sql/c.sql"].map(|path| (path, sql.as_str()));
    let project = Project::new([("pipelines.yaml", yaml.as_str())].into_iter().chain(queries));
    let text = finish(&mut project.apitap(["check"]), LIMIT);
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    for (code, times) in [("warning[E0420]", 2), ("note[E0397]", 1)] {
        assert_eq!(text.stderr.matches(code).count(), times, "{}", text.stderr);
    }
    let same = "note: the same at sql/b.sql:5:7, sql/c.sql:5:7\n";
    assert!(text.stderr.contains(same), "{}", text.stderr);
    assert!(text.stderr.ends_with("0 errors, 6 warnings\n"), "{}", text.stderr);

    let json = finish(&mut project.apitap(["check", "--format", "json"]), LIMIT);
    let findings: serde_json::Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(findings.as_array().map(Vec::len), Some(9), "{findings}");
}

#[test]
fn a_decimal_whose_comma_ends_the_value_is_quoted_by_fix() {
    for (fixture, expected) in [
        ("E0132", "customer: {id: int64!, credit: \"decimal(12,2)\"}"),
        ("E0132-list", "rates: [\"decimal(6,4)\"]"),
    ] {
        let project = project(fixture);
        let fixed = finish(&mut project.apitap(["check", "--fix"]), LIMIT);
        assert_eq!(fixed.code, Some(0), "{fixture}: {}", fixed.stderr);
        let yaml = project.read("pipelines.yaml");
        assert!(yaml.contains(expected), "{fixture}: {yaml}");
        assert!(fixed.stderr.starts_with("pipelines.yaml:"), "{}", fixed.stderr);
    }
}

#[test]
fn what_is_shown_of_a_line_does_not_show_the_secret_in_it() {
    for fixture in
        ["E0101-secret", "E0392", "E0392-address", "E0392-header", "E0392-oauth2", "E0392-param"]
    {
        let project = project(fixture);
        for format in ["text", "json"] {
            let said = finish(&mut project.apitap(["check", "--format", format]), LIMIT);
            let said = said.stdout + &said.stderr;
            assert!(said.contains(&fixture[..5]), "{said}");
            for secret in ["4f9d2c81", "hunter2"] {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}

/// The numbers of all codes.
fn numbers() -> BTreeSet<String> {
    codes::ALL.iter().map(|code| code.number().to_owned()).collect()
}

#[test]
fn no_two_codes_have_one_number() {
    assert_eq!(numbers().len(), codes::ALL.len(), "two codes have one number");
}

#[test]
fn every_code_has_a_fixture_and_every_fixture_a_code() {
    let fixtures: BTreeSet<_> = fixtures().iter().map(|f| f.code().to_owned()).collect();
    assert_eq!(fixtures, numbers());
}

/// A section of `docs/errors.md`.
struct Section {
    code: String,
    text: String,
}

/// The sections about codes, and what stands before, between and after them, in order.
fn sections(document: &str) -> Vec<Section> {
    let mut sections = vec![Section { code: String::new(), text: String::new() }];
    for line in document.split_inclusive('\n') {
        let code = line.strip_prefix("### ").and_then(|title| title.split(':').next());
        if code.is_some() || line.starts_with("## ") {
            let code = code.unwrap_or_default().to_owned();
            sections.push(Section { code, text: String::new() });
        }
        sections.last_mut().expect("there is a first").text.push_str(line);
    }
    sections
}

impl Section {
    /// The section with the example that its fixture has.
    fn with_example(&self) -> String {
        let folder = root().join("tests/findings").join(&self.code);
        let example = snapshot_text(&folder.join("findings.snap"));
        let parts = self.text.split_once("```text\n").and_then(|(before, rest)| {
            let (_, after) = rest.split_once("```\n")?;
            Some((before, after))
        });
        let (before, after) = parts.unwrap_or_else(|| panic!("{} has no example", self.code));
        assert!(after.contains("**The fix.** "), "{} has no fix", self.code);
        format!("{before}```text\n{example}```\n{after}")
    }
}

#[test]
fn every_code_has_a_section_in_the_documentation_with_its_example_and_fix() {
    let path = root().join("docs/errors.md");
    let text = std::fs::read_to_string(&path).expect("docs/errors.md is there");
    let sections = sections(&text);
    let described: Vec<_> = sections.iter().map(|s| &s.code).filter(|c| !c.is_empty()).collect();
    let unique: BTreeSet<_> = described.iter().map(|code| (*code).clone()).collect();
    assert_eq!(described.len(), unique.len(), "a code is described twice");
    assert_eq!(unique, numbers());
    for code in codes::ALL {
        let begins = format!("### {code}: {}\n\n{}", code.title(), code.explanation());
        assert!(text.contains(&begins), "docs/errors.md has no section that begins\n{begins}");
    }
    let expected: String = sections
        .iter()
        .map(|section| match section.code.is_empty() {
            true => section.text.clone(),
            false => section.with_example(),
        })
        .collect();
    document(&path, &expected);
}
