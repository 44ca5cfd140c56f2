//! The YAML files of the repository: an editor has nothing against those that are right, and
//! underlines what is wrong where a schema can see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::validate::Validator;
use super::{json_schema, read, schema};

/// What an editor can see: words, kinds of values, choices, bounds, pointers, types. What a text
/// holds and what two of them say is beyond a schema.
const VISIBLE: [&str; 9] =
    ["E0110", "E0112", "E0113", "E0114", "E0117", "E0120", "E0121", "E0130", "E0131"];

/// A format that leaves out a part of the time, a number that JSON cannot hold, two bounds that are wrong together, and a wait for nothing.
const BEYOND: [&str; 6] = [
    "tests/findings/E0114-format/pipelines.yaml",
    "tests/findings/E0114-json/pipelines.yaml",
    "tests/findings/E0114-retry/pipelines.yaml",
    "tests/findings/E0120-letters/pipelines.yaml",
    "tests/findings/E0120-store/pipelines.yaml",
    "tests/findings/E0121-wait/pipelines.yaml",
];

/// The repository's top folder.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every YAML file below a folder.
fn yaml_files(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            // One fixture is not UTF-8: it is no YAML.
            if let Ok(text) = std::fs::read_to_string(&path) {
                let name = path.strip_prefix(root()).expect("below it");
                found.insert(name.display().to_string(), text);
            }
        }
    }
}

/// The YAML of the README.
fn readme() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let (_, rest) = readme.split_once("```yaml pipelines.yaml\n").expect("it has a project");
    rest.split_once("```").expect("a block ends").0.to_owned()
}

#[test]
fn an_editor_says_what_the_compiler_says_of_every_file_of_the_repository() {
    let mut files = BTreeMap::from([("README.md".to_owned(), readme())]);
    for folder in ["apitap/src/cli", "examples", "tests"] {
        yaml_files(&root().join(folder), &mut files);
    }
    let schema = schema();
    let (mut right, mut wrong, mut unseen) = (0, 0, Vec::new());
    for (name, text) in &files {
        let Some((node, _, findings)) = read(text) else { continue };
        let errors = Validator::new(&schema).check(&node).errors;
        if findings.is_empty() {
            assert_eq!(errors, Vec::<String>::new(), "{name}");
            right += 1;
        } else if !errors.is_empty() {
            wrong += 1;
        } else if findings.iter().any(|f| VISIBLE.iter().any(|code| f.starts_with(code))) {
            unseen.push((name.as_str(), findings));
        }
    }
    let names: Vec<_> = unseen.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, BEYOND, "{unseen:#?}");
    assert!(right > 40 && wrong > 20, "{right} {wrong}");
}

#[test]
fn the_file_in_the_documents_is_the_schema() {
    held("docs/pipelines.schema.json", &json_schema());
}

/// Whether a file of the repository is what is generated; as with snapshots,
/// `INSTA_UPDATE=always` writes it anew.
#[expect(clippy::disallowed_methods, reason = "it asks whether to write")]
pub(super) fn held(name: &str, generated: &str) {
    let path = root().join(name);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, generated).expect("it can be written");
    }
    let found = std::fs::read_to_string(path).expect("it is there");
    assert!(found == generated, "{name} is not what the keys declare: INSTA_UPDATE=always");
}
