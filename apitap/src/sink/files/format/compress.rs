//! Text → compressed bytes, while it is written.

use std::io::{self, Write as _};

use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::Result;
use crate::definition::Compression;

use super::failed;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;
/// How far back zstd looks, as a power of two: what it needs of memory follows from this.
const ZSTD_WINDOW: u32 = 19;
/// What zstd needs with that window, about.
const ZSTD_MEMORY: usize = 2 << 20;
/// What gzip needs.
const GZIP_MEMORY: usize = 300 << 10;

/// Compresses as it goes.
pub(super) enum Compressor {
    None(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Default::default())),
            Compression::Zstd => Self::Zstd(zstd_encoder().map_err(failed)?),
            Compression::None | Compression::Snappy => Self::None(Vec::new()),
        })
    }

    pub(super) fn write(&mut self, text: &[u8]) -> Result<()> {
        match self {
            Self::None(out) => {
                out.extend_from_slice(text);
                Ok(())
            }
            Self::Gzip(encoder) => encoder.write_all(text),
            Self::Zstd(encoder) => encoder.write_all(text),
        }
        .map_err(failed)
    }

    /// The bytes that are ready.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::None(out) => out,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        })
    }

    /// What it needs of memory.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::None(out) => out.len(),
            Self::Gzip(encoder) => encoder.get_ref().len() + GZIP_MEMORY,
            Self::Zstd(encoder) => encoder.get_ref().len() + ZSTD_MEMORY,
        }
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
        .map_err(failed)
    }
}

fn zstd_encoder() -> io::Result<ZstdEncoder<'static, Vec<u8>>> {
    let mut encoder = ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.window_log(ZSTD_WINDOW)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}
