//! What a SQLite file says of a table, and whether our rows fit in.
//!
//! SQLite converts what it stores by the *affinity* of the column's declared type. A column holds
//! our values if its affinity leaves them as they are.

use crate::Result;
use crate::schema::Type;
use crate::schema::scalar::Domain;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{self, Change, Dialect, Found, FoundColumn, Place};

/// The declared type of a column that we create.
pub(in crate::sink) fn sql(ty: &Type) -> &'static str {
    match ty.domain() {
        Some(Domain::Bool | Domain::Whole(..)) => "INTEGER",
        Some(Domain::Float(_)) => "REAL",
        Some(Domain::Bytes) => "BLOB",
        _ => "TEXT",
    }
}

const KIND: &str = "SELECT type FROM main.sqlite_schema
    WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'index')";

const COLUMNS: &str =
    "SELECT name, type, CAST(\"notnull\" <> 0 AS TEXT), CAST(dflt_value IS NOT NULL AS TEXT),
           CAST(pk = 1 AND (SELECT max(pk) FROM pragma_table_xinfo(?1, 'main')) = 1 AS TEXT),
           CAST(hidden <> 0 AS TEXT)
    FROM pragma_table_xinfo(?1, 'main')";

/// What ON CONFLICT can use: whole-table, over plain columns, compared as they are.
const UNIQUE_KEYS: &str = "SELECT l.name, i.name
    FROM pragma_index_list(?1, 'main') l, pragma_index_xinfo(l.name, 'main') i
    WHERE l.\"unique\" <> 0 AND l.partial = 0 AND i.key <> 0
      AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(l.name, 'main') x
                      WHERE x.key <> 0 AND (x.name IS NULL OR x.coll <> 'BINARY'))
    ORDER BY l.name";

const REFERRING: &str = "SELECT t.name, f.on_delete,
           CASE WHEN t.name = ?1 COLLATE NOCASE THEN 'itself' ELSE '' END
    FROM main.sqlite_schema t, pragma_foreign_key_list(t.name, 'main') f
    WHERE t.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE
      AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
    ORDER BY 3, 1 LIMIT 1";

const TRIGGERS: &str = "SELECT name FROM main.sqlite_schema
    WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE LIMIT 1";

/// The table of that name, if there is one.
pub(in crate::sink) async fn find<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<Option<Found>> {
    let to_show = |error| dialect.refused(load, "to show", &error);
    let name = [table.name.as_str()];
    let kind = dialect.rows(connection, KIND, &name).await.map_err(to_show)?;
    match kind.into_iter().flatten().next().as_deref() {
        None => return Ok(None),
        Some("table") => {}
        Some(other) => return Err(refusal::not_a_table(&load.table, other)),
    }
    let columns = dialect.rows(connection, COLUMNS, &name).await.map_err(to_show)?;
    let columns: Vec<[String; 6]> =
        columns.into_iter().filter_map(|row| row.try_into().ok()).collect();
    let parts = dialect.rows(connection, UNIQUE_KEYS, &name).await.map_err(to_show)?;
    let parts: Vec<[String; 2]> = parts.into_iter().filter_map(|row| row.try_into().ok()).collect();
    // `INTEGER PRIMARY KEY` is the table itself and has no index; it gets a number by itself.
    let is_row_id = |ty: &str, primary: &str| primary == "1" && ty.eq_ignore_ascii_case("INTEGER");
    let row_id = columns.iter().find(|[_, ty, _, _, primary, _]| is_row_id(ty, primary));
    let row_id = row_id.map(|[name, ..]| vec![name.clone()]);
    let unique_keys = row_id.into_iter().chain(sql::keys(&parts)).collect();
    let columns =
        columns.into_iter().map(|[name, ty, not_null, has_default, primary, computed]| {
            let computed = computed == "1";
            let filled = has_default == "1" || computed || is_row_id(&ty, &primary);
            let closed = computed.then(|| {
                ("is computed by the database".to_owned(), "leave it out of the query".to_owned())
            });
            let not_null = not_null == "1";
            FoundColumn { name, ty, not_null, filled, plain: false, closed, folds: None }
        });
    Ok(Some(Found { columns: columns.collect(), unique_keys }))
}

