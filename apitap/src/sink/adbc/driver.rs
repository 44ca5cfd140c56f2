//! A driver's library and its database: loaded once, however many connections they have.
//!
//! Of some databases, two in one process that have the same file do not know of each other, and would ruin it
//! (DuckDB). So all that is told the same shares one, and the last one that has it closes it before another
//! one can be opened.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adbc_core::error::{Error as AdbcError, Status};
use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Database as _, Driver as _, LOAD_FLAG_DEFAULT};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver};

use super::refusal::{self, Refusal};
use super::settings::Settings;
use crate::definition::{AdbcDialect, TargetKind};
use crate::sink::sql::{Claim, Holder};
use crate::{Error, Result};

/// What the connections to one database share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whose transaction it is, where the database does not let transactions wait for each other.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Whose turn it is with each table, where the database has no lock that others wait for.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// The runs that are under way.
    runs: Mutex<HashSet<String>>,
}

/// A lock of a run within this process.
struct Claimed {
    shared: Arc<Shared>,
    name: String,
}

impl Shared {
    /// The turn with a table.
    pub(super) fn turn_of(&self, table: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(unpoisoned(&self.turns).entry(table.to_owned()).or_default())
    }

    /// Takes a lock of that name for as long as what is given lives, unless another one here has it.
    pub(super) fn claim(self: &Arc<Self>, name: &str) -> Claim {
        if !unpoisoned(&self.runs).insert(name.to_owned()) {
            return Claim::Theirs(Holder { who: "it is in this process".to_owned(), end: None });
        }
        Claim::Ours(Some(Box::new(Claimed { shared: Arc::clone(self), name: name.to_owned() })))
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        unpoisoned(&self.shared.runs).remove(&self.name);
    }
}

/// A database of this process, and what its connections share.
struct Slot {
    settings: Settings,
    /// Open as long as there is a connection.
    open: Mutex<Option<Open>>,
    shared: Arc<Shared>,
}

struct Open {
    database: ManagedDatabase,
    connections: usize,
}

/// Those that are open or about to be.
static SLOTS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());

/// A connection. The last one that ends closes the database.
pub(super) struct Connected {
    // Fields are dropped in their order: it ends before it is counted out.
    pub(super) connection: ManagedConnection,
    counted: Counted,
}

/// A connection of a database, as long as this lives.
struct Counted(Arc<Slot>);

impl Connected {
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.counted.0.shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Slot {
    /// That of a database. Nothing is opened yet.
    ///
    /// # Errors
    /// Its file is open with other options.
    fn of(dialect: AdbcDialect, settings: &Settings) -> Result<Arc<Self>> {
        let mut slots = unpoisoned(&SLOTS);
        // Nobody but the list has them any more: they are closed.
        slots.retain(|slot| Arc::strong_count(slot) > 1);
        if let Some(slot) = slots.iter().find(|slot| slot.settings == *settings) {
            return Ok(Arc::clone(slot));
        }
        let file = settings.file();
        if file.is_some() && slots.iter().any(|slot| slot.settings.file() == file) {
            return Err(opened_otherwise(name(dialect), settings));
        }
        let (settings, open) = (settings.clone(), Mutex::default());
        let slot = Arc::new(Self { settings, open, shared: Arc::default() });
        slots.push(Arc::clone(&slot));
        Ok(slot)
    }

    /// Opens the database, where it is not open, and counts a connection more.
    fn enter(&self, dialect: AdbcDialect) -> Result<ManagedDatabase> {
        let mut open = unpoisoned(&self.open);
        if let Some(open) = &mut *open {
            open.connections += 1;
            return Ok(open.database.clone());
        }
        let mut driver = load(dialect, &self.settings)?;
        let options = self.settings.options.iter().map(|(name, value)| {
            (OptionDatabase::from(name.as_str()), OptionValue::String(value.clone()))
        });
        let database = driver.new_database_with_opts(options);
        let database = database.map_err(|error| refused(dialect, &self.settings, error))?;
        *open = Some(Open { database: database.clone(), connections: 1 });
        Ok(database)
    }

    /// Counts a connection less, and closes the database behind the last one.
    fn leave(&self) {
        let mut open = unpoisoned(&self.open);
        match &mut *open {
            Some(open) if open.connections > 1 => open.connections -= 1,
            // Within the lock: who opens it next waits until it is closed.
            _ => *open = None,
        }
    }
}

/// Connects; loads the driver and opens the database, where that has not been done. Blocks, and nobody but who
/// wants the same database.
pub(super) fn connect(dialect: AdbcDialect, settings: &Settings) -> Result<Connected> {
    let slot = Slot::of(dialect, settings)?;
    let database = slot.enter(dialect)?;
    let counted = Counted(slot);
    let connection = database.new_connection();
    // Ours must not keep it open.
    drop(database);
    let connection = connection.map_err(|error| refused(dialect, settings, error))?;
    Ok(Connected { connection, counted })
}

/// What messages call the database.
pub(super) fn name(dialect: AdbcDialect) -> &'static str {
    TargetKind::Adbc(dialect).capabilities().name
}

