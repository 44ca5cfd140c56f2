//! A table in a folder of this machine.
//!
//! A session holds a lock on a file of its own for as long as it lives: who gets that lock knows that
//! the session is dead. A commit is written beside the log and linked into it, which one of several
//! can do. What counts is flushed to the disk before it does.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::{Added, Leftovers, OWN, Published, Staged, Store, Upload, foreign, session_name};
use crate::hashed::hashed;
use crate::sink::locked;
use crate::sink::sql::{Claim, Guard, Holder};
use crate::{Error, Result};

const LOCK: &str = "lock";

/// The folder of a table, and this session's own in it.
pub(in crate::sink::files) struct Local {
    table: PathBuf,
    log: &'static str,
    session: Session,
}

/// The folder of a session's staged files. It goes with the session.
struct Session {
    name: String,
    folder: PathBuf,
    table: PathBuf,
    /// The folders around the table that were not there before, the innermost first.
    made: Vec<PathBuf>,
    /// Whether it stays, for the next session to find.
    stays: AtomicBool,
    /// Locked.
    _lock: File,
    /// What keeps other runs of a pipeline away.
    claim: Mutex<Guard>,
}

impl Local {
    /// Makes the folders, so that it is known that they can be made.
    ///
    /// # Errors
    /// They cannot be made, or written.
    pub(in crate::sink::files) fn begin(table: PathBuf, log: &'static str) -> Result<Self> {
        let name = session_name();
        let folder = staged(&table).join(&name);
        let around = table.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let made = around.take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        let lock = lock(&folder).map_err(|error| failed("write into", &folder, error))?;
        let stays = AtomicBool::new(false);
        let (table_of, claim) = (table.clone(), Mutex::default());
        let session = Session { name, folder, table: table_of, made, stays, _lock: lock, claim };
        Ok(Self { table, log, session })
    }

    /// A file of these bytes that no reader looks for, on the disk.
    async fn whole(&self, path: &Path, bytes: &[u8]) -> Result<PathBuf> {
        let whole = self.session.folder.join("whole");
        let written = async {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).await?;
            }
            let mut file = fs::File::create(&whole).await?;
            file.write_all(bytes).await?;
            file.flush().await?;
            file.sync_all().await
        };
        written.await.map_err(|error| failed("write", path, error))?;
        Ok(whole)
    }

    async fn create_at(&self, path: &Path, bytes: &[u8]) -> Result<bool> {
        let whole = self.whole(path, bytes).await?;
        match fs::hard_link(&whole, path).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(failed("write", path, error)),
        }
        // The next one of this session is written under that name, and must not be this file.
        removed(&whole).await?;
        sync(path.parent().unwrap_or(&self.table)).await.map(|()| true)
    }
}

fn staged(table: &Path) -> PathBuf {
    table.join(OWN).join("staged")
}

