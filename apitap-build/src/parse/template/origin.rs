//! Markers in a template → where each byte of the rendered text was written.

use std::ops::Range;

/// Private-use characters: one for each literal stretch, by number.
const FIRST: u32 = 0xF0000;
const LAST: u32 = 0xFFFFD;

/// A template whose literal stretches are marked.
pub(super) struct Marked {
    /// The text to render.
    pub(super) text: String,
    /// By number: where the stretch begins in the original, after leading blanks; how long it is;
    /// and the block before it.
    stretches: Vec<Stretch>,
}

struct Stretch {
    start: usize,
    len: usize,
    before: Range<usize>,
    /// Where its marker stands in the marked text.
    marker: usize,
}

/// Where stretches of the rendered query were written.
#[derive(Debug, Default)]
pub(super) struct Origins {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    rendered: usize,
    original: Range<usize>,
    /// Whether the bytes are those of the original, one by one.
    literal: bool,
}

/// Marks every literal stretch of a template.
pub(super) fn mark(text: &str) -> Marked {
    let mut marked = Marked { text: String::with_capacity(text.len() + 64), stretches: Vec::new() };
    let usable = !text.chars().any(is_marker);
    let mut before = 0..0;
    for part in parts(text) {
        match part {
            Part::Block(range) => {
                marked.text.push_str(&text[range.clone()]);
                before = range;
            }
            Part::Literal(range) => {
                let literal = &text[range.clone()];
                let blank = literal.len() - literal.trim_start().len();
                marked.text.push_str(&literal[..blank]);
                let number = FIRST + marked.stretches.len() as u32;
                if usable && blank < literal.len() && number <= LAST {
                    marked.stretches.push(Stretch {
                        start: range.start + blank,
                        len: literal.len() - blank,
                        before: before.clone(),
                        marker: marked.text.len(),
                    });
                    marked.text.extend(char::from_u32(number));
                }
                marked.text.push_str(&literal[blank..]);
            }
        }
    }
    marked
}

impl Marked {
    /// A range of the marked text as one of the original.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |index: usize| {
            let markers = self.stretches.iter().take_while(|s| s.marker < index).count();
            index.saturating_sub(4 * markers)
        };
        back(range.start)..back(range.end)
    }

    /// The rendered text without its markers, and where it comes from.
    pub(super) fn unmark(&self, original: &str, rendered: &str) -> (String, Origins) {
        let mut text = String::with_capacity(rendered.len());
        let mut origins = Origins::default();
        let last = parts(original).into_iter().rev().find_map(|part| match part {
            Part::Block(range) => Some(range),
            Part::Literal(_) => None,
        });
        let mut pieces = rendered.split(is_marker);
        let mut markers = rendered.chars().filter(|c| is_marker(*c));
        text.push_str(pieces.next().unwrap_or_default());
        origins.push(0, 0..0, false);
        for piece in pieces {
            let number = markers.next().map_or(0, |marker| marker as u32 - FIRST) as usize;
            let Some(stretch) = self.stretches.get(number) else { continue };
            origins.blocks_until(text.len(), &stretch.before);
            let literal = piece.len().min(stretch.len);
            origins.push(text.len(), stretch.start..stretch.start + literal, true);
            if piece.len() > literal {
                let next = self.stretches.get(number + 1).map(|next| next.before.clone());
                let block = next.or_else(|| last.clone()).unwrap_or(0..0);
                origins.push(text.len() + literal, block, false);
            }
            text.push_str(piece);
        }
        (text, origins)
    }
}

impl Origins {
    fn push(&mut self, rendered: usize, original: Range<usize>, literal: bool) {
        self.pieces.push(Piece { rendered, original, literal });
    }

    /// What a block has put out stands just before the stretch that follows the block.
    fn blocks_until(&mut self, end: usize, block: &Range<usize>) {
        if let Some(last) = self.pieces.last_mut()
            && !last.literal
            && last.rendered < end
        {
            last.original = block.clone();
        }
    }

    /// Where a range of the rendered text was written.
    pub(super) fn of(&self, range: Range<usize>) -> Range<usize> {
        let index = self.pieces.partition_point(|piece| piece.rendered <= range.start);
        let Some(piece) = self.pieces.get(index.saturating_sub(1)) else { return range };
        if !piece.literal {
            return piece.original.clone();
        }
        let offset = range.start - piece.rendered;
        let start = (piece.original.start + offset).min(piece.original.end);
        start..(start + range.len()).min(piece.original.end)
    }
}

/// A text without markers, in case a template has put some where they are read.
pub(super) fn without_markers(text: &str) -> String {
    text.replace(is_marker, "")
}

fn is_marker(c: char) -> bool {
    (FIRST..=LAST).contains(&(c as u32))
}

enum Part {
    Literal(Range<usize>),
    Block(Range<usize>),
}

/// Takes a template apart; what stands between `{% raw %}` and `{% endraw %}` is literal.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut index = 0;
    let mut raw = false;
    while let Some(found) = text[index..].find('{') {
        let start = index + found;
        let Some(end) = block_end(text, start) else {
            index = start + 1;
            continue;
        };
        let inner = text[start..end].trim_matches(['{', '%', '}', '-', '+']).trim();
        let ends_raw = inner == "endraw";
        if raw && !ends_raw {
            index = start + 1;
            continue;
        }
        raw = inner == "raw" && text[start..].starts_with("{%");
        if literal < start {
            parts.push(Part::Literal(literal..start));
        }
        parts.push(Part::Block(start..end));
        index = end;
        literal = end;
    }
    if literal < text.len() {
        parts.push(Part::Literal(literal..text.len()));
    }
    parts
}

/// Where the block that starts here ends, its braces included.
pub(super) fn block_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let close: &[u8] = match bytes.get(start + 1)? {
        b'{' => b"}}",
        b'%' => b"%}",
        b'#' => b"#}",
        _ => return None,
    };
    let comment = close == b"#}";
    let mut index = start + 2;
    let mut quote = None;
    while index < bytes.len() {
        let byte = bytes[index];
        match quote {
            Some(_) if byte == b'\\' => index += 1,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if !comment && (byte == b'"' || byte == b'\'') => quote = Some(byte),
            None if bytes[index..].starts_with(close) => return Some(index + 2),
            None => {}
        }
        index += 1;
    }
    None
}
