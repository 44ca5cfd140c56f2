//! The body of an answer → whole records, split while it arrives.
//!
//! ```text
//! chunks → text (UTF-8) → where the records and the wanted values stand → segments of whole records
//! ```
//! Nothing of a body is handed on before all of it has arrived and is known to be whole: a body that
//! was cut off is a failed request. Splitting proves that what lies around the records is JSON, and
//! where each record ends; the decoder proves the records. A small body stays in memory, a larger one
//! is written to a temporary file as it comes. Nothing here knows requests, or what the fields mean.

mod json;
mod segment;
mod store;
mod text;
mod unlike;
mod value;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::json::Fault;
use crate::Error;
use crate::definition::Pointer;
use crate::engine::limits::Limits;
use json::Splitter;
pub(in crate::source) use segment::Stored;
pub use segment::{Segment, Segments};
use store::Store;
use text::Decoding;
pub use unlike::Look;
pub use value::{Absent, Value};

/// What is looked for in a body.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where the records are: the elements of an array, or an object as the only one.
    pub data_path: &'a Pointer,
    /// Where single values are: the next cursor, the next URL, a total.
    pub values: &'a [Pointer],
    /// Whether the whole text is kept in memory, for what reads more of it than this: [`Body::text`].
    pub text: bool,
}

/// A body that has arrived whole.
#[derive(Debug, Clone, Default)]
pub struct Body {
    shape: Shape,
    records: u64,
    bytes: u64,
    fingerprint: Fingerprint,
    values: Vec<Value>,
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

/// What the records of a body come to: the same for the same records in the same order.
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
    /// What stands at `data_path`.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the records come to.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What stands at each of [`Wanted::values`], in their order; none for a body without bytes.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The whole text, where [`Wanted::text`] asked for it.
    pub fn text(&self) -> Option<&str> {
        self.stored.text()
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
    let mut splitter = Splitter::new(wanted);
    let mut decoding = Decoding::default();
    let mut store = Store::new(*limits, wanted.text);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Unread::Chunk)?;
        let split = decoding.pieces(&chunk, |piece| {
            store.push(piece);
            splitter.split(piece, store.ranges())
        });
        split.map_err(|fault| unread(fault, &store, &splitter))?;
        store.settle(splitter.open()).await?;
    }
    if store.bytes() == 0 && decoding.end().is_ok() {
        return Ok(Body::default());
    }
    let ended = decoding.end().and_then(|()| splitter.end());
    let found = ended.map_err(|fault| unread(fault, &store, &splitter))?;
    let (shape, values) = found.map_err(Unread::Unfit)?;
    store.finish(shape, values).await
}

fn unread<E>(fault: Fault, store: &Store, splitter: &Splitter) -> Unread<E> {
    unlike::unread(fault, store.head(), splitter.record(), splitter.after())
}
