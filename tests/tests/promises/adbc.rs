//! What a target behind an ADBC driver promises, shown on DuckDB, PostgreSQL and SQLite; on the first two also in
//! standard SQL, as on a database that has no dialect of its own.

mod command;
mod conformance;
mod evolve;
mod kills;
mod locks;
mod refusals;
mod theirs;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adbc_arrow_array::RecordBatch as TheirBatch;
use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection as _, Database as _, Driver as _, LOAD_FLAG_DEFAULT, Statement as _};
use adbc_driver_manager::ManagedDriver;
use apitap::Result;
use apitap::definition::{
    self, AdbcDialect, Connection, Driver, DriverOptions, Mode, TargetKind, Template,
};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::conformance::Run;
use apitap::sink::{Target, Written, resolve};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::loads::{self, batch, fails, list, open, orders, schema};

/// A database of its own.
pub(super) struct Database {
    dialect: AdbcDialect,
    /// Which one it is, whatever is spoken to it.
    engine: AdbcDialect,
    /// A path, or a URL.
    place: String,
    _folder: TempDir,
}

impl Database {
    pub(super) async fn new(dialect: AdbcDialect) -> Self {
        Self::speaking(dialect, dialect).await
    }

    /// One of that kind, which is spoken to in standard SQL.
    async fn standard(engine: AdbcDialect) -> Self {
        Self::speaking(AdbcDialect::Standard, engine).await
    }

    async fn speaking(dialect: AdbcDialect, engine: AdbcDialect) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let place = match engine {
            AdbcDialect::Duckdb => path("test.duckdb"),
            AdbcDialect::Postgresql => apitap_tests::postgres::database().await,
            AdbcDialect::Sqlite => path("test.db"),
            other => panic!("there is no {other:?} here"),
        };
        Self { dialect, engine, place, _folder: folder }
    }

    /// One of each kind that the tests have.
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for dialect in [AdbcDialect::Duckdb, AdbcDialect::Postgresql, AdbcDialect::Sqlite] {
            all.push(Self::new(dialect).await);
        }
        for engine in [AdbcDialect::Duckdb, AdbcDialect::Postgresql] {
            all.push(Self::standard(engine).await);
        }
        all
    }

    fn target(&self) -> Arc<dyn Target> {
        target(self.dialect, self.engine, &self.place)
    }

    /// Runs statements, one by one, when no session is open.
    fn execute(&self, statements: &[&str]) {
        for statement in statements {
            ask(self.engine, &self.place, statement, true);
        }
    }

    /// Each row's values as text, as a reader sees them now, separated by `|`.
    fn rows(&self, sql: &str) -> Vec<String> {
        texts(&self.look(|place| ask(self.engine, place, sql, false)))
    }

    /// Looks at what is committed. Two of DuckDB in one process do not know of each other: there, it is what
    /// another process would find after this one was killed now.
    fn look<T>(&self, look: impl FnOnce(&str) -> T) -> T {
        if self.engine != AdbcDialect::Duckdb {
            return look(&self.place);
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.duckdb");
        copied(Path::new(&self.place), &copy);
        copied(Path::new(&format!("{}.wal", self.place)), &folder.path().join("copy.duckdb.wal"));
        look(copy.to_str().unwrap())
    }

    fn is_there(&self, table: &str) -> bool {
        let catalog = match self.engine {
            AdbcDialect::Duckdb => "duckdb_tables() WHERE table_name",
            AdbcDialect::Postgresql => "pg_catalog.pg_tables WHERE tablename",
            _ => "sqlite_schema WHERE name",
        };
        self.rows(&format!("SELECT 1 FROM {catalog} = '{table}'")) == ["1"]
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        loads::open_by_id(&self.target(), table, mode, row).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        loads::load(&self.target(), table, mode, row, rows).await
    }
}

fn copied(from: &Path, to: &Path) {
    if from.exists() {
        std::fs::copy(from, to).unwrap();
    }
}

/// What the harness has for each of them.
fn driver(engine: AdbcDialect) -> PathBuf {
    match engine {
        AdbcDialect::Duckdb => apitap_tests::adbc::duckdb(),
        AdbcDialect::Postgresql => apitap_tests::adbc::postgresql(),
        _ => apitap_tests::adbc::sqlite(),
    }
}

/// The option that says where the database is.
fn option(engine: AdbcDialect) -> &'static str {
    if engine == AdbcDialect::Duckdb { "path" } else { "uri" }
}

fn target(dialect: AdbcDialect, engine: AdbcDialect, place: &str) -> Arc<dyn Target> {
    of_driver(dialect, driver(engine).to_str().unwrap(), &[(option(engine), place)])
}

/// A target with the harness's driver and these options.
fn with_options(dialect: AdbcDialect, options: &[(&str, &str)]) -> Arc<dyn Target> {
    of_driver(dialect, driver(dialect).to_str().unwrap(), options)
}

/// A target whose driver is that text.
fn of_driver(dialect: AdbcDialect, driver: &str, options: &[(&str, &str)]) -> Arc<dyn Target> {
    let template = |text: &str| Template(text.to_owned());
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), template(value)));
    let driver = Driver {
        driver: template(driver),
        entrypoint: None,
        options: DriverOptions(options.collect()),
    };
    let target = definition::Target {
        name: "db".to_owned(),
        kind: TargetKind::Adbc(dialect),
        connection: Connection::Driver(driver),
        checkpoint: None,
    };
    resolve(&target, &mut Default::default())
}

/// Each row's values as text, separated by `|`.
fn texts(rows: &[TheirBatch]) -> Vec<String> {
    let of_batch = |batch: &TheirBatch| {
        let text = |column| cast(&theirs::ours(column), &DataType::Utf8).unwrap();
        let columns: Vec<ArrayRef> = batch.columns().iter().map(text).collect();
        let row = |row| {
            let text = |column: &ArrayRef| match column.is_null(row) {
                true => "NULL".to_owned(),
                false => column.as_string::<i32>().value(row).to_owned(),
            };
            columns.iter().map(text).collect::<Vec<_>>().join("|")
        };
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_batch).collect()
}

/// Runs a statement over a connection of its own.
fn ask(engine: AdbcDialect, place: &str, sql: &str, is_change: bool) -> Vec<TheirBatch> {
    let entrypoint = (engine == AdbcDialect::Duckdb).then_some(&b"duckdb_adbc_init"[..]);
    let mut driver = ManagedDriver::load_from_name(
        driver(engine),
        entrypoint,
        AdbcVersion::V110,
        LOAD_FLAG_DEFAULT,
        None,
    )
    .unwrap();
    let option = (OptionDatabase::from(option(engine)), OptionValue::from(place));
    let database = driver.new_database_with_opts([option]).unwrap();
    let mut connection = database.new_connection().unwrap();
    let mut statement = connection.new_statement().unwrap();
    statement.set_sql_query(sql).unwrap();
    if is_change {
        statement.execute_update().unwrap_or_else(|error| panic!("{sql}: {error}"));
        return Vec::new();
    }
    let rows = statement.execute().unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.map(|batch| batch.unwrap()).collect()
}
