//! What the server's catalog says of a table, and the statements that would make our rows fit in.

use sqlx::AssertSqlSafe;

use super::link::Link;
use super::{Postgres, address, refused, types};
use crate::definition::table::TableName;
use crate::sink::load::{Column, Load};
use crate::sink::refusal;
use crate::sink::sql::{self, Change, Dialect, Found, FoundColumn, Place};
use crate::{Error, Result};

/// The schema of a table whose name has none: that of the table that is seen, else where it is created.
pub(in crate::sink) const SCHEMA: &str = "SELECT coalesce(
       (SELECT n.nspname FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = pg_catalog.to_regclass($1)),
       current_schema()
    )::text";

/// Where a name without a schema leads: to the table that is seen, else to where it is created.
pub(super) async fn place(
    postgres: &Postgres,
    connection: &mut Link,
    table: &TableName,
) -> Result<Place> {
    if let Some(schema) = &table.schema {
        return Ok(Place::new(postgres, schema, &table.name));
    }
    let schema = sqlx::query(SCHEMA).bind(postgres.quote(&table.name));
    let schema: Option<String> = connection.value(schema).await.map_err(|error| {
        Error::target(format!("cannot look for `{table}`: {}", address::said(&error)))
    })?;
    match schema {
        Some(schema) => Ok(Place::new(postgres, schema, &table.name)),
        None => Err(Error::target(format!("there is no schema to create `{table}` in"))
            .help("write `schema.table`, or set the user's `search_path`")),
    }
}

pub(super) async fn schema_exists(connection: &mut Link, place: &Place) -> sqlx::Result<bool> {
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    connection.value(sqlx::query(exists).bind(&place.schema)).await
}

/// Name, type, whether it is NOT NULL, whether it has a default, what kind of an identity it is, whether it is
/// computed, whether its texts are compared as those of its type are, and [`FOLDS`].
type ColumnRow = (String, String, bool, bool, String, bool, bool, Option<String>);

/// Of a column `a`: a collation of it, or of a unique index of it, by which texts are equal that are not the same.
pub(in crate::sink) const FOLDS: &str = "(SELECT l.collname::text FROM pg_catalog.pg_collation l
     WHERE NOT l.collisdeterministic
       AND (l.oid = a.attcollation
            OR EXISTS (SELECT FROM pg_catalog.pg_index i
                       CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS at
                       WHERE i.indrelid = a.attrelid AND i.indisunique
                         AND i.indkey[at] = a.attnum AND i.indcollation[at] = l.oid))
     ORDER BY 1 LIMIT 1)";

/// What a person would do about such a column.
pub(in crate::sink) fn by_default(place: &Place, name: &str, ty: &str) -> String {
    let name = sql::double_quoted(name);
    format!(
        "ALTER TABLE {place} ALTER COLUMN {name} TYPE {ty} COLLATE \"default\", and drop unique indexes of another \
         collation"
    )
}

/// The table of that name, if there is one.
pub(super) async fn find(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    place: &Place,
) -> Result<Option<Found>> {
    let to_show = |error| refused(load, "to show", &error);
    let relation = sqlx::query(
        "SELECT c.oid::int8, c.relkind::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(&place.schema)
    .bind(&place.name);
    let relation: Option<(i64, String)> = connection.first(relation).await.map_err(to_show)?;
    let Some((oid, kind)) = relation else { return Ok(None) };
    match kind.as_str() {
        "r" | "p" => {}
        "v" | "m" => return Err(refusal::not_a_table(&load.table, "view")),
        "f" => return Err(refusal::not_a_table(&load.table, "foreign table")),
        "S" => return Err(refusal::not_a_table(&load.table, "sequence")),
        "i" | "I" => return Err(refusal::not_a_table(&load.table, "index")),
        _ => return Err(refusal::not_a_table(&load.table, "type")),
    }
    let columns = format!(
        "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull, atthasdef,
                attidentity::text, attgenerated <> '', attcollation = typcollation, {FOLDS}
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = atttypid
         WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    );
    let columns = sqlx::query(AssertSqlSafe(columns)).bind(oid);
    let columns: Vec<ColumnRow> = connection.all(columns).await.map_err(to_show)?;
    // What ON CONFLICT can use: whole-table, immediate, over plain columns.
    let unique_keys = sqlx::query(
        "SELECT ARRAY(SELECT a.attname::text FROM generate_series(0, i.indnkeyatts - 1) AS at
                      JOIN pg_catalog.pg_attribute a
                        ON a.attrelid = i.indrelid AND a.attnum = i.indkey[at])
         FROM pg_catalog.pg_index i
         WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL",
    )
    .bind(oid);
    let unique_keys: Vec<(Vec<String>,)> = connection.all(unique_keys).await.map_err(to_show)?;
    let unique_keys = unique_keys.into_iter().map(|(columns,)| columns).collect();
    let columns = columns.into_iter().map(
        |(name, ty, not_null, has_default, identity, computed, alike, folds)| {
            let filled = has_default || computed || !identity.is_empty();
            let closed = match identity.as_str() {
                _ if computed => {
                    Some(("is computed by the database".into(), "leave it out of the query".into()))
                }
                "a" => Some((
                    "is GENERATED ALWAYS AS IDENTITY".into(),
                    format!(
                        "ALTER TABLE {place} ALTER COLUMN {} SET GENERATED BY DEFAULT, or leave \
                         the column out of the query",
                        postgres.quote(&name)
                    ),
                )),
                _ => None,
            };
            let folds = folds.map(|collation| (collation, by_default(place, &name, &ty)));
            let plain = !computed && alike;
            FoundColumn { name, ty, not_null, filled, plain, closed, folds }
        },
    );
    Ok(Some(Found { columns: columns.collect(), unique_keys }))
}

