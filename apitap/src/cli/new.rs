//! `apitap new DIR`: a project that builds and runs, from the files beside this module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use apitap_build::keys;
use apitap_build::names;

use super::print;
use crate::commands::output::usage;

mod from;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder to make; its last name is the package's
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A clone of apitap to depend on [default: the one that this command was built from]
    #[arg(long, value_name = "CLONE")]
    path: Option<PathBuf>,
    /// Depend on the published crates, although there is a clone
    #[arg(long, conflicts_with = "path")]
    published: bool,
    /// An OpenAPI document, JSON or YAML, whose operations become the sources
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// A file of the project: its path in it, and its text.
type File = (&'static str, &'static str);

/// What every project has. The manifest is not called Cargo.toml here, or cargo would take the
/// templates for a package.
const FILES: [File; 3] = [
    ("Cargo.toml", include_str!("new/template/manifest.toml")),
    (".gitignore", include_str!("new/template/gitignore")),
    ("build.rs", include_str!("new/template/build.rs")),
];

/// What a project has that begins with an example.
const EXAMPLE: [File; 8] = [
    ("README.md", include_str!("new/template/README.md")),
    ("src/main.rs", include_str!("new/template/src/main.rs")),
    ("src/recording.rs", include_str!("new/template/src/recording.rs")),
    ("src/tests.rs", include_str!("new/template/src/tests.rs")),
    ("recording/earthquakes.json", include_str!("new/template/recording/earthquakes.json")),
    ("pipelines.yaml", include_str!("new/template/pipelines.yaml")),
    ("sql/earthquakes.sql", include_str!("new/template/sql/earthquakes.sql")),
    ("sql/networks.sql", include_str!("new/template/sql/networks.sql")),
];

/// What a project has that begins with the sources of a document.
const DOCUMENTED: [File; 2] = [
    ("README.md", include_str!("new/template/from/README.md")),
    ("src/main.rs", include_str!("new/template/from/main.rs")),
];

/// Makes a project. Exit code 2 where there is no place for it.
pub(super) fn new(arguments: &Arguments) -> ExitCode {
    match make(arguments) {
        Ok(made) => {
            let folder = arguments.folder.display();
            let tests = if arguments.from.is_none() { "\n  cargo test" } else { "" };
            let said = format!(
                "made `{folder}`: {made}\n\n  cd {folder}\n  cargo run     \
                 # the first build takes a few minutes{tests}\n  apitap check"
            );
            print(&said, ExitCode::SUCCESS)
        }
        Err(message) => usage(&message),
    }
}

/// Writes the files, after all that could be wrong with the call; says what the project does.
fn make(arguments: &Arguments) -> Result<String, String> {
    let folder = &arguments.folder;
    let name = package_name(folder)?;
    let crates = match (&arguments.path, arguments.published) {
        (Some(clone), _) => Crates::of_clone(clone)?,
        (None, true) => Crates::published(),
        (None, false) => Crates::nearest()?,
    };
    refuse_what_is_there(folder)?;
    let from = arguments.from.as_deref().map(|path| from::project(path, &name)).transpose()?;
    let (templates, own, made) = match from {
        None => (&EXAMPLE[..], Vec::new(), "earthquakes into SQLite".to_owned()),
        Some(from) => (&DOCUMENTED[..], from.files, from.summary),
    };
    for (path, text) in FILES.iter().chain(templates) {
        write(&folder.join(path), &crates.fill_in(text, &name))?;
    }
    write(&folder.join("pipelines.schema.json"), &keys::json_schema())?;
    for (path, text) in own {
        write(&folder.join(path), &text)?;
    }
    Ok(format!("{made}\nit depends on {}", crates.said))
}

/// Where the project's dependencies come from, as a manifest says it.
struct Crates {
    apitap: String,
    apitap_build: String,
    /// The same for people.
    said: String,
}

impl Crates {
    /// Those of the clone that this command was built from, if it is still there.
    fn nearest() -> Result<Self, String> {
        // Cargo unpacks a published crate into a folder that has no `apitap-build` beside it.
        let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        match clone.filter(|clone| clone.join("apitap-build/Cargo.toml").is_file()) {
            Some(clone) => Self::of_clone(clone),
            None => Ok(Self::published()),
        }
    }

