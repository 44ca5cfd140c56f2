//! What databases that speak standard SQL say differently, as data.

use std::fmt::Debug;

use crate::definition::AdbcDialect;
use crate::schema::Type;
use crate::sink::adbc::ingest::Sent;
use crate::sink::sql;

/// A database that speaks standard SQL, but for its own words.
pub(in crate::sink::adbc) trait Speech:
    Debug + Clone + Copy + Send + Sync + 'static
{
    const DIALECT: AdbcDialect;
    const WORDS: Words;
}

/// What one database says otherwise than others.
pub(in crate::sink::adbc) struct Words {
    /// What stands around a name.
    pub(super) quote: fn(&str) -> String,
    /// How a parameter may stand in a statement: the first is taken that the driver takes.
    pub(super) parameters: &'static [Parameter],
    /// The query of the schema in which a table is whose name has none.
    pub(super) current_schema: &'static str,
    /// The instant now.
    pub(super) now: &'static str,
    pub(super) catalog: Catalog,
    pub(super) types: Types,
    pub(super) staging: Staging,
    /// In which form the values of a type are sent to the staging table.
    pub(super) sent: fn(&Type) -> Sent,
    /// What must be the same in two values for them to be one: mostly, they themselves.
    pub(super) compared: fn(&Type, String) -> Vec<String>,
    /// What stands behind `CREATE TABLE` such that it does nothing where the table is there; not all know it.
    pub(super) if_absent: &'static str,
    /// What stands behind the columns of a primary key.
    pub(super) behind_key: &'static str,
    /// What ends a MERGE.
    pub(super) ends_merge: &'static str,
    /// Whether the table of a DELETE is named once more, since its columns are not by its full name.
    pub(super) names_deleted: bool,
    /// What stands before a new column, and before the new type of a column.
    pub(super) adds: &'static str,
    pub(super) retypes: &'static str,
    /// What stands behind a column of that type that may be null from now on.
    pub(super) takes_null: fn(&str) -> String,
    /// The literal of a description, where COMMENT says what tables and columns are for.
    pub(super) comments: Option<fn(&str) -> String>,
    /// What is asked before anything is loaded.
    pub(super) questions: &'static [Question],
}

/// How a parameter stands in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    /// `?`
    Mark,
    /// `$1`
    Dollar,
    /// `:1`
    Colon,
    /// `@p1`
    At,
}

impl Parameter {
    pub(super) fn numbered(self, number: usize) -> String {
        match self {
            Self::Mark => "?".to_owned(),
            Self::Dollar => format!("${number}"),
            Self::Colon => format!(":{number}"),
            Self::At => format!("@p{number}"),
        }
    }
}

/// Where rows wait for the commit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Staging {
    /// In a temporary table.
    Temporary {
        creates: &'static str,
        /// What stands behind its columns.
        behind: &'static str,
        /// Whether the driver is told so: not all of them know the option.
        told: bool,
    },
    /// In a table like others beside the one that is loaded, which the end of the load drops: what one that was
    /// killed has left is dropped later, by those loads that come a day after.
    Beside {
        /// What stands behind its columns.
        behind: &'static str,
        /// The query of the names of tables in the schema `{1}` that begin as ours do; `None` where the database
        /// drops what is left.
        left: Option<&'static str>,
    },
}

/// Queries of the catalog, in which `{1}` is the schema of a table, `{2}` its name, and `{schema}` the quoted schema.
pub(super) struct Catalog {
    /// What kind of a table it is, one row; none where it is not there.
    pub(super) kind: &'static str,
    /// Of each column: its name, its type, the length of its texts, the digits of its numbers, those behind the
    /// point, those of its seconds, and whether it may be null and has a default: `YES` or `NO`.
    pub(super) columns: &'static str,
    /// The columns of unique keys, each with the name of its key; `None` where the database does not keep a key
    /// from coming twice, whatever is declared.
    pub(super) keys: Option<&'static str>,
    /// The tables whose rows a DELETE changes with those of this one, and how.
    pub(super) cascades: Option<&'static str>,
}

/// A type: what creates a column of it, and as what the catalog may show one that holds its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) creates: &'static str,
    /// In small letters.
    pub(super) shown: &'static [&'static str],
}

/// The types of columns.
pub(super) struct Types {
    pub(super) bool: Name,
    pub(super) int16: Name,
    pub(super) int32: Name,
    pub(super) int64: Name,
    pub(super) float32: Name,
    pub(super) float64: Name,
    pub(super) decimal: Name,
    /// Whether one with these digits, and these behind the point, has another type: which creates it.
    pub(super) long_decimal: fn(u8, u8) -> Option<&'static str>,
    /// Texts of any length; documents, lists and UUIDs as well.
    pub(super) text: Name,
    /// Texts that are of a key, where those of any length cannot be.
    pub(super) key_text: Option<&'static str>,
    pub(super) date: Name,
    pub(super) time: Name,
    pub(super) timestamp: Name,
    pub(super) binary: Name,
}

/// A condition that must hold: where it does not, values would be lost without an error.
pub(super) struct Question {
    /// Whether it matters for rows with a column of that type.
    pub(super) matters: fn(&Type) -> bool,
    pub(super) holds: &'static str,
    /// What the database does otherwise: "… it …".
    pub(super) why: &'static str,
}

