//! Where the files of one table are, and the log of its commits.
//!
//! What a store promises: a commit of the log is created as a whole, by one of those that try, or not
//! at all; a staged file is seen by nobody until it is published, and then as a whole. It does not
//! know what is in them.

mod local;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
pub(super) use local::Local;

/// The folder in a table's folder that is apitap's own. Readers pass over what begins with `_`.
pub(super) const OWN: &str = "_apitap";

/// One table, for one session.
#[async_trait]
pub(super) trait Store: Send + Sync {
    /// What the names of this session's files begin with: no other session has the same.
    fn session(&self) -> &str;

    /// The numbers of the commits that are still there, ascending.
    async fn commits(&self) -> Result<Vec<u64>>;

    /// A commit; `None` where there is none of that number.
    async fn read_commit(&self, number: u64) -> Result<Option<Vec<u8>>>;

    /// Creates a commit; `false` where there is one of that number already.
    async fn create_commit(&self, number: u64, record: Vec<u8>) -> Result<bool>;

    /// Removes a commit, if it is there.
    async fn remove_commit(&self, number: u64) -> Result<()>;

    /// All published files, by their names below the table's folder.
    ///
    /// # Errors
    /// There is something in the folder that apitap has not written.
    async fn files(&self) -> Result<Vec<String>>;

    /// Begins a file of this session, of that number.
    async fn stage(&self, number: u32, file: &str) -> Result<Box<dyn Upload>>;

    /// Gives a staged file its name. Doing it twice is doing it once.
    async fn publish(&self, added: &Added) -> Result<Published>;

    /// Removes a published file, if it is there.
    async fn remove(&self, file: &str) -> Result<()>;

    /// What sessions have staged that are no longer there. Nobody else takes it away meanwhile.
    async fn leftovers(&self) -> Result<Box<dyn Leftovers>>;
}

/// Takes the bytes of a file.
#[async_trait]
pub(super) trait Upload: Send {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// All bytes are in the store, and stay there.
    async fn finish(self: Box<Self>) -> Result<Staged>;
}

/// What sessions have staged that are no longer there.
#[async_trait]
pub(super) trait Leftovers: Send {
    async fn remove(self: Box<Self>) -> Result<()>;
}

/// Where a staged file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Staged {
    /// In a file, below the table's folder.
    File(String),
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
fn commit_number(name: &str) -> Option<u64> {
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
