//! PostgreSQL behind its driver: the types and the words of `type: postgres`, but for lists, which are JSON.

use async_trait::async_trait;

use super::connection::Connection;
use super::database::{Adbc, Database, refused, rows, staged_as_text};
use super::query::texts;
use super::refusal::said;
use crate::definition::AdbcDialect;
use crate::definition::table::TableName;
use crate::schema::Type;
use crate::sink::load::Load;
use crate::sink::postgres::{catalog, types};
use crate::sink::refusal;
use crate::sink::sql::{self, Change, Claim, Dialect as _, Found, FoundColumn, Holder, Place};
use crate::{Error, Result};

#[derive(Debug, Clone, Copy)]
pub(super) struct Postgresql;

const DIALECT: AdbcDialect = AdbcDialect::Postgresql;

/// A list is stored as what a record is.
fn stored(ty: &Type) -> &Type {
    match ty.domain() {
        None => &Type::Json,
        Some(_) => ty,
    }
}

#[async_trait]
impl Database for Postgresql {
    const DIALECT: AdbcDialect = DIALECT;
    const BEGIN: &'static str = "BEGIN";
    const NOW: &'static str = "now()";
    const STATE_TYPES: [&'static str; 3] = ["text", "text", "timestamp with time zone"];
    const TEMPORARY: &'static str = "pg_temp";

    fn parameter(number: usize) -> String {
        format!("${number}")
    }

    fn column_type(ty: &Type) -> String {
        types::sql(stored(ty))
    }

    /// A driver does not send text as `uuid` or `jsonb`.
    fn staged(ty: &Type, column: String) -> (String, String) {
        staged_as_text::<Self>(ty, column, "text")
    }

    fn holds(actual: &str, ty: &Type) -> bool {
        types::holds(actual, stored(ty))
    }

    fn widens(actual: &str, ty: &Type) -> bool {
        types::widens(actual, stored(ty))
    }

    fn instant(column: &str) -> String {
        format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    }

    fn fix(adbc: &Adbc<Self>, table: &Place, change: Change<'_>) -> String {
        catalog::fix(adbc, table, change)
    }

    /// That of the table that is seen, else where it is created.
    async fn schema(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &TableName,
    ) -> sqlx::Result<Option<String>> {
        let name = adbc.quote(&table.name);
        let found = rows(connection, catalog::SCHEMA, &[&name]).await?;
        Ok(found.into_iter().flatten().next().filter(|schema| !schema.is_empty()))
    }

    async fn find(
        _: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        let to_show = |error| refused(DIALECT, load, "to show", &error);
        let ask = "SELECT c.oid::text, c.relkind::text FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relname = $2";
        let found = rows(connection, ask, &[&table.schema, &table.name]).await.map_err(to_show)?;
        let Some([oid, kind]) = found.into_iter().next().and_then(texts) else { return Ok(None) };
        match kind.as_str() {
            "r" | "p" => {}
            "v" | "m" => return Err(refusal::not_a_table(&load.table, "view")),
            "f" => return Err(refusal::not_a_table(&load.table, "foreign table")),
            _ => return Err(refusal::not_a_table(&load.table, "sequence, index or type")),
        }
        let columns = columns(connection, table, &oid).await.map_err(to_show)?;
        let unique_keys = unique_keys(connection, &oid).await.map_err(to_show)?;
        Ok(Some(Found { columns, unique_keys }))
    }

    /// Ends with the transaction.
    async fn lock(connection: &mut Connection, name: &str) -> sqlx::Result<()> {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('apitap ' || $1, 0))::text";
        rows(connection, lock, &[name]).await.map(drop)
    }

