//! Where the files of one table are, and the log of its commits.
//!
//! What a store promises: a commit of the log is created as a whole, by one of those that try, or not
//! at all; a staged file is seen by nobody until it is published, and then as a whole. It does not
//! know what is in them.

mod local;
#[cfg(feature = "cloud")]
mod object;

use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::{Files, Place};
use crate::definition::TargetKind;
use crate::sink::sql::Holder;
use crate::{Error, Result};
use local::Local;
#[cfg(feature = "cloud")]
use object::Object;

/// The folder in a table's folder that is apitap's own. Readers pass over what begins with `_`.
pub(super) const OWN: &str = "_apitap";

/// The folder of our own log in a table's folder.
const LOG: &str = "_apitap/log";
/// The folder of the log of Delta Lake.
const DELTA_LOG: &str = "_delta_log";

/// Begins a session of a table, and makes sure that it can be written.
///
/// # Errors
/// It cannot, or there is no such place.
pub(super) async fn begin(files: &Files, table: &str) -> Result<Box<dyn Store>> {
    let log = match files.format.kind {
        TargetKind::Delta => DELTA_LOG,
        _ => LOG,
    };
    match &files.place {
        Place::Bucket(bucket) => in_bucket(bucket, table, log, files.file_size).await,
        Place::Folder(path) => {
            let path = folder(files, path)?;
            Ok(Box::new(Local::begin(path.join(table), log)?))
        }
    }
}

fn folder<'a>(files: &Files, path: &'a str) -> Result<&'a Path> {
    let path = path.trim();
    let help = "write the path of a folder, `path: data`, or a URL, `path: s3://bucket/folder`";
    if path.is_empty() {
        let name = files.format.kind.capabilities().name;
        return Err(Error::config(format!("the {name} target names no folder")).help(help));
    }
    match path.split_once("://") {
        None => Ok(Path::new(path)),
        Some((scheme, _)) => {
            Err(Error::config(format!("scheme `{scheme}` is not supported by a file target"))
                .help(help))
        }
    }
}

#[cfg(feature = "cloud")]
async fn in_bucket(
    bucket: &Bucket,
    table: &str,
    log: &'static str,
    file_size: u64,
) -> Result<Box<dyn Store>> {
    Ok(Box::new(Object::begin(bucket, table, log, file_size).await?))
}

#[cfg(not(feature = "cloud"))]
async fn in_bucket(bucket: &Bucket, _: &str, _: &str, _: u64) -> Result<Box<dyn Store>> {
    Err(Error::config(format!("this program was built without object stores, for `{bucket:?}`")).help(
        "build it with the feature: `apitap = { …, features = [\"cloud\"] }` in Cargo.toml, or `cargo \
         install apitap --features cloud`",
    ))
}

/// One table, for one session.
#[async_trait]
pub(super) trait Store: Send + Sync {
    /// What the names of this session's files begin with: no other session has the same.
    fn session(&self) -> &str;

    /// The folder of the log, below that of the table.
    fn log(&self) -> &'static str;

    /// A place below the table's folder, as people write it.
    fn shown(&self, name: &str) -> String;

    /// The names of what is in a folder below that of the table, without what is further below.
    async fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// What a file below the table's folder holds; `None` where there is none of that name.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Creates a file below the table's folder as a whole; `false` where there is one of that name already.
    #[cfg(feature = "delta")]
    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool>;

    /// Writes a file below the table's folder as a whole, in the place of one that is there.
    #[cfg(feature = "delta")]
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()>;

    /// A file below the table's folder, to be read in any order; `None` where there is none of that name.
    #[cfg(feature = "delta")]
    async fn open(&self, name: &str) -> Result<Option<std::fs::File>>;

    /// Keeps other runs of a pipeline away from the table for as long as this session lives; or says who does so.
    async fn claim(&self, pipeline: &str) -> Result<Option<Holder>>;

