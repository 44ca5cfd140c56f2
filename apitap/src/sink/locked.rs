//! The lock of a run that is a locked file, with who has it in it.
//!
//! The system takes it back when its process ends, however that ends; the file stays then, and the next run
//! takes it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};

use super::sql::{Claim, Holder};

/// A file that is locked as long as this lives, and goes with it.
struct Locked {
    path: PathBuf,
    _file: File,
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("`{}` is left: {error}", self.path.display());
        }
    }
}

/// This process, and the time, in words.
pub(super) fn this_process() -> String {
    let since = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("process {}, since {since}", std::process::id())
}

/// Takes the lock of that file, or says who has it.
pub(super) fn lock(path: &Path) -> io::Result<Claim> {
    loop {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let said = std::fs::read_to_string(path).unwrap_or_default();
                let who = said.split(';').next().unwrap_or_default().trim();
                let who = if who.is_empty() { "it has just begun" } else { who };
                return Ok(Claim::Theirs(Holder { who: who.to_owned(), end: None }));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let said = format!("{}; {}", this_process(), uuid::Uuid::new_v4());
        file.set_len(0)?;
        file.write_all(said.as_bytes())?;
        // Whoever had it before may have removed it since it was opened: then another one has the name.
        if std::fs::read_to_string(path).is_ok_and(|there| there == said) {
            let locked = Locked { path: path.to_owned(), _file: file };
            return Ok(Claim::Ours(Some(Box::new(locked))));
        }
    }
}
