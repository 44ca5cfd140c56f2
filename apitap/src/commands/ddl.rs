//! `schema`: the statements that create the tables of pipelines; with `--diff`, those that change the tables that are
//! there. Nothing is changed.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::asked::asked;
use super::output::{self, FAINT, styled, usage};
use super::{Choice, Format, Options};
use crate::definition::Definition;
use crate::definition::shared::Table;
use crate::schema::notation;
use crate::sink::{self, Difference, Load};
use crate::{Environment, Pipeline, Result, engine};

/// What is said in place of statements.
const UNKNOWN: &str = "-- the columns are not known before a run: a source has no `schema:`";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Look at the tables that are there, and print what would change them; the exit code is 1 where a run would not
    #[arg(long)]
    pub(crate) diff: bool,
}

/// Prints how the tables of pipelines differ from what their rows need.
pub(super) fn differences(pipelines: &[&Pipeline], options: &Options) -> ExitCode {
    let look = async |pipeline, environment| {
        engine::differences(pipeline, environment).await.map(|found| vec![found])
    };
    let found = match asked(pipelines, options, look) {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return output::failed(error),
        Err(message) => return usage(&message),
    };
    let is_left = |found: &Vec<Difference>| found.iter().any(|one| !one.is_made);
    let left = found.iter().any(|(_, found)| found.as_ref().is_some_and(is_left));
    let text = match options.format {
        Format::Text => found.iter().map(changes).collect::<Vec<_>>().join("\n\n"),
        Format::Json => {
            format!("{:#}", found.iter().map(machine).collect::<serde_json::Value>())
        }
    };
    output::print(&text, ExitCode::from(u8::from(left)))
}

/// A pipeline, and how its table differs, where its columns are known.
type Found<'a> = (&'a str, Option<Vec<Difference>>);

/// As statements for a database, with what each is for before it.
fn changes((pipeline, found): &Found<'_>) -> String {
    let title = styled(FAINT, format_args!("-- {pipeline}"));
    let found = match found.as_deref() {
        None => return format!("{title}\n{UNKNOWN}"),
        Some([]) => return format!("{title}\n-- the table is as the rows need it"),
        Some(found) => found,
    };
    let change = |Difference { what, statement, is_made }: &Difference| {
        let who = if *is_made { "a run does that" } else { "a run does not do that" };
        let what = what.replace('\n', "\n-- ");
        let statement = statement.as_ref().map(|statement| format!("\n{statement};"));
        format!("-- {what}: {who}{}", statement.unwrap_or_default())
    };
    format!("{title}\n{}", found.iter().map(change).collect::<Vec<_>>().join("\n"))
}

fn machine((pipeline, found): &Found<'_>) -> serde_json::Value {
    let differences = found.as_ref().map(|found| {
        let one = |Difference { what, statement, is_made }: &Difference| {
            json!({"what": what, "statement": statement, "made_by_a_run": is_made})
        };
        found.iter().map(one).collect::<Vec<_>>()
    });
    json!({"pipeline": pipeline, "differences": differences})
}

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
        None => UNKNOWN.to_owned(),
    }
}
