//! What apitap is made of: licences that may be shipped in a binary, from one registry, and the oldest
//! Rust that compiles it.

use std::process::Command;

use apitap_tests::process::finish;
use apitap_tests::readme::root;
use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use super::runs::LIMIT;

/// Licences that ask for no more than a notice. One is added here after its text has been read.
const ALLOWED: [&str; 10] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// All packages of the lock file, with all features.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"]);
    let listed = finish(cargo.current_dir(root()), LIMIT);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let metadata: Value = serde_json::from_str(&listed.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

/// Why a licence is not allowed; `None` where it is.
fn refused(licence: &str) -> Option<String> {
    let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("`{licence}` cannot be parsed: {}", error.reason)),
    };
    let allowed = ALLOWED.map(|name| Licensee::parse(name).expect("it is a licence"));
    let is_allowed =
        expression.evaluate(|wanted| allowed.iter().any(|ours| ours.satisfies(wanted)));
    (!is_allowed).then(|| format!("`{licence}` is not among the allowed licences"))
}

#[test]
fn every_dependency_has_a_licence_that_may_be_shipped() {
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    let refused: Vec<_> = packages
        .iter()
        .filter_map(|package| {
            let refused = refused(package["license"].as_str().unwrap_or_default())?;
            Some(format!("{} {}: {refused}", package["name"], package["version"]))
        })
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_licence_that_asks_for_more_is_refused() {
    assert_eq!(refused("MIT OR GPL-3.0-only"), None);
    assert_eq!(refused("MIT/Apache-2.0"), None);
    for licence in ["GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "BUSL-1.1", "", "free"] {
        assert!(refused(licence).is_some(), "{licence}");
    }
}

#[test]
fn every_dependency_is_from_the_registry_that_the_lock_file_names() {
    for package in packages() {
        let source = package["source"].as_str().unwrap_or("this repository");
        let known = ["registry+https://github.com/rust-lang/crates.io-index", "this repository"];
        assert!(known.contains(&source), "{} is from {source}", package["name"]);
    }
}

#[test]
fn the_oldest_rust_that_is_promised_is_the_one_that_compiles_it_here() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is a text");
    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the key is there");
        line.trim_matches([' ', '=', '"']).to_owned()
    };
    let promised = value(&read("Cargo.toml"), "rust-version");
    let compiles = value(&read("rust-toolchain.toml"), "channel");
    assert_eq!(compiles, format!("{promised}.0"), "rust-toolchain.toml and Cargo.toml differ");
    // No dependency needs a newer one: a user who has the promised one can build apitap.
    let minor = |version: &str| version.split('.').nth(1).and_then(|n| n.parse::<u32>().ok());
    for package in packages() {
        let needs = package["rust_version"].as_str().and_then(minor).unwrap_or_default();
        assert!(Some(needs) <= minor(&promised), "{} needs Rust 1.{needs}", package["name"]);
    }
}
