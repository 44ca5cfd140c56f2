//! What `apitap new` makes: a project that builds without a warning, loads, and passes its own tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use apitap_tests::crates::{Crates, cargo};
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::root;
use quickstart::usgs::Usgs;
use serde_json::{Value, json};

use super::findings::snapshot;
use super::runs::{LIMIT, sqlite_file};

/// The files of a new project, by their paths.
fn new_project(name: &str, clone: &Path) -> (Project, BTreeMap<String, String>) {
    let place = Project::new([]);
    let path = clone.to_str().unwrap();
    let made = finish(&mut place.apitap(["new", name, "--path", path]), LIMIT);
    assert_eq!((made.code, &*made.stderr), (Some(0), ""));
    let mut files = BTreeMap::new();
    read(&place.path().join(name), "", &mut files);
    (place, files)
}

fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The part of a manifest that makes it a workspace of its own, and what follows.
fn split_workspace(manifest: &str) -> (&str, &str) {
    let start = manifest.find("[workspace]\nresolver = \"1\"\n").expect("it is a workspace");
    manifest.split_at(start)
}

/// The programs that cargo has made of a package, and what it had to say of it.
fn programs(command: &mut Command, package: &str) -> Vec<PathBuf> {
    let built = finish(command, LIMIT * 5);
    assert_eq!(built.code, Some(0), "{}{}", built.stdout, built.stderr);
    let messages: Vec<Value> =
        built.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_it = messages.iter().filter(|message| {
        message["target"]["src_path"].as_str().is_some_and(|path| path.contains(package))
    });
    let mut programs = Vec::new();
    for message in of_it {
        assert_ne!(message["reason"], "compiler-message", "{message}");
        programs.extend(message["executable"].as_str().map(PathBuf::from));
    }
    programs
}

#[test]
fn a_new_project_builds_loads_and_passes_its_tests() {
    let crates = Crates::new("new-projects");
    let (_place, mut files) = new_project("new-project", crates.folder());
    // A member of a workspace cannot be one itself: the workspace it is put into has the same.
    let manifest = files["Cargo.toml"].clone();
    let (package, own_workspace) = split_workspace(&manifest);
    let ours = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let profiles =
        own_workspace.find("[profile.dev]").map(|start| &own_workspace[start..]).unwrap();
    assert!(ours.ends_with(profiles), "{profiles}");
    files.insert("Cargo.toml".to_owned(), package.to_owned());
    let crates = crates.with_package(
        "new-project",
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())),
    );

    let program = programs(crates.cargo("build").arg("--bins"), "new-project/src/main.rs");
    let [program] = &program[..] else { panic!("{program:?}") };
    let usgs = Usgs::serve().unwrap();
    let folder = Project::new([]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).env_remove("DATABASE");
        finish(command.env("USGS_URL", usgs.url()), LIMIT)
    };
    // What is there is merged and replaced by the next run.
    for _ in 0..2 {
        let finished = run(&[]);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        let database = folder.path().join("earthquakes.db");
        let rows = |sql| sqlite_file(&database, sql);
        let strongest = "SELECT json_array(count(*) OVER (), magnitude, time) FROM earthquakes \
                         ORDER BY magnitude DESC LIMIT 1";
        assert_eq!(rows(strongest), [json!([1707, 6.4, "2018-02-06T15:50:42.400000Z"])]);
        let networks = "SELECT json_array(count(*), sum(earthquakes)) FROM networks";
        assert_eq!(rows(networks), [json!([12, 1707])]);
    }
    // Without network, the recording.
    let alone = Project::new([]);
    let mut command = Command::new(program);
    command.current_dir(alone.path()).env_remove("DATABASE").env_remove("USGS_URL");
    let finished = finish(&mut command, LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let database = alone.path().join("earthquakes.db");
    let count = sqlite_file(&database, "SELECT json_array(count(*)) FROM earthquakes");
    assert_eq!(count, [json!([60])]);

    let listed = run(&["list"]);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);

    let mut tests = crates.cargo("test");
    let tests =
        programs(tests.args(["--bin", "new-project", "--no-run"]), "new-project/src/main.rs");
    let [tests] = &tests[..] else { panic!("{tests:?}") };
    let tested = finish(&mut Command::new(tests), LIMIT);
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
    assert!(!tested.stdout.contains("running 0 tests"), "{}", tested.stdout);
}

