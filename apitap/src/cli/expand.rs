//! `apitap expand`: the Rust that a build generates, to be read, or to be taken over by hand.

use std::process::ExitCode;

use apitap_build::check::Schemas;
use apitap_build::codegen;
use apitap_build::compile::origin;
use apitap_build::diagnostic::Finding;
use apitap_build::nearest::did_you_mean;
use apitap_build::project::Compiled;

use super::{Project, findings, print};
use crate::commands::output::{self, usage};

/// Prints the module of a pipeline, or the whole generated file, exactly as a build writes it.
///
/// What is wrong goes to standard error: then the exit code is 1, and a broken pipeline has no Rust.
pub(super) fn expand(project: &Project, pipeline: Option<&str>) -> ExitCode {
    // As a build does: without schemas there are no types.
    let compiled = project.compile(Schemas::Declared);
    match pipeline {
        Some(name) => one(project, &compiled, name),
        None => all(project, &compiled),
    }
}

fn all(project: &Project, compiled: &Compiled) -> ExitCode {
    findings::print(&compiled.files, &compiled.findings);
    let text = codegen::file(&origin(project.yaml(), &project.modules()), compiled);
    print(&text, ExitCode::from(u8::from(compiled.has_errors())))
}

fn one(project: &Project, compiled: &Compiled, name: &str) -> ExitCode {
    if let Some(module) = codegen::module_of(name, compiled) {
        return print(&module, ExitCode::SUCCESS);
    }
    let broken = compiled.broken.iter().map(|broken| broken.name.as_str());
    if broken.clone().any(|broken| broken == name) {
        let of_it = |finding: &&Finding| {
            findings::pipeline(project, compiled, finding).is_none_or(|pipeline| pipeline == name)
        };
        findings::print(&compiled.files, compiled.findings.iter().filter(of_it));
        output::tell(&format!("nothing is generated for `{name}`: fix the errors above first"));
        return ExitCode::FAILURE;
    }
    let known = compiled.pipelines.iter().map(|checked| checked.definition.name.as_str());
    let help = did_you_mean("pipeline", name, known.chain(broken));
    usage(&format!("there is no pipeline `{name}`\nhelp: {help}"))
}