/// A query over `part (oid)`: the table of a schema and a name, and all its partitions.
macro_rules! over_parts {
    ($query:literal) => {
        concat!(
            "WITH tables AS (
                SELECT c.oid FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = $2
            ), part (oid) AS (
                SELECT oid FROM tables
                UNION SELECT t.relid::oid FROM tables
                      CROSS JOIN LATERAL pg_catalog.pg_partition_tree(tables.oid) t
            ) ",
            $query
        )
    };
}

/// `true` where no trigger, rule or policy of the table, or of a part of it, is at work.
const TOLD: &str = over_parts!(
    "SELECT bool_and(p.relkind IN ('r', 'p') AND NOT p.relhasrules AND NOT p.relrowsecurity
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g
                                     WHERE g.tgrelid = p.oid AND NOT g.tgisinternal))::text
     FROM part JOIN pg_catalog.pg_class p ON p.oid = part.oid"
);

/// Whether an INSERT, UPDATE or DELETE of a row does that and no more.
pub(in crate::sink) async fn writes_what_it_is_told<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    place: &Place,
) -> sqlx::Result<bool> {
    let told = dialect.rows(connection, TOLD, &[&place.schema, &place.name]).await?;
    Ok(told.into_iter().flatten().any(|told| told == "true"))
}

/// `true` where row security is at work on the table for this user.
const HIDES_ROWS: &str =
    over_parts!("SELECT pg_catalog.row_security_active(oid)::text FROM tables");

/// A table whose rows change with those that are deleted, of the table or of a partition of it; how, and whether it is
/// the table itself.
const REFERRING: &str = over_parts!(
    "SELECT f.conrelid::regclass::text,
            CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                               ELSE 'SET DEFAULT' END,
            CASE WHEN f.conrelid IN (SELECT oid FROM part) THEN 'itself' ELSE '' END
     FROM pg_catalog.pg_constraint f
     WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd')
       AND f.confrelid IN (SELECT oid FROM part)
     ORDER BY 3, 1 LIMIT 1"
);

/// A table that inherits from the table, so that its rows are in both. Partitions are the table itself.
const HEIR: &str = over_parts!(
    "SELECT i.inhrelid::regclass::text FROM pg_catalog.pg_inherits i
     WHERE i.inhparent IN (SELECT oid FROM part)
       AND i.inhrelid NOT IN (SELECT oid FROM part)
     ORDER BY 1 LIMIT 1"
);

/// Whether a DELETE of rows of the table does that and no more.
pub(in crate::sink) async fn replaceable<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    load: &Load,
    place: &Place,
) -> Result<()> {
    let to_show = |error| dialect.refused(load, "to show", &error);
    let name = [place.schema.as_str(), &place.name];
    let hides = dialect.rows(connection, HIDES_ROWS, &name).await.map_err(to_show)?;
    if hides.into_iter().flatten().any(|hides| hides == "true") {
        return Err(refusal::hidden_rows(load));
    }
    let referring = dialect.rows(connection, REFERRING, &name).await.map_err(to_show)?;
    refusal::check_referring(load, referring)?;
    let heir = dialect.rows(connection, HEIR, &name).await.map_err(to_show)?;
    match heir.into_iter().flatten().next() {
        Some(heir) => Err(refusal::inherited(load, &heir, place)),
        None => Ok(()),
    }
}

/// A description as a literal of a COMMENT; NULL for none.
pub(super) fn comment(description: Option<&str>) -> String {
    description.map_or_else(|| "NULL".to_owned(), described)
}

/// The literal of a description.
pub(in crate::sink) fn described(text: &str) -> String {
    // Within E'…' a backslash is what it is only where it is doubled, whatever the server's settings.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', ""))
}

/// The statement that a person would run.
pub(in crate::sink) fn fix(dialect: &impl Dialect, table: &Place, change: Change<'_>) -> String {
    let quote = |name: &str| dialect.quote(name);
    let ty = |column: &Column| dialect.column_type(&column.ty, false);
    let change = match change {
        Change::AddColumn(column) => {
            format!("ADD COLUMN {} {}", quote(&column.name), ty(column))
        }
        Change::Retype(column, found, _) => {
            let (name, ours) = (quote(&column.name), ty(column));
            match types::using(&found.ty, &ours) {
                Some(cast) => format!("ALTER COLUMN {name} TYPE {ours} USING {name}{cast}"),
                None => format!("ALTER COLUMN {name} TYPE {ours}"),
            }
        }
        Change::DropNotNull(found) | Change::TakeNull(found) => {
            format!("ALTER COLUMN {} DROP NOT NULL", quote(&found.name))
        }
        Change::AddUnique(load) => format!("ADD UNIQUE {}", sql::list(dialect, load.key_names())),
    };
    format!("ALTER TABLE {table} {change}")
}
