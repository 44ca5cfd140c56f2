//! Files on disk → texts: the one place where the compiler reads.

use std::path::{Path, PathBuf};

use crate::bounded;
use crate::codes;
use crate::diagnostic::{FileId, Files, Finding, Findings, Place};
use crate::keys;
use crate::parse::yaml;
use crate::schema::documents::references;
use crate::tree::Node;

/// How many MiB a sample or the description of an API may have.
const LARGEST: u64 = 64;

/// A project's texts.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// All of them.
    pub(crate) files: Files,
    /// The YAML file, where it could be read and parsed.
    pub(crate) yaml: Option<Node>,
    /// The files that the YAML file names, and those that these refer to, as messages show them.
    pub(crate) schemas: Vec<String>,
    /// The SQL files by path within their folder, sorted, where they could be read.
    pub(crate) queries: Vec<(String, Option<FileId>)>,
}

/// Reads the YAML file and every `*.sql` under the folder; what cannot be read is a finding.
///
/// Files are named relative to `root` where they are below it, as the user knows them.
pub(crate) fn load(root: &Path, yaml: &Path, sql: &Path, findings: &mut Findings) -> Loaded {
    let mut files = Files::default();
    let yaml_file = read(&mut files, root, yaml, findings);
    // There is no project yet, or not where it is looked for.
    if let (false, Some(missing)) = (yaml.exists(), findings.0.last_mut()) {
        missing.help.push("`apitap new DIR` makes a project with such a file".into());
    }
    let mut schemas = Vec::new();
    let yaml = yaml_file.and_then(|yaml| {
        let node = yaml::parse(&files, yaml, findings)?;
        schemas = self::schemas(&mut files, root, yaml, &node, findings);
        Some(node)
    });
    let found = sql_files(sql);
    if let Err(error) = &found {
        let file = files.add(shown(root, sql), "");
        findings.push(no_folder(&shown(root, sql), error, file));
    } else if found.as_ref().is_ok_and(Vec::is_empty) {
        let file = files.add(shown(root, sql), "");
        let message = format!("there is no SQL file in `{}`", shown(root, sql));
        findings.push(
            Finding::error(codes::NO_SQL_FILE, message, &Place::text(file, 0..0))
                .help("each pipeline is one file whose name ends in `.sql`"),
        );
    }
    let queries = found
        .unwrap_or_default()
        .iter()
        .map(|path| (shown(sql, path), add(&mut files, root, path, regular(path), findings)))
        .collect();
    Loaded { files, yaml, schemas, queries }
}

/// Reads and parses the YAML file alone.
pub(crate) fn yaml_file(
    root: &Path,
    yaml: &Path,
    findings: &mut Findings,
) -> (Files, Option<Node>) {
    let mut files = Files::default();
    let yaml = read(&mut files, root, yaml, findings);
    let node = yaml.and_then(|yaml| yaml::parse(&files, yaml, findings));
    (files, node)
}

/// Reads the files that schemas name, and those that they refer to.
fn schemas(
    files: &mut Files,
    root: &Path,
    yaml: FileId,
    node: &Node,
    findings: &mut Findings,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (written, refers) in keys::schema::files(node) {
        let name = files.beside(yaml, &written.value);
        let mut waiting = vec![(name, Some(&written.place))];
        while let Some((name, place)) = waiting.pop() {
            if names.contains(&name) {
                continue;
            }
            names.push(name.clone());
            let text = match limited(&root.join(&name)) {
                Ok(text) => text,
                Err(error) => {
                    // That a reference leads nowhere is said where it stands.
                    findings.extend(place.map(|place| no_schema_file(&name, &error, place)));
                    continue;
                }
            };
            let file = files.add(&name, text);
            if refers {
                let others = references(&files.get(file).text);
                waiting.extend(others.iter().map(|other| (files.beside(file, other), None)));
            }
        }
    }
    names
}

/// The text of a file that somebody else may have written, if it is not too large.
fn limited(path: &Path) -> std::io::Result<String> {
    let text = String::from_utf8(regular(path)?);
    text.map_err(|_| std::io::Error::other("it is not UTF-8"))
}

/// The bytes of a file that was not named on the command line: of a pipe they may never come.
fn regular(path: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    // For a folder, the system's own message says so.
    match metadata.is_file() || metadata.is_dir() {
        true => bounded::read(path, LARGEST),
        false => Err(std::io::Error::other("it is not a regular file")),
    }
}

fn no_schema_file(name: &str, error: &std::io::Error, place: &Place) -> Finding {
    Finding::error(codes::UNREADABLE_FILE, format!("cannot read `{name}`"), place)
        .note(error.to_string())
        .help("the path is relative to the YAML file")
}

/// What some editors of Windows put before the first character; it does not belong to the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn read(files: &mut Files, root: &Path, path: &Path, findings: &mut Findings) -> Option<FileId> {
    add(files, root, path, bounded::read(path, LARGEST), findings)
}

/// Adds a file with what was read of it.
fn add(
    files: &mut Files,
    root: &Path,
    path: &Path,
    bytes: std::io::Result<Vec<u8>>,
    findings: &mut Findings,
) -> Option<FileId> {
    let name = shown(root, path);
    match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => Some(files.add(name, text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text))),
        Ok(Err(error)) => {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            let file = files.add(&name, "");
            findings.push(
                Finding::error(
                    codes::NOT_UTF8,
                    format!("`{name}` is not UTF-8"),
                    &Place::text(file, 0..0),
                )
                .note(format!("the first byte that is not is in line {line}"))
                .help("save the file as UTF-8"),
            );
            None
        }
        Err(error) => {
            let file = files.add(&name, "");
            findings.push(unreadable(&name, &error, file));
            None
        }
    }
}

fn unreadable(name: &str, error: &std::io::Error, file: FileId) -> Finding {
    Finding::error(
        codes::UNREADABLE_FILE,
        format!("cannot read `{name}`"),
        &Place::text(file, 0..0),
    )
    .note(error.to_string())
    .help("paths are relative to the folder of Cargo.toml, or where `apitap` is started")
}

/// The folder of SQL files is not there, or cannot be read.
fn no_folder(name: &str, error: &std::io::Error, file: FileId) -> Finding {
    if error.kind() != std::io::ErrorKind::NotFound {
        return unreadable(name, error, file);
    }
    let message = format!("there is no folder `{name}`");
    Finding::error(codes::UNREADABLE_FILE, message, &Place::text(file, 0..0))
        .note("each pipeline is one SQL file in it")
        .help(format!("make it, and write the first query as `{name}/NAME.sql`"))
        .help("where the queries are elsewhere, name their folder: `-m DIR`, or the second argument of `compile`")
}

/// Every `*.sql` below a folder, sorted.
///
/// # Errors
/// Where the folder, or one below it, cannot be read.
pub fn sql_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, &mut found)?;
    found.sort();
    Ok(found)
}

/// Every `*.sql` below a folder; links are followed, hidden files are not.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
    Ok(())
}

/// A path as messages show it: relative where it can be, with `/`.
fn shown(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.display().to_string().replace('\\', "/")
}
