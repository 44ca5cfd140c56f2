//! What is printed is read as what it was: random values of all keys, as YAML.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::documents::group;
use crate::definition::Target;
use crate::diagnostic::{Files, Findings};
use crate::keys::Printed;
use crate::keys::file;
use crate::keys::group::{Group as _, Kinds as _};
use crate::keys::key::KeyType as _;
use crate::keys::shape::{GroupShape, KeyShape};
use crate::keys::source::{Described, Request};
use crate::keys::target::{Commits, Named, TargetKeys};
use crate::parse::yaml;
use crate::spec::{Project, project};

/// Reads a file of one source or target; `None` where there are errors.
fn read(key: &str, entry: &Printed) -> Option<Project> {
    let other = if key == "sources" { "targets" } else { "sources" };
    let text = format!("{key}: [{}]\n{other}: []\n", entry.yaml());
    let (mut files, mut findings) = (Files::default(), Findings::default());
    let file = files.add("pipelines.yaml", text.as_str());
    let node = yaml::parse(&files, file, &mut findings);
    let node = node.unwrap_or_else(|| panic!("not YAML: {text}\n{:?}", findings.0));
    let read = project(&node, &mut findings);
    (!findings.has_errors()).then_some(read)
}

/// A source's requests, and what it says besides.
fn source(entry: &Printed) -> Option<(Request, Described)> {
    let project = read("sources", entry)?;
    let spec = project.sources.first()?;
    Some((Request::plain(&spec.request), Described::plain(&spec.described)))
}

fn target(entry: &Printed) -> Option<Target> {
    Some(read("targets", entry)?.targets.first()?.target.clone())
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { max_global_rejects: 1 << 16, ..Config::with_cases(cases) })
}

#[test]
fn a_source_that_is_printed_is_read_as_what_it_was() {
    let read = |entries| {
        let first = source(&Printed::Map(entries));
        prop_assume!(first.is_some());
        let Some((request, described)) = first else { return Ok(()) };
        let mut keys = request.print_keys();
        keys.extend(described.print_keys());
        let printed = Printed::Map(keys);
        prop_assert_eq!(source(&printed), Some((request, described)), "{}", printed.yaml());
        Ok(())
    };
    runner(500).run(&group(&file::source()), read).expect("all of them");
}

#[test]
fn a_target_that_is_printed_is_read_as_what_it_was() {
    for kind in file::target().kinds {
        let name = Printed::Text(kind.name.to_owned());
        let mut keys: Vec<KeyShape> = Named::group().keys;
        keys.extend(Commits::group().keys);
        keys.extend(kind.keys.clone());
        let read = |mut entries: Vec<(String, Printed)>| {
            entries.push(("type".to_owned(), name.clone()));
            let first = target(&Printed::Map(entries));
            prop_assume!(first.is_some());
            let Some(target) = first else { return Ok(()) };
            let mut keys = Named { name: target.name.clone() }.print_keys();
            keys.extend(TargetKeys::of(&target).print_kind());
            keys.extend(Commits { checkpoint: target.checkpoint.clone() }.print_keys());
            let printed = Printed::Map(keys);
            prop_assert_eq!(self::target(&printed), Some(target), "{}", printed.yaml());
            Ok(())
        };
        runner(200).run(&group(&GroupShape { keys, ..kind }), read).expect("all of them");
    }
}
