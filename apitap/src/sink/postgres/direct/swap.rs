//! Whether a table can be swapped for another one, and the swap.
//!
//! It can where nobody could tell the two apart but by their rows: the same columns and key, and nothing
//! hanging on the old one that would go with it, such as views, grants, triggers, foreign keys, rules,
//! policies, sequences, comments, publications, settings. What is not looked at here must not get
//! lost either: DROP TABLE refuses where anything else depends on the table.

use crate::sink::load::Load;
use crate::sink::postgres::link::Link;
use crate::sink::postgres::{LOCK_NOT_AVAILABLE, Postgres, catalog, code};
use crate::sink::sql::{Dialect as _, Place};

/// How long readers that come may wait behind us for those that are there.
const PATIENCE: &str = "2s";

/// Whether the table belongs to us, so that its successor would, too.
pub(super) async fn can_own(connection: &mut Link, table: &Place) -> sqlx::Result<bool> {
    let owns = sqlx::query(
        "SELECT c.relowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(&table.schema)
    .bind(&table.name);
    connection.value(owns).await
}

/// Whether nobody could tell the two tables apart but by their rows, once the new one has its key.
pub(super) async fn are_alike(
    connection: &mut Link,
    load: &Load,
    old: &Place,
    new: &Place,
) -> sqlx::Result<bool> {
    let key: Vec<&str> = load.key_names().collect();
    let alike = sqlx::query(ALIKE)
        .bind(&old.schema)
        .bind(&old.name)
        .bind(&new.name)
        .bind(key)
        .bind(load.description.as_deref());
    connection.value(alike).await
}

/// `$1`: the schema, `$2`: the old table, `$3`: the new one, `$4`: the columns of the key, `$5`: what the
/// table is for.
///
/// A sequence that a column owns depends on it as an index does (`a`); what depends on the table and is
/// not a part of it (`n`) are views, functions and the like, also through the type of its rows.
const ALIKE: &str = "
WITH pair AS (
    SELECT c.*, c.relname = $2 AS is_old FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname IN ($2, $3)
), o AS (SELECT * FROM pair WHERE is_old), h AS (SELECT * FROM pair WHERE NOT is_old),
columns AS (
    SELECT a.attrelid, array_agg((a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attcollation,
           a.attstorage, a.attacl, a.attoptions, pg_catalog.col_description(a.attrelid, a.attnum))::text
           ORDER BY a.attnum) AS list,
           bool_or(a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' OR a.attisdropped) AS has_more
    FROM pg_catalog.pg_attribute a JOIN pair ON pair.oid = a.attrelid WHERE a.attnum > 0
    GROUP BY a.attrelid
)
SELECT o.relkind = 'r' AND o.relpersistence = 'p' AND NOT o.relispartition AND NOT o.relhassubclass
   AND NOT o.relhasrules AND NOT o.relhastriggers AND NOT o.relrowsecurity
   AND o.relreplident = 'd' AND o.reloftype = 0
   AND o.relowner = h.relowner AND o.relam = h.relam AND o.reltablespace = h.reltablespace
   AND o.relacl IS NOT DISTINCT FROM h.relacl AND o.reloptions IS NOT DISTINCT FROM h.reloptions
   AND NOT oc.has_more AND oc.list = hc.list
   AND pg_catalog.obj_description(o.oid, 'pg_class') IS NOT DISTINCT FROM $5
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE o.oid IN (i.inhrelid, i.inhparent))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                   WHERE k.confrelid = o.oid OR k.conrelid = o.oid AND k.contype NOT IN ('p', 'n'))
   AND ARRAY(SELECT a.attname::text FROM pg_catalog.pg_index i
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attnum = k.number
             WHERE i.indrelid = o.oid AND i.indisprimary ORDER BY k.place) = $4::text[]
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i
                   JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                   LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.oid AND k.contype = 'p'
                   WHERE i.indrelid = o.oid
                     AND (NOT i.indisprimary OR i.indisclustered OR i.indisreplident
                          OR i.indnatts <> i.indnkeyatts OR k.condeferrable IS NOT FALSE
                          OR x.relname <> o.relname || '_pkey' OR x.reloptions IS NOT NULL
                          OR x.reltablespace <> 0
                          OR pg_catalog.obj_description(x.oid, 'pg_class') IS NOT NULL
                          OR pg_catalog.obj_description(k.oid, 'pg_constraint') IS NOT NULL))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                   LEFT JOIN pg_catalog.pg_class s
                     ON d.classid = 'pg_catalog.pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
                   WHERE (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = o.oid
                       OR d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = o.reltype)
                     AND (d.deptype NOT IN ('a', 'i') OR s.oid IS NOT NULL))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext x WHERE x.stxrelid = o.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_seclabel l WHERE l.objoid = o.oid)
FROM o, h, columns oc, columns hc WHERE oc.attrelid = o.oid AND hc.attrelid = h.oid";

/// Whether everybody sees all rows of a table that was just vacuumed, those too whose snapshot is older.
pub(super) async fn is_seen_by_all(connection: &mut Link, table: &Place) -> sqlx::Result<bool> {
    let seen = sqlx::query(
        "SELECT c.relallvisible >= c.relpages FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2",
    )
    .bind(&table.schema)
    .bind(&table.name);
    connection.value(seen).await
}

/// Within a transaction: puts the new table, which has its key, in the place of the old one; `false` where
/// something hangs on that by now, or where it is in use for longer than others are to wait.
pub(super) async fn swap(
    postgres: &Postgres,
    connection: &mut Link,
    load: &Load,
    old: &Place,
    new: &Place,
) -> sqlx::Result<bool> {
    let lock = format!(
        "SAVEPOINT swap; SET LOCAL lock_timeout = '{PATIENCE}'; LOCK TABLE {old} IN ACCESS EXCLUSIVE MODE"
    );
    let locked = postgres.execute(connection, &lock).await;
    let is_free = match locked {
        Ok(_) => are_alike(connection, load, old, new).await?,
        Err(error) if code(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => false,
        Err(error) => return Err(error),
    };
    if !is_free {
        tracing::debug!("{old} is in use: its rows are replaced where they are");
        connection.execute("ROLLBACK TO SAVEPOINT swap").await?;
        return Ok(false);
    }
    let quote = |name: &str| postgres.quote(name);
    let mut swap = vec![
        format!("DROP TABLE {old}"),
        format!("ALTER TABLE {new} RENAME TO {}", quote(&old.name)),
        format!("COMMENT ON TABLE {old} IS {}", catalog::comment(load.description.as_deref())),
    ];
    if !load.key.is_empty() {
        let [from, to] = [&new.name, &old.name].map(|name| quote(&format!("{name}_pkey")));
        swap.push(format!("ALTER TABLE {old} RENAME CONSTRAINT {from} TO {to}"));
    }
    postgres.execute(connection, &swap.join("; ")).await?;
    Ok(true)
}
