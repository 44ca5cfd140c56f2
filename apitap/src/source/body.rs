//! The body of an answer → whole records, split while it arrives.
//!
//! ```text
//! chunks → text (UTF-8) → where the records and the wanted values stand → segments of whole records
//! ```
//! Nothing of a body is handed on before all of it has arrived and is known to be whole: a body that
//! was cut off is a failed request. Splitting proves that what lies around the records is JSON, and
//! where each record ends; the decoder proves the records. A small body stays in memory, a larger one
//! is written to a temporary file as it comes. Nothing here knows requests, or what the fields mean.

mod csv;
mod elements;
mod json;
mod layout;
mod lines;
mod lists;
mod segment;
mod store;
mod text;
mod unlike;
mod value;
mod values;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::json::Fault;
use crate::Error;
use crate::definition::{Format, Pointer};
use crate::engine::limits::Limits;
use csv::Csv;
pub(in crate::source) use csv::push_string;
use elements::Elements;
pub use layout::{Cell, Layout};
use lines::Lines;
pub(crate) use lists::hint;
pub(in crate::source) use segment::Stored;
pub use segment::{Segment, Segments};
use store::Store;
use text::Decoding;
pub use unlike::{Look, XML_HELP, is_xml};
pub use value::{Absent, Value};
pub use values::Values;

/// What is looked for in a body.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// How the records stand in it.
    pub layout: &'a Layout,
    /// Where single values are: the next cursor, the next URL, a total.
    pub values: &'a [Pointer],
    /// Where single values are in the last record.
    pub last_record: &'a [Pointer],
    /// Whether the whole text is kept in memory, for what reads more of it than this: [`Body::text`].
    pub text: bool,
}

/// A body that has arrived whole.
#[derive(Debug, Clone, Default)]
pub struct Body {
    shape: Shape,
    records: u64,
    /// Those of the page, where `*` leads from them to the records.
    elements: Option<Elements>,
    bytes: u64,
    fingerprint: Fingerprint,
    values: Vec<Value>,
    of_last_record: Vec<Value>,
    /// The text, where the records were written anew and it is wanted.
    own_text: Option<Arc<str>>,
    pub(super) stored: Stored,
}

/// What stands at `data_path`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// The body has no bytes at all.
    #[default]
    Nothing,
    /// `null`: no records.
    Null,
    /// An array of records.
    List,
    /// An object, which is the only record.
    Record,
}

/// What the elements of a body come to: the same for the same elements in the same order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

/// Why a body could not be read. The errors do not name the request.
#[derive(Debug)]
pub enum Unread<E> {
    /// A chunk could not be received.
    Chunk(E),
    /// The body ends before its JSON does: another attempt may help.
    Cut(Error),
    /// The body is not JSON, and will not be when it is asked for again.
    NotJson(Look, Error),
    /// The body does not hold what is wanted, or more than it may.
    Unfit(Error),
    /// The body cannot be kept: the disk is full, for example.
    NotKept(Error),
}

impl Body {
    /// One without records, of which only these values matter.
    pub(super) fn of_values(values: Vec<Value>) -> Self {
        Self { values, ..Self::default() }
    }

    /// What stands at `data_path`.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many elements the API has put into it: those at the first `*` of `data_path`, which may have
    /// any number of records each, or else the records.
    pub fn elements(&self) -> u64 {
        self.elements.as_ref().map_or(self.records, Elements::count)
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the elements come to.
    pub fn fingerprint(&self) -> Fingerprint {
        self.elements.as_ref().map_or(self.fingerprint, Elements::fingerprint)
    }

    /// What stands at each of [`Wanted::values`], in their order; none for a body without bytes.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// What stands at each of [`Wanted::last_record`], in their order; none where there are no records.
    pub fn of_last_record(&self) -> &[Value] {
        &self.of_last_record
    }

    /// The whole text, where [`Wanted::text`] asked for it.
    pub fn text(&self) -> Option<&str> {
        self.own_text.as_deref().or_else(|| self.stored.text())
    }
}

impl Unread<Error> {
    /// The error, whichever it is.
    pub fn into_error(self) -> Error {
        match self {
            Self::Chunk(error)
            | Self::Cut(error)
            | Self::NotJson(_, error)
            | Self::Unfit(error)
            | Self::NotKept(error) => error,
        }
    }
}

/// Reads a body to its end.
///
/// The chunks are the decompressed body in UTF-8. A body of zero bytes is [`Shape::Nothing`]: whether
/// an answer may be without a body is for the caller to say.
pub async fn read<E>(
    mut chunks: impl Stream<Item = Result<Bytes, E>> + Unpin,
    wanted: &Wanted<'_>,
    limits: &Limits,
) -> Result<Body, Unread<E>> {
    let mut splitter = Splitter::new(wanted, limits);
    let mut decoding = Decoding::default();
    let mut store = Store::new(*limits, wanted.text, wanted.layout.rewrites());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Unread::Chunk)?;
        let split = decoding.pieces(&chunk, |piece| {
            store.receive(piece);
            splitter.split(piece, &mut store)
        });
        split.map_err(|fault| unread(fault, &store, &splitter))?;
        store.settle(splitter.open()).await?;
    }
    if store.received() == 0 && decoding.end().is_ok() {
        return Ok(Body::default());
    }
    let ended = decoding.end().and_then(|()| splitter.end(&mut store));
    let found = ended.map_err(|fault| unread(fault, &store, &splitter))?;
    let (shape, values) = found.map_err(Unread::Unfit)?;
    let (mut body, last) = store.finish(shape, values).await?;
    body.elements = splitter.elements();
    if !wanted.last_record.is_empty() && body.records > 0 {
        let segment = last_segment(&body.stored, last).await.map_err(Unread::NotKept)?;
        let found = segment.map(|segment| of_last_record(&segment, wanted.last_record));
        body.of_last_record = found.transpose().map_err(Unread::Unfit)?.unwrap_or_default();
    }
    Ok(body)
}

