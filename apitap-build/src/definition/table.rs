//! What a target takes as a table: names, numbers of columns, keys.
//!
//! The compiler's checks and the sinks both ask here. Knows no connection and no spelling of DDL.

use std::collections::HashMap;
use std::fmt;

use super::TargetKind;
use crate::codes::{self, Code};
use crate::schema::{Schema, Type};

/// PostgreSQL cuts off what is longer, silently.
const POSTGRES_NAME_BYTES: usize = 63;
/// What PostgreSQL takes in a table; the table in which rows wait has one column more.
const POSTGRES_COLUMNS: usize = 1600 - 1;
/// What SQLite takes, unless it was built otherwise; one more is needed, too.
const SQLITE_COLUMNS: usize = 2000 - 1;
/// Every table of PostgreSQL has these.
const POSTGRES_SYSTEM: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A table's name as it was written, in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// `analytics` of `analytics.orders`.
    pub schema: Option<String>,
    /// The rest.
    pub name: String,
}

/// Something that a target does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The section of `docs/errors.md`.
    pub code: &'static Code,
    /// The place of the column among the row's; `None` for the table.
    pub column: Option<usize>,
    /// The place of another column, with which it does not agree.
    pub other: Option<usize>,
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl TableName {
    /// Reads `orders` or `analytics.orders`.
    ///
    /// # Errors
    /// Where there are more parts, or empty ones.
    pub fn parse(written: &str) -> Result<Self, Misfit> {
        let misfit = |what: &str| {
            let message = format!("the table name `{written}` has {what}");
            of_table(message, "write `table` or `schema.table`")
        };
        let parts: Vec<_> = written.split('.').collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return Err(misfit("too many dots")),
        };
        if name.is_empty() || schema == Some("") {
            return Err(misfit("an empty part"));
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a target does not take of a table's name.
pub fn check_table(kind: TargetKind, table: &TableName) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    match kind {
        TargetKind::Postgres => {
            let schema = table.schema.iter().map(|name| ("schema", name));
            for (what, name) in schema.chain([("table", &table.name)]) {
                if name.len() > POSTGRES_NAME_BYTES {
                    let message = too_long(what, name);
                    misfits.push(of_table(message, "name a table with a shorter name"));
                }
            }
        }
        TargetKind::Sqlite => {
            if table.schema.as_deref().is_some_and(|schema| schema != "main") {
                let message = format!("`{table}` names a schema, and SQLite has none");
                misfits.push(of_table(message, format!("write `{}`", table.name)));
            }
            if table.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_")) {
                let message = format!(
                    "the table name `{table}` is reserved: those that start with `sqlite_` are \
                     SQLite's own"
                );
                misfits.push(of_table(message, "name another table"));
            }
        }
    }
    misfits
}

/// What a target does not take of the columns of a row.
pub fn check_columns(kind: TargetKind, row: &Schema) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let (target, most) = match kind {
        TargetKind::Postgres => ("PostgreSQL", POSTGRES_COLUMNS),
        TargetKind::Sqlite => ("SQLite", SQLITE_COLUMNS),
    };
    if row.fields.len() > most {
        let message = format!(
            "the rows have {} columns; a table of {target} can take {most}",
            row.fields.len()
        );
        misfits.push(Misfit {
            code: codes::TOO_MANY_COLUMNS,
            column: Some(most),
            other: None,
            message,
            help: "select fewer, or keep those that belong together as one record or list".into(),
        });
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, field) in row.fields.iter().enumerate() {
        let name = field.name.as_str();
        let of_column = |code, message, help: &str| Misfit {
            code,
            column: Some(index),
            other: None,
            message,
            help: help.to_owned(),
        };
        match kind {
            TargetKind::Postgres if name.len() > POSTGRES_NAME_BYTES => {
                let help = "give the column a shorter name with AS";
                misfits.push(of_column(codes::INVALID_COLUMN_NAME, too_long("column", name), help));
            }
            TargetKind::Postgres if POSTGRES_SYSTEM.contains(&name) => {
                let message = format!("every table of PostgreSQL has a column `{name}` already");
                let help = "give the column another name with AS";
                misfits.push(of_column(codes::INVALID_COLUMN_NAME, message, help));
            }
            TargetKind::Postgres => {}
            TargetKind::Sqlite => {
                let first = *seen.entry(name.to_ascii_lowercase()).or_insert(index);
                if first != index {
                    let message = format!(
                        "there is another column like `{name}` that differs only in case, and to \
                         SQLite they are the same"
                    );
                    let help = "give one of them another name with AS";
                    let misfit = of_column(codes::SAME_COLUMN_IN_TARGET, message, help);
                    misfits.push(Misfit { other: Some(first), ..misfit });
                }
            }
        }
    }
    misfits
}

/// Whether values of a type can identify a row: a table compares them whole, for every row.
pub fn can_be_key(ty: &Type) -> bool {
    !matches!(ty, Type::List(_) | Type::Record(_) | Type::Json)
}

fn of_table(message: String, help: impl Into<String>) -> Misfit {
    Misfit {
        code: codes::INVALID_TABLE_NAME,
        column: None,
        other: None,
        message,
        help: help.into(),
    }
}

fn too_long(what: &str, name: &str) -> String {
    let bytes = name.len();
    format!("the {what} name `{name}` has {bytes} bytes; PostgreSQL takes {POSTGRES_NAME_BYTES}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Field;

    fn check(kind: TargetKind, table: &str, columns: &[&str], expected: &[&str]) {
        let row = columns.iter().map(|name| Field::new(*name, Type::Int64, true)).collect();
        let mut misfits = match TableName::parse(table) {
            Ok(name) => check_table(kind, &name),
            Err(misfit) => vec![misfit],
        };
        misfits.extend(check_columns(kind, &row));
        let shown: Vec<_> = misfits.iter().map(|m| format!("{} {:?}", m.code, m.column)).collect();
        assert_eq!(shown, expected, "{table} {columns:?}");
    }

    #[test]
    fn names_are_what_the_target_takes() {
        use TargetKind::{Postgres, Sqlite};
        let (fits, long) = ("x".repeat(63), "é".repeat(32));
        check(Postgres, "analytics.orders", &["id", "ID", &fits], &[]);
        check(Postgres, "a.b.c", &[], &["E0320 None"]);
        check(Postgres, ".orders", &[], &["E0320 None"]);
        check(Postgres, "", &[], &["E0320 None"]);
        check(Postgres, &long, &["id", &long], &["E0320 None", "E0322 Some(1)"]);
        check(Postgres, &format!("{long}.{long}"), &[], &["E0320 None", "E0320 None"]);
        check(
            Postgres,
            "orders",
            &["ctid", "xmin", "oid", "CTID"],
            &["E0322 Some(0)", "E0322 Some(1)"],
        );
        check(Sqlite, "main.orders", &["ctid", &long], &[]);
        check(
            Sqlite,
            "analytics.orders",
            &["id", "a", "ID", "É", "é"],
            &["E0320 None", "E0323 Some(2)"],
        );
        check(Sqlite, "SQLite_x", &[], &["E0320 None"]);
    }

    #[test]
    fn a_table_has_a_bounded_number_of_columns() {
        let names: Vec<_> = (0..2000).map(|n| format!("c{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        check(TargetKind::Postgres, "t", &names[..1599], &[]);
        check(TargetKind::Postgres, "t", &names[..1600], &["E0324 Some(1599)"]);
        check(TargetKind::Sqlite, "t", &names[..1999], &[]);
        check(TargetKind::Sqlite, "t", &names, &["E0324 Some(1999)"]);
    }
}
