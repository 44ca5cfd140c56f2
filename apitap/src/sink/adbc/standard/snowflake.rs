//! Snowflake, as its documentation and the source of its driver have it.
//!
//! CREATE and ALTER commit there: they run before the transaction, as everywhere in [`super`]. A primary key is a
//! remark: that no key is twice in a table is asked of its rows. A statement that changes rows of a table waits for
//! the transaction of another one that has: the row of the lock is kept that way.

use super::words::{
    Catalog, EMPTY_TEXTS, EXACT_TEXTS, Name, Parameter, STANDARD, Speech, Staging, Types, Words,
};
use crate::definition::AdbcDialect;

#[derive(Debug, Clone, Copy)]
pub(in crate::sink::adbc) struct Snowflake;

impl Speech for Snowflake {
    const DIALECT: AdbcDialect = AdbcDialect::Snowflake;
    const WORDS: Words = Words {
        parameters: &[Parameter::Mark],
        current_schema: "SELECT CURRENT_SCHEMA()",
        now: "CURRENT_TIMESTAMP()",
        catalog: Catalog {
            kind: "SELECT table_type FROM information_schema.tables
WHERE table_schema = {1} AND table_name = {2}",
            columns: "SELECT column_name, data_type, CAST(character_maximum_length AS VARCHAR), \
CAST(numeric_precision AS VARCHAR), CAST(numeric_scale AS VARCHAR), CAST(datetime_precision AS VARCHAR), \
is_nullable, IFF(column_default IS NULL AND is_identity = 'NO', 'NO', 'YES')
FROM information_schema.columns
WHERE table_schema = {1} AND table_name = {2}
ORDER BY ordinal_position",
            keys: None,
            // Foreign keys are remarks, too.
            cascades: None,
        },
        types: Types {
            // Whole numbers of all lengths are `NUMBER(38,0)`, and both kinds of floats have 64 bits.
            float32: Name { creates: "FLOAT", shown: &[] },
            float64: Name { creates: "FLOAT", shown: &["float"] },
            decimal: Name { creates: "NUMBER", shown: &["number"] },
            text: Name { creates: "VARCHAR", shown: &["text"] },
            time: Name { creates: "TIME(6)", shown: &["time"] },
            // What the driver itself makes of instants.
            timestamp: Name {
                creates: "TIMESTAMP_LTZ(6)",
                shown: &["timestamp_ltz", "timestamp_tz"],
            },
            binary: Name { creates: "BINARY", shown: &["binary"] },
            ..STANDARD.types
        },
        staging: Staging::Temporary { creates: "CREATE TEMPORARY TABLE", behind: "", told: false },
        comments: Some(literal),
        questions: &[EXACT_TEXTS, EMPTY_TEXTS],
        ..STANDARD
    };
}

/// A backslash is what it is only where it is doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', ""))
}
