//! `schema`: the statements that create the tables of pipelines.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::Format;
use super::output::{self, FAINT, styled, usage};
use crate::definition::Definition;
use crate::definition::shared::Table;
use crate::schema::notation;
use crate::sink::{self, Load};
use crate::{Environment, Pipeline, Result};

/// The tables of these pipelines, in their order.
fn tables(
    definitions: &[&Definition],
    known: &[Arc<Definition>],
    format: Format,
) -> Result<String> {
    let all = definitions.iter().map(|definition| statements(definition, known));
    let all = all.collect::<Result<Vec<_>>>()?;
    let tables = definitions.iter().zip(all);
    Ok(match format {
        Format::Text => {
            let texts = tables.map(|(definition, statements)| {
                let target = format!("-- {} → {}", definition.name, definition.target.name);
                let title = styled(FAINT, target);
                format!("{title}\n{}", statements.unwrap_or_else(|| columns(definition)))
            });
            texts.collect::<Vec<_>>().join("\n\n")
        }
        Format::Json => {
            let tables = tables.map(|(definition, statements)| {
                json!({
                    "pipeline": definition.name,
                    "table": definition.table,
                    "statements": statements,
                    "columns": definition.row.as_ref().map(|row| &row.fields),
                })
            });
            format!("{:#}", tables.collect::<serde_json::Value>())
        }
    })
}

/// Prints the tables of pipelines.
pub(super) fn print(
    pipelines: &[&Pipeline],
    known: &[Arc<Definition>],
    format: Format,
) -> ExitCode {
    let definitions: Result<Vec<_>> = pipelines.iter().map(|one| one.definition()).collect();
    match definitions.and_then(|definitions| tables(&definitions, known, format)) {
        Ok(text) => output::print(&text, ExitCode::SUCCESS),
        Err(error) => usage(&error.to_string()),
    }
}

/// What creates the table, where a statement does and the columns are known; with the columns that other
/// pipelines need which write it.
///
/// # Errors
/// The rows make no table.
pub(super) fn statements(
    definition: &Definition,
    known: &[Arc<Definition>],
) -> Result<Option<String>> {
    let Definition { row, target, .. } = definition;
    let Some(row) = row else { return Ok(None) };
    let table = Table::of(definition);
    let others = known.iter().filter(|other| other.name != definition.name);
    let others = others.filter(|other| table.is_some() && Table::of(other) == table);
    let rows = others.filter_map(|other| other.row.as_ref());
    let load = rows.fold(Load::of(definition, row)?, Load::beside);
    // Where the target is does not matter for what is said to it.
    let target = sink::resolve(target, &mut Environment::default());
    Ok(target.creation(&load))
}

/// The columns, where there is no statement.
fn columns(definition: &Definition) -> String {
    match &definition.row {
        Some(row) => {
            let columns = row.fields.iter().map(|field| {
                let ty = notation::type_text(&field.ty, field.nullable);
                format!("--   {}: {ty}", field.name)
            });
            columns.collect::<Vec<_>>().join("\n")
        }
        None => "-- the columns are not known before a run: a source has no `schema:`".to_owned(),
    }
}