/// What the standard says.
pub(super) const STANDARD: Words = Words {
    quote: sql::double_quoted,
    parameters: &[Parameter::Mark, Parameter::Dollar, Parameter::Colon, Parameter::At],
    current_schema: "SELECT CURRENT_SCHEMA",
    now: "CURRENT_TIMESTAMP",
    catalog: Catalog {
        kind: "SELECT table_type FROM information_schema.tables
WHERE table_catalog = CURRENT_CATALOG AND table_schema = {1} AND table_name = {2}",
        columns: "SELECT column_name, data_type, CAST(character_maximum_length AS VARCHAR(20)), \
CAST(numeric_precision AS VARCHAR(20)), CAST(numeric_scale AS VARCHAR(20)), \
CAST(datetime_precision AS VARCHAR(20)), is_nullable, \
CASE WHEN column_default IS NULL THEN 'NO' ELSE 'YES' END
FROM information_schema.columns
WHERE table_catalog = CURRENT_CATALOG AND table_schema = {1} AND table_name = {2}
ORDER BY ordinal_position",
        keys: Some(
            "SELECT k.constraint_name, k.column_name
FROM information_schema.table_constraints AS t
JOIN information_schema.key_column_usage AS k
  ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name
  AND k.table_catalog = t.table_catalog AND k.table_schema = t.table_schema AND k.table_name = t.table_name
WHERE t.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
  AND t.table_catalog = CURRENT_CATALOG AND t.table_schema = {1} AND t.table_name = {2}
ORDER BY k.constraint_name, k.ordinal_position",
        ),
        cascades: Some(
            "SELECT other.table_name, r.delete_rule
FROM information_schema.referential_constraints AS r
JOIN information_schema.table_constraints AS own
  ON own.constraint_schema = r.unique_constraint_schema AND own.constraint_name = r.unique_constraint_name
JOIN information_schema.table_constraints AS other
  ON other.constraint_schema = r.constraint_schema AND other.constraint_name = r.constraint_name
WHERE own.table_catalog = CURRENT_CATALOG AND own.table_schema = {1} AND own.table_name = {2}
  AND r.delete_rule NOT IN ('NO ACTION', 'RESTRICT')",
        ),
    },
    types: Types {
        bool: Name { creates: "BOOLEAN", shown: &["boolean", "bool"] },
        int16: Name { creates: "SMALLINT", shown: &["smallint", "int2"] },
        int32: Name { creates: "INTEGER", shown: &["integer", "int", "int4"] },
        int64: Name { creates: "BIGINT", shown: &["bigint", "int8"] },
        // `float` has 24 bits in some and 53 in others.
        float32: Name { creates: "REAL", shown: &["real", "float", "float4"] },
        float64: Name {
            creates: "DOUBLE PRECISION",
            shown: &["double precision", "double", "float8"],
        },
        decimal: Name { creates: "DECIMAL", shown: &["decimal", "numeric"] },
        long_decimal: |_, _| None,
        key_text: None,
        text: Name {
            creates: "VARCHAR",
            shown: &["character varying", "varchar", "text", "string", "character large object", "clob"],
        },
        date: Name { creates: "DATE", shown: &["date"] },
        time: Name { creates: "TIME", shown: &["time", "time without time zone"] },
        timestamp: Name {
            creates: "TIMESTAMP WITH TIME ZONE",
            shown: &["timestamp with time zone", "timestamptz"],
        },
        // Checked queries yield none.
        binary: Name { creates: "VARBINARY", shown: &["binary varying", "varbinary"] },
    },
    staging: Staging::Temporary {
        creates: "CREATE LOCAL TEMPORARY TABLE",
        behind: " ON COMMIT PRESERVE ROWS",
        told: true,
    },
    sent: Sent::by_type,
    compared: |_, value| vec![value],
    if_absent: " IF NOT EXISTS",
    behind_key: "",
    ends_merge: "",
    names_deleted: false,
    adds: "ADD COLUMN",
    retypes: "SET DATA TYPE ",
    takes_null: |_| "DROP NOT NULL".to_owned(),
    comments: None,
    questions: &[EXACT_TEXTS, EMPTY_TEXTS, TIMES, TIMESTAMPS],
};

/// Names in the table of states are texts, whatever the rows have.
pub(super) const EXACT_TEXTS: Question = Question {
    matters: |_| true,
    holds: "CAST('a' AS VARCHAR(9)) <> CAST('A' AS VARCHAR(9)) AND CAST('a' AS VARCHAR(9)) <> CAST('a ' AS VARCHAR(9))",
    why: "treats texts as equal that differ only in case or trailing spaces",
};

pub(super) const EMPTY_TEXTS: Question = Question {
    matters: |_| true,
    holds: "CAST('' AS VARCHAR(9)) IS NOT NULL",
    why: "treats an empty text as NULL",
};

pub(super) const TIMES: Question = Question {
    matters: |ty| matches!(ty, Type::Time),
    holds: "CAST('12:34:56.123456' AS TIME) <> CAST('12:34:56.123457' AS TIME)",
    why: "does not keep the microseconds of times",
};

pub(super) const TIMESTAMPS: Question = Question {
    matters: |ty| matches!(ty, Type::Timestamp),
    holds: "CAST('2001-02-03 04:05:06.123456+00:00' AS TIMESTAMP WITH TIME ZONE) \
            <> CAST('2001-02-03 04:05:06.123457+00:00' AS TIMESTAMP WITH TIME ZONE)",
    why: "does not keep the microseconds of instants",
};
