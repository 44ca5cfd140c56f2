//! A refresh token, and those that the server gives in its place: kept for the process, and in a file
//! where there is one.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::Mutex;

use crate::source::request::template::Resolved;
use crate::{Error, Result};

/// The longest refresh token that is read from a file.
const MOST: u64 = 64 << 10;

/// The configured token, and the file of those that follow.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Refresh {
    pub(super) token: Resolved,
    pub(super) file: Option<Resolved>,
}

/// The refresh token that is good now.
pub(super) struct RefreshTokens {
    configured: String,
    file: Option<PathBuf>,
    source: String,
    /// The last one of the server's, or of the file.
    last: Mutex<Option<String>>,
    warned: AtomicBool,
}

impl RefreshTokens {
    pub(super) fn new(refresh: &Refresh, source: &str) -> Self {
        Self {
            configured: refresh.token.text().to_owned(),
            file: refresh.file.as_ref().map(|file| PathBuf::from(file.text())),
            source: source.to_owned(),
            last: Mutex::default(),
            warned: AtomicBool::new(false),
        }
    }

    /// The one that the definition says.
    pub(super) fn configured(&self) -> &str {
        &self.configured
    }

    /// The last one of the server's, else that of the file, else the configured one.
    ///
    /// # Errors
    /// The file is there, and cannot be read.
    pub(super) async fn known(&self) -> Result<String> {
        let mut last = self.last.lock().await;
        if last.is_none()
            && let Some(file) = self.file.clone()
        {
            *last = in_background(move || read(&file)).await.map_err(|error| self.unread(error))?;
        }
        Ok(last.clone().unwrap_or_else(|| self.configured.clone()))
    }

    /// Keeps the one that the server has given in place of the last one.
    ///
    /// # Errors
    /// It cannot be written into the file: the next run could not go on from it.
    pub(super) async fn keep(&self, token: &str) -> Result<()> {
        let mut last = self.last.lock().await;
        if last.as_deref().unwrap_or(&self.configured) == token {
            return Ok(());
        }
        *last = Some(token.to_owned());
        let Some(file) = self.file.clone() else {
            self.warn();
            return Ok(());
        };
        let token = token.to_owned();
        in_background(move || write(&file, &token)).await.map_err(|error| self.unwritten(error))
    }

    fn warn(&self) {
        if !self.warned.swap(true, Relaxed) {
            tracing::warn!(
                "`{}`: the server has replaced the refresh token, and the next run will be refused \
                 with the old one: set `token_file` in `auth` to a file that keeps the new one",
                self.source
            );
        }
    }

    fn unread(&self, error: io::Error) -> Error {
        self.file_error("cannot be read", error).help("remove it, or let this user read it")
    }

    fn unwritten(&self, error: io::Error) -> Error {
        self.file_error("cannot be written", error).help(
            "the server has replaced the refresh token: without the file it is lost with this run",
        )
    }

    fn file_error(&self, what: &str, error: io::Error) -> Error {
        let shown = self.file.as_deref().unwrap_or(Path::new("")).display();
        let message = format!("`token_file` of source `{}` {what}: `{shown}`", self.source);
        Error::config(message).caused_by(error)
    }
}

/// Files block.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The token in a file; `None` where there is none yet.
fn read(file: &Path) -> io::Result<Option<String>> {
    use std::io::Read as _;

    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut token = String::new();
    opened.take(MOST).read_to_string(&mut token)?;
    let token = token.trim();
    Ok((!token.is_empty()).then(|| token.to_owned()))
}

/// Writes a file that only its owner may read, and puts it in place whole.
fn write(file: &Path, token: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Temporary files are made with the mode 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    writeln!(temporary, "{token}")?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_written_whole_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.token");
        assert_eq!(read(&file).unwrap(), None);
        for token in ["first", "second"] {
            write(&file, token).unwrap();
            assert_eq!(read(&file).unwrap().as_deref(), Some(token));
        }
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("not/there"), "t").is_err());
        assert!(read(folder.path()).is_err());
    }
}
