//! What the server's catalog says of a table, and the statements that would make our rows fit in.

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::{Mysql, address, refused, types};
use crate::definition::table::TableName;
use crate::schema::Type;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{Change, Dialect as _, Found, FoundColumn, Place};
use crate::{Error, Result};

/// Where a name without a schema leads: into the database of the URL.
pub(super) async fn place(
    mysql: &Mysql,
    connection: &mut MySqlConnection,
    table: &TableName,
) -> Result<Place> {
    let ask = "SELECT CONVERT(s.schema_name USING utf8mb4) FROM information_schema.schemata s
               WHERE s.schema_name = COALESCE(?, DATABASE())";
    let found: sqlx::Result<Option<String>> =
        sqlx::query_scalar(ask).bind(&table.schema).fetch_optional(connection).await;
    let found = found.map_err(|error| {
        Error::target(format!("cannot look for `{table}`: {}", address::said(&error)))
    })?;
    let name = match mysql.server().folds_tables {
        true => table.name.to_lowercase(),
        false => table.name.clone(),
    };
    match (found, &table.schema) {
        (Some(schema), _) => Ok(Place::new(mysql, schema, name)),
        (None, Some(schema)) => {
            Err(Error::target(format!("there is no database `{schema}` for the table `{table}`"))
                .help(format!("CREATE DATABASE {}", mysql.quote(schema))))
        }
        (None, None) => Err(Error::target(format!("there is no database for the table `{table}`"))
            .help("name the database in the URL")),
    }
}