/// A project of a document of `tests/openapi`, and what was said.
fn from_document(
    name: &str,
    document: &str,
    clone: &Path,
) -> (Project, BTreeMap<String, String>, String) {
    let place = Project::new([]);
    let document = root().join("tests/openapi").join(document);
    let mut command = place.apitap(["new", name, "--from"]);
    let made = finish(command.arg(document).arg("--path").arg(clone), LIMIT);
    assert_eq!((made.code, &*made.stderr), (Some(0), ""));
    let mut files = BTreeMap::new();
    read(&place.path().join(name), "", &mut files);
    let mut check = place.apitap(["check"]);
    let checked = finish(check.current_dir(place.path().join(name)), LIMIT);
    let pipelines = files.keys().filter(|path| path.starts_with("sql/")).count();
    let expected = format!("{pipelines} pipelines, nothing wrong\n");
    assert_eq!((checked.code, checked.stderr), (Some(0), expected));
    (place, files, made.stdout)
}

#[test]
fn a_real_document_becomes_a_project_that_builds() {
    let crates = Crates::new("documents");
    let (_place, mut files, said) =
        from_document("from-document", "blockfrost.yaml", crates.folder());
    let expected = "made `from-document`: 24 sources of 123 operations; the others are listed at the \
                    end of pipelines.yaml\n";
    assert!(said.starts_with(expected), "{said}");
    let yaml = &files["pipelines.yaml"];
    let left = yaml.lines().filter(|line| line.starts_with("# - GET /")).count();
    assert_eq!((left, yaml.matches("\n  - name: ").count()), (123 - 24, 24 + 1));
    let document = std::fs::read_to_string(root().join("tests/openapi/blockfrost.yaml")).unwrap();
    assert_eq!(files["openapi.yaml"], document);

    // A member of a workspace cannot be one itself.
    let manifest = split_workspace(&files["Cargo.toml"]).0.to_owned();
    files.insert("Cargo.toml".to_owned(), manifest);
    let texts = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let crates = crates.with_package("from-document", texts);
    let built = programs(crates.cargo("build").arg("--bins"), "from-document/src/main.rs");
    let [program] = &built[..] else { panic!("{built:?}") };
    let listed = finish(Command::new(program).arg("list"), LIMIT);
    assert_eq!(listed.stdout.lines().count(), 24, "{}{}", listed.stdout, listed.stderr);
}

#[test]
fn what_a_document_says_of_requests_is_written_down() {
    let (_place, files, _) = from_document("shop", "shop.yaml", &root());
    let made = format!("{}\n{}", files["pipelines.yaml"], files["sql/list_orders.sql"]);
    snapshot(&root().join("tests/openapi"), "shop", &made);
}

#[test]
fn a_document_that_makes_no_project_is_refused() {
    let check = |document: &str, expected: &str| {
        let place = Project::new([("api.yaml", document)]);
        let mut command = place.apitap(["new", "shop", "--from", "api.yaml"]);
        let refused = finish(&mut command, LIMIT);
        assert_eq!((refused.code, &*refused.stdout), (Some(2), ""), "{}", refused.stderr);
        assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
        assert!(refused.stderr.contains("\nhelp: "), "{}", refused.stderr);
        assert!(!place.path().join("shop").exists(), "nothing was made");
    };
    check("openapi: 3.0.0\npaths: {}\n", "error: `api.yaml` has no operation that can be");
    check("swagger: \"2.0\"\npaths: {}\n", "error: OpenAPI 2.0 is not supported");
    check(
        "openapi: 3.0.0\npaths: {/a: {$ref: \"a.yaml#/a\"}}\n",
        "error: `api.yaml` refers to other files, such as `a.yaml`",
    );
}

