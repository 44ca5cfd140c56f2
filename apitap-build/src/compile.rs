//! A build script's `compile("pipelines.yaml", "sql")`: the whole way from files to Rust.

use std::path::{Path, PathBuf};

use crate::check::{Policy, Schemas};
use crate::diagnostic::Severity;
use crate::project::check_files;
use crate::{codegen, emit, render};

/// Compiles a YAML file and a folder of SQL files into `OUT_DIR`, from a build script.
///
/// Paths are relative to the package. What is wrong does not fail the build script: it becomes a
/// `compile_error!` in the generated file, so that all of it shows in one build and the other
/// pipelines stay usable. The work is done when what this returns is dropped, which is at the end of
/// the statement: `compile("pipelines.yaml", "sql").strict();`.
pub fn compile(yaml: impl AsRef<Path>, sql: impl AsRef<Path>) -> Compilation {
    let (yaml, sql) = (yaml.as_ref().to_owned(), sql.as_ref().to_owned());
    Compilation { yaml, sql, strict: false }
}

/// A project that is compiled when this is dropped: see [`compile`].
#[derive(Debug)]
pub struct Compilation {
    yaml: PathBuf,
    sql: PathBuf,
    strict: bool,
}

impl Compilation {
    /// An expression that can fail on some value (a `CAST` of a text, a division, an overflow) is an
    /// error.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    fn compile(&self) -> Result<(), String> {
        let (yaml, sql) = (self.yaml.as_path(), self.sql.as_path());
        let root = emit::variable("CARGO_MANIFEST_DIR")?;
        let out = PathBuf::from(emit::variable("OUT_DIR")?);
        let root = Path::new(&root);
        emit::rerun_if_changed(yaml);
        emit::rerun_if_changed(sql);
        let policy = Policy { schemas: Schemas::Declared, strict: self.strict };
        let compiled = check_files(root, &root.join(yaml), &root.join(sql), policy);
        compiled.schema_files.iter().for_each(|name| emit::rerun_if_changed(Path::new(name)));
        let warnings = compiled.findings.iter().filter(|f| f.severity == Severity::Warning);
        for warning in render::by_cause(&compiled.files, warnings) {
            emit::warning(&compiled.files, &warning);
        }
        emit::write_if_changed(&out.join(emit::FILE), &codegen::file(&origin(yaml, sql), &compiled))
    }
}

impl Drop for Compilation {
    fn drop(&mut self) {
        if let Err(message) = self.compile() {
            emit::fail(&message);
        }
    }
}

/// What the generated file says it was made from.
pub fn origin(yaml: &Path, sql: &Path) -> String {
    format!("{} and {}/", yaml.display(), sql.display())
}
