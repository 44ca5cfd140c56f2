//! Whether a session is still alive.
//!
//! A session rewrites an object of its own every now and then, and is taken for dead where that is old
//! by the clock of the store. On its own machine it also holds the lock of a file that is called like it:
//! who gets that knows at once. Being wrong costs the session its rows, never the table: see
//! [`super::leftovers`].

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

/// How often a session says that it is alive.
pub(super) const BEAT: Duration = Duration::from_secs(30);
/// After so long without a word it is taken for dead.
pub(super) const PATIENCE: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// The lock of a session on its own machine.
pub(super) struct Lease {
    path: PathBuf,
    _lock: File,
}

/// What this machine knows of a session.
pub(super) enum Here {
    /// It has ended. Nobody else takes care of it while this is held.
    Dead(Lease),
    Alive,
    /// It may run on another machine.
    Unknown,
}

impl Lease {
    /// Takes the lock of a new session; `None` where this machine keeps no files.
    pub(super) fn take(session: &str) -> Option<Self> {
        let path = path(session);
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        let lock = lock.inspect_err(|error| {
            tracing::debug!("cannot lock `{}`: {error}", path.display());
        });
        Some(Self { _lock: lock.ok()?, path })
    }

    /// What this machine knows of a session.
    pub(super) fn of(session: &str) -> Here {
        let path = path(session);
        let Ok(file) = File::open(&path) else { return Here::Unknown };
        match file.try_lock() {
            Ok(()) => Here::Dead(Self { path, _lock: file }),
            Err(TryLockError::WouldBlock) => Here::Alive,
            Err(TryLockError::Error(_)) => Here::Unknown,
        }
    }

    /// Nothing is left of the session.
    pub(super) fn end(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("cannot remove `{}`: {error}", self.path.display());
        }
    }
}

fn path(session: &str) -> PathBuf {
    std::env::temp_dir().join(format!("apitap-{session}.lock"))
}
