//! An OpenAPI document that nobody here wrote: each operation that reads becomes a source that
//! compiles, or there is a reason why not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use apitap_build::check::Schemas;
use apitap_build::codes;
use apitap_build::diagnostic::{Files, Findings};
use apitap_build::project::check_files;
use apitap_build::render::render;
use apitap_build::schema::documents::Documents;
use apitap_build::schema::openapi::{Operation, operations};
use apitap_tests::readme::root;

use super::findings::document;

/// The operations of a document of `tests/openapi` that read.
fn reading(name: &str) -> Vec<Operation> {
    let text = std::fs::read_to_string(root().join("tests/openapi").join(name)).unwrap();
    let mut files = Files::default();
    let file = files.add(name, text);
    let documents = Documents::parse(&files, file, &mut Findings::default()).unwrap();
    let mut found = operations(&documents).unwrap();
    found.retain(|operation| operation.method == "GET");
    found
}

/// A project with a source and a pipeline for each operation.
fn write_project(folder: &Path, document: &str, operations: &[&Operation]) {
    std::fs::create_dir(folder.join("sql")).unwrap();
    std::fs::copy(root().join("tests/openapi").join(document), folder.join(document)).unwrap();
    let mut yaml = "targets: [{name: out, type: sqlite, path: out.db}]\nsources:\n".to_owned();
    for (number, operation) in operations.iter().enumerate() {
        let records = operation.records.as_ref().unwrap();
        let _ = write!(
            yaml,
            "  - name: source_{number}\n    url: https://api.example.com/\n    data_path: {:?}\n    \
             schema: {{openapi: {{file: {document}, operation: {:?}}}}}\n",
            records.data_path.0,
            operation.name(),
        );
        let sql = format!("SELECT * FROM {{{{ use_source(\"source_{number}\") }}}}\n");
        std::fs::write(folder.join(format!("sql/pipeline_{number}.sql")), sql).unwrap();
    }
    std::fs::write(folder.join("pipelines.yaml"), yaml).unwrap();
}

/// Why an operation is not a source, as several of them share it.
fn reason(operation: &Operation) -> Option<String> {
    let finding = operation.records.as_ref().err()?;
    let detail = match finding.code == codes::NO_JSON_ANSWER {
        true => finding.notes.first().cloned().unwrap_or_default(),
        false => finding.message.clone(),
    };
    Some(format!("{} ({})", detail, finding.code))
}

#[test]
fn each_operation_of_a_real_document_becomes_a_source_or_says_why_not() {
    let operations = reading("blockfrost.yaml");
    let usable: Vec<_> = operations.iter().filter(|o| o.records.is_ok()).collect();
    let folder = tempfile::tempdir().unwrap();
    write_project(folder.path(), "blockfrost.yaml", &usable);
    let (yaml, sql) = (folder.path().join("pipelines.yaml"), folder.path().join("sql"));
    let compiled = check_files(folder.path(), &yaml, &sql, Schemas::Declared);
    let found: Vec<_> = compiled.findings.iter().map(|f| render(&compiled.files, f)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(compiled.pipelines.len(), usable.len());
    assert!(usable.len() > 50, "{} are usable", usable.len());
    document(&root().join("tests/openapi/blockfrost.md"), &table(&operations));
}

/// How many operations became what, and why.
fn table(operations: &[Operation]) -> String {
    let usable = operations.iter().filter(|o| o.records.is_ok()).count();
    let mut out = format!(
        "# blockfrost.io\n\n{} operations read (`GET`). {usable} of them become sources whose queries \
         compile.\n\n| the others: why not | operations | for example |\n|---|---|---|\n",
        operations.len()
    );
    let mut reasons: BTreeMap<String, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        if let Some(reason) = reason(operation) {
            reasons.entry(reason).or_default().push(operation);
        }
    }
    for (reason, operations) in reasons {
        let _ = writeln!(out, "| {reason} | {} | `{}` |", operations.len(), operations[0].path);
    }
    out.push_str("\n| source | records at | fields, the nested ones included |\n|---|---|---|\n");
    for operation in operations {
        let Ok(records) = &operation.records else { continue };
        let path = match records.data_path.0.as_str() {
            "" => "the root",
            path => path,
        };
        let _ = writeln!(out, "| `{}` | {path} | {} |", operation.path, records.places.len());
    }
    out
}