/// A folder whose lock is ours. A run that looks for leftovers may take an unlocked one away.
fn lock(folder: &Path) -> io::Result<File> {
    loop {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(LOCK);
        let file = match File::create(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        file.lock()?;
        if path.exists() {
            return Ok(file);
        }
    }
}

/// Removes the folder of a session; its lock last, so that what a killed run has not removed is found again.
fn remove_session(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name() != Some(LOCK.as_ref()) {
            std::fs::remove_file(path)?;
        }
    }
    std::fs::remove_dir_all(folder)
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its file is in a folder that may go.
        drop(self.claim.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        if self.stays.load(Ordering::SeqCst) {
            return;
        }
        if let Err(error) = remove_session(&self.folder) {
            tracing::warn!("cannot remove `{}`: {error}", self.folder.display());
        }
        // Those that are empty: of a table that there is not yet, nothing stays.
        let own = self.table.join(OWN);
        for folder in [&staged(&self.table), &own, &self.table].into_iter().chain(&self.made) {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

#[async_trait]
impl Store for Local {
    fn session(&self) -> &str {
        &self.session.name
    }

    async fn claim(&self, pipeline: &str) -> Result<Option<Holder>> {
        let path = self.table.join(OWN).join(format!("run-{}", hashed(pipeline)));
        match locked::lock(&path).map_err(|error| failed("lock", &path, error))? {
            Claim::Ours(guard) => {
                *self.session.claim.lock().unwrap_or_else(PoisonError::into_inner) = guard;
                Ok(None)
            }
            Claim::Theirs(holder) => Ok(Some(holder)),
        }
    }

    fn log(&self) -> &'static str {
        self.log
    }

    fn shown(&self, name: &str) -> String {
        self.table.join(name).display().to_string()
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        names(&self.table.join(folder)).await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.table.join(name);
        match fs::read(&path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    #[cfg(feature = "delta")]
    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool> {
        self.create_at(&self.table.join(name), &bytes).await
    }

    #[cfg(feature = "delta")]
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.table.join(name);
        let whole = self.whole(&path, &bytes).await?;
        fs::rename(&whole, &path).await.map_err(|error| failed("write", &path, error))?;
        sync(path.parent().unwrap_or(&self.table)).await
    }

    #[cfg(feature = "delta")]
    async fn open(&self, name: &str) -> Result<Option<File>> {
        let path = self.table.join(name);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    async fn create_commit(&self, number: u64, record: Vec<u8>) -> Result<bool> {
        self.create_at(&self.table.join(self.commit(number)), &record).await
    }

    async fn files(&self) -> Result<Vec<String>> {
        let (mut folders, mut files) = (vec![String::new()], Vec::new());
        while let Some(folder) = folders.pop() {
            let path = self.table.join(&folder);
            for name in names(&path).await? {
                if name.starts_with(['.', '_']) {
                    continue;
                }
                let below =
                    if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                if path.join(&name).is_dir() {
                    folders.push(below);
                } else {
                    files.push(below);
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    async fn stage(&self, number: u32, _file: &str) -> Result<Box<dyn Upload>> {
        let name = format!("{number:04}");
        let path = self.session.folder.join(&name);
        let file = fs::File::create(&path).await.map_err(|error| failed("write", &path, error))?;
        let below = format!("{OWN}/staged/{}/{name}", self.session.name);
        Ok(Box::new(StagedFile { file, path, below }))
    }

    fn publishes_over(&self) -> bool {
        true
    }

    async fn publish(&self, added: &Added) -> Result<Published> {
        let to = self.table.join(&added.file);
        let from = match &added.staged {
            Staged::File(staged) => self.table.join(staged),
            // The folder was copied from an object store, where it has its name.
            Staged::Upload { .. } => to.clone(),
        };
        let folder = to.parent().unwrap_or(&self.table);
        fs::create_dir_all(folder).await.map_err(|error| failed("make", folder, error))?;
        let mut steps = vec![from];
        // First under the name of the old one, which it takes in one step: so it is one of the two
        // that a reader finds.
        steps.extend(added.over.iter().map(|over| self.table.join(over)));
        steps.push(to.clone());
        for (from, to) in steps.iter().zip(steps.iter().skip(1)) {
            match fs::rename(from, to).await {
                Ok(()) => {}
                // It is further already.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed("write", to, error)),
            }
        }
        sync(folder).await?;
        match fs::try_exists(&to).await.map_err(|error| failed("read", &to, error))? {
            true => Ok(Published::Done),
            false => Ok(Published::Gone),
        }
    }

    async fn remove(&self, files: &[String]) -> Result<()> {
        for file in files {
            let path = self.table.join(file);
            removed(&path).await?;
            // The folders of values that no row has any more.
            let mut folder = path.parent();
            while let Some(empty) = folder.filter(|folder| *folder != self.table) {
                if fs::remove_dir(empty).await.is_err() {
                    break;
                }
                folder = empty.parent();
            }
        }
        Ok(())
    }

    async fn leftovers(&self) -> Result<Box<dyn Leftovers>> {
        let (staged, mut dead) = (staged(&self.table), Vec::new());
        for name in names(&staged).await?.into_iter().filter(|name| *name != self.session.name) {
            let folder = staged.join(name);
            match File::open(folder.join(LOCK)).map(|lock| (lock.try_lock(), lock)) {
                Ok((Ok(()), lock)) => dead.push(Dead { folder, _lock: Some(lock) }),
                Ok((Err(TryLockError::WouldBlock), _)) => {}
                Ok((Err(TryLockError::Error(error)), _)) => {
                    return Err(failed("lock", &folder, error));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    dead.push(Dead { folder, _lock: None });
                }
                Err(error) => return Err(failed("read", &folder, error)),
            }
        }
        Ok(Box::new(AllDead(dead)))
    }

    #[cfg(feature = "delta")]
    fn unsettled(&self, are_there: bool) {
        self.session.stays.store(are_there, Ordering::SeqCst);
    }

    /// They were moved to their names.
    async fn published(&self, _: &[Added]) -> Result<()> {
        Ok(())
    }

    /// The folder goes with the session, also where that is not ended.
    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

/// The folders of sessions that are no longer there.
struct AllDead(Vec<Dead>);

struct Dead {
    folder: PathBuf,
    /// `None` where there is none: the session had only begun, or is just beginning.
    _lock: Option<File>,
}

#[async_trait]
impl Leftovers for AllDead {
    /// Their locks are ours.
    fn may_commit(&self) -> bool {
        false
    }

    #[cfg(feature = "delta")]
    fn sessions(&self) -> Vec<String> {
        let name = |dead: &Dead| Some(dead.folder.file_name()?.to_string_lossy().into_owned());
        self.0.iter().filter_map(name).collect()
    }

    async fn remove(self: Box<Self>) -> Result<()> {
        for Dead { folder, _lock } in self.0 {
            let removed = match &_lock {
                Some(_) => remove_session(&folder),
                // Not if there is something in it meanwhile.
                None => fs::remove_dir(&folder).await.or(Ok(())),
            };
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed("remove", &folder, error));
                }
                _ => {
                    tracing::debug!("removed `{}`, left by a run that was killed", folder.display())
                }
            }
        }
        Ok(())
    }
}

struct StagedFile {
    file: fs::File,
    path: PathBuf,
    /// The path below the table's folder.
    below: String,
}

#[async_trait]
impl Upload for StagedFile {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.file.write_all(&bytes).await.map_err(|error| failed("write", &self.path, error))
    }

    fn held(&self) -> usize {
        0
    }

    async fn finish(self: Box<Self>) -> Result<Staged> {
        let Self { mut file, path, below } = *self;
        let written = async {
            // Only this tells whether the last write was one.
            file.flush().await?;
            file.sync_all().await
        };
        written.await.map_err(|error| failed("write", &path, error))?;
        Ok(Staged::File(below))
    }
}

/// What is in a folder; nothing where there is none.
async fn names(folder: &Path) -> Result<Vec<String>> {
    let read = |error| failed("read", folder, error);
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(read)? {
        let name = entry.file_name().into_string();
        names.push(name.map_err(|_| foreign(&entry.path().display().to_string()))?);
    }
    Ok(names)
}

async fn removed(path: &Path) -> Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

/// The names in a folder are on the disk, too.
async fn sync(folder: &Path) -> Result<()> {
    let synced = async { fs::File::open(folder).await?.sync_all().await };
    synced.await.map_err(|error| failed("write into", folder, error))
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let failed = Error::target(format!("cannot {what} `{}`: {error}", path.display()));
    let failed = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failed.help("make room on the disk, then run again: nothing was committed")
        }
        ErrorKind::PermissionDenied => {
            failed.help("give this user the right to read and write the folder")
        }
        _ => failed,
    };
    failed.caused_by(error)
}
