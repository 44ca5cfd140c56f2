//! The body of an answer → where its records stand, in one pass that also proves that it is whole.
//!
//! Knows JSON and JSON Pointer, and nothing of requests or of what the fields mean.

mod pointer;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::json::{Cursor, Fault, Kind, Scalar};
use crate::definition::Pointer;
use crate::{Error, Result};
use pointer::{Reading, Sought, There};

/// The most keys that a message lists.
const KEYS_SHOWN: usize = 20;

/// One answer of the API, whole, decompressed and known to be valid JSON.
#[derive(Debug, Clone)]
pub struct Page {
    /// The request that it answers, for messages: method and URL, secrets masked.
    pub request: Arc<str>,
    /// Counted from 1, in the order of the records.
    pub number: u64,
    /// The body; empty where the API answered that there is nothing (204).
    pub body: Bytes,
    /// The bytes of each record in the body, in order.
    pub records: Arc<[Range<u32>]>,
}

impl Page {
    /// Finds the records at `data_path`: the elements of an array, or an object as the only one.
    ///
    /// The whole body is validated. It is an error ([`crate::ErrorKind::Data`]) if it is truncated
    /// or otherwise not JSON, if the path leads nowhere or to anything else (`null` included), or if
    /// an element is not an object. A body of zero bytes holds zero records.
    pub fn split(request: Arc<str>, number: u64, body: Bytes, data_path: &Pointer) -> Result<Self> {
        let records = match records(&body, data_path) {
            Ok(records) => records.into(),
            Err(error) => return Err(error.in_request(&request)),
        };
        Ok(Self { request, number, body, records })
    }

    /// The JSON text of each record, in order.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        // The ranges are this body's own; an empty text would be refused as no record.
        self.records.iter().map(|range| {
            self.body.get(range.start as usize..range.end as usize).unwrap_or_default()
        })
    }
}

/// The string or number at a path of a body, as text; for cursors and the URLs of next pages.
///
/// `None` where it is missing, null, `""` or `false`. Other values, and a path that leads through
/// something that is neither an object nor an array nor null, are errors.
pub fn scalar_at(body: &[u8], path: &Pointer) -> Result<Option<String>> {
    let mut scalar = None;
    pointer::read(body, path, |sought, cursor| {
        scalar = match sought {
            Sought::Missing { .. } => None,
            Sought::Value => text(cursor, path)?,
        };
        Ok(())
    })?;
    Ok(scalar)
}

/// The text of the value at the cursor, which is passed over.
fn text(cursor: &mut Cursor<'_>, path: &Pointer) -> Reading<Option<String>> {
    let text = match cursor.scalar()? {
        Scalar::Null | Scalar::Bool(false) => return Ok(None),
        Scalar::Number(raw) => raw.to_owned(),
        Scalar::String(text) => text.unescape(&mut String::new())?.to_owned(),
        other => {
            let message = format!("expected a string or a number, found {other}");
            return Err(Error::data(message).at_path(&path.0).into());
        }
    };
    Ok((!text.is_empty()).then_some(text))
}

fn records(body: &[u8], data_path: &Pointer) -> Result<Vec<Range<u32>>> {
    if u32::try_from(body.len()).is_err() {
        let message = format!("the body has {} bytes, which is more than 4 GiB", body.len());
        return Err(Error::data(message).help("ask for smaller pages"));
    }
    let mut records = Vec::new();
    pointer::read(body, data_path, |sought, cursor| match sought {
        Sought::Value => collect(cursor, data_path, &mut records),
        Sought::Missing { at, token, there } => Err(missing(&at, token, &there).into()),
    })?;
    Ok(records)
}

/// The records in the value at the cursor, which is passed over.
fn collect(
    cursor: &mut Cursor<'_>,
    data_path: &Pointer,
    records: &mut Vec<Range<u32>>,
) -> Reading<()> {
    if cursor.peek()? == Kind::Object {
        records.push(passed(cursor)?);
        return Ok(());
    }
    let Some(mut elements) = cursor.array()? else {
        let found = cursor.scalar()?;
        let message = format!("expected the records, found {found}");
        return Err(Error::data(message)
            .at_path(shown(&data_path.0))
            .help("`data_path` must lead to a list of records, or to one record")
            .into());
    };
    while elements.next(cursor)? {
        if cursor.peek()? != Kind::Object {
            let (number, found) = (records.len(), cursor.scalar()?);
            return Err(Error::data(format!("expected a record, found {found}"))
                .at_record(number as u64 + 1)
                .at_path(format!("{}/{number}", data_path.0))
                .help("each element of the list at `data_path` must be an object")
                .into());
        }
        records.push(passed(cursor)?);
    }
    Ok(())
}

/// Passes over the value at the cursor and says where it stands.
fn passed(cursor: &mut Cursor<'_>) -> Result<Range<u32>, Fault> {
    let start = cursor.position();
    cursor.skip_value()?;
    match (u32::try_from(start), u32::try_from(cursor.position())) {
        (Ok(start), Ok(end)) => Ok(start..end),
        _ => Err(Fault::malformed("has more than 4 GiB")),
    }
}

fn missing(at: &str, token: &str, there: &There) -> Error {
    let help = match there {
        There::Null => "it is null there: correct `data_path`".to_owned(),
        There::List(0) => "the list there is empty: correct `data_path`".to_owned(),
        There::List(count) => format!("the list there has {count} elements, counted from 0"),
        There::Keys(keys) => keys_help(token, keys),
    };
    Error::data(format!("`data_path` finds no `{token}` in the body")).at_path(shown(at)).help(help)
}

/// The nearest key, and those that there are.
fn keys_help(token: &str, keys: &[String]) -> String {
    let known: Vec<_> = keys.iter().take(KEYS_SHOWN).map(|key| format!("`{key}`")).collect();
    let known = match (known.as_slice(), keys.len().saturating_sub(KEYS_SHOWN)) {
        ([], _) => "the object there is empty".to_owned(),
        (known, 0) => format!("there is {}", known.join(", ")),
        (known, more) => format!("there is {} and {more} more", known.join(", ")),
    };
    let token = token.to_lowercase();
    let near = keys
        .iter()
        .map(|key| (strsim::damerau_levenshtein(&key.to_lowercase(), &token), key))
        .filter(|(distance, key)| *distance <= key.len().max(token.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, key)) => format!("a similar key exists: `{key}`; {known}"),
        None => format!("{known}; correct `data_path`"),
    }
}

/// The root has no name of its own.
fn shown(path: &str) -> &str {
    if path.is_empty() { "the root of the body" } else { path }
}

#[cfg(test)]
mod tests;
