//! Random tables: a few columns of common types, a few rows with many values in common.

use std::fmt::Write as _;

use apitap_build::schema::{Field, Schema, Type};
use apitap_tests::random::Random;
use datafusion::arrow::datatypes::DataType;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Small,
    Int,
    Float,
    Money,
    Text,
    Date,
    Time,
    /// In no random table.
    Json,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Bool,
        Self::Small,
        Self::Int,
        Self::Float,
        Self::Money,
        Self::Text,
        Self::Date,
        Self::Time,
    ];

    /// What an Arrow type holds.
    pub(super) fn of(ty: &DataType) -> Self {
        match ty {
            DataType::Boolean => Self::Bool,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(..) => Self::Time,
            ty if ty.is_string() => Self::Text,
            ty if ty.is_floating() => Self::Float,
            ty if ty.is_decimal() => Self::Money,
            _ => Self::Int,
        }
    }

    /// The type in PostgreSQL.
    fn sql(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Small => "integer",
            Self::Int => "bigint",
            Self::Float => "double precision",
            Self::Money => "numeric(12,2)",
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "timestamptz",
            Self::Json => "json",
        }
    }

    /// The type in a schema.
    fn ty(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Small => Type::Int32,
            Self::Int => Type::Int64,
            Self::Float => Type::Float64,
            Self::Money => Type::Decimal { precision: 12, scale: 2 },
            Self::Text => Type::String,
            Self::Date => Type::Date,
            Self::Time => Type::Timestamp,
            Self::Json => Type::Json,
        }
    }

    /// A value, as text.
    fn value(self, random: &mut Random, values: Values) -> String {
        let one = |random: &mut Random, of: &[&str]| (*random.one(of)).to_owned();
        if values == Values::Extreme && random.percent(25) {
            return one(random, self.extremes());
        }
        match self {
            Self::Bool => one(random, &["true", "false"]),
            Self::Small => one(random, &["-7", "0", "1", "2", "3", "40", "2000"]),
            Self::Int => one(random, &["-1", "0", "1", "2", "3", "5", "100", "70000"]),
            Self::Float => one(random, &["-0.5", "0", "0.25", "1", "1.5", "1024"]),
            Self::Money => {
                one(random, &["-2.05", "0.00", "0.01", "1.15", "1.50", "8.05", "999.99"])
            }
            Self::Text => one(random, &["", "a", "b", "ab", "A", "x y", " b ", "12", "日"]),
            Self::Date => one(random, &["1969-12-31", "2024-02-29", "2026-01-31", "2026-03-04"]),
            Self::Time => one(
                random,
                &["1970-01-01T00:00:00Z", "2026-01-31T23:59:59Z", "2026-03-04T05:06:07.5Z"],
            ),
            Self::Json => one(random, &["{}", "[1]", "null"]),
        }
    }
}

impl Kind {
    /// The first and the last values of the type, and texts that are nearly something else.
    fn extremes(self) -> &'static [&'static str] {
        match self {
            Self::Bool => &["true", "false"],
            Self::Small => &["-2147483648", "2147483647"],
            Self::Int => &["-9223372036854775808", "9223372036854775807", "4294967296"],
            Self::Float => &["-1.7976931348623157e308", "1.7976931348623157e308", "5e-324", "-0"],
            Self::Money => &["-9999999999.99", "9999999999.99"],
            Self::Text => &[
                "9223372036854775808",
                "1e400",
                "-0",
                " 7",
                "2026-02-30",
                "2026-02-28",
                "2026-01-01T25:00:00Z",
                "(",
                "%Q",
                "NaN",
                "a\u{301}\u{10ffff}",
            ],
            Self::Date => &["0001-01-01", "9999-12-31"],
            Self::Time => &["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
            Self::Json => &["{}"],
        }
    }
}

/// Which values tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Those that everybody has.
    Common,
    /// Those at the ends of each type, too.
    Extreme,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    nullable: bool,
}

/// A table; the first column is an `id` that no two rows share.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
    /// Values as text; `None` is null.
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// Its schema as a source has it.
    pub(super) fn schema(&self) -> Schema {
        let field = |column: &Column| Field::new(&*column.name, column.kind.ty(), column.nullable);
        self.columns.iter().map(field).collect()
    }
}

/// The table of these columns (`id int!, name text`) and rows (`1, ada`; `-` is null).
pub(super) fn table_of(name: &'static str, columns: &str, rows: &[&str]) -> Table {
    let column = |written: &str| {
        let (name, ty) = written.trim().split_once(' ').unwrap();
        let names = ["bool", "small", "int", "float", "money", "text", "date", "time", "json"];
        let mut kinds = names.iter().zip(Kind::ALL.into_iter().chain([Kind::Json]));
        let (_, kind) = kinds.find(|(name, _)| **name == ty.trim_end_matches('!')).unwrap();
        Column { name: name.to_owned(), kind, nullable: !ty.ends_with('!') }
    };
    let value = |written: &str| match written {
        "-" => None,
        text => Some(text.to_owned()),
    };
    let row = |row: &&str| row.split(", ").map(value).collect();
    Table {
        name,
        columns: columns.split(',').map(column).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

/// Names that several tables have.
const NAMES: [&str; 7] = ["name", "amount", "at", "n", "flag", "note", "day"];

/// Three tables.
pub(super) fn random(random: &mut Random, values: Values) -> Vec<Table> {
    ["a", "b", "c"].map(|name| table(name, random, values)).into()
}

fn table(name: &'static str, random: &mut Random, values: Values) -> Table {
    let id = Column { name: "id".to_owned(), kind: Kind::Int, nullable: false };
    let mut columns = vec![id];
    for _ in 0..3 + random.below(4) {
        let name = *random.one(&NAMES);
        if columns.iter().all(|column| column.name != name) {
            let (kind, nullable) = (*random.one(&Kind::ALL), random.percent(60));
            columns.push(Column { name: name.to_owned(), kind, nullable });
        }
    }
    let count = random.below(9);
    let rows = (0..count).map(|row| {
        let value = |column: &Column| match column.name.as_str() {
            "id" => Some((row + 1).to_string()),
            _ if column.nullable && random.percent(30) => None,
            _ => Some(column.kind.value(random, values)),
        };
        columns.iter().map(value).collect()
    });
    let rows = rows.collect();
    Table { name, columns, rows }
}

/// The statements that make them in PostgreSQL.
pub(super) fn script(tables: &[Table]) -> String {
    let mut script = String::new();
    for Table { name, columns, rows } in tables {
        let column = |column: &Column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("\"{}\" {}{null}", column.name, column.kind.sql())
        };
        let columns: Vec<_> = columns.iter().map(column).collect();
        writeln!(script, "DROP TABLE IF EXISTS {name};").unwrap();
        writeln!(script, "CREATE TABLE {name} ({});", columns.join(", ")).unwrap();
        for row in rows {
            let value = |value: &Option<String>| match value {
                Some(text) => format!("'{text}'"),
                None => "NULL".to_owned(),
            };
            let values: Vec<_> = row.iter().map(value).collect();
            writeln!(script, "INSERT INTO {name} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    script
}
