//! Why a value or a table cannot be taken, in words: the same for every database.

use std::fmt::Display;

use super::load::{Column, Load, Required};
use crate::definition::Mode;
use crate::definition::database_url::Wrong;
use crate::definition::table::TableName;
use crate::{Error, ErrorKind};

/// A value that the database cannot hold; `why` goes on after "column … of row …".
pub(super) fn value(column: &Column, row: u64, why: &str) -> Error {
    Error::target(format!("column `{}` of row {row} {why}", column.name))
}

/// A null where a value must be.
pub(super) fn null(table: &TableName, column: &Column, required: Required, row: u64) -> Error {
    let name = &column.name;
    let help = format!("leave such rows out: `WHERE {name} IS NOT NULL`");
    match required {
        Required::Schema => value(column, row, "is null, but the schema says it never is"),
        Required::Key => {
            value(column, row, &format!("is null, but it belongs to the key of `{table}`"))
        }
    }
    .help(help)
}

/// A column that the table lacks.
pub(super) fn missing_column(table: &TableName, column: &Column, fix: String) -> Error {
    Error::target(format!("the table `{table}` has no column `{}`", column.name)).help(fix)
}

/// A column of the table whose type does not hold our values.
pub(super) fn column_type(
    table: &TableName,
    column: &Column,
    actual: &str,
    ours: &str,
    fix: String,
) -> Error {
    Error::target(format!(
        "column `{}` of the table `{table}` is `{actual}`, which does not hold every `{ours}`",
        column.name
    ))
    .help(fix)
}

/// A column of the key whose texts the database compares otherwise than byte by byte.
pub(super) fn inexact_key(table: &TableName, name: &str, collation: &str) -> Error {
    Error::target(format!(
        "column `{name}` of the table `{table}` is of the key, and the collation `{collation}` takes texts as equal \
         that are not the same"
    ))
}

/// A column of the table that takes no null, and of which the query may yield one.
pub(super) fn takes_no_null(table: &TableName, column: &Column, fix: &str) -> Error {
    let name = &column.name;
    Error::target(format!(
        "column `{name}` may be null, and in the table `{table}` it is NOT NULL"
    ))
    .help(format!(
        "{fix}; or leave such rows out: `WHERE {name} IS NOT NULL`; or declare the field as one that is \
         never null: `!`"
    ))
}

/// A column of the table that must have a value, and for which there is none.
pub(super) fn extra_column(table: &TableName, name: &str, fix: String) -> Error {
    Error::target(format!(
        "column `{name}` of the table `{table}` is NOT NULL without a default, and the query does \
         not yield it"
    ))
    .help(fix)
}

/// A table without a unique constraint over exactly the key.
pub(super) fn no_unique_key(load: &Load, fix: String) -> Error {
    let table = &load.table;
    let key: Vec<_> = load.key_names().map(|name| format!("`{name}`")).collect();
    Error::target(format!(
        "the table `{table}` cannot be merged into: nothing says that {} {} unique in it",
        key.join(", "),
        if key.len() == 1 { "is" } else { "together are" }
    ))
    .help(fix)
}

/// Something of that name which is no table.
pub(super) fn not_a_table(table: &TableName, kind: &str) -> Error {
    Error::target(format!("`{table}` is a {kind}, not a table")).help("name another table")
}

/// A table of runs that somebody else has written.
pub(super) fn foreign_runs(name: &str, table: &str) -> Error {
    Error::target(format!("`{name}` beside {table} holds rows that apitap did not write"))
        .help("drop it, or rename it: the next run makes a new one")
}

/// Rows that got lost between us and the database: never to be passed over.
pub(super) fn lost(table: &TableName, received: u64, staged: u64) -> Error {
    Error::target(format!(
        "{received} rows were to go into `{table}`, but only {staged} have arrived; nothing was \
         changed"
    ))
}

