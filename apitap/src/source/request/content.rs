//! The bytes of an answer → its text: decompressed, in UTF-8, within bounds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use bytes::{Bytes, BytesMut};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::failure::Failure;
use super::shown::shortened;
use crate::environment::Secrets;
use crate::source::body::is_xml;

/// How a gzip file begins, and no text does: some APIs send files, and do not say that they are packed.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// How an answer may be compressed, as requests say; `deflate` and `x-gzip` are read, too.
pub(super) const ACCEPTED: &str = "zstd,gzip,br";

/// The most bytes that are decompressed at once.
const PIECE: usize = 64 << 10;

/// How many times its compressed length a text may have, once it is longer than [`UNSUSPICIOUS`].
/// JSON comes to 5 to 50 times; more is an attack, or a mistake.
const MOST_TIMES: u64 = 1000;
const UNSUSPICIOUS: u64 = 16 << 20;

/// How much of an error's body is read, to show the start of it.
const START: usize = 16 << 10;

/// How many characters of an error's body are shown.
const SHOWN: usize = 200;

/// How many bytes a byte order mark has at most.
const LONGEST_MARK: usize = 3;

/// The text of an answer, as it arrives.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, Failure>>;

type Compressed = Pin<Box<dyn AsyncBufRead + Send>>;

/// The text of an answer.
pub(super) async fn decoded(response: Response) -> Result<Chunks, Failure> {
    let mut codings = codings(response.headers())?;
    let charset = charset(response.headers());
    let (start, rest) = begun(response).await?;
    if codings.is_empty() && start.starts_with(GZIP) {
        codings.push(Coding::Gzip);
    }
    let bytes = stream::iter([Ok(start)]).chain(rest);
    let bytes = match codings.as_slice() {
        [] => bytes.map_err(|error| Failure::transport(&error)).boxed(),
        codings => decompressed(bytes, codings).await?,
    };
    let text = Transcoding { bytes, charset, held: BytesMut::new(), state: State::Start };
    Ok(stream::try_unfold(text, |mut text| async move {
        Ok(text.next().await?.map(|piece| (piece, text)))
    })
    .boxed())
}

/// The first bytes of an answer, and the rest of them.
async fn begun(
    response: Response,
) -> Result<(Bytes, BoxStream<'static, reqwest::Result<Bytes>>), Failure> {
    let mut bytes = response.bytes_stream().boxed();
    let mut start = Bytes::new();
    while start.len() < GZIP.len() {
        let Some(chunk) = bytes.next().await else { break };
        let chunk = chunk.map_err(|error| Failure::transport(&error))?;
        start = if start.is_empty() { chunk } else { [start, chunk].concat().into() };
    }
    Ok((start, bytes))
}

/// The whole text of an answer that is a short one.
pub(super) async fn whole(response: Response, most: usize) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::new();
    let mut chunks = decoded(response).await?;
    while let Some(chunk) = chunks.next().await {
        whole.extend_from_slice(&chunk?);
        if whole.len() > most {
            let message = format!("the answer is longer than {} KiB", most >> 10);
            return Err(Failure::lasting(message).help("check the URL"));
        }
    }
    Ok(whole.freeze())
}

/// The start of an error's text; what cannot be read is left out.
pub(super) async fn start(mut chunks: Chunks) -> Bytes {
    let mut start = BytesMut::new();
    while start.len() < START {
        match chunks.next().await {
            Some(Ok(chunk)) => start.extend_from_slice(&chunk),
            Some(Err(_)) | None => break,
        }
    }
    start.freeze()
}

/// The start of an error's text, fit to be shown; empty where there is nothing worth it.
pub(super) fn excerpt(start: &[u8], secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(start);
    let shown = || shortened(&secrets.mask(&text), SHOWN);
    match looks_like_html(start) {
        // What an API says in XML is what is wrong.
        true if is_xml(&text) => format!("XML: {}", shown()),
        true => "an HTML page".to_owned(),
        false => shown(),
    }
}

/// Whether it starts as HTML or XML does, and JSON cannot.
fn looks_like_html(body: &[u8]) -> bool {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// How the body is compressed, in the order in which that was done.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Failure> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    let mut codings = Vec::new();
    for value in values {
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            codings.push(match name {
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                "identity" | "none" | "utf-8" => continue,
                other => {
                    let shown = shortened(other, SHOWN);
                    let message = format!("the answer is compressed with `{shown}`");
                    return Err(Failure::lasting(message)
                        .help("gzip, deflate, br and zstd are read: ask the API for one of them"));
                }
            });
        }
    }
    Ok(codings)
}

/// The bytes before they were compressed.
async fn decompressed(
    bytes: impl stream::Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
    codings: &[Coding],
) -> Result<Chunks, Failure> {
    let received = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&received);
    let counted = bytes.inspect_ok(move |chunk| {
        count.fetch_add(chunk.len() as u64, Relaxed);
    });
    let mut reader: Compressed =
        Box::pin(StreamReader::new(Box::pin(counted.map_err(io::Error::other))));
    for coding in codings.iter().rev() {
        let plain = decoder(*coding, reader).await.map_err(|error| broken(&error))?;
        reader = Box::pin(BufReader::with_capacity(PIECE, plain));
    }
    let mut length = 0;
    let pieces = ReaderStream::with_capacity(reader, PIECE).map(move |piece| {
        let piece = piece.map_err(|error| broken(&error))?;
        length += piece.len() as u64;
        let most = received.load(Relaxed).saturating_mul(MOST_TIMES);
        if length > UNSUSPICIOUS && length > most {
            return Err(bomb(length, received.load(Relaxed)));
        }
        Ok(piece)
    });
    Ok(pieces.boxed())
}