#[test]
fn a_new_project_compiles_datafusion_once() {
    let (place, _) = new_project("once", &root());
    let folder = place.path().join("once");
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for command in [&["build"][..], &["build", "--release"], &["test"]] {
        let mut cargo = Command::new(cargo());
        cargo.args(command).args(["--offline", "--unit-graph", "-Z", "unstable-options"]);
        let graph = finish(cargo.current_dir(&folder).env("RUSTC_BOOTSTRAP", "1"), LIMIT);
        assert_eq!(graph.code, Some(0), "{}", graph.stderr);
        let graph: Value = serde_json::from_str(&graph.stdout).unwrap();
        let units = graph["units"].as_array().unwrap();
        let datafusion = units.iter().filter(|unit| unit["target"]["name"] == "datafusion");
        assert_eq!(datafusion.count(), 1, "{command:?}");
    }
}

#[test]
fn a_new_project_has_nothing_wrong_and_only_what_it_says() {
    let (place, files) = new_project("shop", &root());
    let mut check = place.apitap(["check"]);
    let checked = finish(check.current_dir(place.path().join("shop")), LIMIT);
    assert_eq!((checked.code, &*checked.stderr), (Some(0), "2 pipelines, nothing wrong\n"));
    let filled_in = |text: &String| !["@NAME", "@APITAP", "@RUST"].iter().any(|w| text.contains(w));
    assert!(files.values().all(filled_in), "a template was not filled in");
    assert!(files["Cargo.toml"].contains("name = \"shop\""));
    let schema = std::fs::read_to_string(root().join("docs/pipelines.schema.json")).unwrap();
    assert_eq!(files["pipelines.schema.json"], schema);

    // The clone that the command was built from, unless the published crates are asked for.
    let place = Project::new([]);
    let made = finish(&mut place.apitap(["new", "near"]), LIMIT);
    let clone = root().display().to_string();
    let said = format!("it depends on the clone of apitap in `{clone}`\n");
    assert!(made.stdout.contains(&said), "{}", made.stdout);
    assert!(place.read("near/Cargo.toml").contains(&format!("{clone}/apitap\"")));
    let made = finish(&mut place.apitap(["new", "shop", "--published"]), LIMIT);
    assert!(made.stdout.contains(" of crates.io\n"), "{}{}", made.stdout, made.stderr);
    let version = env!("CARGO_PKG_VERSION");
    let manifest = place.read("shop/Cargo.toml");
    assert!(manifest.contains(&format!("apitap = \"{version}\"")), "{manifest}");
    assert!(manifest.contains(&format!("apitap-build = \"{version}\"")), "{manifest}");
}

/// Calls `apitap new` where there is a folder `full` and a file `file`.
fn check_refused(arguments: &[&str], expected: &str) {
    let place = Project::new([("full/notes.txt", "mine"), ("file", ""), ("begun/.git/HEAD", "")]);
    let mut command = place.apitap(["new"]);
    let refused = finish(command.args(arguments), LIMIT);
    assert_eq!((refused.code, &*refused.stdout), (Some(2), ""), "{}", refused.stderr);
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    assert!(refused.stderr.contains("\nhelp: "), "{}", refused.stderr);
    assert_eq!(place.read("full/notes.txt"), "mine");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3, "nothing was made");
}

#[test]
fn a_place_that_is_taken_or_has_no_name_for_a_package_is_refused() {
    check_refused(&["full"], "error: `full` is not empty: there is `notes.txt`");
    check_refused(&["file"], "error: `file` is a file");
    check_refused(&[".."], "error: `..` does not end in a name");
    check_refused(&["1shop"], "error: `1shop` cannot be the name of a package: it must begin");
    check_refused(&["my shop"], "error: `my shop` cannot be the name of a package: it may have");
    check_refused(&["fn"], "error: `fn` cannot be the name of a package: it is a Rust keyword");
    check_refused(
        &["apitap"],
        "error: `apitap` cannot be the name of a package: the project depends",
    );
    check_refused(&["test"], "error: `test` cannot be the name of a package: a crate of that name");
    check_refused(&["build"], "error: `build` cannot be the name of a package: cargo has");
    check_refused(&["shop", "--from", "no.json"], "error: cannot read `no.json`: ");
    check_refused(&["shop", "--path", "full"], "error: there is no crate `apitap` in `full`");

    let place = Project::new([("begun/.git/HEAD", "")]);
    assert_eq!(finish(&mut place.apitap(["new", "begun"]), LIMIT).code, Some(0));
}
