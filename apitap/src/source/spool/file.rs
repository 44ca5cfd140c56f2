//! Segments of records, and the pages that they belong to ↔ a temporary file without a name.
//!
//! ```text
//! segment: text length u32 | records u32 | place in the body u64 | text | (start u32, end u32)…
//! page:    length of its segments u64 | number u64 | request length u32 | length of what its partition
//!          gives u32 | length of the partition's name u32 | since when and until when i64 × 6 | request |
//!          both, if there is one | segment…
//! ```
//! All numbers are little-endian. The file is gone with the process, however that ends.

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Buf;
use chrono::DateTime;
use tempfile::SpooledTempFile;

use crate::source::body::{Segment, Stored};
use crate::source::incremental::{Alike, Asked};
use crate::source::page::Page;
use crate::{Error, ErrorKind, Result};

/// How much of one file is copied into another at a time.
const COPIED: u64 = 1 << 20;

/// The numbers before a segment's text.
const SEGMENT: usize = 2 * 4 + 8;

/// The two numbers of a record.
const RANGE: usize = 2 * 4;

/// The numbers before a page's request.
const PAGE: usize = 2 * 8 + 3 * 4 + 2 * TIMES;
/// Bytes of a time that was asked for: the moment, and those that are written like it.
const TIMES: usize = 3 * 8;

/// A file that one task writes, and others read anywhere in what is written.
pub(in crate::source) struct File(Mutex<SpooledTempFile>);

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("File")
    }
}

impl File {
    /// Nothing yet; so many bytes stay in memory before there is a file.
    pub(in crate::source) fn new(in_memory: usize) -> Self {
        Self(Mutex::new(SpooledTempFile::new(in_memory)))
    }

    /// Writes a segment at `position`; returns where it ends.
    pub(in crate::source) async fn append(
        self: &Arc<Self>,
        segment: Segment,
        position: u64,
    ) -> Result<u64> {
        self.with(move |file| {
            file.seek(SeekFrom::Start(position))?;
            write_segment(file, &segment)
        })
        .await
    }

    /// Writes a part of a segment of one record, of which the first `written` bytes are there.
    pub(in crate::source) async fn grow(
        self: &Arc<Self>,
        part: String,
        position: u64,
        written: u64,
    ) -> Result<()> {
        self.with(move |file| {
            file.seek(SeekFrom::Start(position + SEGMENT as u64 + written))?;
            file.write_all(part.as_bytes())?;
            file.flush()
        })
        .await
    }

    /// Ends a segment of one record that was written part by part; returns where it ends.
    pub(in crate::source) async fn seal(
        self: &Arc<Self>,
        length: u32,
        at: u64,
        position: u64,
    ) -> Result<u64> {
        self.with(move |file| {
            file.seek(SeekFrom::Start(position))?;
            file.write_all(&segment_head(length, 1, at))?;
            file.seek(SeekFrom::Current(i64::from(length)))?;
            file.write_all(&ranges(std::slice::from_ref(&(0..length))))?;
            file.flush()?;
            file.stream_position()
        })
        .await
    }

    /// The segment at `position`, and where it ends.
    pub(in crate::source) async fn read(self: &Arc<Self>, position: u64) -> Result<(Segment, u64)> {
        self.with(move |file| {
            file.seek(SeekFrom::Start(position))?;
            Ok((read_segment(file)?, file.stream_position()?))
        })
        .await
    }

    /// Writes a page at `position`; returns where it ends.
    pub(super) async fn append_page(self: &Arc<Self>, page: Page, position: u64) -> Result<u64> {
        let head = page_head(&page).map_err(|error| trouble(&error))?;
        let start = position + head.len() as u64;
        let write_head = move |file: &mut SpooledTempFile| {
            file.seek(SeekFrom::Start(position))?;
            file.write_all(&head)
        };
        match page.stored {
            Stored::Nowhere => self.with(write_head).await.map(|()| start),
            Stored::Memory(segment) => {
                let write = move |file: &mut SpooledTempFile| {
                    write_head(file)?;
                    write_segment(file, &segment)
                };
                self.with(write).await
            }
            Stored::File { file, place } => {
                self.with(write_head).await?;
                self.copy(&file, place, start).await
            }
        }
    }

    async fn copy(self: &Arc<Self>, from: &Arc<Self>, place: Range<u64>, to: u64) -> Result<u64> {
        let mut done = place.start;
        while done < place.end {
            let length = COPIED.min(place.end - done);
            let read = move |file: &mut SpooledTempFile| {
                let mut part = Vec::new();
                file.seek(SeekFrom::Start(done))?;
                file.take(length).read_to_end(&mut part)?;
                Ok(part)
            };
            let part = from.with(read).await?;
            let position = to + (done - place.start);
            self.with(move |file| {
                file.seek(SeekFrom::Start(position))?;
                file.write_all(&part)?;
                file.flush()
            })
            .await?;
            done += length;
        }
        Ok(to + (place.end - place.start))
    }

