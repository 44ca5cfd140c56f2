//! The lock of a run: a locked file beside the database, `shop.db-apitap-1f0c7a2b9e4d3c5a`.
//!
//! Of the database itself no lock outlives a transaction. The system takes this one back when its process
//! ends, however that ends; the file stays then, and the next run takes it.

use std::fs::{File as Handle, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};

use crate::sink::sql::{Claim, Holder};
use crate::{Error, Result};

/// A file that is locked as long as this lives, and goes with it.
struct Locked {
    path: PathBuf,
    _handle: Handle,
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("`{}` is left: {error}", self.path.display());
        }
    }
}

/// Takes the lock of that name beside a database, or says who has it.
pub(in crate::sink) fn claim(database: &Path, name: &str) -> Result<Claim> {
    let path = beside(database, name);
    lock(&path).map_err(|error| {
        Error::target(format!("cannot lock `{}`: {error}", path.display()))
            .help("the folder of the database must be writable, for its journal too")
    })
}

fn beside(database: &Path, name: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut path = database.as_os_str().to_owned();
    path.push(format!("-apitap-{:016x}", hasher.finish()));
    path.into()
}

fn lock(path: &Path) -> io::Result<Claim> {
    loop {
        let mut options = OpenOptions::new();
        let mut handle = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let said = std::fs::read_to_string(path).unwrap_or_default();
                let who = said.split(';').next().unwrap_or_default().trim();
                let who = if who.is_empty() { "it has just begun" } else { who };
                return Ok(Claim::Theirs(Holder { who: who.to_owned(), end: None }));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let since = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let process = std::process::id();
        let said = format!("process {process}, since {since}; {}", uuid::Uuid::new_v4());
        handle.set_len(0)?;
        handle.write_all(said.as_bytes())?;
        // Whoever had it before may have removed it since it was opened: then another one has the name.
        if std::fs::read_to_string(path).is_ok_and(|there| there == said) {
            let locked = Locked { path: path.to_owned(), _handle: handle };
            return Ok(Claim::Ours(Some(Box::new(locked))));
        }
    }
}
