//! What comes in is what is in the table: random columns and values, read back through the same driver.

use std::sync::Arc;

use apitap::schema::scalar;
use apitap_tests::random::Random;
use arrow::array::types::{Float32Type, Float64Type};
use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray};
use arrow::compute::concat;

use super::super::values::{Cell, array};
use super::*;

const DAY: i64 = 86_400_000_000;

/// Values of a type: its outermost ones, random ones, and nulls.
fn values(ty: &Type, dialect: AdbcDialect, chance: &mut Random) -> ArrayRef {
    let count = 1 + chance.below(200);
    let (first, last) = days(dialect);
    let mut whole = |edges: [i64; 2]| -> Vec<Option<i64>> {
        let random = |chance: &mut Random| {
            let (low, high) = (i128::from(edges[0]), i128::from(edges[1]));
            let draw = (chance.below(1 << 31) as i128) << 33 | chance.below(1 << 31) as i128;
            i64::try_from(low + draw.rem_euclid(high - low + 1)).unwrap()
        };
        (0..count)
            .map(|_| match chance.below(5) {
                0 => None,
                1 => Some(edges[0]),
                2 => Some(edges[1]),
                _ => Some(random(chance)),
            })
            .collect()
    };
    let plain = |v: i64| Cell::Whole(v.into());
    let cells = match ty {
        Type::Bool => cells(whole([0, 1]), |v| Cell::Bool(v == 1)),
        Type::Int16 => cells(whole([i16::MIN.into(), i16::MAX.into()]), plain),
        Type::Int32 => cells(whole([i32::MIN.into(), i32::MAX.into()]), plain),
        Type::Int64 => cells(whole([i64::MIN, i64::MAX]), plain),
        Type::Float32 => cells(whole([i64::MIN, i64::MAX]), |v| {
            Cell::Float(float(f32::from_bits(v as u32).into(), dialect))
        }),
        Type::Float64 => cells(whole([i64::MIN, i64::MAX]), |v| {
            Cell::Float(float(f64::from_bits(v as u64), dialect))
        }),
        Type::Decimal { precision, .. } => {
            cells(whole([i64::MIN, i64::MAX]), |v| Cell::Whole(digits(v, *precision)))
        }
        Type::Date => cells(whole([first, last]), plain),
        Type::Time => cells(whole([0, DAY - 1]), plain),
        Type::Timestamp => cells(whole([first * DAY, last * DAY + DAY - 1]), plain),
        Type::Uuid => cells(whole([i64::MIN, i64::MAX]), |v| Cell::Text(uuid(v))),
        Type::Binary => cells(whole([0, i64::MAX]), |v| {
            Cell::Bytes(v.to_le_bytes()[..(v % 9) as usize].to_vec())
        }),
        Type::Json => cells(whole([0, i64::MAX]), |v| Cell::Text(document(v))),
        _ => cells(whole([0, i64::MAX]), |v| Cell::Text(text(v, dialect))),
    };
    array(ty, &cells)
}

/// A null where nothing was drawn.
fn cells(drawn: Vec<Option<i64>>, of: impl Fn(i64) -> Cell) -> Vec<Cell> {
    drawn.into_iter().map(|v| v.map_or(Cell::Null, &of)).collect()
}

/// The digits of a decimal: as many as it has at the ends.
fn digits(v: i64, precision: u8) -> i128 {
    let most = 10_i128.pow(u32::from(precision)) - 1;
    match v {
        i64::MIN => -most,
        i64::MAX => most,
        v => (i128::from(v) * i128::from(v) * v.signum() as i128) % (most + 1),
    }
}