async fn decoder(
    coding: Coding,
    compressed: Compressed,
) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
    Ok(match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(compressed);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Coding::Zstd => {
            let mut decoder = ZstdDecoder::new(compressed);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Coding::Brotli => Box::pin(BrotliDecoder::new(compressed)),
        Coding::Deflate => return deflated(compressed).await,
    })
}

/// The RFC means zlib's format; some servers send the bare stream.
async fn deflated(mut compressed: Compressed) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
    let mut start = Vec::new();
    (&mut compressed).take(2).read_to_end(&mut start).await?;
    let zlib = is_zlib(&start);
    let whole = io::Cursor::new(start).chain(compressed);
    Ok(if zlib { Box::pin(ZlibDecoder::new(whole)) } else { Box::pin(DeflateDecoder::new(whole)) })
}

/// Whether it begins with a header of zlib's (RFC 1950).
fn is_zlib(start: &[u8]) -> bool {
    match start {
        [method, flags, ..] => {
            method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0
        }
        _ => true,
    }
}

/// What a reader could not read: a broken connection, or a body that is not what it says.
fn broken(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    match inner {
        Some(error) => Failure::transport(error),
        // zlib calls it an error of its buffer where more was to come.
        None if error.kind() == io::ErrorKind::UnexpectedEof
            || error.to_string().contains("BufError") =>
        {
            Failure::broke_off()
        }
        None => Failure::passing("the answer cannot be decompressed")
            .cause(error.to_string())
            .help("run it again later; what is on the way to the API may break its answers"),
    }
}

fn bomb(length: u64, received: u64) -> Failure {
    Failure::data(format!(
        "the answer is suspicious: {received} compressed bytes come to more than {} MiB",
        length >> 20
    ))
    .help("check `url`; ask for fewer records per page")
}

/// The charset that the answer says, where it is known and not UTF-8.
fn charset(headers: &HeaderMap) -> Option<&'static Encoding> {
    let kind = headers.get(CONTENT_TYPE)?;
    let kind = String::from_utf8_lossy(kind.as_bytes()).into_owned();
    let label = kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then_some(value.trim().trim_matches(['"', '\'']))
    })?;
    // JSON is UTF-8, whose first half is ASCII. What is not known has to be UTF-8, which is proven.
    if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
        return None;
    }
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != UTF_8)
}

/// Bytes in a charset → UTF-8. A byte order mark says more than the header.
struct Transcoding {
    bytes: Chunks,
    charset: Option<&'static Encoding>,
    /// The start, until it is known whether it is a byte order mark.
    held: BytesMut,
    state: State,
}

enum State {
    Start,
    Utf8,
    Other(Box<Decoder>),
    End,
}

impl Transcoding {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let chunk = self.bytes.next().await.transpose()?;
            let last = chunk.is_none();
            let chunk = chunk.unwrap_or_default();
            match &mut self.state {
                State::Start => {
                    self.held.extend_from_slice(&chunk);
                    if self.held.len() < LONGEST_MARK && !last {
                        continue;
                    }
                    let start = self.held.split().freeze();
                    self.state = self.begin(&start);
                    return self.piece(&start, last);
                }
                State::Utf8 | State::Other(_) => return self.piece(&chunk, last),
                State::End => return Ok(None),
            }
        }
    }

    fn begin(&self, start: &[u8]) -> State {
        let marked = Encoding::for_bom(start).map(|(encoding, _)| encoding);
        match marked.or(self.charset).filter(|encoding| *encoding != UTF_8) {
            Some(encoding) => State::Other(Box::new(encoding.new_decoder_with_bom_removal())),
            None => State::Utf8,
        }
    }

    fn piece(&mut self, bytes: &Bytes, last: bool) -> Result<Option<Bytes>, Failure> {
        let text = match &mut self.state {
            State::Other(decoder) => Some(text(decoder, bytes, last)?.into()),
            State::Utf8 if last && bytes.is_empty() => None,
            State::Utf8 => Some(bytes.clone()),
            State::Start | State::End => None,
        };
        if last {
            self.state = State::End;
        }
        Ok(text)
    }
}

fn text(decoder: &mut Decoder, bytes: &[u8], last: bool) -> Result<String, Failure> {
    let length = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut text = String::with_capacity(length.unwrap_or(bytes.len()));
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, last);
    match result {
        DecoderResult::InputEmpty => Ok(text),
        // There is room for all of it, so that it is malformed.
        DecoderResult::OutputFull | DecoderResult::Malformed(..) if last && bytes.is_empty() => {
            Err(Failure::broke_off())
        }
        DecoderResult::OutputFull | DecoderResult::Malformed(..) => {
            let name = decoder.encoding().name();
            Err(Failure::data(format!(
                "the answer is not valid {name}, as its charset is said to be"
            ))
            .help("the API names the wrong charset in its `Content-Type`"))
        }
    }
}

#[cfg(test)]
mod tests;
