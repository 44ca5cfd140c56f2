//! A table whose rows are all replaced gets other columns, where it is: grants, views, triggers and foreign keys stay.
//!
//! A column that does not hold the values is dropped and added anew. PostgreSQL itself refuses to drop one that a
//! view or a foreign key needs, and names that.

use super::link::Link;
use super::{Postgres, catalog, refused, types};
use crate::Result;
use crate::sink::load::{Column, Load};
use crate::sink::sql::{self, Dialect as _, Found, Place};

/// Within a transaction: the columns; and NOT NULL and the key too, where the table has no rows.
pub(super) async fn renew(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    (table, found): (&Place, &Found),
    is_empty: bool,
) -> Result<()> {
    let to_change = |error| refused(load, "to give other columns to", &error);
    let mut statements = columns(postgres, load, table, found);
    if is_empty {
        if let Some(key) = other_key(connection, load, table).await.map_err(to_change)? {
            let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {}", postgres.quote(&key));
            statements.insert(0, drop);
        }
        let required = load.columns.iter().filter(|column| column.required.is_some());
        statements.extend(required.map(|column| {
            let name = postgres.quote(&column.name);
            format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL")
        }));
    }
    for statement in &statements {
        postgres.execute(connection, statement).await.map_err(to_change)?;
    }
    if is_empty
        && !load.key.is_empty()
        && primary_key(connection, table).await.map_err(to_change)?.is_none()
    {
        let key = sql::list(postgres, load.key_names());
        let add = format!("ALTER TABLE {table} ADD PRIMARY KEY {key}");
        postgres.execute(connection, &add).await.map_err(to_change)?;
    }
    Ok(())
}

/// The statements that drop columns and add them, and say what they are for.
fn columns(postgres: &Postgres, load: &Load, table: &Place, found: &Found) -> Vec<String> {
    let quote = |name: &str| postgres.quote(name);
    let stale: Vec<_> = found.stale(postgres, load).map(|column| column.name.as_str()).collect();
    let is_there = |name: &str| {
        found.columns.iter().any(|column| column.name == name) && !stale.contains(&name)
    };
    let mut statements: Vec<_> = stale
        .iter()
        .map(|name| format!("ALTER TABLE {table} DROP COLUMN {}", quote(name)))
        .collect();
    let (kept, added): (Vec<&Column>, Vec<&Column>) =
        load.columns.iter().partition(|column| is_there(&column.name));
    for column in added {
        let (name, ty) = (quote(&column.name), types::sql(&column.ty));
        statements.push(format!("ALTER TABLE {table} ADD COLUMN {name} {ty}"));
        let comment =
            sql::comment_on_column(postgres, &table.to_string(), column, catalog::described);
        statements.extend(comment);
    }
    let nullable = kept.into_iter().filter(|column| column.required.is_none());
    statements.extend(nullable.map(|column| {
        format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", quote(&column.name))
    }));
    statements
}

/// The name of the primary key, and its columns in their order.
async fn primary_key(
    connection: &mut Link,
    table: &Place,
) -> sqlx::Result<Option<(String, Vec<String>)>> {
    let key = sqlx::query(
        "SELECT k.conname::text,
                ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place)
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number
                      ORDER BY n.place)
         FROM pg_catalog.pg_constraint k
         JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND k.contype = 'p'",
    )
    .bind(&table.schema)
    .bind(&table.name);
    connection.first(key).await
}

/// The name of the primary key, where it is not that of the load.
async fn other_key(
    connection: &mut Link,
    load: &Load,
    table: &Place,
) -> sqlx::Result<Option<String>> {
    let key = primary_key(connection, table).await?;
    Ok(key.filter(|(_, columns)| !load.key_names().eq(columns)).map(|(name, _)| name))
}
