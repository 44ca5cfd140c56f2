//! DuckDB, whose library is its own driver.
//!
//! A process that has a file keeps all others out of it. Within the process, transactions that meet at one
//! table fail: so ours come one after the other. Names are the same in any case of their letters.

use async_trait::async_trait;

use super::connection::Connection;
use super::database::{Adbc, Database, refused, rows, staged_as_text};
use super::query::texts;
use crate::Result;
use crate::definition::AdbcDialect;
use crate::definition::table::TableName;
use crate::schema::Type;
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::sql::{self, Change, Claim, Dialect as _, Found, FoundColumn, Place};

#[derive(Debug, Clone, Copy)]
pub(super) struct Duckdb;

const DIALECT: AdbcDialect = AdbcDialect::Duckdb;

#[async_trait]
impl Database for Duckdb {
    const DIALECT: AdbcDialect = DIALECT;
    const BEGIN: &'static str = "BEGIN";
    const NOW: &'static str = "now()";
    const STATE_TYPES: [&'static str; 3] = ["VARCHAR", "VARCHAR", "TIMESTAMP WITH TIME ZONE"];
    const TEMPORARY: &'static str = "temp";
    const TAKES_TURNS: bool = true;

    fn parameter(number: usize) -> String {
        format!("${number}")
    }

    fn column_type(ty: &Type) -> String {
        match ty {
            Type::Bool => "BOOLEAN",
            Type::Int16 => "SMALLINT",
            Type::Int32 => "INTEGER",
            Type::Int64 => "BIGINT",
            Type::Float32 => "FLOAT",
            Type::Float64 => "DOUBLE",
            Type::Decimal { precision, scale } => return format!("DECIMAL({precision},{scale})"),
            Type::String => "VARCHAR",
            Type::Date => "DATE",
            Type::Time => "TIME",
            Type::Timestamp => "TIMESTAMP WITH TIME ZONE",
            Type::Uuid => "UUID",
            Type::Binary => "BLOB",
            Type::Json | Type::Record(_) | Type::List(_) => "JSON",
        }
        .to_owned()
    }

    /// A driver does not send text as `UUID` or `JSON`.
    fn staged(ty: &Type, column: String) -> (String, String) {
        staged_as_text::<Self>(ty, column, "VARCHAR")
    }

    fn holds(actual: &str, ty: &Type) -> bool {
        let one_of = |names: &[&str]| names.contains(&actual);
        match ty {
            Type::Int16 => {
                one_of(&["SMALLINT", "INTEGER", "BIGINT", "HUGEINT"]) || decimal_holds(actual, 5, 0)
            }
            Type::Int32 => {
                one_of(&["INTEGER", "BIGINT", "HUGEINT"]) || decimal_holds(actual, 10, 0)
            }
            Type::Int64 => one_of(&["BIGINT", "HUGEINT"]) || decimal_holds(actual, 19, 0),
            Type::Float32 => one_of(&["FLOAT", "DOUBLE"]),
            Type::Decimal { precision, scale } => decimal_holds(actual, *precision, *scale),
            Type::Uuid => one_of(&["UUID", "VARCHAR"]),
            Type::Json | Type::Record(_) | Type::List(_) => one_of(&["JSON", "VARCHAR"]),
            _ => actual == Self::column_type(ty),
        }
    }

    fn widens(actual: &str, ty: &Type) -> bool {
        let one_of = |names: &[&str]| names.contains(&actual);
        match ty {
            Type::Int16 => one_of(&["TINYINT", "UTINYINT"]),
            Type::Int32 => Self::widens(actual, &Type::Int16) || one_of(&["SMALLINT", "USMALLINT"]),
            Type::Int64 => Self::widens(actual, &Type::Int32) || one_of(&["INTEGER", "UINTEGER"]),
            Type::Float64 => one_of(&["FLOAT"]),
            Type::Decimal { precision, scale } => {
                let whole = precision.saturating_sub(*scale);
                match actual {
                    "SMALLINT" => whole >= 5,
                    "INTEGER" => whole >= 10,
                    "BIGINT" => whole >= 19,
                    _ => digits(actual)
                        .is_some_and(|(p, s)| *scale >= s && whole >= p.saturating_sub(s)),
                }
            }
            _ => false,
        }
    }

    fn instant(column: &str) -> String {
        format!("strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')")
    }

    fn fix(adbc: &Adbc<Self>, table: &Place, change: Change<'_>) -> String {
        let quote = |name: &str| adbc.quote(name);
        let change = match change {
            Change::AddColumn(column) => {
                format!("ADD COLUMN {} {}", quote(&column.name), Self::column_type(&column.ty))
            }
            Change::Retype(column, ..) => {
                format!(
                    "ALTER COLUMN {} TYPE {}",
                    quote(&column.name),
                    Self::column_type(&column.ty)
                )
            }
            Change::DropNotNull(found) | Change::TakeNull(found) => {
                format!("ALTER COLUMN {} DROP NOT NULL", quote(&found.name))
            }
            Change::AddUnique(load) => {
                format!("ADD PRIMARY KEY {}", sql::list(adbc, load.key_names()))
            }
        };
        format!("ALTER TABLE {table} {change}")
    }

    async fn schema(
        _: &Adbc<Self>,
        connection: &mut Connection,
        _: &TableName,
    ) -> sqlx::Result<Option<String>> {
        let found = rows(connection, "SELECT current_schema()", &[]).await?;
        Ok(found.into_iter().flatten().next().filter(|schema| !schema.is_empty()))
    }

    async fn find(
        _: &Adbc<Self>,
        connection: &mut Connection,
        load: &Load,
        table: &Place,
    ) -> Result<Option<Found>> {
        let to_show = |error| refused(DIALECT, load, "to show", &error);
        let name = [table.schema.as_str(), &table.name];
        let kinds = rows(connection, KIND, &name).await.map_err(to_show)?;
        match kinds.into_iter().next().and_then(texts) {
            None => return Ok(None),
            Some([kind]) if kind == "table" => {}
            Some([kind]) => return Err(refusal::not_a_table(&load.table, &kind)),
        }
        let columns = rows(connection, COLUMNS, &name).await.map_err(to_show)?;
        let columns = columns.into_iter().filter_map(texts).map(|[name, ty, not_null, filled]| {
            let (not_null, filled) = (not_null == "true", filled == "true");
            FoundColumn { name, ty, not_null, filled, plain: !filled, closed: None, folds: None }
        });
        let parts = rows(connection, CONSTRAINTS, &name).await.map_err(to_show)?;
        let parts: Vec<_> = parts.into_iter().filter_map(texts).collect();
        let indices = rows(connection, INDICES, &name).await.map_err(to_show)?;
        let indices = indices.into_iter().filter_map(texts::<1>);
        let indices = indices.filter_map(|[columns]| indexed(&columns));
        let unique_keys = sql::keys(&parts).into_iter().chain(indices).collect();
        Ok(Some(Found { columns: columns.collect(), unique_keys }))
    }

    /// It is our turn already.
    async fn lock(_: &mut Connection, _: &str) -> sqlx::Result<()> {
        Ok(())
    }

    /// No other process has the file.
    async fn claim(_: &Adbc<Self>, connection: &mut Connection, name: &str) -> Result<Claim> {
        Ok(connection.shared.claim(name))
    }

    /// DuckDB refuses itself to delete a row that another table refers to.
    async fn replaceable(_: &Adbc<Self>, _: &mut Connection, _: &Load, _: &Place) -> Result<()> {
        Ok(())
    }

    async fn create_schema(
        adbc: &Adbc<Self>,
        connection: &mut Connection,
        table: &Place,
    ) -> sqlx::Result<()> {
        let create = format!("CREATE SCHEMA IF NOT EXISTS {}", adbc.quote(&table.schema));
        adbc.execute(connection, &create).await.map(drop)
    }

    fn comments(adbc: &Adbc<Self>, load: &Load, table: &str) -> Vec<String> {
        sql::comments(adbc, load, table, |text| {
            format!("'{}'", text.replace('\'', "''").replace('\0', ""))
        })
    }
}

const KIND: &str = "SELECT kind FROM (
        SELECT 'table' AS kind, database_name, schema_name, table_name FROM duckdb_tables()
        UNION ALL SELECT 'view', database_name, schema_name, view_name FROM duckdb_views())
    WHERE database_name = current_database()
      AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)";

