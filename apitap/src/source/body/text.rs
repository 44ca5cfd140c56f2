//! Chunks of bytes → pieces of text: characters that are cut between two chunks are put together.

use super::unlike::not_utf8;
use crate::source::json::Fault;

/// The most bytes that a character has.
const LONGEST: usize = 4;

/// The state between two chunks.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    /// The first bytes of a character that is not whole.
    begun: Vec<u8>,
    /// Bytes before those.
    at: u64,
}

impl Decoding {
    /// Hands on the text of a chunk, in one or two pieces.
    pub(super) fn pieces(
        &mut self,
        mut chunk: &[u8],
        mut piece: impl FnMut(&str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while !self.begun.is_empty() {
            let Some((byte, rest)) = chunk.split_first() else { return Ok(()) };
            chunk = rest;
            self.begun.push(*byte);
            match std::str::from_utf8(&self.begun) {
                Ok(character) => {
                    piece(character)?;
                    self.at += self.begun.len() as u64;
                    self.begun.clear();
                }
                Err(error) if error.error_len().is_some() || self.begun.len() >= LONGEST => {
                    return Err(not_utf8(&self.begun, 0).behind(self.at));
                }
                Err(_) => {}
            }
        }
        let text = match simdutf8::compat::from_utf8(chunk) {
            Ok(text) => text,
            Err(error) => {
                let (whole, rest) = chunk.split_at_checked(error.valid_up_to()).unwrap_or_default();
                if error.error_len().is_some() {
                    return Err(not_utf8(chunk, whole.len()).behind(self.at));
                }
                self.begun.extend_from_slice(rest);
                // Proven a moment ago: the second look costs little, for it is rare.
                std::str::from_utf8(whole).map_err(|_| not_utf8(chunk, 0).behind(self.at))?
            }
        };
        self.at += text.len() as u64;
        if text.is_empty() { Ok(()) } else { piece(text) }
    }

    /// Ends the text.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.begun.is_empty() { Ok(()) } else { Err(Fault::ends("a character")) }
    }
}
