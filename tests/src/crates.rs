//! Crates as users write them, compiled by cargo: what the compiler says to each.
//!
//! They make a workspace of their own in the target folder, with this workspace's settings, locked
//! versions and compiled dependencies. To cargo, what a package is called depends on its path below
//! the workspace's folder: through the links to the packages here, `apitap` has the same path in
//! both, so that not even it is compiled again. `--workspace` makes the features the same, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::{forget_the_test, target_and_profile};
use crate::readme::root;

/// The packages that a user's crate depends on.
const PACKAGES: [&str; 3] = ["apitap", "apitap-build", "apitap-macros"];

/// Crates to be compiled together, in one call of cargo.
#[derive(Debug)]
pub struct Crates {
    folder: PathBuf,
    names: Vec<String>,
}

impl Crates {
    /// No crates yet. Each test process that uses a name must be the only one that does.
    pub fn new(name: &str) -> Self {
        let (target, _) = target_and_profile();
        let folder = target.join("tmp").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for package in PACKAGES {
            link(&root().join(package), &folder.join(package));
        }
        Self { folder, names: Vec::new() }
    }

    /// Their workspace's folder, which has the packages of apitap, too.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a crate that calls the library `apitap`: paths within it, and their texts.
    #[must_use]
    pub fn with<'a>(
        self,
        name: &str,
        apitap: &str,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [lib]\npath = \"lib.rs\"\n\n\
             [dependencies]\n{apitap} = {{ package = \"apitap\", path = \"../apitap\" }}\n\n\
             [build-dependencies]\napitap-build = {{ path = \"../apitap-build\" }}\n"
        );
        let mut all: Vec<(&str, &str)> = vec![("Cargo.toml", &manifest)];
        for (path, text) in files {
            all.push((path, text));
        }
        self.with_package(name, all)
    }

    /// Adds a package that has a manifest among its files.
    #[must_use]
    pub fn with_package<'a>(
        mut self,
        name: &str,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let folder = self.folder.join(name);
        let mut current = Vec::new();
        for (path, text) in files {
            let path = folder.join(path);
            write(&path, text);
            current.push(path);
        }
        remove_others(&folder, &current);
        self.names.push(name.to_owned());
        self
    }

    /// A call of cargo that compiles them without compiling a dependency again: `build`, `test`.
    pub fn cargo(&self, command: &str) -> Command {
        self.write_workspace();
        let (target, profile) = target_and_profile();
        let mut cargo = Command::new(cargo());
        forget_the_test(|variable| {
            cargo.env_remove(variable);
        });
        cargo
            .args([command, "--workspace", "--offline", "--message-format", "json"])
            .args(["--profile", &profile, "--target-dir"])
            .arg(target)
            .current_dir(&self.folder);
        cargo
    }

    /// Compiles all of them; what the compiler and clippy have to say of each crate.
    ///
    /// A build that fails for another reason than that fails the test.
    pub fn compile(self) -> BTreeMap<String, Vec<String>> {
        let output = self
            .cargo("build")
            .args(["--lib", "--keep-going"])
            // As a wrapper clippy lints what is compiled now, and leaves alone what is there.
            .env("RUSTC_WRAPPER", cargo().with_file_name("clippy-driver"))
            .output()
            .unwrap();
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut said: BTreeMap<_, _> = self.names.into_iter().map(|n| (n, Vec::new())).collect();
        let mut finished = false;
        for line in stdout.lines() {
            let message: Value = serde_json::from_str(line).expect("cargo writes JSON");
            match message["reason"].as_str() {
                Some("compiler-message") => {
                    let name = message["target"]["name"].as_str().unwrap_or_default();
                    let name = name.replace('_', "-");
                    let text = message["message"]["rendered"].as_str().unwrap_or_default();
                    let known = said.get_mut(&name);
                    let known = known.unwrap_or_else(|| panic!("`{name}` has a finding: {text}"));
                    let text = without_paths(text);
                    // What follows the findings counts them. With incremental compilation rustc says some twice.
                    if message["message"]["spans"] != Value::Array(Vec::new())
                        && !known.contains(&text)
                    {
                        known.push(text);
                    }
                }
                Some("build-finished") => finished = true,
                _ => {}
            }
        }
        assert!(finished, "cargo did not get to the end: {stderr}");
        let failed = said.values().flatten().any(|text| text.starts_with("error"));
        assert_eq!(output.status.success(), !failed, "{stderr}");
        said
    }

    /// The manifest of this workspace with other members, and its lock file.
    fn write_workspace(&self) {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let names: Vec<_> = self.names.iter().map(String::as_str).chain(PACKAGES).collect();
        let manifest: String = manifest
            .lines()
            .map(|line| match line.starts_with("members = ") {
                true => format!("members = {names:?}\n"),
                false => format!("{line}\n"),
            })
            .collect();
        assert!(manifest.contains(&format!("{names:?}")), "the manifest has no line of members");
        write(&self.folder.join("Cargo.toml"), &manifest);
        let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
        write(&self.folder.join("Cargo.lock"), &lock);
    }
}

/// The cargo that runs the tests.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").expect("cargo runs the tests").into()
}

/// What differs from machine to machine: where the target folder is.
fn without_paths(text: &str) -> String {
    let line = |line: &str| match (line.find("/"), line.find("/out/apitap_pipelines.rs")) {
        (Some(start), Some(end)) if line.trim_start().starts_with("-->") => {
            format!("{}$OUT_DIR{}\n", &line[..start], &line[end + "/out".len()..])
        }
        _ => format!("{}\n", line.trim_end()),
    };
    text.trim_end().lines().map(line).collect()
}

/// Removes the files that an earlier run has left behind.
fn remove_others(folder: &Path, current: &[PathBuf]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            remove_others(&path, current);
        } else if !current.contains(&path) {
            std::fs::remove_file(&path).unwrap();
        }
    }
}

fn link(to: &Path, from: &Path) {
    match std::fs::read_link(from) {
        Ok(current) if current == to => {}
        Ok(_) => {
            std::fs::remove_file(from).unwrap();
            std::os::unix::fs::symlink(to, from).unwrap();
        }
        Err(_) => std::os::unix::fs::symlink(to, from).unwrap(),
    }
}

/// A file that is right as it is keeps its time, so that nothing is compiled in vain.
fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|current| current == text) {
        return;
    }
    std::fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
