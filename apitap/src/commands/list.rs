//! `list`: a line for each pipeline.

use std::process::ExitCode;

use serde_json::json;

use super::Format;
use super::output::{print, usage};
use crate::definition::Definition;
use crate::{Pipeline, Result};

/// Prints the pipelines: name, sources, target and table.
pub(super) fn list(pipelines: &[&Pipeline], format: Format) -> ExitCode {
    let definitions: Result<Vec<&Definition>> =
        pipelines.iter().map(|pipeline| pipeline.definition()).collect();
    let text = match (definitions, format) {
        (Err(error), _) => return usage(&error.to_string()),
        (Ok(definitions), Format::Text) => lines(&definitions),
        (Ok(definitions), Format::Json) => {
            let all: Vec<_> = definitions.iter().map(|definition| described(definition)).collect();
            format!("{:#}", serde_json::Value::from(all))
        }
    };
    print(&text, ExitCode::SUCCESS)
}

fn lines(definitions: &[&Definition]) -> String {
    let longest = definitions.iter().map(|one| one.name.chars().count()).max().unwrap_or_default();
    let line = |definition: &&Definition| {
        let name = &definition.name;
        format!("{name:longest$}  {} → {}", sources(definition).join(", "), definition.table)
    };
    definitions.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn described(definition: &Definition) -> serde_json::Value {
    json!({
        "name": definition.name,
        "description": definition.description,
        "sources": sources(definition),
        "target": definition.target.name,
        "table": definition.table,
        "mode": definition.mode,
        "key": definition.key,
    })
}

fn sources(definition: &Definition) -> Vec<&str> {
    definition.sources.iter().map(|source| source.name.as_str()).collect()
}
