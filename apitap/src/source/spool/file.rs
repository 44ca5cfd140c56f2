//! Pages ↔ a temporary file without a name, in a small binary form.
//!
//! ```text
//! number u64 | request length u32 | body length u32 | records u32 | request | body | (start u32, end u32)…
//! ```
//! All numbers are little-endian. The file is gone with the process, however that ends.

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use tempfile::SpooledTempFile;

use crate::source::page::Page;
use crate::{Error, ErrorKind, Result};

/// The numbers before a page's bytes.
const HEADER: usize = 8 + 3 * 4;

/// Pages one behind the other; written once, read from anywhere.
pub(super) struct PageFile(Mutex<SpooledTempFile>);

impl PageFile {
    /// Nothing yet; so many bytes stay in memory before there is a file.
    pub(super) fn new(in_memory: usize) -> Self {
        Self(Mutex::new(SpooledTempFile::new(in_memory)))
    }

    /// Writes a page at `position`, the end of the file; returns the new end.
    pub(super) async fn append(self: &Arc<Self>, page: Page, position: u64) -> Result<u64> {
        let write = move |file: &mut SpooledTempFile| {
            let mut head = Vec::with_capacity(HEADER + page.request.len());
            head.extend(page.number.to_le_bytes());
            for length in [page.request.len(), page.body.len(), page.records.len()] {
                head.extend(u32::try_from(length).map_err(std::io::Error::other)?.to_le_bytes());
            }
            head.extend(page.request.as_bytes());
            let ends = page.records.iter().flat_map(|range| [range.start, range.end]);
            let tail: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
            file.seek(SeekFrom::Start(position))?;
            for part in [&head[..], &page.body, &tail] {
                file.write_all(part)?;
            }
            file.flush()?;
            file.stream_position()
        };
        self.with(write).await
    }

    /// The page at `position`, and where the next one is.
    pub(super) async fn read(self: &Arc<Self>, position: u64) -> Result<(Page, u64)> {
        let read = move |file: &mut SpooledTempFile| {
            let mut header = [0; HEADER];
            file.seek(SeekFrom::Start(position))?;
            file.read_exact(&mut header)?;
            let mut header = &header[..];
            let number = header.get_u64_le();
            let [request, body, records] = [(); 3].map(|()| header.get_u32_le() as usize);
            let mut bytes = vec![0; request + body + records * 8];
            file.read_exact(&mut bytes)?;
            Ok((number, request, body, Bytes::from(bytes), file.stream_position()?))
        };
        let (number, request, body, mut bytes, end) = self.with(read).await?;
        let request = bytes.split_to(request);
        let request = std::str::from_utf8(&request)
            .map_err(|error| trouble(&std::io::Error::other(error)))?;
        let body = bytes.split_to(body);
        let records: Vec<Range<u32>> = std::iter::from_fn(|| {
            (bytes.remaining() >= 8).then(|| bytes.get_u32_le()..bytes.get_u32_le())
        })
        .collect();
        Ok((Page { request: request.into(), number, body, records: records.into() }, end))
    }

    /// Uses the file on a thread that may wait for the disk.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        use_file: impl FnOnce(&mut SpooledTempFile) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let file = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            // Each use sets its own position, so a broken-off one does not spoil the next.
            use_file(&mut file.0.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let done = done.await.map_err(|_| {
            Error::new(ErrorKind::Interrupted, "the run was stopped while it kept a page")
        })?;
        done.map_err(|error| trouble(&error))
    }
}

fn trouble(error: &std::io::Error) -> Error {
    let folder = std::env::temp_dir();
    Error::query(format!(
        "cannot keep pages in a temporary file in `{}`, for the queries that share them",
        folder.display()
    ))
    .caused_by(error.to_string())
    .help("let `TMPDIR` name a folder that exists and has room")
}
