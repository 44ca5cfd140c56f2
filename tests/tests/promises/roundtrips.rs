//! Any value of any type is in each database what it was, or is refused before anything is committed.

use std::collections::BTreeMap;

use apitap::definition::{Capabilities, Mode, TargetKind};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::Load;
use apitap::sink::conformance::Run;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike as _};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::loads;
use super::runs::{mariadb_database, number, postgres_database};
use super::values::{Cell, Column, DAYS, columns, extreme_columns, extremes, rows, scalars};

/// How many tables of random columns each database takes; `VALUE_CASES=1000` asks for more.
const CASES: u32 = 60;

/// A database, and what it can hold.
struct Database {
    kind: TargetKind,
    url: String,
    can: &'static Capabilities,
}

impl Database {
    fn new(kind: TargetKind, url: String) -> Self {
        Self { kind, url, can: kind.capabilities() }
    }

    /// The scalars that a column may have.
    fn scalars(&self) -> Vec<Type> {
        let fits =
            |ty: &Type| !matches!(ty, Type::Decimal { scale, .. } if *scale > self.can.scale);
        scalars().into_iter().filter(fits).collect()
    }

    /// Whether a column takes a value; within a list or a record, whether JSON has it, too.
    fn holds(&self, ty: &Type, cell: &Cell, nested: bool) -> bool {
        match (ty, cell) {
            (_, Cell::Float(value)) => value.is_finite() || self.can.values.non_finite && !nested,
            (Type::String, Cell::Text(text)) => self.can.values.nul || !text.contains('\0'),
            (Type::Date, Cell::Whole(day)) => {
                i32::try_from(*day).is_ok_and(|day| self.can.values.days.contains(&day))
                    && (!nested || is_in_text(ty, cell))
            }
            (Type::Timestamp, Cell::Whole(micros)) => {
                i64::try_from(*micros).is_ok_and(|micros| self.can.values.micros.contains(&micros))
                    && (!nested || is_in_text(ty, cell))
            }
            (Type::List(item), Cell::List(cells)) => {
                cells.iter().all(|cell| self.holds(&item.ty, cell, true))
            }
            (Type::Record(fields), Cell::Record(cells)) => {
                fields.iter().zip(cells).all(|(field, cell)| self.holds(&field.ty, cell, true))
            }
            _ => true,
        }
    }

    /// The value, or none where the column does not take it, or where it could not be read back as text.
    fn kept(&self, ty: &Type, cell: Cell) -> Cell {
        match self.holds(ty, &cell, false) && is_in_text(ty, &cell) {
            true => cell,
            false => Cell::Null,
        }
    }

