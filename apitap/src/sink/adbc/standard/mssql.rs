//! SQL Server and Azure SQL, as their documentation and that of their driver have it.
//!
//! Texts are compared as the database was set up, mostly in any case of their letters: columns that we create, and
//! those that rows wait in, are compared by their characters. Spaces at the end count nowhere there, so that the
//! length is compared, too.

use super::words::{
    Catalog, EMPTY_TEXTS, Name, Parameter, STANDARD, Speech, Staging, Types, Words,
};
use crate::definition::AdbcDialect;
use crate::schema::Type;

#[derive(Debug, Clone, Copy)]
pub(in crate::sink::adbc) struct Mssql;

impl Speech for Mssql {
    const DIALECT: AdbcDialect = AdbcDialect::Mssql;
    const WORDS: Words = Words {
        parameters: &[Parameter::At],
        current_schema: "SELECT SCHEMA_NAME()",
        // Instants are kept in UTC, as the driver sends and gives them.
        now: "SYSUTCDATETIME()",
        catalog: Catalog {
            kind: "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES \
WHERE TABLE_SCHEMA = {1} AND TABLE_NAME = {2}",
            columns: "SELECT c.COLUMN_NAME, c.DATA_TYPE, CAST(c.CHARACTER_MAXIMUM_LENGTH AS VARCHAR(20)), \
CAST(c.NUMERIC_PRECISION AS VARCHAR(20)), CAST(c.NUMERIC_SCALE AS VARCHAR(20)), \
CAST(c.DATETIME_PRECISION AS VARCHAR(20)), c.IS_NULLABLE, \
CASE WHEN c.COLUMN_DEFAULT IS NULL AND s.is_identity = 0 AND s.is_computed = 0 THEN 'NO' ELSE 'YES' END
FROM INFORMATION_SCHEMA.COLUMNS AS c
JOIN sys.columns AS s ON s.name = c.COLUMN_NAME
  AND s.object_id = OBJECT_ID(QUOTENAME(c.TABLE_SCHEMA) + '.' + QUOTENAME(c.TABLE_NAME))
WHERE c.TABLE_SCHEMA = {1} AND c.TABLE_NAME = {2}
ORDER BY c.ORDINAL_POSITION",
            keys: Some(
                "SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME
FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS t
JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS k
  ON k.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = t.CONSTRAINT_NAME
WHERE t.CONSTRAINT_TYPE IN ('PRIMARY KEY', 'UNIQUE') AND t.TABLE_SCHEMA = {1} AND t.TABLE_NAME = {2}
ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
            ),
            cascades: Some(
                "SELECT OBJECT_NAME(parent_object_id), REPLACE(delete_referential_action_desc, '_', ' ')
FROM sys.foreign_keys
WHERE referenced_object_id = OBJECT_ID(QUOTENAME({1}) + '.' + QUOTENAME({2}))
  AND delete_referential_action_desc <> 'NO_ACTION'",
            ),
        },
        types: Types {
            bool: Name { creates: "BIT", shown: &["bit"] },
            int32: Name { creates: "INT", shown: &["int"] },
            float32: Name { creates: "REAL", shown: &["real"] },
            float64: Name { creates: "FLOAT(53)", shown: &["float"] },
            text: Name {
                creates: "NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2",
                shown: &["nvarchar"],
            },
            key_text: Some("NVARCHAR(400) COLLATE Latin1_General_100_BIN2"),
            time: Name { creates: "TIME(6)", shown: &["time"] },
            timestamp: Name { creates: "DATETIME2(6)", shown: &["datetime2"] },
            binary: Name { creates: "VARBINARY(MAX)", shown: &["varbinary"] },
            ..STANDARD.types
        },
        staging: Staging::Beside {
            behind: "",
            left: Some(
                "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES \
WHERE TABLE_SCHEMA = {1} AND TABLE_NAME LIKE '_apitap_staging_%'",
            ),
        },
        compared: |ty, value| match ty {
            Type::String | Type::Uuid => vec![value.clone(), format!("DATALENGTH({value})")],
            _ => vec![value],
        },
        if_absent: "",
        ends_merge: ";",
        adds: "ADD",
        retypes: "",
        takes_null: |ty| format!("{ty} NULL"),
        questions: &[EMPTY_TEXTS],
        ..STANDARD
    };
}