    /// The page at `position`, and where it ends. Its records are read when they are asked for.
    pub(super) async fn read_page(self: &Arc<Self>, position: u64) -> Result<(Page, u64)> {
        let read = move |file: &mut SpooledTempFile| {
            file.seek(SeekFrom::Start(position))?;
            let mut head = [0; PAGE];
            file.read_exact(&mut head)?;
            let mut head = &head[..];
            let [length, number] = [(); 2].map(|()| head.get_u64_le());
            let [request, carried, key] = [(); 3].map(|()| head.get_u32_le());
            let asked = Asked { since: read_alike(&mut head), end: read_alike(&mut head) };
            let request = read_text(file, request)?;
            let (carried, key) = (read_text(file, carried)?, read_text(file, key)?);
            let start = file.stream_position()?;
            Ok((number, request, [carried, key], asked, start..start + length))
        };
        let (number, request, names, asked, place) = self.with(read).await?;
        let [carried, key] = names.map(|name| (!name.is_empty()).then(|| name.into()));
        let end = place.end;
        let stored = Stored::File { file: Arc::clone(self), place };
        let request = request.into();
        Ok((Page { request, number, carried, key, asked, stored, behind: None }, end))
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

/// A time that was asked for, if there was one: nothing is written like the earliest of all moments.
fn write_alike(alike: Option<Alike>, head: &mut Vec<u8>) {
    let micros = alike.map_or([i64::MIN; 3], |Alike { at, from, to }| {
        [at, from, to].map(|time| time.timestamp_micros())
    });
    head.extend(micros.iter().flat_map(|micros| micros.to_le_bytes()));
}

fn read_alike(head: &mut &[u8]) -> Option<Alike> {
    let [at, from, to] = [(); 3].map(|()| DateTime::from_timestamp_micros(head.get_i64_le()));
    Some(Alike { at: at?, from: from?, to: to? })
}

fn page_head(page: &Page) -> std::io::Result<Vec<u8>> {
    let length = match &page.stored {
        Stored::Nowhere => 0,
        Stored::Memory(segment) => {
            (SEGMENT + segment.text.len() + RANGE * segment.records.len()) as u64
        }
        Stored::File { place, .. } => place.end - place.start,
    };
    let mut head = Vec::with_capacity(PAGE + page.request.len());
    head.extend(length.to_le_bytes());
    head.extend(page.number.to_le_bytes());
    let carried = page.carried.as_deref().unwrap_or_default();
    let key = page.key.as_deref().unwrap_or_default();
    for text in [&page.request, carried, key] {
        head.extend(length_of(text)?.to_le_bytes());
    }
    write_alike(page.asked.since, &mut head);
    write_alike(page.asked.end, &mut head);
    head.extend(page.request.as_bytes());
    head.extend(carried.as_bytes());
    head.extend(key.as_bytes());
    Ok(head)
}

fn segment_head(length: u32, records: u32, at: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(SEGMENT);
    head.extend(length.to_le_bytes());
    head.extend(records.to_le_bytes());
    head.extend(at.to_le_bytes());
    head
}

/// Writes a segment where the file stands; returns where it ends.
fn write_segment(file: &mut SpooledTempFile, segment: &Segment) -> std::io::Result<u64> {
    let records = u32::try_from(segment.records.len()).map_err(std::io::Error::other)?;
    file.write_all(&segment_head(length_of(&segment.text)?, records, segment.at))?;
    file.write_all(segment.text.as_bytes())?;
    file.write_all(&ranges(&segment.records))?;
    file.flush()?;
    file.stream_position()
}

/// The segment where the file stands.
fn read_segment(file: &mut SpooledTempFile) -> std::io::Result<Segment> {
    let mut head = [0; SEGMENT];
    file.read_exact(&mut head)?;
    let mut head = &head[..];
    let [length, records] = [(); 2].map(|()| head.get_u32_le());
    let at = head.get_u64_le();
    let text = read_text(file, length)?;
    let mut bytes = vec![0; records as usize * RANGE];
    file.read_exact(&mut bytes)?;
    let mut bytes = &bytes[..];
    let records = (0..records).map(|_| bytes.get_u32_le()..bytes.get_u32_le()).collect();
    Ok(Segment { text, records, at })
}

fn read_text(file: &mut SpooledTempFile, length: u32) -> std::io::Result<String> {
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

fn ranges(records: &[Range<u32>]) -> Vec<u8> {
    let ends = records.iter().flat_map(|range| [range.start, range.end]);
    ends.flat_map(u32::to_le_bytes).collect()
}

fn length_of(text: &str) -> std::io::Result<u32> {
    u32::try_from(text.len()).map_err(std::io::Error::other)
}

fn trouble(error: &std::io::Error) -> Error {
    let folder = std::env::temp_dir();
    let message = format!("cannot keep pages in a temporary file in `{}`", folder.display());
    Error::query(message)
        .caused_by(error.to_string())
        .help("let `TMPDIR` name a folder that exists and has room")
}
