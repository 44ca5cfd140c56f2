//! Generated text → `OUT_DIR`, and what cargo must know: the one place where the compiler writes.

use std::path::Path;

use crate::diagnostic::{Files, Finding};
use crate::render;

/// The generated file's name in `OUT_DIR`; `apitap::include_pipelines!()` includes it.
pub(crate) const FILE: &str = "apitap_pipelines.rs";

/// A variable that cargo sets for build scripts.
#[expect(clippy::disallowed_methods, reason = "they are what cargo tells a build script")]
pub(crate) fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| {
        format!("`{name}` is not set: `apitap_build::compile` must be called from a build script")
    })
}

/// Runs the build script again when the file, or anything in the folder, changes.
pub(crate) fn rerun_if_changed(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// Shows a warning in cargo's output, on one line as cargo wants it.
pub(crate) fn warning(files: &Files, finding: &Finding) {
    let place = render::location(files, &finding.place)
        .map(|(file, line, column)| format!("{file}:{line}:{column}: "))
        .unwrap_or_default();
    let help =
        finding.help.first().map(|help| format!(" (help: {})", help.sentence)).unwrap_or_default();
    let notes: String = finding.notes.iter().map(|note| format!(" ({note})")).collect();
    println!("cargo::warning={place}{} [{}]{help}{notes}", finding.message, finding.code);
}

/// Ends the build script with a message.
pub(crate) fn fail(message: &str) {
    println!("cargo::error={}", message.replace('\n', " "));
}

/// Leaves a file that is right as it is untouched, so that nothing is compiled in vain.
pub(crate) fn write_if_changed(path: &Path, text: &str) -> Result<(), String> {
    if std::fs::read(path).is_ok_and(|current| current == text.as_bytes()) {
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
