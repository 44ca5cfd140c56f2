//! Rows → CSV (RFC 4180) as PostgreSQL reads and writes it: a header, then one row a line.
//!
//! A null is nothing, an empty text is `""`. A text is in quotes where it has to be. What other values
//! look like is said in [`cell`].

use arrow::array::{Array, RecordBatch};

use super::Refusal;
use super::lines::Header;
use crate::sink::files::cell;
use crate::sink::load::Column;

/// The names of the columns.
pub(super) const HEADER: Header = |columns| {
    let mut out = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        separate(place, &mut out);
        field(&column.name, &mut out);
    }
    out.push(b'\n');
    out
};

pub(super) fn write(
    columns: &[Column],
    batch: &RecordBatch,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let mut cells = Vec::with_capacity(columns.len());
    for (place, (column, array)) in columns.iter().zip(batch.columns()).enumerate() {
        let cell = cell::of(column, array).map_err(|refused| Refusal::of(place, refused))?;
        cells.push((array, cell));
    }
    let alone = cells.len() == 1;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (place, (array, cell)) in cells.iter().enumerate() {
            separate(place, out);
            let refused = |why: String| Refusal::Value { column: place, row, why };
            if array.is_null(row) {
                match alone {
                    // An empty line is no row to most readers.
                    true => {
                        return Err(refused(
                            "is null and the only column, which CSV cannot say".into(),
                        ));
                    }
                    false => continue,
                }
            }
            text.clear();
            cell(row, &mut text).map_err(refused)?;
            field(&text, out);
        }
        out.push(b'\n');
    }
    Ok(())
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// A text, in quotes where without them it would be read as something else.
fn field(text: &str, out: &mut Vec<u8>) {
    let special = |b: u8| matches!(b, b',' | b'"' | b'\n' | b'\r');
    let padded = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    // PostgreSQL takes `\.` alone on a line for the end.
    if !text.is_empty() && !padded && text != "\\." && !text.bytes().any(special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