/// A commit while rows are on their way.
pub(super) fn open_writer(table: &TableName) -> Error {
    Error::target(format!(
        "the rows for `{table}` cannot be committed: a writer has failed, or was never closed"
    ))
}

/// An end without a commit.
pub(super) fn uncommitted(table: &TableName, rows: u64) -> Error {
    Error::target(format!("{rows} rows for `{table}` were written and never committed"))
        .help("this is a mistake in apitap: please report it")
}

/// What a load that deletes rows cannot do, and what to do instead.
fn deletion(load: &Load) -> (String, &'static str) {
    let table = &load.table;
    match load.mode {
        Mode::Replace => (format!("`{table}` cannot be replaced"), "use the mode `merge`"),
        Mode::Append | Mode::Merge | Mode::InsertNew => {
            (format!("`delete_missing` cannot delete rows of `{table}`"), "remove `delete_missing`")
        }
    }
}

/// A table whose rows this user does not all see.
pub(super) fn hidden_rows(load: &Load) -> Error {
    let (cannot, instead) = deletion(load);
    Error::target(format!(
        "{cannot}: row security hides rows of it from this user, and they would stay"
    ))
    .help(format!("connect as the owner of the table or as a user with BYPASSRLS, or {instead}"))
}

/// Checks the foreign keys that refer to a table whose rows are to be deleted, as rows of the database's catalog: the
/// referring table, its ON DELETE action, and `itself` where it is the same table. Those of other tables come first.
///
/// # Errors
/// Rows of another table would be changed with them, or rows of the run.
pub(super) fn check_referring(load: &Load, referring: Vec<Vec<String>>) -> crate::Result<()> {
    match referring.into_iter().find_map(|row| <[String; 3]>::try_from(row).ok()) {
        Some([_, action, which]) if which == "itself" => match load.keeps_rows() {
            true => Err(refers_to_itself(load, &action)),
            false => Ok(()),
        },
        Some([other, action, _]) => Err(referred_to(load, &other, &action)),
        None => Ok(()),
    }
}

/// A table on whose rows those of another table depend.
pub(super) fn referred_to(load: &Load, other: &str, action: &str) -> Error {
    let (cannot, instead) = deletion(load);
    Error::target(format!(
        "{cannot}: the table `{other}` refers to it with ON DELETE {action}, and would be changed with it"
    ))
    .help(format!("{instead}, or give the foreign key another action (NO ACTION)"))
}

/// A table whose rows refer to others of it, and change with those that are deleted.
pub(super) fn refers_to_itself(load: &Load, action: &str) -> Error {
    let (cannot, instead) = deletion(load);
    Error::target(format!(
        "{cannot}: it refers to itself with ON DELETE {action}, and rows of the run would be changed with those that \
         are deleted"
    ))
    .help(format!("{instead}, or give the foreign key another action (NO ACTION)"))
}

/// A view that needs what a table is about to lose; `said` is what the database said.
pub(super) fn needed_by(table: &TableName, view: &str, said: &str) -> Error {
    Error::target(format!(
        "`{table}` cannot get the columns of the query: the view `{view}` needs another ({said})"
    ))
    .help("drop the view, and recreate it after the run")
}

/// A table that would be made anew, and has something that would not be made with it.
pub(super) fn not_made_anew(table: &TableName, what: &str) -> Error {
    Error::target(format!(
        "`{table}` cannot get the columns of the query: SQLite would have to make it anew, and it has {what}, which \
         would be lost"
    ))
    .help("drop the table, and the run creates it; or make it anew yourself, with the columns of the query")
}

/// A table that cannot get other columns in the transaction of its rows.
pub(super) fn not_renewed(table: &TableName, target: &str) -> Error {
    Error::target(format!(
        "{target} cannot change the columns of `{table}` in the transaction that replaces its rows"
    ))
    .help("use `evolve=\"freeze\"`, and run the statements that it prints")
}

