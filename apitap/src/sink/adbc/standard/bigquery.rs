//! BigQuery, as its documentation and the source of its driver have it.
//!
//! A transaction is that of a session, which the driver begins. No table can be created in it, and none is temporary
//! beyond one statement: rows wait in a table that BigQuery itself drops after some days. A primary key is a remark. Two
//! transactions that change one table are not both committed: the row of the lock is kept that way.

use super::words::{Catalog, Name, Parameter, STANDARD, Speech, Staging, Types, Words};
use crate::definition::AdbcDialect;
use crate::schema::Type;
use crate::sink::adbc::ingest::Sent;

#[derive(Debug, Clone, Copy)]
pub(in crate::sink::adbc) struct Bigquery;

const WHOLE: Name = Name { creates: "INT64", shown: &["int64"] };
const FLOAT: Name = Name { creates: "FLOAT64", shown: &["float64"] };

impl Speech for Bigquery {
    const DIALECT: AdbcDialect = AdbcDialect::Bigquery;
    const WORDS: Words = Words {
        quote: |name| format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
        parameters: &[Parameter::Mark],
        current_schema: "SELECT @@dataset_id",
        now: "CURRENT_TIMESTAMP()",
        catalog: Catalog {
            kind: "SELECT table_type FROM {schema}.INFORMATION_SCHEMA.TABLES WHERE table_name = {2}",
            columns: "SELECT column_name, data_type, '', '', '', '', is_nullable, \
IF(column_default IS NULL OR column_default = 'NULL', 'NO', 'YES')
FROM {schema}.INFORMATION_SCHEMA.COLUMNS WHERE table_name = {2} ORDER BY ordinal_position",
            keys: None,
            cascades: None,
        },
        types: Types {
            bool: Name { creates: "BOOL", shown: &["bool"] },
            int16: WHOLE,
            int32: WHOLE,
            int64: WHOLE,
            float32: FLOAT,
            float64: FLOAT,
            decimal: Name { creates: "NUMERIC", shown: &["numeric", "bignumeric"] },
            long_decimal: |precision, scale| {
                (scale > 9 || precision.saturating_sub(scale) > 29).then_some("BIGNUMERIC")
            },
            text: Name { creates: "STRING", shown: &["string"] },
            key_text: None,
            date: Name { creates: "DATE", shown: &["date"] },
            time: Name { creates: "TIME", shown: &["time"] },
            timestamp: Name { creates: "TIMESTAMP", shown: &["timestamp"] },
            binary: Name { creates: "BYTES", shown: &["bytes"] },
        },
        staging: Staging::Beside {
            behind: " OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 3 DAY))",
            left: None,
        },
        // What becomes of decimals that are loaded from files depends on their digits.
        sent: |ty| match ty {
            Type::Decimal { .. } => Sent::Text,
            _ => Sent::by_type(ty),
        },
        behind_key: " NOT ENFORCED",
        names_deleted: true,
        // Its texts have no other comparison unless a table says so.
        questions: &[],
        ..STANDARD
    };
}