    /// What reads a column as text.
    fn text_of(&self, name: &str, ty: &Type) -> String {
        let is_document = |ty: &Type| matches!(ty, Type::List(_) | Type::Record(_) | Type::Json);
        match (self.kind, ty) {
            (TargetKind::Postgres, Type::Binary) => format!("encode({name}, 'hex')"),
            (TargetKind::Postgres, Type::Timestamp) => {
                format!("to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            }
            (TargetKind::Postgres, Type::List(item)) if !is_document(&item.ty) => {
                format!("array_to_json({name})::text")
            }
            (TargetKind::Postgres, _) => format!("{name}::text"),
            // The hex of NULL is an empty text in SQLite.
            (_, Type::Binary) => format!("CASE WHEN {name} IS NOT NULL THEN hex({name}) END"),
            (TargetKind::Mysql, _) => format!("CONVERT({name} USING utf8mb4)"),
            // What SQLite writes of a number is not always that number: it is read as one.
            (_, Type::Float32 | Type::Float64) => name.to_owned(),
            _ => format!("CAST({name} AS text)"),
        }
    }

    /// The rows of a table, in their order; each value as text.
    async fn read(&self, table: &str, columns: &[Column]) -> Vec<Vec<Option<String>>> {
        let texts = columns.iter().enumerate();
        let texts = texts.map(|(at, (ty, _))| self.text_of(&format!("c{at}"), ty));
        let texts = texts.collect::<Vec<_>>().join(", ");
        let sql = AssertSqlSafe(format!("SELECT {texts} FROM {table} ORDER BY at"));
        macro_rules! fetched {
            ($connection:ty, $url:expr) => {{
                let mut connection = <$connection>::connect($url).await.unwrap();
                let found = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
                let texts = found.iter().map(|row| {
                    let text = |(at, (ty, _)): (usize, &Column)| match ty {
                        Type::Float32 | Type::Float64 if self.kind == TargetKind::Sqlite => {
                            row.get_unchecked::<Option<f64>, _>(at).map(|value| value.to_string())
                        }
                        _ => row.get_unchecked(at),
                    };
                    columns.iter().enumerate().map(text).collect()
                });
                texts.collect()
            }};
        }
        match self.kind {
            TargetKind::Postgres => fetched!(sqlx::PgConnection, &self.url),
            TargetKind::Mysql => fetched!(sqlx::MySqlConnection, &self.url),
            _ => fetched!(sqlx::SqliteConnection, &format!("sqlite:{}", self.url)),
        }
    }

    async fn load(&self, table: &str, columns: &[Column]) -> apitap::Result<()> {
        let (row, batch) = numbered(columns);
        let load = Load::new("any", table, Mode::Append, &[], &row)?;
        let target = loads::destination(self.kind, &self.url);
        let mut run = Run::of(target.as_ref(), load).await?;
        run.write(batch).await?;
        run.commit().await.map(drop)
    }

    /// Columns go into a table, and come back.
    async fn comes_back(&self, table: &str, columns: &[Column]) {
        let kept = |(ty, cells): &Column| {
            let cells = cells.iter().map(|cell| self.kept(ty, cell.clone()));
            (ty.clone(), cells.collect())
        };
        let columns: Vec<Column> = columns.iter().map(kept).collect();
        self.load(table, &columns).await.unwrap();
        let found = self.read(table, &columns).await;
        for (at, row) in found.iter().enumerate() {
            for ((ty, cells), text) in columns.iter().zip(row) {
                let read = text.as_deref().map_or(Cell::Null, |text| parsed(ty, text));
                let same = self.same(ty, &cells[at], &read, false);
                assert!(same, "{:?}: {:?} of {ty:?} came back as {text:?}", self.kind, cells[at]);
            }
        }
        let expected = columns.first().map_or(0, |(_, cells)| cells.len());
        assert_eq!(found.len(), expected);
    }

    /// Whether two values are the same one, to the bit. Zero has no sign in MySQL, in SQLite and in JSON.
    fn same(&self, ty: &Type, written: &Cell, read: &Cell, nested: bool) -> bool {
        match (written, read) {
            (Cell::Null, Cell::Null) => true,
            (Cell::Bool(a), Cell::Bool(b)) => a == b,
            (Cell::Whole(a), Cell::Whole(b)) => a == b,
            (Cell::Float(a), Cell::Float(b)) => {
                // A `float32` is written as one.
                let (a, b) = match ty {
                    Type::Float32 => (f64::from(*a as f32), f64::from(*b as f32)),
                    _ => (*a, *b),
                };
                let has_no_sign = nested || self.kind != TargetKind::Postgres;
                a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() || has_no_sign && a == b
            }
            (Cell::Text(a), Cell::Text(b)) if *ty == Type::Json => json(a) == json(b),
            // A null of JSON within JSON is none.
            (Cell::Text(text), Cell::Null) => *ty == Type::Json && nested && text == "null",
            (Cell::Text(a), Cell::Text(b)) => a == b,
            (Cell::Bytes(a), Cell::Bytes(b)) => a == b,
            (Cell::List(a), Cell::List(b)) => {
                let Type::List(item) = ty else { return false };
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(&item.ty, a, b, true))
            }
            (Cell::Record(a), Cell::Record(b)) => {
                let Type::Record(fields) = ty else { return false };
                let cells = fields.iter().zip(a.iter().zip(b));
                cells.into_iter().all(|(field, (a, b))| self.same(&field.ty, a, b, true))
            }
            _ => false,
        }
    }
}

/// Whether it is of the years 1 to 9999, which texts of dates have.
fn is_in_text(ty: &Type, cell: &Cell) -> bool {
    match (ty, cell) {
        (Type::Date, Cell::Whole(day)) => (DAYS.0..=DAYS.1).contains(day),
        (Type::Timestamp, Cell::Whole(micros)) => {
            (DAYS.0..=DAYS.1).contains(&micros.div_euclid(86_400_000_000))
        }
        _ => true,
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The columns with the number of each row, `at`, in front.
fn numbered(columns: &[Column]) -> (Schema, RecordBatch) {
    let (row, batch) = rows(columns);
    let numbers: ArrayRef =
        std::sync::Arc::new(Int64Array::from_iter_values(0..batch.num_rows() as i64));
    let fields = [Field::new("at", Type::Int64, false)].into_iter().chain(row.fields);
    let row: Schema = fields.collect();
    let arrays = [numbers].into_iter().chain(batch.columns().iter().cloned()).collect();
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), arrays).unwrap();
    (row, batch)
}

/// What the text of a column says.
fn parsed(ty: &Type, text: &str) -> Cell {
    match ty {
        Type::List(item) => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap();
            Cell::List(items.iter().map(|raw| within(&item.ty, raw.get())).collect())
        }
        Type::Record(fields) => {
            let found: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
            let field = |field: &Field| within(&field.ty, found[&field.name].get());
            Cell::Record(fields.iter().map(field).collect())
        }
        Type::Binary => Cell::Bytes(hex(text)),
        ty => scalar(ty, text),
    }
}

