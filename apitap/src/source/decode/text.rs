//! The columns of strings, UUIDs, bytes and JSON.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::builder::{BinaryBuilder, StringBuilder};
use datafusion::arrow::array::{Array as _, ArrayBuilder as _, ArrayRef};
use datafusion::arrow::error::ArrowError;

use super::column::{Column, no_fit, other_kind};
use crate::schema::Type;
use crate::source::json::{Cursor, Fault, Scalar};

/// How a JSON value becomes text.
pub trait Write: fmt::Debug + Send {
    /// The type as a schema names it.
    const TYPE: Type;

    /// The text of the value at the cursor, which is passed over; `buffer` is for what has to be
    /// put together.
    fn text<'t, 'a: 't>(cursor: &mut Cursor<'a>, buffer: &'t mut String) -> Result<&'t str, Fault>;
}

/// A column of text.
#[derive(Debug)]
pub struct Written<W> {
    builder: StringBuilder,
    buffer: String,
    write: PhantomData<W>,
}

/// A column of `string`.
pub type Text = Written<Plain>;
/// A column of `uuid`.
pub type Uuid = Written<Hyphenated>;
/// A column of `json`.
pub type Json = Written<Raw>;

impl<W: Write> Written<W> {
    /// A column without values.
    #[must_use]
    pub fn empty() -> Self {
        Self { builder: StringBuilder::new(), buffer: String::new(), write: PhantomData }
    }

    /// Appends a text that is as the type wants it.
    pub(crate) fn put(&mut self, text: &str) {
        self.builder.append_value(text);
    }
}

impl<W: Write> Column for Written<W> {
    fn ty(&self) -> Type {
        W::TYPE
    }

    #[inline]
    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.builder.append_value(W::text(cursor, &mut self.buffer)?);
        Ok(())
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn rows(&self) -> usize {
        self.builder.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let array = self.builder.finish();
        self.builder = StringBuilder::with_capacity(array.len(), next(array.value_data()));
        Ok(Arc::new(array))
    }
}

/// Bytes to set aside for the next batch, which is about as long as the last one.
fn next(last: &[u8]) -> usize {
    /// A batch of very long values may be the only one.
    const MOST: usize = 1 << 20;
    last.len().min(MOST)
}

/// A string's characters.
#[derive(Debug)]
pub struct Plain;

impl Write for Plain {
    const TYPE: Type = Type::String;

    #[inline]
    fn text<'t, 'a: 't>(cursor: &mut Cursor<'a>, buffer: &'t mut String) -> Result<&'t str, Fault> {
        match cursor.scalar()? {
            Scalar::String(text) => text.unescape(buffer),
            other => Err(other_kind("string", other)),
        }
    }
}

/// A UUID in any of its standard forms, as lower case with hyphens.
#[derive(Debug)]
pub struct Hyphenated;

impl Write for Hyphenated {
    const TYPE: Type = Type::Uuid;

    fn text<'t, 'a: 't>(cursor: &mut Cursor<'a>, buffer: &'t mut String) -> Result<&'t str, Fault> {
        let value = cursor.scalar()?;
        let Scalar::String(text) = value else { return Err(other_kind("uuid", value)) };
        let uuid = uuid::Uuid::try_parse(text.unescape(buffer)?).map_err(|_| {
            no_fit("uuid", value, "which is not a UUID").help("declare it `string`")
        })?;
        buffer.clear();
        buffer.push_str(uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
        Ok(buffer)
    }
}

/// Any value as it is written.
#[derive(Debug)]
pub struct Raw;

impl Write for Raw {
    const TYPE: Type = Type::Json;

    fn text<'t, 'a: 't>(
        cursor: &mut Cursor<'a>,
        _buffer: &'t mut String,
    ) -> Result<&'t str, Fault> {
        cursor.peek()?;
        let start = cursor.position();
        cursor.skip_value()?;
        cursor.since(start)
    }
}

/// A column of `binary`: strings of standard base64, padded (RFC 4648, section 4).
#[derive(Debug)]
pub struct Binary {
    builder: BinaryBuilder,
    buffer: String,
    bytes: Vec<u8>,
}

impl Binary {
    /// A column without values.
    #[must_use]
    pub fn empty() -> Self {
        Self { builder: BinaryBuilder::new(), buffer: String::new(), bytes: Vec::new() }
    }

    /// Appends bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.builder.append_value(bytes);
    }
}

impl Column for Binary {
    fn ty(&self) -> Type {
        Type::Binary
    }

    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let value = cursor.scalar()?;
        let Scalar::String(text) = value else { return Err(other_kind("binary", value)) };
        self.bytes.clear();
        STANDARD.decode_vec(text.unescape(&mut self.buffer)?, &mut self.bytes).map_err(|_| {
            no_fit("binary", value, "which is not standard base64")
                .help("declare it `string` and convert it in the query, as with `decode`")
        })?;
        self.builder.append_value(&self.bytes);
        Ok(())
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn rows(&self) -> usize {
        self.builder.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let array = self.builder.finish();
        self.builder = BinaryBuilder::with_capacity(array.len(), next(array.value_data()));
        Ok(Arc::new(array))
    }
}
