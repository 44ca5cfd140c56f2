//! What the compiler says to crates of users: those with findings, and those that are right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use apitap_build::check::Schemas;
use apitap_build::codegen;
use apitap_build::project::check_files;
use apitap_tests::crates::Crates;
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::root;
use serde_json::Value;

use super::findings::{check, fixtures, snapshot};
use super::runs::LIMIT;

/// The build script of a user.
const BUILD: &str = "//! Compiles the pipelines.\n\n\
                     fn main() {\n    apitap_build::compile(\"pipelines.yaml\", \"sql\");\n}\n";

/// A program that names every pipeline of `tests/broken`.
const BROKEN: &str = "//! A program whose pipelines are broken, but for one.

apitap::include_pipelines!();

/// How many can run.
pub fn count() -> usize {
    let each = [
        &customers::PIPELINE,
        &daily_sales::PIPELINE,
        &orders::PIPELINE,
        &recent_orders::PIPELINE,
        &returns::PIPELINE,
    ];
    each.len() + PIPELINES.len() + customers::PIPELINES.len()
}

/// Runs one of them.
pub async fn run() -> bool {
    returns::run().await.is_success()
}

/// What is known of them has its types: fields of records whose schema is well, and of rows whose
/// query is, whatever else is wrong.
pub async fn typed() -> apitap::Result<Vec<orders::OrdersRow>> {
    let order = daily_sales::Orders { id: 1, total: Some(0.5), ..Default::default() };
    let days = daily_sales::transform([order]).await?;
    let _: Option<f64> = days.first().and_then(|day| day.total);
    let mut recent = recent_orders::rows();
    let _: Option<apitap::Result<recent_orders::RecentOrdersRow>> = recent.next().await;
    let customer = customers::Customers { email: None, ..Default::default() };
    let customers = customers::transform([customer]).await?;
    let _: Option<i64> = customers.first().map(|customer| customer.id);
    let order = orders::Orders { id: 1, ..Default::default() };
    let row = orders::OrdersRow { id: 1, total: None, placed_at: order.placed_at };
    assert_eq!(orders::transform([order.clone()]).await?, [row.clone()]);
    orders::rows().all().await
}
";

/// A program that names all pipelines of `tests/mistakes`.
const MISTAKES: &str = "//! A program whose pipelines are all broken.

apitap::include_pipelines!();

/// How many can run.
pub fn count() -> usize {
    let each = [&customer_orders::PIPELINE, &daily_sales::PIPELINE, &recent_orders::PIPELINE];
    each.len() + PIPELINES.len()
}
";

/// A program that reads the rows of the two good pipelines of `tests/one_of_three`, and the records
/// of the broken one.
const ONE_OF_THREE: &str = "//! A program with one broken pipeline of three.

use apitap::types::{Decimal, Option, String};

apitap::include_pipelines!();

/// A row of the first good one.
pub fn is_large(row: &large::Large) -> bool {
    let id: i64 = row.id;
    let total: Option<Decimal> = row.total;
    id > 0 && total.is_some()
}

/// A row of the second.
pub fn mean(row: &totals::Totals) -> Option<Decimal> {
    let orders: i64 = row.orders;
    row.total.map(|total| total / Decimal::from(orders))
}

/// A record of the broken one.
pub fn email(order: customers::Orders) -> Option<String> {
    order.customer.and_then(|customer| customer.email)
}

/// Those that can run.
pub async fn run() -> bool {
    large::run().await.is_success() && totals::run().await.is_success()
}
";

/// The strictest crate that may include the generated file.
const STRICT: &str = "//! Pipelines under every lint.

#![deny(warnings, missing_docs, unreachable_pub, unsafe_code)]
#![deny(clippy::all, clippy::pedantic, clippy::unwrap_used)]
#![no_implicit_prelude]

::apitap::include_pipelines!();
";

/// What a strict crate does with the quickstart's pipeline.
const QUICKSTART: &str = "
/// The strongest of the earthquakes that come.
///
/// # Errors
/// What a run would fail with.
pub async fn strongest() -> ::apitap::Result<::std::option::Option<f64>> {
    let mut strongest = ::std::option::Option::None;
    let mut rows = earthquakes::rows();
    while let ::std::option::Option::Some(row) = rows.next().await {
        let magnitude: ::std::option::Option<f64> = row?.magnitude;
        strongest = if magnitude > strongest { magnitude } else { strongest };
    }
    ::std::result::Result::Ok(strongest)
}
";

