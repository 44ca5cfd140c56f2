//! What the server's catalog says of a table, and whether our rows fit in.

use std::fmt;

use sqlx::PgConnection;

use super::{refused, types};
use crate::definition::Mode;
use crate::definition::table::TableName;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::statement::{quote, quote_all};
use crate::{Error, Result};

/// A table's full name. Displays quoted, as it stands in SQL.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// A table that is there.
pub(super) struct Found {
    columns: Vec<FoundColumn>,
    unique_keys: Vec<Vec<String>>,
}

struct FoundColumn {
    name: String,
    /// As `format_type` spells it.
    ty: String,
    not_null: bool,
    has_default: bool,
    /// `a`: GENERATED ALWAYS AS IDENTITY, `d`: BY DEFAULT, or nothing.
    identity: String,
    /// Whether it is GENERATED ALWAYS AS an expression.
    computed: bool,
}

impl Found {
    /// The names of the columns that take no null.
    pub(super) fn not_null(&self) -> Vec<String> {
        self.columns.iter().filter(|c| c.not_null).map(|c| c.name.clone()).collect()
    }
}

/// Where a name without a schema leads: to the table that is seen, else to where it is created.
pub(super) async fn place(connection: &mut PgConnection, table: &TableName) -> Result<Place> {
    if let Some(schema) = &table.schema {
        return Ok(Place { schema: schema.clone(), name: table.name.clone() });
    }
    let schema: Option<String> = sqlx::query_scalar(
        "SELECT coalesce(
            (SELECT n.nspname FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.oid = pg_catalog.to_regclass($1)),
            current_schema()
         )::text",
    )
    .bind(quote(&table.name))
    .fetch_one(connection)
    .await
    .map_err(|error| {
        Error::target(format!("cannot look for `{table}`: {}", super::address::said(&error)))
    })?;
    match schema {
        Some(schema) => Ok(Place { schema, name: table.name.clone() }),
        None => Err(Error::target(format!("there is no schema to create `{table}` in"))
            .help("write `schema.table`, or set the user's `search_path`")),
    }
}

pub(super) async fn schema_exists(
    connection: &mut PgConnection,
    load: &Load,
    place: &Place,
) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)")
        .bind(&place.schema)
        .fetch_one(connection)
        .await
        .map_err(|error| refused(load, "to show", error))
}

/// The table of that name, if there is one.
pub(super) async fn find(
    connection: &mut PgConnection,
    load: &Load,
    place: &Place,
) -> Result<Option<Found>> {
    let to_show = |error| refused(load, "to show", error);
    let relation: Option<(i64, String)> = sqlx::query_as(
        "SELECT c.oid::int8, c.relkind::text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_optional(&mut *connection)
    .await
    .map_err(to_show)?;
    let Some((oid, kind)) = relation else { return Ok(None) };
    match kind.as_str() {
        "r" | "p" => {}
        "v" | "m" => return Err(refusal::not_a_table(&load.table, "view")),
        "f" => return Err(refusal::not_a_table(&load.table, "foreign table")),
        "S" => return Err(refusal::not_a_table(&load.table, "sequence")),
        "i" | "I" => return Err(refusal::not_a_table(&load.table, "index")),
        _ => return Err(refusal::not_a_table(&load.table, "type")),
    }
    let columns: Vec<(String, String, bool, bool, String, bool)> = sqlx::query_as(
        "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull, atthasdef,
                attidentity::text, attgenerated <> ''
         FROM pg_catalog.pg_attribute
         WHERE attrelid::int8 = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    )
    .bind(oid)
    .fetch_all(&mut *connection)
    .await
    .map_err(to_show)?;
    // What ON CONFLICT can use: whole-table, immediate, over plain columns.
    let unique_keys = sqlx::query_scalar(
        "SELECT ARRAY(SELECT a.attname::text FROM generate_series(0, i.indnkeyatts - 1) AS at
                      JOIN pg_catalog.pg_attribute a
                        ON a.attrelid = i.indrelid AND a.attnum = i.indkey[at])
         FROM pg_catalog.pg_index i
         WHERE i.indrelid::int8 = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL",
    )
    .bind(oid)
    .fetch_all(connection)
    .await
    .map_err(to_show)?;
    let columns =
        columns.into_iter().map(|(name, ty, not_null, has_default, identity, computed)| {
            FoundColumn { name, ty, not_null, has_default, identity, computed }
        });
    Ok(Some(Found { columns: columns.collect(), unique_keys }))
}

/// Whether our rows fit in as they are.
pub(super) fn check(found: &Found, load: &Load, place: &Place) -> Result<()> {
    for column in &load.columns {
        let (name, ours) = (quote(&column.name), types::sql(&column.ty));
        let Some(theirs) = found.columns.iter().find(|theirs| theirs.name == column.name) else {
            let mend = format!("ALTER TABLE {place} ADD COLUMN {name} {ours}");
            return Err(refusal::missing_column(&load.table, column, mend));
        };
        if theirs.computed {
            return Err(refusal::generated_column(&load.table, column));
        }
        if theirs.identity == "a" {
            let mend = format!(
                "ALTER TABLE {place} ALTER COLUMN {name} SET GENERATED BY DEFAULT, or leave the \
                 column out of the query"
            );
            return Err(Error::target(format!(
                "column `{}` of the table `{}` is GENERATED ALWAYS AS IDENTITY and takes no values",
                column.name, load.table
            ))
            .help(mend));
        }
        if !types::holds(&theirs.ty, &column.ty) {
            let mend = format!("ALTER TABLE {place} ALTER COLUMN {name} TYPE {ours}");
            return Err(refusal::column_type(&load.table, column, &theirs.ty, &ours, mend));
        }
    }
    let ours = |name: &str| load.columns.iter().any(|column| column.name == name);
    let extra = found.columns.iter().find(|theirs| {
        let filled = theirs.has_default || theirs.computed || !theirs.identity.is_empty();
        theirs.not_null && !filled && !ours(&theirs.name)
    });
    if let Some(extra) = extra {
        let name = quote(&extra.name);
        let mend = format!("ALTER TABLE {place} ALTER COLUMN {name} DROP NOT NULL");
        return Err(refusal::extra_column(&load.table, &extra.name, mend));
    }
    let is_key = |unique: &Vec<String>| {
        unique.len() == load.key.len() && load.key_names().all(|k| unique.iter().any(|u| u == k))
    };
    if load.mode == Mode::Merge && !found.unique_keys.iter().any(is_key) {
        let key = quote_all(load.key_names());
        let mend = format!("ALTER TABLE {place} ADD UNIQUE {key}");
        return Err(refusal::no_unique_key(load, mend));
    }
    Ok(())
}
