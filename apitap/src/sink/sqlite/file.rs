//! A path or URL → a connection to a SQLite file, or words that say why not.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, SqliteConnection};
use tempfile::TempPath;

use crate::definition::database_url::SQLITE;
use crate::sink::refusal;
use crate::{Error, Result};

/// A SQLite file, as it was written: `sqlite:quakes.db`, `sqlite://quakes.db` or a path.
#[derive(Debug, Clone)]
pub(super) struct File {
    written: String,
    /// A file that goes with this, where there is none yet and none is to stay.
    _trial: Option<Arc<TempPath>>,
}

impl File {
    pub(super) fn new(written: String) -> Self {
        Self { written: written.trim().to_owned(), _trial: None }
    }

    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Whether it is not there yet, and could be made: opening it would make it.
    pub(super) fn is_absent(&self) -> Result<bool> {
        self.absent().map(|path| path.is_some())
    }

    /// Its path, where it is not there yet and could be made.
    fn absent(&self) -> Result<Option<PathBuf>> {
        let (_, path, may_create) = self.options()?;
        Ok(Some(path).filter(|path| may_create && !path.exists() && folder(path).is_dir()))
    }

    /// The same, or where it is not there yet, another new one in its folder that does not stay.
    pub(super) fn to_try_out(&self) -> Result<Self> {
        let Some(path) = self.absent()? else { return Ok(self.clone()) };
        let made = tempfile::Builder::new().prefix(".apitap-").tempfile_in(folder(&path));
        Ok(match made {
            Ok(made) => {
                let trial = Arc::new(made.into_temp_path());
                Self { written: trial.display().to_string(), _trial: Some(trial) }
            }
            // Where none can be made, the attempt with its own name says so.
            Err(_) => self.clone(),
        })
    }

    pub(super) async fn connect(&self, patience: Duration) -> Result<SqliteConnection> {
        let (options, path, _) = self.options()?;
        let folder = folder(&path);
        if !folder.is_dir() {
            return Err(Error::target(format!(
                "there is no folder `{}` for the SQLite file `{}`",
                folder.display(),
                path.display()
            ))
            .help(format!("create it: `mkdir -p {}`", folder.display())));
        }
        let opened = options
            .busy_timeout(patience)
            // Staged rows go to a file: memory stays bounded, whatever the run yields.
            .pragma("temp_store", "file")
            .disable_statement_logging()
            .connect()
            .await;
        let mut connection = opened.map_err(|error| unopened(&path, &error))?;
        // SQLite looks into the file only when it has to.
        let look = connection.execute("SELECT count(*) FROM sqlite_schema").await;
        look.map_err(|error| unopened(&path, &error))?;
        Ok(connection)
    }

    /// The file itself.
    ///
    /// # Errors
    /// None is named.
    pub(super) fn path(&self) -> Result<PathBuf> {
        self.options().map(|(_, path, _)| path)
    }

    /// How to open it, its path, and whether it may be made.
    fn options(&self) -> Result<(SqliteConnectOptions, PathBuf, bool)> {
        let written = self.written.as_str();
        let path = written.strip_prefix("sqlite:").unwrap_or(written);
        let path = path.strip_prefix("//").filter(|_| path.len() < written.len()).unwrap_or(path);
        if path.is_empty() {
            return Err(Error::config("the SQLite target names no file")
                .help("write `sqlite:FILE` or the path of a file"));
        }
        let (file, parameters) = path.split_once('?').unwrap_or((path, ""));
        if file == ":memory:" || parameters.contains("memory") {
            return Err(Error::config("a SQLite database in memory is gone when the run ends")
                .help("write `sqlite:FILE` or the path of a file"));
        }
        if path.starts_with("file:") {
            return Err(Error::config(format!("`{path}` is not a form of SQLite target"))
                .help("write `sqlite:FILE` or the path of a file"));
        }
        let is_path = path.len() == written.len();
        if !is_path {
            check_parameters(parameters)?;
        }
        let options = match is_path {
            // A path is a path, whatever characters are in it.
            true => SqliteConnectOptions::new().filename(path),
            false => SqliteConnectOptions::from_str(written).map_err(|error| {
                Error::config(format!("`{written}` is malformed: {}", said(&error)))
                    .help("write `sqlite:FILE` or the path of a file")
            })?,
        };
        let path = options.get_filename().to_path_buf();
        let may_create = is_path || !parameters.split('&').any(|parameter| parameter == "mode=rw");
        Ok((options.create_if_missing(may_create), path, may_create))
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The parameters of a URL.
fn check_parameters(parameters: &str) -> Result<()> {
    let mut pairs = url::form_urlencoded::parse(parameters.as_bytes());
    pairs
        .try_for_each(|(name, value)| SQLITE.check(&name, Some(&value)).map_err(refusal::parameter))
}

fn unopened(path: &Path, error: &sqlx::Error) -> Error {
    let failed =
        Error::target(format!("cannot open the SQLite file `{}`: {}", path.display(), said(error)));
    match error.as_database_error() {
        Some(error) if is_busy(error) => failed.help("another program keeps it locked"),
        _ => failed.help("it must be a SQLite database, or not be there yet, and be writable"),
    }
}

/// Whether another connection holds a lock. The extended codes end in the byte of the plain one.
pub(super) fn is_busy(error: &dyn DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// What SQLite said, in one line.
pub(super) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Configuration(error) => error.to_string(),
        other => other.to_string(),
    }
}
