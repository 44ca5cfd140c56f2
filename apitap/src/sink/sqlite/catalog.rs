//! What a SQLite file says of a table, and whether our rows fit in.
//!
//! SQLite converts what it stores by the *affinity* of the column's declared type. A column holds
//! our values if its affinity leaves them as they are.

use sqlx::SqliteConnection;

use super::refused;
use crate::Result;
use crate::definition::Mode;
use crate::schema::Type;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::statement::{quote, quote_all};

/// A table that is there.
pub(super) struct Found {
    columns: Vec<FoundColumn>,
    unique_keys: Vec<Vec<String>>,
}

struct FoundColumn {
    name: String,
    /// As it was declared; may be empty.
    ty: String,
    not_null: bool,
    has_default: bool,
    /// Whether it is the one column of the primary key.
    primary: bool,
    /// Whether it is GENERATED ALWAYS AS an expression.
    computed: bool,
}

impl FoundColumn {
    /// SQLite gives a new number to `INTEGER PRIMARY KEY` by itself.
    fn is_row_id(&self) -> bool {
        self.primary && self.ty.eq_ignore_ascii_case("INTEGER")
    }
}

impl Found {
    /// The names of the columns that take no null.
    pub(super) fn not_null(&self) -> Vec<String> {
        self.columns.iter().filter(|c| c.not_null).map(|c| c.name.clone()).collect()
    }
}

/// The declared type of a column that we create.
pub(super) fn sql(ty: &Type) -> &'static str {
    match ty {
        Type::Bool | Type::Int16 | Type::Int32 | Type::Int64 => "INTEGER",
        Type::Float32 | Type::Float64 => "REAL",
        Type::Binary => "BLOB",
        _ => "TEXT",
    }
}

/// The table of that name, if there is one.
pub(super) async fn find(connection: &mut SqliteConnection, load: &Load) -> Result<Option<Found>> {
    let to_show = |error| refused(load, "to show", &error);
    let name = &load.table.name;
    let kind: Option<String> = sqlx::query_scalar(
        "SELECT type FROM main.sqlite_schema
         WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'index')",
    )
    .bind(name)
    .fetch_optional(&mut *connection)
    .await
    .map_err(to_show)?;
    match kind.as_deref() {
        None => return Ok(None),
        Some("table") => {}
        Some(other) => return Err(refusal::not_a_table(&load.table, other)),
    }
    let columns: Vec<(String, String, bool, bool, bool, bool)> = sqlx::query_as(
        r#"SELECT name, type, "notnull" <> 0, dflt_value IS NOT NULL,
                  pk = 1 AND (SELECT max(pk) FROM pragma_table_xinfo(?1, 'main')) = 1, hidden <> 0
           FROM pragma_table_xinfo(?1, 'main')"#,
    )
    .bind(name)
    .fetch_all(&mut *connection)
    .await
    .map_err(to_show)?;
    // What ON CONFLICT can use: whole-table, over plain columns, compared as they are.
    let indices: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT l.name, i.name
         FROM pragma_index_list(?1, 'main') l, pragma_index_xinfo(l.name, 'main') i
         WHERE l.\"unique\" <> 0 AND l.partial = 0 AND i.key <> 0
           AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(l.name, 'main') x
                           WHERE x.key <> 0 AND (x.name IS NULL OR x.coll <> 'BINARY'))
         ORDER BY l.name",
    )
    .bind(name)
    .fetch_all(connection)
    .await
    .map_err(to_show)?;
    let columns =
        columns.into_iter().map(|(name, ty, not_null, has_default, primary, computed)| {
            FoundColumn { name, ty, not_null, has_default, primary, computed }
        });
    let mut found = Found { columns: columns.collect(), unique_keys: Vec::new() };
    for index in indices.chunk_by(|a, b| a.0 == b.0) {
        found.unique_keys.push(index.iter().filter_map(|(_, column)| column.clone()).collect());
    }
    // `INTEGER PRIMARY KEY` is the table itself and has no index.
    let row_id = found.columns.iter().find(|column| column.is_row_id());
    found.unique_keys.extend(row_id.map(|column| vec![column.name.clone()]));
    Ok(Some(found))
}

/// Whether our rows fit in as they are.
pub(super) fn check(found: &Found, load: &Load, table: &str) -> Result<()> {
    for column in &load.columns {
        let (name, ours) = (quote(&column.name), sql(&column.ty));
        let same = |theirs: &&FoundColumn| theirs.name.eq_ignore_ascii_case(&column.name);
        let Some(theirs) = found.columns.iter().find(same) else {
            let mend = format!("ALTER TABLE {table} ADD COLUMN {name} {ours}");
            return Err(refusal::missing_column(&load.table, column, mend));
        };
        if theirs.computed {
            return Err(refusal::generated_column(&load.table, column));
        }
        if !holds(&theirs.ty, &column.ty) {
            let mend = format!(
                "SQLite cannot change a column's type: ALTER TABLE {table} RENAME COLUMN {name} TO \
                 another name, then ALTER TABLE {table} ADD COLUMN {name} {ours}"
            );
            return Err(refusal::column_type(&load.table, column, &theirs.ty, ours, mend));
        }
    }
    let extra = found.columns.iter().find(|theirs| {
        let ours = load.columns.iter().any(|c| c.name.eq_ignore_ascii_case(&theirs.name));
        let filled = theirs.has_default || theirs.computed || theirs.is_row_id();
        theirs.not_null && !filled && !ours
    });
    if let Some(extra) = extra {
        let mend = format!("yield the column `{}`, or give it a default", extra.name);
        return Err(refusal::extra_column(&load.table, &extra.name, mend));
    }
    let is_key = |unique: &Vec<String>| {
        unique.len() == load.key.len()
            && load.key_names().all(|k| unique.iter().any(|u| u.eq_ignore_ascii_case(k)))
    };
    if load.mode == Mode::Merge && !found.unique_keys.iter().any(is_key) {
        let index = quote(&format!("{}_key", load.table.name));
        let (name, key) = (quote(&load.table.name), quote_all(load.key_names()));
        let mend = format!("CREATE UNIQUE INDEX main.{index} ON {name} {key}");
        return Err(refusal::no_unique_key(load, mend));
    }
    Ok(())
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
fn holds(declared: &str, ty: &Type) -> bool {
    let affinity = affinity(declared);
    if affinity == Affinity::Blob {
        return true;
    }
    match ty {
        Type::Bool | Type::Int16 | Type::Int32 | Type::Int64 => {
            matches!(affinity, Affinity::Integer | Affinity::Numeric)
        }
        Type::Float32 | Type::Float64 => affinity == Affinity::Real,
        // They do not look like numbers, so that nothing is made of them.
        Type::Date | Type::Time | Type::Timestamp => {
            matches!(affinity, Affinity::Text | Affinity::Numeric)
        }
        Type::Binary => false,
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
