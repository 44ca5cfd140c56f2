//! The statements that put rows that wait into a table.
//!
//! A staging table has a column `seq`, the number of the row, and one column for each of the load's,
//! named by its place ([`staged`]): no name of a user can clash there.

use super::{Dialect, Inbox, Place};
use crate::definition::Mode;
use crate::definition::table::TableName;
use crate::sink::Load;
use crate::sink::load::Column;

/// The staging table's name.
pub(in crate::sink) const STAGING: &str = "apitap_staging";

/// How a merge names the row of the table, beside the one that came, which is `excluded`.
pub(in crate::sink) const THERE: &str = "there";

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
        let comment = dialect.column_comment(column);
        format!("{} {ty}{not_null}{comment}", dialect.quote(&column.name))
    });
    let lines: Vec<_> = columns.chain(constraints).collect();
    let lines = lines.join(",\n  ");
    format!(
        "CREATE TABLE {table} (\n  {lines}\n){}{}",
        options(dialect),
        dialect.table_comment(load)
    )
}

/// The statements that say what a new table and its columns are for, where CREATE TABLE does not say it;
/// `literal` writes a description.
pub(in crate::sink) fn comments(
    dialect: &impl Dialect,
    load: &Load,
    table: &str,
    literal: fn(&str) -> String,
) -> Vec<String> {
    let of_table = load.description.as_deref();
    let of_table = of_table.map(|text| format!("COMMENT ON TABLE {table} IS {}", literal(text)));
    let of_columns = load.creates.iter();
    let of_columns =
        of_columns.filter_map(|column| comment_on_column(dialect, table, column, literal));
    of_table.into_iter().chain(of_columns).collect()
}

/// The statement that says what a column is for, if anything does.
pub(in crate::sink) fn comment_on_column(
    dialect: &impl Dialect,
    table: &str,
    column: &Column,
    literal: fn(&str) -> String,
) -> Option<String> {
    let (name, text) = (dialect.quote(&column.name), literal(column.description.as_deref()?));
    Some(format!("COMMENT ON COLUMN {table}.{name} IS {text}"))
}

/// What stands behind the columns of a table.
pub(super) fn options<D: Dialect>(_: &D) -> &'static str {
    D::TABLE_OPTIONS
}

/// What creates the table of a load as its name was written, with its key, for people.
pub(in crate::sink) fn creation(dialect: &impl Dialect, load: &Load) -> String {
    let (table, key) = (written(dialect, &load.table), primary_key(dialect, load));
    format!("{};", create_table(dialect, load, &table, key))
}

/// The key as a constraint, where rows replace one another.
pub(in crate::sink) fn primary_key(dialect: &impl Dialect, load: &Load) -> Option<String> {
    let key = || dialect.key_constraint(&list(dialect, load.key_names()));
    (!load.key.is_empty()).then(key)
}

/// The query of all rows that wait.
pub(in crate::sink) fn every_row(inbox: &Inbox) -> String {
    // Without a WHERE, SQLite takes ON CONFLICT for part of a join.
    format!("SELECT {} FROM {} WHERE true", inbox.values.join(", "), inbox.table)
}

/// The query of the one row of each key that counts: the last one, or the first where known keys stay
/// as they are.
pub(super) fn one_of_each(load: &Load, inbox: &Inbox) -> String {
    let table = &inbox.table;
    let one = if load.mode == Mode::InsertNew { "min" } else { "max" };
    match staged_key(load).as_str() {
        "" => every_row(inbox),
        // Only keys and numbers are hashed, not whole rows.
        key => format!(
            "SELECT {} FROM {table} WHERE seq IN (SELECT {one}(seq) FROM {table} GROUP BY {key})",
            inbox.values.join(", ")
        ),
    }
}

/// The staging table's names of the key's columns.
pub(in crate::sink) fn staged_key(load: &Load) -> String {
    load.key.iter().map(|&place| staged(place)).collect::<Vec<_>>().join(", ")
}

/// What the rows meet in the table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meets<'a> {
    Nothing,
    /// Rows of earlier runs; `differs` as [`Dialect::differs`] gives it.
    Rows {
        differs: Option<&'a str>,
    },
}