    /// The published ones of this very version.
    fn published() -> Self {
        let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
        let said = concat!("apitap ", env!("CARGO_PKG_VERSION"), " of crates.io").to_owned();
        Self { apitap: version.to_owned(), apitap_build: version.to_owned(), said }
    }

    /// Those of a clone.
    fn of_clone(clone: &Path) -> Result<Self, String> {
        let within = |name: &str| {
            let path = std::path::absolute(clone.join(name))
                .ok()
                .filter(|path| path.join("Cargo.toml").is_file())
                .ok_or_else(|| {
                    format!(
                        "there is no crate `{name}` in `{}`\nhelp: `--path` takes the top folder of \
                         a clone of apitap",
                        clone.display()
                    )
                })?;
            let path = path.to_str().ok_or_else(|| not_utf8(&path))?;
            // What JSON escapes, TOML escapes in the same way.
            Ok::<_, String>(format!("{{ path = {} }}", serde_json::Value::from(path)))
        };
        let said = format!("the clone of apitap in `{}`", clone.display());
        Ok(Self { apitap: within("apitap")?, apitap_build: within("apitap-build")?, said })
    }

    /// A template's text with what is known now.
    fn fill_in(&self, text: &str, name: &str) -> String {
        text.replace("@NAME@", name)
            .replace("@RUST_VERSION@", env!("CARGO_PKG_RUST_VERSION"))
            .replace("@APITAP@", &self.apitap)
            .replace("@APITAP_BUILD@", &self.apitap_build)
    }
}

/// The package's name is that of its folder.
fn package_name(folder: &Path) -> Result<String, String> {
    let full = std::path::absolute(folder)
        .map_err(|error| format!("`{}` is not a folder: {error}", folder.display()))?;
    let name = full.file_name().ok_or_else(|| {
        let shown = folder.display();
        format!("`{shown}` does not end in a name\nhelp: name the folder to make, as in `shop`")
    })?;
    let name = name.to_str().ok_or_else(|| not_utf8(folder))?;
    match what_is_wrong(name) {
        None => Ok(name.to_owned()),
        Some(problem) => Err(format!(
            "`{name}` cannot be the name of a package: {problem}\nhelp: choose another name for the \
             folder, with letters, digits, `-` and `_`, as in `shop-ingest`"
        )),
    }
}

/// Names that cargo or rustc refuse, and those with which cargo would take the package for another.
fn what_is_wrong(name: &str) -> Option<&'static str> {
    const OURS: [&str; 3] = ["apitap", "apitap-build", "apitap-macros"];
    const RUSTS: [&str; 5] = ["alloc", "core", "proc_macro", "std", "test"];
    const CARGOS: [&str; 4] = ["build", "deps", "examples", "incremental"];
    let crate_name = name.replace('-', "_");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Some("it must begin with a letter")
    } else if !name.chars().all(plain) {
        Some("it may have letters, digits, `-` and `_` only")
    } else if names::identifier(&crate_name) != crate_name {
        Some("it is a Rust keyword")
    } else if OURS.iter().any(|ours| ours.replace('-', "_") == crate_name) {
        Some("the project depends on a crate of that name")
    } else if RUSTS.contains(&crate_name.as_str()) {
        Some("a crate of that name belongs to Rust")
    } else if CARGOS.contains(&name) {
        Some("cargo has a folder of that name")
    } else {
        None
    }
}

/// A new folder, or an empty one; a repository that was just begun is as good as empty.
fn refuse_what_is_there(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(format!("`{shown}` is a file\nhelp: choose another name"));
        }
        Err(error) => return Err(format!("cannot look into `{shown}`: {error}")),
    };
    for entry in entries {
        let name =
            entry.map_err(|error| format!("cannot look into `{shown}`: {error}"))?.file_name();
        if name != ".git" {
            return Err(format!(
                "`{shown}` is not empty: there is `{}`\nhelp: choose another name, or an empty folder",
                name.display()
            ));
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn not_utf8(path: &Path) -> String {
    format!("`{}` is not UTF-8\nhelp: choose another name", path.display())
}
