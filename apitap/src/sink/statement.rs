//! The statements that put staged rows into a table: SQL that PostgreSQL and SQLite share.
//!
//! The staging table has a column `seq`, which grows with the rows as they arrived, and one column
//! for each of the load's, named by its place ([`staged`]): no name of a user can clash there.

use super::load::Load;
use crate::definition::Mode;

/// The staging table's name.
pub(super) const STAGING: &str = "apitap_staging";

/// The staging table's name of the column at that place of the rows.
pub(super) fn staged(place: usize) -> String {
    format!("c{place}")
}

/// An identifier as it stands in SQL: exactly as it was written, whatever is in it.
pub(super) fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Several of them, in parentheses.
pub(super) fn quote_all<'a>(identifiers: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = identifiers.into_iter().map(quote).collect();
    format!("({})", quoted.join(", "))
}

/// Creates the table, with columns of these types.
///
/// `target` is its quoted name; `constraints` come after the columns.
pub(super) fn create_table(
    load: &Load,
    target: &str,
    types: &[String],
    constraints: Option<String>,
) -> String {
    let columns = load.columns.iter().zip(types).map(|(column, ty)| {
        let not_null = if column.required.is_some() { " NOT NULL" } else { "" };
        format!("{} {ty}{not_null}", quote(&column.name))
    });
    let lines: Vec<_> = columns.chain(constraints).collect();
    format!("CREATE TABLE {target} (\n  {}\n)", lines.join(",\n  "))
}

/// The key as a constraint, where rows replace one another.
pub(super) fn primary_key(load: &Load) -> Option<String> {
    (!load.key.is_empty()).then(|| format!("PRIMARY KEY {}", quote_all(load.key_names())))
}

/// The staging table's names of the key's columns.
pub(super) fn staged_key(load: &Load) -> String {
    load.key.iter().map(|&place| staged(place)).collect::<Vec<_>>().join(", ")
}

/// The statements of the load's mode, in order; the last one's count of rows is what was stored.
///
/// `rows` is the query that yields the columns of the table, one row of each key. Where the table
/// is `new`, there is nothing to make way or to update.
pub(super) fn apply(load: &Load, target: &str, rows: &str, new: bool) -> Vec<String> {
    let names = quote_all(load.columns.iter().map(|column| column.name.as_str()));
    let insert = format!("INSERT INTO {target} {names}\n{rows}");
    match load.mode {
        Mode::Append => vec![insert],
        _ if new => vec![insert],
        Mode::Replace => vec![format!("DELETE FROM {target}"), insert],
        Mode::Merge => vec![insert + &on_conflict(load)],
    }
}

fn on_conflict(load: &Load) -> String {
    let key = quote_all(load.key_names());
    let updates: Vec<_> = load
        .columns
        .iter()
        .enumerate()
        .filter(|(place, _)| !load.key.contains(place))
        .map(|(_, column)| quote(&column.name))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    match updates.is_empty() {
        true => format!("\nON CONFLICT {key} DO NOTHING"),
        false => format!("\nON CONFLICT {key} DO UPDATE SET {}", updates.join(", ")),
    }
}