/// Whether a DELETE of rows of the table does that and no more.
pub(in crate::sink) async fn replaceable<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    table: &Place,
) -> Result<()> {
    let referring = dialect.rows(connection, REFERRING, &[&table.name]).await;
    let referring = referring.map_err(|error| dialect.refused(load, "to show", &error))?;
    refusal::check_referring(load, referring)
}

/// Whether the table has triggers.
pub(in crate::sink) async fn has_triggers<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    table: &Place,
) -> sqlx::Result<bool> {
    Ok(!dialect.rows(connection, TRIGGERS, &[&table.name]).await?.is_empty())
}

/// The statement that a person would run.
pub(in crate::sink) fn fix(dialect: &impl Dialect, table: &Place, change: Change<'_>) -> String {
    let quote = |name: &str| dialect.quote(name);
    match change {
        Change::AddColumn(column) => {
            format!("ALTER TABLE {table} ADD COLUMN {} {}", quote(&column.name), sql(&column.ty))
        }
        Change::Retype(column, ..) => {
            let (name, ours) = (quote(&column.name), sql(&column.ty));
            format!(
                "SQLite cannot change a column's type: ALTER TABLE {table} RENAME COLUMN {name} TO \
                 another name, then ALTER TABLE {table} ADD COLUMN {name} {ours}"
            )
        }
        Change::DropNotNull(found) => {
            format!("yield the column `{}`, or give it a default", found.name)
        }
        Change::TakeNull(found) => {
            format!(
                "SQLite cannot drop NOT NULL from `{}`: make the table anew without it",
                found.name
            )
        }
        Change::AddUnique(load) => format!(
            "CREATE UNIQUE INDEX {} ON {} {}",
            table.beside(dialect, format!("{}_key", table.name)),
            quote(&table.name),
            sql::list(dialect, load.key_names())
        ),
    }
}

/// What SQLite does to the values of a column: <https://sqlite.org/datatype3.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

fn affinity(declared: &str) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.is_empty() || has(&["BLOB"]) {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// Whether a column declared so holds every value of ours unchanged.
pub(in crate::sink) fn holds(declared: &str, ty: &Type) -> bool {
    let affinity = affinity(declared);
    if affinity == Affinity::Blob {
        return true;
    }
    match ty.domain() {
        Some(Domain::Bool | Domain::Whole(..)) => {
            matches!(affinity, Affinity::Integer | Affinity::Numeric)
        }
        Some(Domain::Float(_)) => affinity == Affinity::Real,
        // They do not look like numbers, so that nothing is made of them.
        Some(Domain::Date | Domain::Time | Domain::Timestamp) => {
            matches!(affinity, Affinity::Text | Affinity::Numeric)
        }
        Some(Domain::Bytes) => false,
        _ => affinity == Affinity::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ty: Type, declared: &str, expected: bool) {
        assert_eq!(holds(declared, &ty), expected, "{ty:?} in {declared}");
    }

    #[test]
    fn a_column_holds_what_its_affinity_leaves_alone() {
        check(Type::Int64, "BIGINT", true);
        check(Type::Int64, "NUMERIC", true);
        check(Type::Int64, "REAL", false);
        check(Type::Int64, "TEXT", false);
        check(Type::Bool, "BOOLEAN", true);
        check(Type::Float64, "DOUBLE PRECISION", true);
        check(Type::Float64, "INTEGER", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "DECIMAL(12,2)", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "TEXT", true);
        check(Type::String, "VARCHAR(20)", true);
        check(Type::String, "INTEGER", false);
        check(Type::Timestamp, "DATETIME", true);
        check(Type::Uuid, "UUID", false);
        check(Type::Binary, "BLOB", true);
        check(Type::Binary, "TEXT", false);
        check(Type::Json, "", true);
    }
}
