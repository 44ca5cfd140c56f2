//! A table whose rows are all replaced gets other columns: it is dropped and made anew.
//!
//! Its indices and triggers are made anew, too, as they were written. Views name the table, and stay; one that
//! no longer works is an error, as is an index of a column that is gone, and anything else that the new table would not
//! have.

use sqlx::SqliteConnection;

use super::{Sqlite, refused};
use crate::Result;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{Dialect as _, Place, keys};

/// Within a transaction, which takes it all back where something does not work.
pub(super) async fn renew(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let to_change = |error| refused(load, "to give other columns to", &error);
    if let Some(what) = lost(sqlite, connection, load, table).await.map_err(to_change)? {
        return Err(refusal::not_made_anew(&load.table, &what));
    }
    let hanging = "SELECT sql FROM main.sqlite_schema
                   WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL
                   ORDER BY type, name";
    let hanging = sqlite.rows(connection, hanging, &[&table.name]).await.map_err(to_change)?;
    let views = "SELECT name FROM main.sqlite_schema WHERE type = 'view' ORDER BY name";
    let views = sqlite.rows(connection, views, &[]).await.map_err(to_change)?;
    let mut work = Vec::new();
    for view in views.into_iter().flatten() {
        if works(sqlite, connection, &view).await.is_ok() {
            work.push(view);
        }
    }
    sqlite.execute(connection, &format!("DROP TABLE {table}")).await.map_err(to_change)?;
    sqlite.create(connection, load, table).await.map_err(to_change)?;
    for statement in hanging.iter().flatten() {
        sqlite.execute(connection, statement).await.map_err(to_change)?;
    }
    for view in work {
        if let Err(error) = works(sqlite, connection, &view).await {
            let said = super::file::said(&error);
            return Err(refusal::needed_by(&load.table, &view, &said));
        }
    }
    Ok(())
}

async fn works(sqlite: &Sqlite, connection: &mut SqliteConnection, view: &str) -> sqlx::Result<()> {
    let select = format!("EXPLAIN SELECT * FROM main.{}", sqlite.quote(view));
    sqlite.execute(connection, &select).await.map(drop)
}

const DEFAULT: &str = "SELECT name FROM pragma_table_xinfo(?1, 'main')
    WHERE dflt_value IS NOT NULL AND hidden = 0 LIMIT 1";

const COMPUTED: &str = "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 0 LIMIT 1";

const FOREIGN_KEY: &str = "SELECT \"table\" FROM pragma_foreign_key_list(?1, 'main') LIMIT 1";

/// Those of UNIQUE in the definition of the table: one column a row.
const UNIQUE: &str = "SELECT l.name, i.name
    FROM pragma_index_list(?1, 'main') l, pragma_index_info(l.name, 'main') i
    WHERE l.origin = 'u' ORDER BY l.name, i.seqno";

const DEFINITION: &str =
    "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";

/// What a table has that one of the load would not have; `None` where there is nothing.
async fn lost(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    table: &Place,
) -> sqlx::Result<Option<String>> {
    let name = [table.name.as_str()];
    for (query, what) in [
        (DEFAULT, "a DEFAULT of the column"),
        (COMPUTED, "a computed column"),
        (FOREIGN_KEY, "a FOREIGN KEY that refers to"),
    ] {
        let found = sqlite.rows(connection, query, &name).await?;
        if let Some(which) = found.into_iter().flatten().next() {
            return Ok(Some(format!("{what} `{which}`")));
        }
    }
    let parts = sqlite.rows(connection, UNIQUE, &name).await?;
    let parts: Vec<[String; 2]> = parts.into_iter().filter_map(|row| row.try_into().ok()).collect();
    let of_load = |columns: &Vec<String>| {
        let is_key = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        columns.len() == load.key.len() && load.key_names().all(is_key)
    };
    if let Some(unique) = keys(&parts).into_iter().find(|columns| !of_load(columns)) {
        return Ok(Some(format!("UNIQUE ({})", unique.join(", "))));
    }
    let definition = sqlite.rows(connection, DEFINITION, &name).await?;
    let words = words(&definition.into_iter().flatten().next().unwrap_or_default());
    let found = LOST.iter().find(|lost| words.iter().any(|word| word == *lost));
    Ok(found.map(|word| (*word).to_owned()))
}

/// What a definition says of a table beyond its columns, keys and defaults.
const LOST: [&str; 5] = ["CHECK", "COLLATE", "AUTOINCREMENT", "STRICT", "WITHOUT"];

/// The words of a definition in capitals, without names in quotes, texts and comments.
fn words(definition: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = definition;
    while let Some(first) = rest.chars().next() {
        let behind = |end: &str| rest.split_once(end).map_or("", |(_, behind)| behind);
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        rest = match first {
            '"' | '\'' | '`' | '[' => {
                let end = if first == '[' { ']' } else { first };
                let inner = rest.strip_prefix(first).unwrap_or_default();
                inner.split_once(end).map_or("", |(_, behind)| behind)
            }
            _ if rest.starts_with("--") => behind("\n"),
            _ if rest.starts_with("/*") => behind("*/"),
            _ if is_word(first) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                words.push(word.to_ascii_uppercase());
                behind
            }
            _ => rest.strip_prefix(first).unwrap_or_default(),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_quotes_and_comments_is_no_word_of_a_definition() {
        let check = |definition: &str, expected: &[&str]| {
            assert_eq!(words(definition), expected, "{definition}");
        };
        check(
            "CREATE TABLE t (a int check (a > 0))",
            &["CREATE", "TABLE", "T", "A", "INT", "CHECK", "A", "0"],
        );
        check("\"check\" 'check' `check` [check] x", &["X"]);
        check("'it''s check' /* check */ a -- check\nb", &["A", "B"]);
        check("'never ended check", &[]);
        check("größe TEXT", &["GRößE", "TEXT"]);
    }
}
