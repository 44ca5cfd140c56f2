//! Functions that are written in Rust: whether a query can call them by their names.

use super::query;
use crate::codes;
use crate::diagnostic::{Finding, Findings};
use crate::spec::{FunctionSpec, Project};

/// Checks the functions of a project; those with findings are among the broken ones afterwards.
pub(crate) fn check_all(project: &mut Project, findings: &mut Findings) {
    let (good, bad) = std::mem::take(&mut project.functions)
        .into_iter()
        .partition::<Vec<_>, _>(|function| check(function, findings));
    project.functions = good;
    bad.into_iter().for_each(|spec| project.broken_functions.add(Some(spec.function.name)));
}

/// Whether a query can call the function; a finding says why not.
pub fn check(spec: &FunctionSpec, findings: &mut Findings) -> bool {
    let name = &spec.function.name;
    if name.chars().any(char::is_uppercase) {
        let message = format!("`{name}` has capital letters, which SQL does not tell apart");
        findings.push(
            Finding::error(codes::FUNCTION_EXISTS, message, &spec.place)
                .help(format!("name it in lower case: `{}`", crate::names::snake(name))),
        );
        return false;
    }
    let Some(hidden) = query::hides(name) else { return true };
    findings.push(
        Finding::error(
            codes::FUNCTION_EXISTS,
            format!("`{name}` is {hidden} already"),
            &spec.place,
        )
        .label("a query could not tell which is meant")
        .help(format!("give it another name, as in `my_{name}`")),
    );
    false
}
