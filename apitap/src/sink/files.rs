//! Files in a folder or in an object store: rows in Parquet, CSV or JSON lines, and a log of commits that says which:
//! one of our own, or that of Delta Lake ([`delta`]).
//!
//! A table is a folder of files, each of which appears whole, under a name that is never used again:
//!
//! ```text
//! data/orders/20261127T034500-1f0c7a2b9e4d-0001.parquet      rows
//! data/orders/country=FR/…                                   with `partition_by`
//! data/orders/_apitap/log/00000000000000000007.json          the commits, the last one counts
//! data/orders/_apitap/staged/SESSION/0001                    rows that are not committed yet
//! ```
//!
//! A commit is one file of the log, which is created as a whole or not at all: it names the files
//! that come and go, and holds the state of all pipelines that write the table. Then the files get
//! their names. Whoever finds a commit whose files have no names yet, because its run was killed,
//! gives them their names first: see [`log`].

#[cfg_attr(not(feature = "cloud"), allow(dead_code, reason = "there is no client of it"))]
mod bucket;
mod cell;
#[cfg(feature = "delta")]
mod delta;
#[cfg(not(feature = "delta"))]
#[path = "files/no_delta.rs"]
mod delta;
mod format;
mod held;
mod log;
mod memory;
mod partition;
mod session;
#[cfg_attr(not(feature = "delta"), allow(dead_code, reason = "only its log says so much"))]
mod stats;
mod store;
mod writer;

use async_trait::async_trait;

use super::contract::{Difference, Remembered, Session, StateChange, Target};
use super::load::Load;
use crate::Result;
use crate::definition::{Capabilities, Cloud, Compression, Connection, TargetKind};
use crate::engine::limits::Limits;
use crate::environment::Environment;
use bucket::Bucket;
use format::Format;

/// How large a file gets, where the definition does not say.
const FILE_SIZE: u64 = 128 << 20;

/// A folder that takes files of one kind.
#[derive(Debug, Clone)]
pub struct Files {
    place: Place,
    format: Format,
    /// About how many bytes a file gets before the next one begins.
    file_size: u64,
}

/// Where the tables' folders are.
#[derive(Debug, Clone)]
enum Place {
    /// On this machine.
    Folder(String),
    /// In an object store.
    Bucket(Bucket),
}

impl Files {
    /// A target's folder, with the variables' values in place of their names.
    pub(super) fn resolve(
        kind: TargetKind,
        connection: &Connection,
        environment: &mut Environment,
    ) -> Self {
        let nothing = Cloud::default();
        let (path, file_size, compression, cloud) = match connection {
            Connection::Folder(folder) => {
                (&folder.path, folder.file_size.0, folder.compression, &*folder.cloud)
            }
            // Of the parts, the database is the path, as it is of SQLite.
            other => (other.place(), FILE_SIZE, Compression::None, &nothing),
        };
        let path = environment.text(path);
        let bucket = Bucket::resolve(&path, cloud, environment);
        let place = bucket.map_or(Place::Folder(path), Place::Bucket);
        Self { place, format: Format { kind, compression }, file_size }
    }
}

#[async_trait]
impl Target for Files {
    fn capabilities(&self) -> &'static Capabilities {
        self.format.kind.capabilities()
    }

    fn address(&self) -> String {
        match &self.place {
            Place::Folder(path) => path.clone(),
            Place::Bucket(bucket) => format!("{bucket:?}"),
        }
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        match self.format.kind {
            TargetKind::Delta => delta::open(self, load, limits).await,
            _ => session::open(self, load, limits).await,
        }
    }

    async fn differences(&self, load: &Load) -> Result<Vec<Difference>> {
        match self.format.kind {
            TargetKind::Delta => delta::differences(self, load).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn remembered(&self, load: &Load) -> Result<Vec<Remembered>> {
        match self.format.kind {
            TargetKind::Delta => delta::remembered(self, load).await,
            _ => memory::remembered(self, load).await,
        }
    }

    async fn correct(&self, load: &Load, change: &StateChange) -> Result<()> {
        match self.format.kind {
            TargetKind::Delta => delta::correct(self, load, change).await,
            _ => memory::correct(self, load, change).await,
        }
    }
}
