//! ADBC drivers: libraries that packages of Python and of Node carry, installed at the first call.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::server::{INSTALLED, Kind, Package};

/// Nothing of it serves: it is loaded.
const DRIVERS: Kind = Kind {
    name: "ADBC drivers",
    package: Package::Python {
        folder: drivers,
        packages: &["adbc-driver-sqlite==1.13.0", "adbc-driver-postgresql==1.13.0"],
    },
    programs: &[INSTALLED],
    users: &[],
    folders: || vec![drivers().join("bin")],
    serve: "",
};

/// The library of DuckDB is its driver.
const DUCKDB: Kind = Kind {
    name: "DuckDB",
    package: Package::Node { folder: duckdb_folder, package: duckdb_package },
    programs: &[INSTALLED],
    users: &[],
    folders: || vec![duckdb_folder().join("bin")],
    serve: "",
};

fn drivers() -> PathBuf {
    std::env::temp_dir().join("apitap-tests-adbc-1.13.0")
}

fn duckdb_folder() -> PathBuf {
    std::env::temp_dir().join("apitap-tests-duckdb-1.5.6")
}

fn duckdb_package() -> String {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    format!("@duckdb/node-bindings-linux-{machine}@1.5.6-r.1")
}

/// The path of the driver of PostgreSQL.
///
/// Blocks while it is installed, at the first call only.
pub fn postgresql() -> PathBuf {
    of_python("postgresql")
}

/// The path of the driver of SQLite; as [`postgresql`].
pub fn sqlite() -> PathBuf {
    of_python("sqlite")
}

/// The path of DuckDB's library; as [`postgresql`].
pub fn duckdb() -> PathBuf {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    installed(&INSTALLED, &DUCKDB);
    library(&duckdb_folder().join("node_modules/@duckdb"), "libduckdb.so")
}

fn of_python(name: &str) -> PathBuf {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    installed(&INSTALLED, &DRIVERS);
    library(&drivers().join("lib"), &format!("libadbc_driver_{name}.so"))
}

fn installed(once: &OnceLock<Result<PathBuf, String>>, kind: &Kind) {
    if let Err(reason) = once.get_or_init(|| kind.programs()) {
        panic!("{reason}");
    }
}

/// The file of that name in a folder or in one within.
fn library(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            match path.file_name() {
                Some(file) if file == name => return path,
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    panic!("there is no `{name}` in {}", folder.display())
}
