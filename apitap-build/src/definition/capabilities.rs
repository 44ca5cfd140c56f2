//! What each kind of target can and what it cannot, as data: names, columns, modes, values.
//!
//! The compiler's checks and the targets themselves both read this, so that what builds is what
//! runs. One file per kind of target; knows no connection and no SQL.

use std::ops::RangeInclusive;

use super::{Mode, TargetKind};
use crate::schema::Type;

mod adbc;
mod delta;
mod files;
mod mysql;
mod postgres;
mod sqlite;

/// What a target can and what it cannot.
#[derive(Debug)]
pub struct Capabilities {
    /// What people call it.
    pub name: &'static str,
    /// What the rows are kept in.
    pub storage: Storage,
    /// Which schemas a table's name may have.
    pub schemas: Schemas,
    /// The longest name of a schema, a table or a column.
    pub longest_name: Option<Length>,
    /// Whether names of columns that differ only in the case of ASCII letters are the same.
    pub folds_case: bool,
    /// Columns that every table has already.
    pub system_columns: &'static [&'static str],
    /// What names of tables must not begin with, in any case of the letters, and whose tables those are.
    pub reserved_prefix: Option<(&'static str, &'static str)>,
    /// Characters that a table's name must not have in it, besides control characters.
    pub unfit: &'static [char],
    /// Characters that a column's name must not have in it.
    pub unfit_in_columns: &'static [char],
    /// The scalar types for which it has no column type.
    pub without: &'static [Type],
    /// The most columns of a row: those of a table, less the one that numbers staged rows.
    pub columns: usize,
    /// What a key can be.
    pub key: Key,
    /// The most digits of a decimal behind the point.
    pub scale: u8,
    /// How rows can get into a table.
    pub modes: &'static [Mode],
    /// Whether rows and state are committed together, or not at all.
    pub transactions: bool,
    /// Whether a second run of a pipeline is kept out while one is under way, from wherever it is begun.
    pub keeps_runs_apart: bool,
    /// Whether SQL of the user's runs in the transaction of the rows.
    pub hooks: bool,
    /// Whether a table can get other columns in the transaction of the rows that replace all of its own.
    pub renews_tables: bool,
    /// How many writers a load can have at once.
    pub writers: usize,
    /// Which values a column of the matching type holds.
    pub values: Values,
}

/// What rows are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Tables of a database: a key says which rows are the same, and a row may lack columns.
    Tables,
    /// Files in a folder for each table: every row is kept, and all have the same columns. A folder
    /// may have further ones within, for the values of some columns.
    Files,
    /// The same with a log that others read, too: a key says which rows are the same, and a row may lack
    /// columns, unless it takes the place of another one.
    Lake,
}

impl Storage {
    /// Whether a key says which rows are the same.
    pub fn has_keys(self) -> bool {
        self != Self::Files
    }

    /// Whether rows can be kept apart by the values of columns.
    pub fn has_folders(self) -> bool {
        self != Self::Tables
    }
}

/// Which schemas a table's name may have in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemas {
    /// Any, which is created where it does not exist.
    Any,
    /// Only this one, which is also meant where none is named.
    Only(&'static str),
    /// Any that exists: it is not created.
    Existing,
}

/// What a key can be: the columns of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The most columns.
    pub columns: usize,
    /// The most characters of a text, and bytes of a binary, that is of the key; `None` for as many
    /// as there are.
    pub text: Option<usize>,
    /// The most bytes of all of them together, each column at its longest; `None` where only the
    /// values count.
    pub bytes: Option<usize>,
}

impl Key {
    /// The most columns, and nothing else.
    const fn of_columns(columns: usize) -> Self {
        Self { columns, text: None, bytes: None }
    }
}

/// The length of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// In bytes of UTF-8.
    Bytes(usize),
    /// In characters.
    Characters(usize),
}

/// Which values a column of the matching type holds.
#[derive(Debug, Clone)]
pub struct Values {
    /// Whether NaN and the infinities are kept.
    pub non_finite: bool,
    /// Whether text can hold the character U+0000.
    pub nul: bool,
    /// A text that is taken for NULL on its way into the table.
    pub null_text: Option<&'static str>,
    /// Dates, in days from 1970-01-01.
    pub days: RangeInclusive<i32>,
    /// Timestamps, in microseconds from 1970-01-01T00:00:00Z.
    pub micros: RangeInclusive<i64>,
}

impl TargetKind {
    /// What this kind of target can and what it cannot.
    pub fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Postgres => &postgres::CAPABILITIES,
            Self::Mysql => &mysql::CAPABILITIES,
            Self::Sqlite => &sqlite::CAPABILITIES,
            Self::Parquet => &files::PARQUET,
            Self::Csv => &files::CSV,
            Self::Jsonl => &files::JSONL,
            Self::Delta => &delta::CAPABILITIES,
            Self::Adbc(dialect) => adbc::of(dialect),
        }
    }
}

/// Microseconds of a day.
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// 0000-01-01, in days from 1970-01-01.
const YEAR_0: i32 = -719_528;

/// 0001-01-01, in days from 1970-01-01.
const YEAR_1: i32 = -719_162;

/// 9999-12-31, in days from 1970-01-01: the last day whose year has four digits.
const LAST_DAY: i32 = 2_932_896;

/// The timestamps of these days.
const fn micros(first_day: i32, last_day: i32) -> RangeInclusive<i64> {
    first_day as i64 * MICROS_PER_DAY..=last_day as i64 * MICROS_PER_DAY + (MICROS_PER_DAY - 1)
}
