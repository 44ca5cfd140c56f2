//! Rows → the bytes of a file, of one format: an [`Encoder`] for each file.

mod compress;
mod csv;
mod jsonl;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;

use arrow::array::RecordBatch;

use crate::definition::{Compression, TargetKind};
use crate::sink::document;
use crate::sink::load::Column;
use crate::{Error, Result};

/// What the files are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) kind: TargetKind,
    pub(super) compression: Compression,
}

/// Makes one file of rows.
pub(super) trait Encoder: Send {
    /// Takes rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Refusal>;

    /// Makes bytes of what it has taken, as far as the format allows.
    fn flush(&mut self) -> Result<()>;

    /// The bytes that are ready.
    fn take(&mut self) -> Vec<u8>;

    /// How many bytes of memory it needs now.
    fn held(&self) -> usize;

    /// The last bytes.
    fn finish(self: Box<Self>) -> Result<Vec<u8>>;
}

/// Why rows were not taken.
pub(super) enum Refusal {
    /// A value that the format cannot hold: the places of its column and its row, and what goes on
    /// after "column … of row …".
    Value { column: usize, row: usize, why: String },
    /// Anything else.
    Failed(Error),
}

impl Refusal {
    fn of(column: usize, refused: document::Refused) -> Self {
        Self::Value { column, row: refused.row, why: refused.why }
    }
}

impl Format {
    /// How the files' names end.
    pub(super) fn extension(self) -> &'static str {
        match (self.kind, self.compression) {
            (TargetKind::Csv, Compression::Gzip) => "csv.gz",
            (TargetKind::Csv, Compression::Zstd) => "csv.zst",
            (TargetKind::Csv, _) => "csv",
            (TargetKind::Jsonl, Compression::Gzip) => "jsonl.gz",
            (TargetKind::Jsonl, Compression::Zstd) => "jsonl.zst",
            (TargetKind::Jsonl, _) => "jsonl",
            _ => "parquet",
        }
    }

    /// Whether the log says what is in the files.
    pub(super) fn has_stats(self) -> bool {
        self.kind == TargetKind::Delta
    }

    /// Begins a file with these columns.
    ///
    /// # Errors
    /// This program was built without the format.
    pub(super) fn begin(self, columns: &[Column]) -> Result<Box<dyn Encoder>> {
        match self.kind {
            TargetKind::Csv => lines::begin(csv::HEADER, csv::write, columns, self.compression),
            TargetKind::Jsonl => {
                lines::begin(jsonl::HEADER, jsonl::write, columns, self.compression)
            }
            _ => self.begin_parquet(columns),
        }
    }

    #[cfg(feature = "parquet")]
    fn begin_parquet(self, columns: &[Column]) -> Result<Box<dyn Encoder>> {
        parquet::begin(columns, self.compression)
    }

    #[cfg(not(feature = "parquet"))]
    fn begin_parquet(self, _: &[Column]) -> Result<Box<dyn Encoder>> {
        Err(Error::config("this program was built without Parquet").help(
            "build it with the feature: `apitap = { …, features = [\"parquet\"] }` in Cargo.toml, \
             or `cargo install apitap --features parquet`",
        ))
    }
}

/// What went wrong in memory, where nothing should.
fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::target(format!("the rows cannot be encoded: {cause}")).caused_by(cause)
}
