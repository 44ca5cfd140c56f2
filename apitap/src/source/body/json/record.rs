//! The bytes of a record → where it ends: strings are passed over, brackets are counted.
//!
//! 64 bytes at a time, as one bit each. That the brackets fit each other, and all else of the grammar,
//! is left to the decoder: a record that it takes is one, and ends where it says.

use wide::u8x16;

use crate::source::json::{Fault, MAX_DEPTH, too_deep};

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// A record that is being passed over.
#[derive(Debug)]
pub(in crate::source::body) struct Record {
    /// Lists and objects that are open, itself included.
    depth: u32,
    /// So many of them are open around it.
    around: u32,
    /// All bits, if what comes next is in a string.
    in_string: u64,
    /// One, if what comes next is escaped.
    escaped: u64,
}

/// Where some characters are in a block.
struct Block {
    backslash: u64,
    quote: u64,
    open: u64,
    close: u64,
}

impl Record {
    /// A record whose bracket has just been passed over, as the `depth`th that is open.
    pub(in crate::source::body) fn new(depth: usize) -> Self {
        let around = u32::try_from(depth).unwrap_or(u32::MAX).saturating_sub(1);
        Self { depth: 1, around, in_string: 0, escaped: 0 }
    }

    /// Reads on from `at`: how far, and whether the record ends there.
    pub(in crate::source::body) fn read(
        &mut self,
        bytes: &[u8],
        mut at: usize,
    ) -> Result<(usize, bool), Fault> {
        while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            if let Some(end) = self.block(&Block::of(block), BLOCK, at)? {
                return Ok((at + end, true));
            }
            at += BLOCK;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok((at, false));
        }
        let mut padded = [b' '; BLOCK];
        for (to, from) in padded.iter_mut().zip(rest) {
            *to = *from;
        }
        match self.block(&Block::of(&padded), rest.len(), at)? {
            Some(end) => Ok((at + end, true)),
            None => Ok((bytes.len(), false)),
        }
    }

    /// Reads a block, of which `length` bytes count: behind which the record ends.
    #[inline]
    fn block(&mut self, block: &Block, length: usize, at: usize) -> Result<Option<usize>, Fault> {
        let quotes = block.quote & !self.escaped_in(block.backslash, length);
        let in_string = prefix_xor(quotes) ^ self.in_string;
        // All bits of a block are alike behind the last quote, those behind the last byte included.
        self.in_string = if in_string >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        let (open, close) = (block.open & !in_string, block.close & !in_string);
        let (opens, closes) = (open.count_ones(), close.count_ones());
        if closes < self.depth && self.around + self.depth + opens <= u32::from(MAX_DEPTH) {
            self.depth = self.depth + opens - closes;
            return Ok(None);
        }
        self.brackets(open, close, at)
    }

    /// Counts brackets one by one, where the record may end or be nested too deeply.
    fn brackets(&mut self, open: u64, close: u64, at: usize) -> Result<Option<usize>, Fault> {
        let mut rest = open | close;
        while rest != 0 {
            let bit = rest & rest.wrapping_neg();
            let place = rest.trailing_zeros() as usize;
            if open & bit != 0 {
                if self.around + self.depth >= u32::from(MAX_DEPTH) {
                    return Err(too_deep(at + place));
                }
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Ok(Some(place + 1));
                }
            }
            rest ^= bit;
        }
        Ok(None)
    }

    /// The bits of the characters behind a backslash that is not escaped itself.
    #[inline]
    fn escaped_in(&mut self, backslash: u64, length: usize) -> u64 {
        if backslash == 0 {
            return std::mem::take(&mut self.escaped);
        }
        // In a row of backslashes every other one escapes; which ones depends on where it begins.
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        let begins = backslash & !self.escaped;
        let escapes_and_ends = ((begins << 1) | ODD).wrapping_sub(begins) ^ ODD;
        let escaped = escapes_and_ends ^ (backslash | self.escaped);
        let escapes = escapes_and_ends & backslash;
        self.escaped = (escapes >> (length - 1)) & 1;
        escaped
    }

    /// Why a body cannot end here.
    pub(in crate::source::body) fn ends(&self) -> Fault {
        Fault::ends(if self.in_string == 0 { "a record" } else { "a string" })
    }
}

impl Block {
    #[inline]
    fn of(bytes: &[u8; BLOCK]) -> Self {
        let mut block = Self { backslash: 0, quote: 0, open: 0, close: 0 };
        let (parts, _) = bytes.as_chunks::<16>();
        for (index, part) in parts.iter().enumerate() {
            let part = u8x16::new(*part);
            // `[` and `{`, `]` and `}` differ in this bit.
            let brackets = part | u8x16::splat(0x20);
            let bits = |found: u8x16| u64::from(found.to_bitmask()) << (16 * index);
            block.backslash |= bits(part.simd_eq(u8x16::splat(b'\\')));
            block.quote |= bits(part.simd_eq(u8x16::splat(b'"')));
            block.open |= bits(brackets.simd_eq(u8x16::splat(b'{')));
            block.close |= bits(brackets.simd_eq(u8x16::splat(b'}')));
        }
        block
    }
}

/// Each bit: whether the number of bits up to it is odd.
#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}
