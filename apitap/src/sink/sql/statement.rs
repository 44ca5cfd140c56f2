//! The statements that put rows that wait into a table.
//!
//! A staging table has a column `seq`, the number of the row, and one column for each of the load's,
//! named by its place ([`staged`]): no name of a user can clash there.

use super::{Dialect, Inbox, Place};
use crate::definition::Mode;
use crate::definition::table::TableName;
use crate::sink::Load;

/// The staging table's name.
pub(in crate::sink) const STAGING: &str = "apitap_staging";

/// The staging table's name of the column at that place of the rows.
pub(in crate::sink) fn staged(place: usize) -> String {
    format!("c{place}")
}

/// An identifier in double quotes, as the standard has it.
pub(in crate::sink) fn double_quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Several identifiers, in parentheses.
pub(in crate::sink) fn list<'a>(
    dialect: &impl Dialect,
    identifiers: impl IntoIterator<Item = &'a str>,
) -> String {
    let quoted: Vec<_> = identifiers.into_iter().map(|name| dialect.quote(name)).collect();
    format!("({})", quoted.join(", "))
}

/// A table's name as it was written, quoted.
pub(in crate::sink) fn written(dialect: &impl Dialect, table: &TableName) -> String {
    match &table.schema {
        Some(schema) => dialect.qualified(schema, &table.name),
        None => dialect.quote(&table.name),
    }
}

/// Creates a table for the load; `constraints` come after the columns.
pub(in crate::sink) fn create_table(
    dialect: &impl Dialect,
    load: &Load,
    table: &str,
    constraints: Option<String>,
) -> String {
    let columns = load.creates.iter().map(|column| {
        let ty = dialect.column_type(&column.ty, load.is_key(column));
        let not_null = if column.required.is_some() { " NOT NULL" } else { "" };
        format!("{} {ty}{not_null}", dialect.quote(&column.name))
    });
    let lines: Vec<_> = columns.chain(constraints).collect();
    format!("CREATE TABLE {table} (\n  {}\n)", lines.join(",\n  "))
}

/// The key as a constraint, where rows replace one another.
pub(in crate::sink) fn primary_key(dialect: &impl Dialect, load: &Load) -> Option<String> {
    let key = || format!("PRIMARY KEY {}", list(dialect, load.key_names()));
    (!load.key.is_empty()).then(key)
}

/// The query of all rows that wait.
pub(super) fn every_row(inbox: &Inbox) -> String {
    // Without a WHERE, SQLite takes ON CONFLICT for part of a join.
    format!("SELECT {} FROM {} WHERE true", inbox.values.join(", "), inbox.table)
}

/// The query of the last row of each key.
pub(super) fn last_rows(load: &Load, inbox: &Inbox) -> String {
    let table = &inbox.table;
    match staged_key(load).as_str() {
        "" => every_row(inbox),
        // Only keys and numbers are hashed, not whole rows.
        key => format!(
            "SELECT {} FROM {table} WHERE seq IN (SELECT max(seq) FROM {table} GROUP BY {key})",
            inbox.values.join(", ")
        ),
    }
}

/// The staging table's names of the key's columns.
pub(in crate::sink) fn staged_key(load: &Load) -> String {
    load.key.iter().map(|&place| staged(place)).collect::<Vec<_>>().join(", ")
}

/// Puts the rows of a query into the table; `upsert` where those that are there are to be updated.
pub(in crate::sink) fn insert<D: Dialect>(
    dialect: &D,
    load: &Load,
    table: &Place,
    rows: &str,
    new: bool,
) -> String {
    let names = list(dialect, load.columns.iter().map(|column| column.name.as_str()));
    let upsert = match load.mode {
        Mode::Merge if !new => dialect.upsert(load),
        _ => String::new(),
    };
    format!("INSERT INTO {table} {names}\n{rows}{upsert}")
}

/// `ON CONFLICT …`: rows that are there get the new values.
pub(super) fn on_conflict(load: &Load, quote: impl Fn(&str) -> String) -> String {
    let key: Vec<_> = load.key_names().map(&quote).collect();
    let key = key.join(", ");
    let updates: Vec<_> = load
        .columns
        .iter()
        .filter(|column| !load.is_key(column))
        .map(|column| quote(&column.name))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    match updates.is_empty() {
        true => format!("\nON CONFLICT ({key}) DO NOTHING"),
        false => format!("\nON CONFLICT ({key}) DO UPDATE SET {}", updates.join(", ")),
    }
}