fn uuid(v: i64) -> String {
    let hex = format!("{:016x}{:016x}", v as u64, v.rotate_left(17) as u64);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A JSON text.
fn document(v: i64) -> String {
    match v % 3 {
        0 => format!("{{\"a\":[{v},null,\"é\\\"\"]}}"),
        1 => "[]".to_owned(),
        _ => format!("\"{v}\""),
    }
}

fn text(v: i64, dialect: AdbcDialect) -> String {
    let texts = ["", " ", "é😀", "'; --", "\"\\\n\t", "NULL", "1e5", "0001-01-01", "a\u{1}b"];
    match v {
        0 if matches!(dialect, AdbcDialect::Duckdb | AdbcDialect::Sqlite) => "a\0b\0".to_owned(),
        i64::MAX => "x".repeat(70_000),
        v => texts[(v % texts.len() as i64) as usize].to_owned(),
    }
}

/// SQLite keeps neither NaN nor infinities, and has no negative zero. Standard SQL does not know the first two.
fn float(value: f64, dialect: AdbcDialect) -> f64 {
    match dialect {
        AdbcDialect::Sqlite if !value.is_finite() || value == 0.0 => 0.5,
        AdbcDialect::Standard if !value.is_finite() => 0.5,
        // One NaN is as good as another one.
        _ if value.is_nan() => f64::NAN,
        _ => value,
    }
}

/// The outermost days that all years of the database have.
fn days(dialect: AdbcDialect) -> (i64, i64) {
    match dialect {
        AdbcDialect::Duckdb => (-106_751_991, 106_751_990),
        AdbcDialect::Postgresql => (-2_440_588, 106_751_990),
        AdbcDialect::Sqlite => (-719_528, 2_932_896),
        _ => (-719_162, 2_932_896),
    }
}

fn types(dialect: AdbcDialect) -> Vec<Type> {
    let decimals = [(38, 0), (38, 38), (12, 2), (9, 9), (1, 0), (18, 4), (19, 7)];
    let decimals = decimals.map(|(precision, scale)| Type::Decimal { precision, scale });
    let takes = |ty: &Type| !TargetKind::Adbc(dialect).capabilities().without.contains(ty);
    scalar::plain().map(|scalar| scalar.ty.clone()).chain(decimals).filter(takes).collect()
}

/// A column as it was read, as values of the type that was sent.
fn read(ty: &Type, column: &ArrayRef) -> ArrayRef {
    let own = apitap::schema::arrow::data_type(ty);
    let column = match (column.data_type(), &own) {
        (DataType::Timestamp(..), DataType::Timestamp(..)) => cast(column, &own).unwrap(),
        // SQLite has no type but its own.
        (DataType::Utf8, DataType::Timestamp(..)) => {
            let texts = column.as_string::<i32>();
            let plain: StringArray =
                texts.iter().map(|v| v.map(|v| v.trim_end_matches('Z'))).collect();
            let naive =
                cast(&plain, &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None));
            cast(&naive.unwrap(), &own).unwrap()
        }
        _ => cast(column, &own).unwrap(),
    };
    match ty {
        Type::Json => {
            let texts = column.as_string::<i32>();
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap().to_string();
            Arc::new(texts.iter().map(|v| v.map(json)).collect::<StringArray>())
        }
        Type::Float32 => {
            let one_nan = |v: f32| if v.is_nan() { f32::NAN } else { v };
            Arc::new(column.as_primitive::<Float32Type>().unary::<_, Float32Type>(one_nan))
        }
        Type::Float64 => {
            let one_nan = |v: f64| if v.is_nan() { f64::NAN } else { v };
            Arc::new(column.as_primitive::<Float64Type>().unary::<_, Float64Type>(one_nan))
        }
        _ => column,
    }
}