/// Finds the records of one body.
#[derive(Debug)]
enum Splitter {
    Json(Box<json::Splitter>),
    Lines(Lines),
    Csv(Csv),
}

impl Splitter {
    fn new(wanted: &Wanted<'_>, limits: &Limits) -> Self {
        match wanted.layout.format {
            Format::Json => Self::Json(Box::new(json::Splitter::new(wanted))),
            Format::Jsonl => Self::Lines(Lines::default()),
            Format::Csv => Self::Csv(Csv::new(wanted.layout, limits.record)),
        }
    }

    /// Reads on: hands the text to `store`, and the places of the records in it.
    fn split(&mut self, piece: &str, store: &mut Store) -> Result<(), Fault> {
        match self {
            Self::Json(json) => json.split(piece, store),
            Self::Lines(lines) => {
                store.push(piece);
                lines.split(piece, store.ranges())
            }
            Self::Csv(csv) => csv.split(piece, store),
        }
    }

    /// Where the record begins in the store that has not ended.
    fn open(&self) -> Option<u64> {
        match self {
            Self::Json(json) => json.open(),
            Self::Lines(lines) => lines.open(),
            Self::Csv(_) => None,
        }
    }

    /// The number of the record that is being read, from 1.
    fn record(&self) -> Option<u64> {
        match self {
            Self::Json(json) => json.record(),
            Self::Lines(lines) => Some(lines.record()),
            Self::Csv(csv) => Some(csv.record()),
        }
    }

    /// The first character behind the end of the body's value, if there is one.
    fn after(&self) -> Option<char> {
        match self {
            Self::Json(json) => json.after(),
            Self::Lines(_) | Self::Csv(_) => None,
        }
    }

    /// The elements of the page, where they are not the records.
    fn elements(self) -> Option<Elements> {
        match self {
            Self::Json(json) => json.elements(),
            Self::Lines(_) | Self::Csv(_) => None,
        }
    }

    /// Ends the body, which must be whole.
    ///
    /// # Errors
    /// The outer one where the body ends too early; the inner one where it does not hold the records.
    fn end(&mut self, store: &mut Store) -> Result<Result<(Shape, Vec<Value>), Error>, Fault> {
        let ended = match self {
            Self::Json(json) => return json.end(),
            Self::Lines(lines) => Ok(lines.end()?),
            Self::Csv(csv) => csv.end(store)?,
        };
        Ok(ended.map(|()| (Shape::List, Vec::new())))
    }
}

/// The length of the byte order mark with which a body begins, or 0.
fn mark(piece: &str) -> usize {
    if piece.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The segment that holds the last record; in a file it begins at `last`.
async fn last_segment(stored: &Stored, last: u64) -> Result<Option<Arc<Segment>>, Error> {
    match stored {
        Stored::Nowhere => Ok(None),
        Stored::Memory(segment) => Ok(Some(Arc::clone(segment))),
        Stored::File { file, .. } => Ok(Some(Arc::new(file.read(last).await?.0))),
    }
}

/// What stands at some places of the last record.
fn of_last_record(segment: &Segment, values: &[Pointer]) -> Result<Vec<Value>, Error> {
    let Some((record, _)) = segment.records().last() else { return Ok(Vec::new()) };
    let layout = &Layout::default();
    let wanted = Wanted { layout, values, last_record: &[], text: false };
    let mut splitter = json::Splitter::new(&wanted);
    let read = splitter.read(record, &mut Vec::new()).and_then(|()| splitter.end());
    let (_, found) = read.map_err(|fault| fault.into_error("the last record"))??;
    Ok(found)
}

fn unread<E>(fault: Fault, store: &Store, splitter: &Splitter) -> Unread<E> {
    unlike::unread(fault, store.head(), splitter.record(), splitter.after())
}