const COLUMNS: &str = "SELECT column_name, data_type, CAST(NOT is_nullable AS VARCHAR),
           CAST(column_default IS NOT NULL AS VARCHAR)
    FROM duckdb_columns()
    WHERE database_name = current_database()
      AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)
    ORDER BY column_index";

const CONSTRAINTS: &str =
    "SELECT CAST(constraint_index AS VARCHAR), unnest(constraint_column_names)
    FROM duckdb_constraints()
    WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')
      AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)
    ORDER BY constraint_index";

const INDICES: &str = "SELECT expressions FROM duckdb_indexes()
    WHERE database_name = current_database() AND is_unique
      AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)";

/// The columns of `[id, '"order id"']`; nothing where one of them is an expression.
fn indexed(expressions: &str) -> Option<Vec<String>> {
    let inner = expressions.strip_prefix('[')?.strip_suffix(']')?;
    let column = |written: &str| {
        let written = written.trim().trim_matches('\'');
        let name = match written.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => written,
        };
        let is_name = |c: char| c.is_alphanumeric() || " _-".contains(c);
        name.chars().all(is_name).then(|| name.to_owned())
    };
    inner.split(',').map(column).collect()
}

/// Whether `DECIMAL(p,s)` with room on both sides of the point.
fn decimal_holds(actual: &str, precision: u8, scale: u8) -> bool {
    digits(actual)
        .is_some_and(|(p, s)| s >= scale && p.saturating_sub(s) >= precision.saturating_sub(scale))
}