/// What a strict crate does with every form of generated code.
const EVERYTHING: &str = "
/// Joins two sources, and asks another pipeline for its rows.
///
/// # Errors
/// What a run would fail with.
pub async fn both() -> ::apitap::Result<::std::vec::Vec<paid::PaidRow>> {
    let order = paid::Orders { id: 1, paid: true, ..::std::default::Default::default() };
    let customer = paid::Customers { id: 1, ..::std::default::Default::default() };
    let _: ::apitap::Rows<names::NamesRow> = names::rows_in(::apitap::Environment::process());
    names::transform([<names::String2 as ::std::default::Default>::default()]).await?;
    paid::transform([order], [customer]).await
}
";

/// What the compiler says to each crate. All of them are compiled in one build, once.
pub(crate) fn said() -> &'static BTreeMap<String, Vec<String>> {
    static SAID: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    SAID.get_or_init(|| {
        let mut crates = Crates::new("crates-of-users");
        for fixture in fixtures().iter().filter(|fixture| fixture.is_rust()) {
            let text = std::fs::read_to_string(fixture.folder.join("pipeline.rs")).unwrap();
            crates = crates.with(&fixture.name, "apitap", [("lib.rs", text.as_str())]);
        }
        crates = with_project(crates, "broken", &root().join("tests/broken"), BROKEN);
        crates = with_project(crates, "mistakes", &root().join("tests/mistakes"), MISTAKES);
        let one_of_three = root().join("tests/one_of_three");
        crates = with_project(crates, "one-of-three", &one_of_three, ONE_OF_THREE);
        let quickstart = root().join("examples/quickstart");
        let used = format!("{STRICT}{QUICKSTART}");
        crates = with_project(crates, "quickstart", &quickstart, &used);
        let used = format!("{STRICT}{EVERYTHING}");
        crates = with_project(crates, "strict", &root().join("tests/generated"), &used);
        for example in ["orders", "postgres"] {
            let name = format!("{example}-example");
            let folder = root().join("examples").join(example);
            crates = with_project(crates, &name, &folder, STRICT);
        }
        let delegated = root().join("tests/delegated");
        let program = std::fs::read_to_string(delegated.join("lib.rs")).unwrap();
        crates = with_project(crates, "delegated", &delegated, &program);
        let text = std::fs::read_to_string(root().join("tests/only-rustc/lib.rs")).unwrap();
        crates = crates.with("only-rustc", "apitap", [("lib.rs", text.as_str())]);
        crates = crates.with("renamed", "tap", [("lib.rs", renamed().as_str())]);
        crates.compile()
    })
}