    /// The numbers of the commits that are still there, ascending.
    async fn commits(&self) -> Result<Vec<u64>> {
        let names = self.list(self.log()).await?;
        let mut numbers: Vec<_> = names.iter().filter_map(|name| commit_number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A commit; `None` where there is none of that number.
    async fn read_commit(&self, number: u64) -> Result<Option<Vec<u8>>> {
        self.read(&self.commit(number)).await
    }

    /// Where a commit is.
    fn commit(&self, number: u64) -> String {
        format!("{}/{}", self.log(), commit_name(number))
    }

    /// Creates a commit; `false` where there is one of that number already.
    async fn create_commit(&self, number: u64, record: Vec<u8>) -> Result<bool>;

    /// All published files, by their names below the table's folder.
    async fn files(&self) -> Result<Vec<String>>;

    /// Begins a file of this session, of that number.
    async fn stage(&self, number: u32, file: &str) -> Result<Box<dyn Upload>>;

    /// Whether a file that is published can take the place of an old one in one step ([`Added::over`]).
    fn publishes_over(&self) -> bool;

    /// Gives a staged file its name. Doing it twice is doing it once.
    async fn publish(&self, added: &Added) -> Result<Published>;

    /// Removes files below the table's folder, where they are there.
    async fn remove(&self, files: &[String]) -> Result<()>;

    /// What sessions have staged that are no longer there. Nobody else takes it away meanwhile.
    async fn leftovers(&self) -> Result<Box<dyn Leftovers>>;

    /// Whether files have got their names that no commit names yet: where the session ends so, the next one
    /// looks for them.
    #[cfg(feature = "delta")]
    fn unsettled(&self, are_there: bool);

    /// These files of this session are published, and stay so.
    async fn published(&self, files: &[Added]) -> Result<()>;

    /// Takes away what this session has staged and not committed.
    async fn end(&self) -> Result<()>;
}

/// Takes the bytes of a file.
#[async_trait]
pub(super) trait Upload: Send {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// How many bytes of memory it needs now.
    fn held(&self) -> usize;

    /// All bytes are in the store, and stay there.
    async fn finish(self: Box<Self>) -> Result<Staged>;
}

/// What sessions have staged that are no longer there.
#[async_trait]
pub(super) trait Leftovers: Send {
    /// Whether those sessions may come back and commit what they have staged, unless another commit is
    /// made first.
    fn may_commit(&self) -> bool;

    /// What the names of those sessions' files begin with.
    #[cfg(feature = "delta")]
    fn sessions(&self) -> Vec<String>;

    async fn remove(self: Box<Self>) -> Result<()>;
}

/// Where a staged file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Staged {
    /// In a file, below the table's folder.
    File(String),
    /// In the parts of an upload to an object store, which is to be completed.
    Upload {
        /// What the store calls it.
        id: String,
        /// What it calls the parts.
        parts: Vec<String>,
    },
}

/// A file that a commit adds to a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Added {
    /// Its name below the table's folder.
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) staged: Staged,
    /// A file of the same folder whose place it takes, such that a reader sees one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) over: Option<String>,
}

/// What became of a file that was to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// It has its name.
    Done,
    /// It is neither staged nor there: a later commit has removed it, or it is lost.
    Gone,
}

/// All published files, by their names below the table's folder.
///
/// # Errors
/// There is something in the folder that apitap has not written.
pub(super) async fn own_files(store: &dyn Store) -> Result<Vec<String>> {
    let files = store.files().await?;
    let name = |file: &str| file.rsplit('/').next().is_some_and(is_ours);
    match files.iter().find(|file| !name(file)) {
        Some(file) => Err(foreign(&store.shown(file))),
        None => Ok(files),
    }
}

/// Something that is not of the table.
fn foreign(place: &str) -> Error {
    Error::target(format!("apitap has not written `{place}`, which is in the folder of the table"))
        .help("name another table or another folder, or move the file away")
}

/// Ends a session behind what it was for: why that failed comes first.
pub(super) async fn ended<T>(store: &dyn Store, done: Result<T>) -> Result<T> {
    let ended = store.end().await;
    let done = done?;
    ended.map(|()| done)
}

/// Whether apitap gives such names to files: `20261127T034500-1f0c7a2b9e4d-0001.parquet`.
fn is_ours(name: &str) -> bool {
    let mut parts = name.split('-');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let time = parts.next().and_then(|time| time.split_once('T'));
    let id =
        parts.next().is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = parts.next().and_then(|rest| rest.split_once('.'));
    time.is_some_and(|(day, time)| digits(day) && digits(time))
        && id
        && number.is_some_and(|(number, _)| digits(number))
        && parts.next().is_none()
}

/// A name for a session.
fn session_name() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let id: String = id.chars().take(12).collect();
    format!("{}-{id}", chrono::Utc::now().format("%Y%m%dT%H%M%S"))
}

/// The name of a file of a session, in a folder of the table.
pub(super) fn file_name(session: &str, number: u32, folder: &str, extension: &str) -> String {
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}{session}-{number:04}.{extension}")
}

/// The name of a commit.
fn commit_name(number: u64) -> String {
    format!("{number:020}.json")
}

/// The number of a commit of that name.
pub(super) fn commit_number(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_known() {
        let check = |name: &str, expected| assert_eq!(is_ours(name), expected, "{name}");
        check(&file_name(&session_name(), 1, "", "csv.gz"), true);
        check("20261127T034500-1f0c7a2b9e4d-0001.parquet", true);
        check("20261127T034500-1f0c7a2b9e4d-0001", false);
        check("20261127T034500-1f0c7a2b9e4-0001.csv", false);
        check("20261127T034500-1f0c7a2b9e4d-0001-2.csv", false);
        check("orders.parquet", false);
        check("", false);
        assert_eq!(commit_number(&commit_name(7)), Some(7));
    }
}