/// `DECIMAL(12,2)` → 12, 2.
fn digits(actual: &str) -> Option<(u8, u8)> {
    let (p, s) = actual.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
    Some((p.trim().parse().ok()?, s.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::every_type;

    #[test]
    fn a_column_that_we_create_holds_our_values() {
        for ty in every_type() {
            assert!(Duckdb::holds(&Duckdb::column_type(&ty), &ty), "{ty:?}");
        }
    }

    #[test]
    fn a_wider_type_takes_the_place_of_a_narrower_one_and_of_no_other() {
        let check = |actual: &str, ty: Type, holds: bool, widens: bool| {
            let found = (Duckdb::holds(actual, &ty), Duckdb::widens(actual, &ty));
            assert_eq!(found, (holds, widens), "{actual} and {ty:?}");
        };
        check("INTEGER", Type::Int64, false, true);
        check("BIGINT", Type::Int32, true, false);
        check("DECIMAL(12,2)", Type::Decimal { precision: 14, scale: 4 }, false, true);
        check("DECIMAL(14,4)", Type::Decimal { precision: 12, scale: 2 }, true, false);
        check("DOUBLE", Type::Int64, false, false);
        check("VARCHAR", Type::Uuid, true, false);
        check("TIMESTAMP", Type::Timestamp, false, false);
    }

    #[test]
    fn the_columns_of_an_index_are_read_and_an_expression_is_none() {
        let check = |written: &str, expected: Option<&[&str]>| {
            let expected =
                expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(indexed(written), expected, "{written}");
        };
        check("[id]", Some(&["id"]));
        check("[id, '\"order id\"']", Some(&["id", "order id"]));
        check("['lower(name)']", None);
        check("['(a + b)']", None);
    }
}
