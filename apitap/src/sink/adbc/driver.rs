//! A driver's library and its database: loaded once, however many connections they have.
//!
//! Of some databases, two in one process that have the same file do not know of each other, and would ruin it
//! (DuckDB). So all that is told the same shares one, and the last one that has it closes it before another
//! one can be opened.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adbc_core::error::{Error as AdbcError, Status};
use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Database as _, Driver as _, LOAD_FLAG_DEFAULT};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver};

use super::refusal::{self, Refusal};
use super::settings::Settings;
use crate::definition::AdbcDialect;
use crate::{Error, Result};

/// What the connections to one database share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whose transaction it is, where the database does not let transactions wait for each other.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// The runs that are under way.
    runs: Mutex<HashSet<String>>,
}

/// A lock of a run within this process.
struct Claimed {
    shared: Arc<Shared>,
    name: String,
}

impl Shared {
    /// Takes a lock of that name for as long as what is given lives; nothing if it is taken.
    pub(super) fn claim(self: &Arc<Self>, name: &str) -> Option<Box<dyn Send + Sync>> {
        let is_ours = unpoisoned(&self.runs).insert(name.to_owned());
        let claimed = || Claimed { shared: Arc::clone(self), name: name.to_owned() };
        is_ours.then(|| Box::new(claimed()) as Box<dyn Send + Sync>)
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        unpoisoned(&self.shared.runs).remove(&self.name);
    }
}

struct Open {
    settings: Settings,
    database: Arc<ManagedDatabase>,
    shared: Arc<Shared>,
}

static OPEN: Mutex<Vec<Open>> = Mutex::new(Vec::new());

/// A connection, and the database that must outlive it.
pub(super) struct Connected {
    pub(super) connection: Option<ManagedConnection>,
    database: Option<Arc<ManagedDatabase>>,
    pub(super) shared: Arc<Shared>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut open = unpoisoned(&OPEN);
        self.connection.take();
        self.database.take();
        open.retain(|open| Arc::strong_count(&open.database) > 1);
    }
}

/// Connects; loads the driver and opens the database, where that has not been done. Blocks.
pub(super) fn connect(dialect: AdbcDialect, settings: &Settings) -> Result<Connected> {
    let mut open = unpoisoned(&OPEN);
    let name = crate::definition::TargetKind::Adbc(dialect).capabilities().name;
    let failed = |error: AdbcError| {
        let said = refusal::said(&refusal::refused(error));
        Error::target(format!("cannot connect to {name} through {}: {said}", settings.address()))
    };
    let at = match open.iter().position(|open| open.settings == *settings) {
        Some(at) => at,
        None => {
            let file = settings.file();
            if open.iter().any(|open| file.is_some() && open.settings.file() == file) {
                return Err(opened_otherwise(name, settings));
            }
            let mut driver = load(dialect, settings)?;
            let options = settings.options.iter();
            let options = options.map(|(name, value)| {
                (OptionDatabase::from(name.as_str()), OptionValue::String(value.clone()))
            });
            let database = driver.new_database_with_opts(options).map_err(failed)?;
            let (database, shared) = (Arc::new(database), Arc::default());
            open.push(Open { settings: settings.clone(), database, shared });
            open.len() - 1
        }
    };
    let Some(Open { database, shared, .. }) = open.get(at) else {
        return Err(Error::target("the database that was opened is gone"));
    };
    let mut connected = Connected {
        connection: None,
        database: Some(Arc::clone(database)),
        shared: Arc::clone(shared),
    };
    let connection = database.new_connection().map_err(failed);
    // What was opened in vain is closed by `Connected`, which locks it again.
    drop(open);
    connected.connection = Some(connection?);
    Ok(connected)
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