/// What a JSON text within another one says.
fn within(ty: &Type, raw: &str) -> Cell {
    match ty {
        _ if raw == "null" => Cell::Null,
        Type::Json => Cell::Text(raw.to_owned()),
        Type::List(_) | Type::Record(_) => parsed(ty, raw),
        _ if raw.starts_with('"') => {
            let text: String = serde_json::from_str(raw).unwrap();
            match ty {
                Type::Binary => Cell::Bytes(match text.strip_prefix("\\x") {
                    Some(digits) => hex(digits),
                    None => BASE64_STANDARD.decode(text).unwrap(),
                }),
                ty => scalar(ty, &text),
            }
        }
        ty => scalar(ty, raw),
    }
}

fn scalar(ty: &Type, text: &str) -> Cell {
    match ty {
        Type::Bool => Cell::Bool(matches!(text, "true" | "1")),
        Type::Int16 | Type::Int32 | Type::Int64 => Cell::Whole(text.parse().unwrap()),
        Type::Float32 => Cell::Float(text.parse::<f32>().unwrap().into()),
        Type::Float64 => Cell::Float(text.parse().unwrap()),
        Type::Decimal { scale, .. } => {
            let (before, behind) = text.split_once('.').unwrap_or((text, ""));
            assert_eq!(behind.len(), usize::from(*scale), "{text}");
            Cell::Whole(format!("{before}{behind}").parse().unwrap())
        }
        Type::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
            Cell::Whole(day.to_epoch_days().into())
        }
        Type::Time => {
            let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").unwrap();
            let seconds = i128::from(time.num_seconds_from_midnight());
            Cell::Whole(seconds * 1_000_000 + i128::from(time.nanosecond() / 1_000))
        }
        Type::Timestamp => {
            let text = text.replace(' ', "T");
            let moment = DateTime::parse_from_rfc3339(&text);
            let moment = moment.or_else(|_| DateTime::parse_from_rfc3339(&format!("{text}Z")));
            Cell::Whole(moment.unwrap().timestamp_micros().into())
        }
        _ => Cell::Text(text.to_owned()),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn check(kind: TargetKind, url: String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = Database::new(kind, url);
    let extreme = extreme_columns(&database.scalars());
    runtime.block_on(database.comes_back("extremes", &extreme));
    let count = std::cell::Cell::new(0);
    let test = |columns: Vec<Column>| {
        count.set(count.get() + 1);
        runtime.block_on(database.comes_back(&format!("t{}", count.get()), &columns));
        Ok(())
    };
    let cases = number("VALUE_CASES", CASES);
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    TestRunner::new(config).run(&columns(database.scalars()), test).unwrap();
    runtime.block_on(refused(&database));
}

/// What a column does not take is an error that names the row, and nothing is committed.
async fn refused(database: &Database) {
    let mut number = 0;
    let mut columns: Vec<_> =
        database.scalars().into_iter().map(|ty| (extremes(&ty), ty)).collect();
    let record = Type::Record(vec![Field::new("f", Type::Float64, true)]);
    columns.push((vec![Cell::Record(vec![Cell::Float(f64::NAN)])], record));
    for (cells, ty) in columns {
        for cell in cells.into_iter().filter(|cell| !database.holds(&ty, cell, false)) {
            number += 1;
            let table = format!("refused{number}");
            let columns = [(ty.clone(), vec![Cell::Null, cell.clone()])];
            let error = database.load(&table, &columns).await.expect_err("it is not held");
            let error = error.to_string();
            assert!(error.contains("column `c0` of row 2"), "{ty:?} {cell:?}: {error}");
            // Where a table cannot be created in the transaction, it is empty.
            database.load(&table, &[(ty.clone(), Vec::new())]).await.unwrap();
            let left = database.read(&table, &[(ty.clone(), Vec::new())]).await;
            assert!(left.is_empty(), "{ty:?} {cell:?}");
        }
    }
    println!("{:?}: {number} values refused", database.kind);
    assert!(number > 0);
}

#[test]
fn any_values_come_back_from_postgresql() {
    check(TargetKind::Postgres, postgres_database());
}

#[test]
fn any_values_come_back_from_mysql() {
    check(TargetKind::Mysql, mariadb_database());
}

#[test]
fn any_values_come_back_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check(TargetKind::Sqlite, folder.path().join("test.db").display().to_string());
}
