//! `apitap check --fix`: makes the changes that are sure, says which, and checks what is left.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use apitap_build::check::Schemas;
use apitap_build::project::Compiled;
use apitap_build::{fix, render};

use super::{Project, findings};
use crate::commands::output::{tell, usage};
use crate::commands::{Choice, Format};

/// A change may bring the next finding to light; more rounds than this are a circle.
const ROUNDS: usize = 20;

/// Changes the files, then checks them as without `--fix`.
pub(super) fn check(project: &Project, strict: bool, format: Format) -> ExitCode {
    let mut changes = 0;
    for _ in 0..ROUNDS {
        match round(&project.compile(Schemas::MayBeInferred)) {
            Ok(0) => break,
            Ok(made) => changes += made,
            Err(message) => return usage(&message),
        }
    }
    match changes {
        0 => tell("nothing to change by itself"),
        1 => tell("1 change\n"),
        several => tell(&format!("{several} changes\n")),
    }
    findings::check(project, &Choice::default(), strict, format)
}

/// Makes the sure changes of one check; how many they are.
fn round(compiled: &Compiled) -> Result<usize, String> {
    let mut made = 0;
    for (file, name) in compiled.files.named() {
        let changes = fix::changes(file, &compiled.findings);
        if changes.is_empty() {
            continue;
        }
        // What findings show may be masked: the file itself is changed.
        let cannot = |error: std::io::Error| format!("cannot change `{name}`: {error}");
        // Behind a link, the file that it leads to.
        let path = std::fs::canonicalize(name).map_err(cannot)?;
        let text = std::fs::read_to_string(&path).map_err(cannot)?;
        let (mark, text) = match text.strip_prefix('\u{feff}') {
            Some(rest) => ("\u{feff}", rest),
            None => ("", text.as_str()),
        };
        let changed = fix::apply(text, &changes)
            .ok_or_else(|| format!("cannot change `{name}`: it has just changed by itself"))?;
        write(&path, &format!("{mark}{changed}")).map_err(cannot)?;
        for change in &changes {
            let place = apitap_build::diagnostic::Place::text(file, change.range.clone());
            let at = render::location(&compiled.files, &place);
            let (_, line, column) = at.unwrap_or_default();
            let shown = &compiled.files.get(file).text;
            let before = shown.get(change.range.clone()).unwrap_or_default();
            let after = &change.replacement;
            tell(&format!("{name}:{line}:{column}: `{before}` is now `{after}`"));
        }
        made += changes.len();
    }
    Ok(made)
}

/// Writes a file so that it is the old one or the new one, whatever happens.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}
