//! Rows → Parquet, a row group at a time.
//!
//! The types are Arrow's own: a timestamp is UTC in microseconds, a decimal has its precision and
//! scale, a list is a list. A `uuid` and a `json` are text.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{Encoder, Refusal, failed};
use crate::Result;
use crate::definition::Compression;
use crate::sink::load::Column;

/// Begins a file.
pub(super) fn begin(columns: &[Column], compression: Compression) -> Result<Box<dyn Encoder>> {
    let fields: Vec<_> = columns.iter().map(|column| column.field.clone()).collect();
    let codec = match compression {
        Compression::Zstd | Compression::Gzip => Codec::ZSTD(ZstdLevel::default()),
        Compression::Snappy => Codec::SNAPPY,
        Compression::None => Codec::UNCOMPRESSED,
    };
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_created_by(concat!("apitap ", env!("CARGO_PKG_VERSION")).to_owned())
        // A row group ends where its bytes say so.
        .set_max_row_group_row_count(None)
        .build();
    let ready = Ready::default();
    let writer =
        ArrowWriter::try_new(ready.clone(), Arc::new(Schema::new(fields)), Some(properties));
    Ok(Box::new(Parquet { writer: writer.map_err(failed)?, ready }))
}

struct Parquet {
    writer: ArrowWriter<Ready>,
    /// The row groups that have ended.
    ready: Ready,
}

impl Encoder for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Refusal> {
        let written = self.writer.write(batch);
        written.map_err(|error: ParquetError| Refusal::Failed(failed(error)))
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(failed)
    }

    fn take(&mut self) -> Vec<u8> {
        self.ready.take()
    }

    fn held(&self) -> usize {
        self.writer.memory_size() + self.ready.len()
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>> {
        self.writer.close().map_err(failed)?;
        Ok(self.ready.take())
    }
}

/// Bytes on their way out of the writer, which keeps its end to itself.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<Vec<u8>>>);

impl Ready {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Write for Ready {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