fn refused(dialect: AdbcDialect, settings: &Settings, error: AdbcError) -> Error {
    let said = refusal::said(&refusal::refused(error));
    let (name, address) = (name(dialect), settings.address());
    Error::target(format!("cannot connect to {name} through {address}: {said}"))
}

/// One file that would be opened twice.
fn opened_otherwise(name: &str, settings: &Settings) -> Error {
    let message = format!(
        "{name} at `{}` is open already, by another target with other options",
        settings.option("path").unwrap_or_default()
    );
    Error::config(message).help("write the same `driver` and `options` in both, or keep one target")
}

/// Drivers of the first version of ADBC do not know of a second.
fn load(dialect: AdbcDialect, settings: &Settings) -> Result<ManagedDriver> {
    let entrypoint = settings.entrypoint.as_deref().or_else(|| usual_entrypoint(settings));
    let load = |version| {
        ManagedDriver::load_from_name(
            &settings.driver,
            entrypoint.map(str::as_bytes),
            version,
            LOAD_FLAG_DEFAULT,
            None,
        )
    };
    let loaded = match load(AdbcVersion::V110) {
        Err(error) if error.status == Status::NotImplemented => load(AdbcVersion::V100),
        loaded => loaded,
    };
    loaded.map_err(|error| not_loaded(dialect, &settings.driver, &error))
}

/// DuckDB's library begins with a name of its own.
fn usual_entrypoint(settings: &Settings) -> Option<&'static str> {
    let stem = Path::new(&settings.driver).file_stem()?.to_str()?;
    let is_library = matches!(stem, "libduckdb" | "duckdb") && stem.len() < settings.driver.len();
    is_library.then_some("duckdb_adbc_init")
}

fn not_loaded(dialect: AdbcDialect, driver: &str, error: &AdbcError) -> Error {
    let said = [Refusal::of(error).to_string()].into_iter().chain(refusal::looked_for(error));
    let mut said: Vec<_> = said.collect();
    said.dedup();
    let mut message = format!("cannot load the ADBC driver `{driver}`: {}", said.join("; "));
    if Path::new(driver).components().count() == 1 && Path::new(driver).extension().is_none() {
        message.push_str(PLACES);
    }
    Error::config(message).help(how_to_get(dialect))
}

/// Where a driver is looked for that is a name, behind the error.
const PLACES: &str = "; it was looked for in `ADBC_DRIVER_PATH`, in `adbc/drivers` of the user's configuration and \
                      of `/etc`, and as a library of the system";

/// Where the driver of a database comes from.
fn how_to_get(dialect: AdbcDialect) -> &'static str {
    match dialect {
        AdbcDialect::Duckdb => {
            "DuckDB's library is the driver: `dbc install duckdb`, or download libduckdb from duckdb.org and \
             write its path, `driver: /opt/duckdb/libduckdb.so`"
        }
        AdbcDialect::Postgresql => {
            "`dbc install postgresql`, or `pip install adbc-driver-postgresql` and write the path of the \
             library in it: `driver: …/site-packages/adbc_driver_postgresql/libadbc_driver_postgresql.so`"
        }
        AdbcDialect::Standard => {
            "`dbc search` lists the drivers that can be installed; write the name of one, or the path of its \
             library or manifest: `driver: /opt/adbc/libadbc_driver_flightsql.so`"
        }
        AdbcDialect::Bigquery => {
            "`dbc install bigquery`, or write the path of the driver's library: `driver: \
             /opt/adbc/libadbc_driver_bigquery.so`"
        }
        AdbcDialect::Mssql => {
            "`dbc install mssql`, or write the path of the driver's library: `driver: \
             /opt/adbc/libadbc_driver_mssql.so`"
        }
        AdbcDialect::Snowflake => {
            "`dbc install snowflake`, or write the path of the driver's library: `driver: \
             /opt/adbc/libadbc_driver_snowflake.so`"
        }
        AdbcDialect::Sqlite => {
            "`dbc install sqlite`, or `pip install adbc-driver-sqlite` and write the path of the library in \
             it: `driver: …/site-packages/adbc_driver_sqlite/libadbc_driver_sqlite.so`"
        }
    }
}

/// Nothing under these locks can leave half of a change.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
