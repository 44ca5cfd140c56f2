//! Files in a folder: rows in Parquet, CSV or JSON lines, and a log of commits that says which.
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

mod cell;

mod format;
mod log;
mod partition;
mod session;
mod store;
mod writer;

use async_trait::async_trait;

use super::contract::{Session, Target};
use super::load::Load;
use crate::Result;
use crate::definition::{Capabilities, Compression, Connection, TargetKind};
use crate::engine::limits::Limits;
use crate::environment::Environment;
use format::Format;

/// How large a file gets, where the definition does not say.
const FILE_SIZE: u64 = 128 << 20;

/// A folder that takes files of one kind.
#[derive(Debug, Clone)]
pub struct Files {
    path: String,
    format: Format,
    /// About how many bytes a file gets before the next one begins.
    file_size: u64,
}

impl Files {
    /// A target's folder, with the variables' values in place of their names.
    pub(super) fn resolve(
        kind: TargetKind,
        connection: &Connection,
        environment: &mut Environment,
    ) -> Self {
        let (path, file_size, compression) = match connection {
            Connection::Folder(folder) => (&folder.path, folder.file_size.0, folder.compression),
            // Of the parts, the database is the path, as it is of SQLite.
            Connection::Url(path) | Connection::Parts { database: path, .. } => {
                (path, FILE_SIZE, Compression::None)
            }
        };
        let path = environment.text(path);
        Self { path, format: Format { kind, compression }, file_size }
    }
}

#[async_trait]
impl Target for Files {
    fn capabilities(&self) -> &'static Capabilities {
        self.format.kind.capabilities()
    }

    fn address(&self) -> String {
        self.path.clone()
    }

    async fn open(&self, load: Load, limits: &Limits) -> Result<Box<dyn Session>> {
        session::open(self, load, limits).await
    }
}