/// The table of that name, if there is one.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    load: &Load,
    place: &Place,
) -> Result<Option<Found>> {
    let to_show = |error| refused(load, "to show", &error);
    let tables: Vec<(String, String, Option<String>, bool)> = sqlx::query_as(
        "SELECT CONVERT(t.table_name USING utf8mb4), CONVERT(t.table_type USING utf8mb4),
                CONVERT(t.engine USING utf8mb4), COALESCE(e.transactions = 'YES', 0)
         FROM information_schema.tables t
         LEFT JOIN information_schema.engines e ON e.engine = t.engine
         WHERE t.table_schema = ? AND t.table_name = ?",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_all(&mut *connection)
    .await
    .map_err(to_show)?;
    // The catalog compares names without regard to their case, and the server may not.
    let Some((_, kind, engine, transactions)) =
        tables.into_iter().find(|(name, ..)| *name == place.name)
    else {
        return Ok(None);
    };
    match kind.as_str() {
        "BASE TABLE" | "SYSTEM VERSIONED" => {}
        "VIEW" | "SYSTEM VIEW" => return Err(refusal::not_a_table(&load.table, "view")),
        other => return Err(refusal::not_a_table(&load.table, &other.to_lowercase())),
    }
    if !transactions {
        let engine = engine.as_deref().unwrap_or("unknown");
        return Err(Error::target(format!(
            "the table `{}` is of the engine {engine}, which has no transactions",
            load.table
        ))
        .help(format!("ALTER TABLE {place} ENGINE = InnoDB")));
    }
    Ok(Some(Found {
        columns: columns(connection, place).await.map_err(to_show)?,
        unique_keys: unique_keys(connection, place).await.map_err(to_show)?,
    }))
}

/// Name, type, character set, whether it is NOT NULL, whether it has a default, what else it is, whether
/// it is computed, whether it has a comment, whether its texts are compared as those of our columns are.
type ColumnRow = (String, String, String, bool, bool, String, bool, bool, bool);

/// The columns with a CHECK of their own, as MariaDB has them: it shows that within their lines. `None` where a server
/// does not show it to this user.
async fn checked(
    connection: &mut MySqlConnection,
    place: &Place,
) -> sqlx::Result<Option<Vec<String>>> {
    let show = sqlx::query_as(AssertSqlSafe(format!("SHOW CREATE TABLE {place}")));
    let (_, written): (String, String) = match show.fetch_one(connection).await {
        Err(sqlx::Error::Database(_)) => return Ok(None),
        shown => shown?,
    };
    let lines = written.lines().map(str::trim_start).filter(|line| line.contains(" CHECK ("));
    let name = |line: &str| Some(line.strip_prefix('`')?.split_once("` ")?.0.replace("``", "`"));
    Ok(Some(lines.filter_map(name).collect()))
}

async fn columns(
    connection: &mut MySqlConnection,
    place: &Place,
) -> sqlx::Result<Vec<FoundColumn>> {
    let columns: Vec<ColumnRow> = sqlx::query_as(
        "SELECT CONVERT(column_name USING utf8mb4), CONVERT(column_type USING utf8mb4),
                COALESCE(CONVERT(character_set_name USING utf8mb4), ''), is_nullable = 'NO',
                column_default IS NOT NULL AND (is_nullable = 'NO' OR column_default <> 'NULL'),
                CONVERT(extra USING utf8mb4), COALESCE(generation_expression, '') <> '',
                column_comment <> '',
                collation_name IS NULL OR collation_name IN (
                    SELECT collation_name FROM information_schema.collations
                    WHERE is_default = 'Yes')
         FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
         ORDER BY ordinal_position",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_all(&mut *connection)
    .await?;
    let checked = checked(connection, place).await?;
    let columns = columns.into_iter();
    let columns =
        columns.map(|(name, ty, charset, not_null, default, extra, computed, comment, alike)| {
            let extra = extra.to_ascii_lowercase();
            let filled = default || computed || extra.contains("auto_increment");
            // MODIFY keeps nothing of it that it does not name.
            let is_bare = extra.is_empty() && !default && !computed && !comment;
            let may_be_checked = checked.as_ref().is_none_or(|checked| checked.contains(&name));
            let plain = is_bare && alike && !may_be_checked;
            let closed = computed.then(|| {
                ("is computed by the database".to_owned(), "leave it out of the query".to_owned())
            });
            let ty = spelled(&ty, &charset);
            FoundColumn { name, ty, not_null, filled, plain, closed, folds: None }
        });
    Ok(columns.collect())
}

/// A type, and its character set where that does not have all characters.
fn spelled(ty: &str, charset: &str) -> String {
    match charset {
        "" | "utf8mb4" => ty.to_ascii_lowercase(),
        other => format!("{} character set {other}", ty.to_ascii_lowercase()),
    }
}

/// The index, the column, whether all of it counts, its collation and its type.
type IndexPart = (String, Option<String>, bool, Option<String>, Option<String>);

/// What tells rows apart exactly: over whole columns, compared byte by byte.
async fn unique_keys(
    connection: &mut MySqlConnection,
    place: &Place,
) -> sqlx::Result<Vec<Vec<String>>> {
    let parts: Vec<IndexPart> = sqlx::query_as(
        "SELECT CONVERT(s.index_name USING utf8mb4), CONVERT(s.column_name USING utf8mb4),
                s.sub_part IS NULL, CONVERT(c.collation_name USING utf8mb4),
                CONVERT(c.column_type USING utf8mb4)
         FROM information_schema.statistics s
         LEFT JOIN information_schema.columns c
           ON c.table_schema = s.table_schema AND c.table_name = s.table_name
          AND c.column_name = s.column_name
         WHERE s.table_schema = ? AND s.table_name = ? AND s.non_unique = 0
         ORDER BY s.index_name, s.seq_in_index",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_all(connection)
    .await?;
    let mut keys = Vec::new();
    for index in parts.chunk_by(|a, b| a.0 == b.0) {
        let columns = index.iter().map(|(_, column, whole, collation, ty)| {
            let collation = collation.as_deref().unwrap_or_default();
            let exact = types::is_exact(collation, ty.as_deref().unwrap_or_default());
            column.clone().filter(|_| *whole && exact)
        });
        keys.extend(columns.collect::<Option<Vec<_>>>());
    }
    Ok(keys)
}

/// Whether a DELETE of rows of the table does that and no more.
pub(super) async fn replaceable(
    connection: &mut MySqlConnection,
    load: &Load,
    place: &Place,
) -> Result<()> {
    let referring: Option<(String, String, String)> = sqlx::query_as(
        "SELECT CONVERT(table_name USING utf8mb4), CONVERT(delete_rule USING utf8mb4),
                CONVERT(IF(constraint_schema = unique_constraint_schema
                           AND table_name = referenced_table_name, 'itself', '') USING utf8mb4)
         FROM information_schema.referential_constraints
         WHERE unique_constraint_schema = ? AND referenced_table_name = ?
           AND delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
         ORDER BY 3, 1 LIMIT 1",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_optional(connection)
    .await
    .map_err(|error| refused(load, "to show", &error))?;
    let referring = referring.map(|(table, action, which)| vec![table, action, which]);
    refusal::check_referring(load, referring.into_iter().collect())
}

/// The statement that a person would run.
pub(super) fn fix(mysql: &Mysql, table: &Place, change: Change<'_>) -> String {
    let quote = |name: &str| mysql.quote(name);
    let change = match change {
        Change::AddColumn(column) => {
            format!("ADD COLUMN {} {}", quote(&column.name), mysql.column_type(&column.ty, false))
        }
        Change::Retype(column, found, key) => {
            let not_null = if found.not_null { " NOT NULL" } else { "" };
            let ty = mysql.column_type(&column.ty, key);
            format!("MODIFY COLUMN {} {ty}{not_null}", quote(&column.name))
        }
        Change::DropNotNull(found) | Change::TakeNull(found) => {
            format!("MODIFY COLUMN {} {} NULL", quote(&found.name), found.ty)
        }
        Change::AddUnique(load) => {
            let texts = load.key_columns().filter(|column| column.ty == Type::String);
            let exact = texts.map(|column| {
                let ty = mysql.column_type(&column.ty, true);
                format!("MODIFY COLUMN {} {ty} NOT NULL, ", quote(&column.name))
            });
            let key = crate::sink::sql::list(mysql, load.key_names());
            format!("{}ADD UNIQUE {key}", exact.collect::<String>())
        }
    };
    format!("ALTER TABLE {table} {change}")
}