    /// Ends with the connection.
    async fn claim(_: &Adbc<Self>, connection: &mut Connection, name: &str) -> Result<Claim> {
        let failed = |error: sqlx::Error| {
            Error::target(format!("PostgreSQL refused the lock of a run: {}", said(&error)))
        };
        loop {
            let lock = "SELECT pg_try_advisory_lock(hashtextextended('apitap ' || $1, 0))::text";
            let locked = rows(connection, lock, &[name]).await.map_err(failed)?;
            if locked.into_iter().next().and_then(texts::<1>).is_some_and(|[is]| is == "true") {
                return Ok(Claim::Ours(None));
            }
            let held = rows(connection, HOLDER, &[name]).await.map_err(failed)?;
            // It may have ended right now.
            if let Some([process]) = held.into_iter().next().and_then(texts) {
                let end = format!("`SELECT pg_terminate_backend({process})` ends it");
                let who = format!("process {process} of the server");
                return Ok(Claim::Theirs(Holder { who, end: Some(end) }));
            }
        }
    }

    async fn replaceable(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<()> {
        catalog::replaceable(adbc, connection, load, table).await
    }

    async fn may_keep_out(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &Place,
    ) -> sqlx::Result<bool> {
        catalog::writes_what_it_is_told(adbc, connection, table).await.map(|told| !told)
    }

    fn lock_table(table: &Place) -> Option<String> {
        Some(format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
    }

    async fn create_schema(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &Place,
    ) -> sqlx::Result<()> {
        let ask = "SELECT 1::text FROM pg_catalog.pg_namespace WHERE nspname = $1";
        if rows(connection, ask, &[&table.schema]).await?.is_empty() {
            let schema = adbc.quote(&table.schema);
            Self::lock(connection, &schema).await?;
            let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            adbc.execute(connection, &create).await?;
        }
        Ok(())
    }

    fn comments(adbc: &Adbc<Self>, load: &Load, table: &str) -> Vec<String> {
        sql::comments(adbc, load, table, catalog::described)
    }
}

/// Who has the lock of a run.
const HOLDER: &str = "SELECT a.pid::text
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    CROSS JOIN hashtextextended('apitap ' || $1, 0) AS k (key)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND l.classid::bigint = (k.key >> 32) & 4294967295
      AND l.objid::bigint = k.key & 4294967295";

async fn columns(
    connection: &mut Connection,
    place: &Place,
    oid: &str,
) -> sqlx::Result<Vec<FoundColumn>> {
    let ask = "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull::text,
                      (atthasdef OR attidentity <> '')::text, attidentity::text, (attgenerated <> '')::text,
                      "
        .to_owned()
        + catalog::FOLDS
        + " FROM pg_catalog.pg_attribute a
            WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let columns = rows(connection, &ask, &[oid]).await?.into_iter().filter_map(texts);
    let column = |[name, ty, not_null, filled, identity, computed, folds]: [String; 7]| {
        let computed = computed == "true";
        let closed = match identity.as_str() {
            _ if computed => Some("is computed by the database"),
            "a" => Some("is GENERATED ALWAYS AS IDENTITY"),
            _ => None,
        };
        let folds = Some(folds).filter(|folds| !folds.is_empty());
        let folds = folds.map(|collation| (collation, catalog::by_default(place, &name, &ty)));
        FoundColumn {
            name,
            ty,
            folds,
            not_null: not_null == "true",
            filled: computed || filled == "true",
            plain: !computed,
            closed: closed.map(|why| (why.to_owned(), "leave it out of the query".to_owned())),
        }
    };
    Ok(columns.map(column).collect())
}

/// What ON CONFLICT can use: whole-table, immediate, over plain columns.
async fn unique_keys(connection: &mut Connection, oid: &str) -> sqlx::Result<Vec<Vec<String>>> {
    let ask = "SELECT i.indexrelid::text, a.attname::text
               FROM pg_catalog.pg_index i
               CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS at
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[at]
               WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                 AND i.indpred IS NULL AND i.indexprs IS NULL
               ORDER BY i.indexrelid, at";
    let parts: Vec<[String; 2]> =
        rows(connection, ask, &[oid]).await?.into_iter().filter_map(texts).collect();
    Ok(sql::keys(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::every_type;

    #[test]
    fn a_column_that_we_create_holds_our_values() {
        for ty in every_type() {
            assert!(Postgresql::holds(&Postgresql::column_type(&ty), &ty), "{ty:?}");
        }
    }
}
