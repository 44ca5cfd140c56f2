//! A build script's `compile("pipelines.yaml", "sql")`: the whole way from files to Rust.

use std::path::{Path, PathBuf};

use crate::check::Schemas;
use crate::diagnostic::Severity;
use crate::project::check_files;
use crate::{codegen, emit};

/// Compiles a YAML file and a folder of SQL files into `OUT_DIR`, from a build script.
///
/// Paths are relative to the package. What is wrong does not fail the build script: it becomes a
/// `compile_error!` in the generated file, so that all of it shows in one build and the other
/// pipelines stay usable.
pub fn compile(yaml: impl AsRef<Path>, sql: impl AsRef<Path>) {
    if let Err(message) = compile_in_build_script(yaml.as_ref(), sql.as_ref()) {
        emit::fail(&message);
    }
}

fn compile_in_build_script(yaml: &Path, sql: &Path) -> Result<(), String> {
    let root = emit::variable("CARGO_MANIFEST_DIR")?;
    let out = PathBuf::from(emit::variable("OUT_DIR")?);
    let root = Path::new(&root);
    emit::rerun_if_changed(yaml);
    emit::rerun_if_changed(sql);
    let compiled = check_files(root, &root.join(yaml), &root.join(sql), Schemas::Declared);
    compiled.schema_files.iter().for_each(|name| emit::rerun_if_changed(Path::new(name)));
    for finding in compiled.findings.iter().filter(|f| f.severity == Severity::Warning) {
        emit::warning(&compiled.files, finding);
    }
    emit::write_if_changed(&out.join(emit::FILE), &codegen::file(&origin(yaml, sql), &compiled))
}

/// What the generated file says it was made from.
pub fn origin(yaml: &Path, sql: &Path) -> String {
    format!("{} and {}/", yaml.display(), sql.display())
}