/// Adds a crate with the YAML and SQL files of a folder.
fn with_project(crates: Crates, name: &str, folder: &Path, program: &str) -> Crates {
    let mut files =
        vec![("lib.rs".to_owned(), program.to_owned()), ("build.rs".to_owned(), BUILD.to_owned())];
    files.extend(project(folder));
    crates.with(name, "apitap", files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

/// The YAML and SQL files of a folder.
fn project(folder: &Path) -> Vec<(String, String)> {
    let mut paths = vec!["pipelines.yaml".to_owned()];
    for entry in std::fs::read_dir(folder.join("sql")).unwrap() {
        paths.push(format!("sql/{}", entry.unwrap().file_name().to_string_lossy()));
    }
    let read = |path: String| {
        let text = std::fs::read_to_string(folder.join(&path)).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// The pipeline of the quickstart that is written in Rust, for a program that calls apitap `tap`.
fn renamed() -> String {
    let path = root().join("examples/quickstart/src/networks.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let (own, renamed) = ("#[apitap::pipeline]", "#[tap::pipeline(crate = \"::tap\")]");
    assert!(text.contains(own), "{text}");
    text.replace(own, renamed)
}

#[test]
fn every_finding_of_rust_is_shown_as_its_fixture_says() {
    let fixtures = fixtures().into_iter().filter(|fixture| fixture.is_rust());
    check(fixtures.map(|fixture| {
        let found = said()[&fixture.name].join("\n");
        (fixture, found)
    }));
}

#[test]
fn four_broken_pipelines_are_four_errors_in_one_build_and_nothing_else() {
    check_errors("broken", 4);
}

#[test]
fn twelve_mistakes_in_four_files_are_twelve_errors_in_one_build_in_order() {
    check_errors("mistakes", 12);
}

/// What a build says of a folder of `tests`, and that `apitap check` says the same: no more, no
/// less, in the order of the files and of the places in them.
fn check_errors(name: &str, count: usize) {
    let (folder, built) = (root().join("tests").join(name), &said()[name]);
    assert_eq!(built.len(), count, "{}", built.join("\n"));
    let built = built.join("\n");
    snapshot(&folder, "build", &built);

    let files = project(&folder);
    let project = Project::new(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let text = finish(&mut project.apitap(["check"]), LIMIT);
    assert_eq!(text.code, Some(1), "{}", text.stderr);
    snapshot(&folder, "check", &format!("{}{}", text.stdout, text.stderr));

    let json = finish(&mut project.apitap(["check", "--format", "json"]), LIMIT);
    assert_eq!(json.code, Some(1), "{}", json.stderr);
    snapshot(&folder, "check.json", &json.stdout);
    let findings: Vec<Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(findings.len(), count);

    // The places, in order: the YAML file first, then the SQL files by name.
    let place = |finding: &Value| {
        let file = finding["file"].as_str().unwrap().to_owned();
        (file.starts_with("sql"), file, finding["line"].as_u64(), finding["column"].as_u64())
    };
    let places: Vec<_> = findings.iter().map(place).collect();
    assert!(places.is_sorted() && findings.iter().all(|f| f["severity"] == "error"));
    // What the build says is the same in the same order, with its own frame around it.
    let (mut built, mut checked) = (built.as_str(), text.stderr.as_str());
    for (finding, (_, file, ..)) in findings.iter().zip(places) {
        let place = format!("--> {file}:{}:{}", finding["line"], finding["column"]);
        let help = finding["help"][0].as_str().unwrap();
        for part in [finding["message"].as_str().unwrap(), &place, help] {
            built = after(built, part);
            checked = after(checked, part);
        }
    }
}

/// What follows a part of a text.
fn after<'a>(text: &'a str, part: &str) -> &'a str {
    let found = text.split_once(part);
    found.unwrap_or_else(|| panic!("`{part}` is not found, or not in order, in\n{text}")).1
}

#[test]
fn one_broken_pipeline_of_three_leaves_the_types_of_the_others() {
    let found = &said()["one-of-three"];
    assert_eq!(found.len(), 1, "{}", found.join("\n"));
    assert!(found[0].contains("field `emial` not found in record `customer` [E0213]"), "{found:?}");
}

/// The snapshots in `tests/generated` are there to be read: would a careful person have written it so?
#[test]
fn generated_code_is_formatted_and_reads_like_its_snapshot() {
    check_generated(&root().join("examples/quickstart"), "quickstart.rs");
    check_generated(&root().join("tests/generated"), "everything.rs");
    check_generated(&root().join("tests/delegated"), "delegated.rs");
}

/// Compares what is generated for a folder with a snapshot, and the snapshot with rustfmt's taste.
fn check_generated(folder: &Path, name: &str) {
    let (yaml, sql) = (folder.join("pipelines.yaml"), folder.join("sql"));
    let compiled = check_files(folder, &yaml, &sql, Schemas::Declared);
    let generated = codegen::file("pipelines.yaml and sql/", &compiled);
    snapshot(&root().join("tests/generated"), name, &generated);
    let file = Project::new([("generated.rs", generated.as_str())]);
    let mut rustfmt = std::process::Command::new("rustfmt");
    rustfmt
        .args(["--edition", "2024", "--check"])
        .arg("--config-path")
        .arg(root().join("rustfmt.toml"))
        .arg(file.path().join("generated.rs"));
    let formatted = finish(&mut rustfmt, LIMIT);
    assert_eq!(formatted.code, Some(0), "{}{}", formatted.stdout, formatted.stderr);
}

#[test]
fn generated_code_has_no_warnings_and_needs_no_prelude() {
    assert_eq!(said()["quickstart"], Vec::<String>::new());
    assert_eq!(said()["strict"], Vec::<String>::new());
    assert_eq!(said()["orders-example"], Vec::<String>::new());
    assert_eq!(said()["postgres-example"], Vec::<String>::new());
}

#[test]
fn what_yaml_and_sql_hand_over_to_rust_is_what_rustc_finds_there() {
    assert_eq!(said()["delegated"], Vec::<String>::new());
}

#[test]
fn what_only_rustc_can_see_is_shown_under_the_words_of_the_user() {
    snapshot(&root().join("tests/only-rustc"), "build", &said()["only-rustc"].join("\n"));
}

#[test]
fn the_library_may_be_renamed() {
    assert_eq!(said()["renamed"], Vec::<String>::new());
}