/// A table whose rows are those of another table, too.
pub(super) fn inherited(load: &Load, heir: &str, table: impl Display) -> Error {
    let (cannot, instead) = deletion(load);
    Error::target(format!(
        "{cannot}: the table `{heir}` inherits from it, and its rows would be deleted, too"
    ))
    .help(format!("{instead}, or end the inheritance: ALTER TABLE {heir} NO INHERIT {table}"))
}

/// A DELETE that did not remove all rows that it should.
pub(super) fn kept_rows(load: &Load) -> Error {
    let (cannot, instead) = deletion(load);
    let which = match load.mode {
        Mode::Replace => "rows are still there after a DELETE of all of them",
        Mode::Append | Mode::Merge | Mode::InsertNew => {
            "rows whose key did not come are still there after their DELETE"
        }
    };
    Error::target(format!("{cannot}: {which}; nothing was changed"))
        .help(format!("a trigger or a rule of the table keeps them: drop it, or {instead}"))
}

/// A refresh that would delete everything.
pub(super) fn nothing_came(table: &TableName) -> Error {
    Error::target(format!(
        "the run yielded no rows, and `delete_missing` would delete all rows of `{table}`; nothing was \
         changed"
    ))
    .help("look why it has none; where that is as it should be, say `allow_empty: true` in each source")
}

/// A table that somebody has dropped while rows were on their way to it.
pub(super) fn gone(table: &TableName) -> Error {
    Error::target(format!(
        "the table `{table}` was there when the run began, and is gone; nothing more was stored"
    ))
    .help("find out what drops it; the next run creates it anew, with its own rows only")
}

/// A run whose lock was lost, and that another one of the pipeline has overtaken.
pub(super) fn overtaken(load: &Load) -> Error {
    let (pipeline, table) = (&load.pipeline, &load.table);
    Error::target(format!(
        "the connection that keeps the lock of this run was lost, and another run of `{pipeline}` has loaded into \
         `{table}` since; nothing more was stored"
    ))
    .help("run it again, if what that run has loaded is not enough")
}

/// SQL of the user's that did not run; `said` is what the database said.
pub(super) fn hook(target: &str, name: &str, said: &str) -> Error {
    Error::target(format!("{target} refused the SQL of `{name}`: {said}"))
}

/// SQL of the user's that has ended the transaction of the rows.
pub(super) fn ended_by_hook(name: &str) -> Error {
    Error::target(format!("the SQL of `{name}` ended the transaction that it was to run in")).help(
        "leave out COMMIT and ROLLBACK; in MySQL, each CREATE, ALTER, DROP and TRUNCATE commits",
    )
}

/// Rows whose keys are not in the table behind an INSERT of them.
pub(super) fn kept_out(table: &TableName) -> Error {
    Error::target(format!("not all rows were stored in `{table}`; nothing was changed"))
        .help(KEEPS_OUT)
}

/// What has kept rows out of a table.
const KEEPS_OUT: &str =
    "a trigger or a rule of the table keeps rows out: drop it, or name the table that it fills";

/// Rows that an INSERT did not store.
pub(super) fn swallowed(table: &TableName, rows: u64, stored: u64) -> Error {
    Error::target(format!(
        "only {stored} of {rows} rows were stored in `{table}`; nothing was changed"
    ))
    .help(KEEPS_OUT)
}

/// What is wrong with a parameter of a URL.
pub(super) fn parameter(wrong: Wrong) -> Error {
    Error::config(wrong.message).help(wrong.help)
}

/// Another run of the pipeline; `who` goes on after "another run of … is loading into …: ", and `end` says how
/// to end it where its program is gone.
pub(super) fn busy(load: &Load, who: &str, end: Option<&str>) -> Error {
    let (pipeline, table) = (&load.pipeline, &load.table);
    let message = format!("another run of `{pipeline}` is loading into `{table}`: {who}");
    let end = end.map(|end| format!("; if its program is gone, {end}")).unwrap_or_default();
    Error::new(ErrorKind::Busy, message)
        .help(format!("let it finish, or have this one wait: `run --wait 10m`{end}"))
}