/// What puts the rows of a query over the inbox into the table.
pub(super) fn store<D: Dialect>(
    dialect: &D,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
    rows: &str,
    meets: Meets<'_>,
) -> Vec<String> {
    match meets {
        Meets::Rows { differs } if load.mode.needs_key() => {
            dialect.merge(load, table, inbox, rows, differs)
        }
        _ => vec![insert(dialect, load, table, rows)],
    }
}

/// The query that counts the keys among the rows that wait.
pub(super) fn count_keys(load: &Load, inbox: &Inbox) -> String {
    format!(
        "SELECT CAST(count(*) AS text) FROM (SELECT 1 FROM {} GROUP BY {}) AS keys",
        inbox.table,
        staged_key(load)
    )
}

/// Adds the rows of a query.
fn insert(dialect: &impl Dialect, load: &Load, table: &Place, rows: &str) -> String {
    format!("INSERT INTO {table} {}\n{rows}", names(dialect, load))
}

/// The names of the columns, in parentheses.
fn names(dialect: &impl Dialect, load: &Load) -> String {
    list(dialect, load.columns.iter().map(|column| column.name.as_str()))
}

/// Adds the rows of a query to a table that is there, or updates those whose key is there: where
/// `differs` says when a row differs from the one that came, only such a row.
pub(in crate::sink) fn upsert(
    dialect: &impl Dialect,
    load: &Load,
    table: &Place,
    rows: &str,
    differs: Option<&str>,
) -> String {
    if !load.mode.needs_key() {
        return insert(dialect, load, table, rows);
    }
    let conflict = on_conflict(load, |name| dialect.quote(name));
    match differs {
        None => format!("{}{conflict}", insert(dialect, load, table, rows)),
        Some(differs) => {
            let names = names(dialect, load);
            format!("INSERT INTO {table} AS {THERE} {names}\n{rows}{conflict}\nWHERE {differs}")
        }
    }
}

/// Deletes the rows whose key is not among those that wait.
pub(in crate::sink) fn delete_missing(
    dialect: &impl Dialect,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> String {
    format!("DELETE {}", dialect.missing(load, table, inbox))
}

/// The query of one row whose key is not among those that wait, if there is one.
pub(super) fn one_missing(
    dialect: &impl Dialect,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> String {
    dialect.any_row(&dialect.missing(load, table, inbox))
}

/// `FROM … WHERE …`: the rows whose key is not among those that wait.
pub(super) fn missing(dialect: &impl Dialect, load: &Load, table: &Place, inbox: &Inbox) -> String {
    format!(
        "FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {} AS s WHERE {})",
        inbox.table,
        same_key(dialect, load, table)
    )
}

/// The query of one row that waits and whose key is not in the table, if there is one.
pub(super) fn one_not_in(
    dialect: &impl Dialect,
    load: &Load,
    table: &Place,
    inbox: &Inbox,
) -> String {
    dialect.any_row(&format!(
        "FROM {} AS s WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {})",
        inbox.table,
        same_key(dialect, load, table)
    ))
}

/// The condition that a row of the table has the key of the row `s` that waits.
fn same_key(dialect: &impl Dialect, load: &Load, table: &Place) -> String {
    let same = load.key.iter().filter_map(|&place| {
        let name = dialect.quote(&load.columns.get(place)?.name);
        Some(format!("s.{} = {table}.{name}", staged(place)))
    });
    same.collect::<Vec<_>>().join(" AND ")
}

/// `ON CONFLICT …`: rows that are there get the new values, or stay as they are.
pub(in crate::sink) fn on_conflict(load: &Load, quote: impl Fn(&str) -> String) -> String {
    let key: Vec<_> = load.key_names().map(&quote).collect();
    let key = key.join(", ");
    let updates: Vec<_> = load
        .columns
        .iter()
        .filter(|column| load.mode != Mode::InsertNew && !load.is_key(column))
        .map(|column| quote(&column.name))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    match updates.is_empty() {
        true => format!("\nON CONFLICT ({key}) DO NOTHING"),
        false => format!("\nON CONFLICT ({key}) DO UPDATE SET {}", updates.join(", ")),
    }
}