/// Rounds of random columns, in every mode, through a table that is new each time.
async fn check(database: Database, rounds: u64) {
    let (dialect, engine) = (database.dialect, database.engine);
    let mut chance = Random::new(20_261_127);
    for round in 0..rounds {
        let all = types(dialect);
        let picked: Vec<_> = (0..1 + chance.below(12)).map(|_| chance.one(&all).clone()).collect();
        let mut fields = vec![Field::new("id", Type::Int64, false)];
        fields.extend(
            picked
                .iter()
                .enumerate()
                .map(|(at, ty)| Field::new(format!("v{at}"), ty.clone(), true)),
        );
        let row: Schema = fields.into_iter().collect();
        let columns: Vec<_> = picked.iter().map(|ty| values(ty, dialect, &mut chance)).collect();
        let rows = columns.iter().map(|column| column.len()).min().unwrap();
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from_iter_values(0..rows as i64))];
        arrays.extend(columns.iter().map(|column| column.slice(0, rows)));
        let batch =
            RecordBatch::try_new(apitap::schema::arrow::schema(&row), arrays.clone()).unwrap();
        let mode = *chance.one(&[Mode::Append, Mode::Replace, Mode::Merge, Mode::InsertNew]);
        let table = format!("t{round}");
        let mut run = database.open(&table, mode, &row).await.unwrap();
        run.write(batch).await.unwrap_or_else(|error| panic!("{dialect:?} {picked:?}: {error}"));
        run.commit().await.unwrap_or_else(|error| panic!("{dialect:?} {picked:?}: {error}"));
        let column = |(at, ty): (usize, &Type)| match ty {
            Type::Uuid | Type::Json => format!(", CAST(v{at} AS text) AS v{at}"),
            _ => format!(", v{at}"),
        };
        let columns: String = picked.iter().enumerate().map(column).collect();
        let select = format!("SELECT id{columns} FROM {table} ORDER BY id");
        let found = database.look(|place| ask(engine, place, &select, false));
        for (at, ty) in picked.iter().enumerate() {
            // A driver that looks at values for the type of a column may see another one in each batch.
            let parts: Vec<_> =
                found.iter().map(|batch| read(ty, &theirs::ours(batch.column(at + 1)))).collect();
            let parts: Vec<_> = parts.iter().map(|part| part.as_ref()).collect();
            let (found, sent) = (concat(&parts).unwrap(), read(ty, &arrays[at + 1]));
            assert_eq!(found.to_data(), sent.to_data(), "{dialect:?} {mode:?} {ty:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_columns_come_back_from_duckdb_as_they_went_in() {
    check(Database::new(AdbcDialect::Duckdb).await, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_columns_come_back_from_postgresql_as_they_went_in() {
    check(Database::new(AdbcDialect::Postgresql).await, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_columns_come_back_from_sqlite_as_they_went_in() {
    check(Database::new(AdbcDialect::Sqlite).await, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_columns_come_back_from_standard_sql_as_they_went_in() {
    for engine in [AdbcDialect::Duckdb, AdbcDialect::Postgresql] {
        check(Database::standard(engine).await, 60).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_lists_are_json() {
    for database in Database::all().await {
        let dialect = (database.dialect, database.engine);
        let record = Type::Record(vec![Field::new("a", Type::Int64, true)]);
        let row = schema(&[("tags", list(Type::String), true), ("inner", record, true)]);
        let rows = json!([{ "tags": ["a", null, "\""], "inner": { "a": 1 } }, { "tags": [], "inner": null }]);
        database.load("t", Mode::Append, &row, rows).await.unwrap();
        let select =
            r#"SELECT CAST(tags AS text), CAST("inner" AS text) FROM t ORDER BY "inner" IS NULL"#;
        let found = database.rows(select);
        let found: Vec<_> =
            found.iter().map(|row| row.replace(": ", ":").replace(", ", ",")).collect();
        assert_eq!(found, [r#"["a",null,"\""]|{"a":1}"#, "[]|NULL"], "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_database_cannot_hold_is_named_by_column_and_row() {
    let check = async |dialect, ty: Type, array: ArrayRef, expected: &str| {
        let engine =
            if dialect == AdbcDialect::Standard { AdbcDialect::Postgresql } else { dialect };
        let database = Database::speaking(dialect, engine).await;
        let row = schema(&[("v", ty, true)]);
        let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), vec![array]).unwrap();
        let mut run = database.open("t", Mode::Append, &row).await.unwrap();
        fails(run.write(batch).await, expected);
        assert!(!database.is_there("t"));
    };
    check(
        AdbcDialect::Postgresql,
        Type::String,
        Arc::new(StringArray::from(vec!["a", "b\0"])),
        "column `v` of row 2 holds a NUL character, which PostgreSQL (ADBC) cannot store in text",
    )
    .await;
    check(
        AdbcDialect::Standard,
        Type::Float64,
        Arc::new(Float64Array::from(vec![0.5, f64::INFINITY])),
        "column `v` of row 2 is inf, which Standard SQL (ADBC) does not keep",
    )
    .await;
    check(
        AdbcDialect::Sqlite,
        Type::Float64,
        Arc::new(Float64Array::from(vec![f64::NAN])),
        "column `v` of row 1 is NaN, which SQLite (ADBC) does not keep",
    )
    .await;
    check(
        AdbcDialect::Duckdb,
        Type::Date,
        Arc::new(Date32Array::from(vec![i32::MAX])),
        "column `v` of row 1 holds a date outside of those that DuckDB (ADBC) keeps",
    )
    .await;
}
