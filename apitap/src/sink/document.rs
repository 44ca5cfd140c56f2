//! Records and lists → JSON text, one document for each row.
//!
//! Numbers keep all their digits, dates and times are written as in [`super::text`], bytes are
//! base64, and `json` inside a record is embedded as what it is. What JSON cannot say (NaN) is
//! refused. Every field is written, those that are null too.

use std::sync::{Arc, OnceLock};

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, LargeStringArray, LargeStringBuilder};
use arrow::array::{PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use arrow::error::ArrowError;
use arrow_json::writer::make_encoder;
use arrow_json::{Encoder, EncoderFactory, EncoderOptions, writer::NullableEncoder};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::text;
use crate::schema::arrow::TYPE_KEY;

/// Why a row has no JSON: its index in the array, and what goes on after "column … of row …".
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) row: usize,
    pub(super) why: String,
}

/// The rows of an array of records or lists as JSON.
pub(super) fn encode(field: &FieldRef, array: &dyn Array) -> Result<LargeStringArray, Refused> {
    let trouble = Trouble::default();
    let options = EncoderOptions::default()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(Exact(trouble.clone())));
    let unable = |error: ArrowError| Refused { row: 0, why: format!("has no JSON: {error}") };
    let mut encoder = make_encoder(field, array, &options).map_err(unable)?;
    let mut rows = LargeStringBuilder::with_capacity(array.len(), 0);
    let mut json = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            rows.append_null();
            continue;
        }
        json.clear();
        encoder.encode(row, &mut json);
        if let Some(why) = trouble.0.get() {
            return Err(Refused { row, why: (*why).to_owned() });
        }
        match std::str::from_utf8(&json) {
            Ok(json) => rows.append_value(json),
            Err(_) => return Err(Refused { row, why: "holds text that is not UTF-8".to_owned() }),
        }
    }
    Ok(rows.finish())
}

/// Rows as JSON, one object a line, with all columns in their order; adds them to `out`.
///
/// # Errors
/// The column by its place, and why its value has no JSON. Then `out` holds some of the rows.
pub(super) fn lines(
    fields: &[&FieldRef],
    arrays: &[ArrayRef],
    out: &mut Vec<u8>,
) -> Result<(), (usize, Refused)> {
    let trouble = Trouble::default();
    let options = EncoderOptions::default()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(Exact(trouble.clone())));
    let mut columns = Vec::with_capacity(fields.len());
    for (place, (field, array)) in fields.iter().zip(arrays).enumerate() {
        let unable = |why: String| (place, Refused { row: 0, why });
        let encoder = make_encoder(field, array.as_ref(), &options);
        let encoder = encoder.map_err(|error| unable(format!("has no JSON: {error}")))?;
        let mut name = if place == 0 { b"{".to_vec() } else { b",".to_vec() };
        serde_json::to_writer(&mut name, field.name())
            .map_err(|error| unable(format!("has a name without JSON: {error}")))?;
        name.push(b':');
        columns.push((name, encoder));
    }
    for row in 0..arrays.first().map_or(0, |array| array.len()) {
        for (place, (name, encoder)) in columns.iter_mut().enumerate() {
            out.extend_from_slice(name);
            match encoder.is_null(row) {
                true => out.extend_from_slice(b"null"),
                false => encoder.encode(row, out),
            }
            if let Some(why) = trouble.0.get() {
                return Err((place, Refused { row, why: (*why).to_owned() }));
            }
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(())
}

/// Whether a text is one JSON value and nothing else.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The first trouble that an encoder met: the writer's encoders have no way to return it.
#[derive(Debug, Clone, Default)]
struct Trouble(Arc<OnceLock<&'static str>>);

impl Trouble {
    fn met(&self, why: &'static str) {
        // Only the first one is told.
        self.0.get_or_init(|| why);
    }
}

/// Takes the types over whose JSON in the writer is not exact or can fail unseen.
#[derive(Debug)]
struct Exact(Trouble);

impl EncoderFactory for Exact {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let trouble = self.0.clone();
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float32 => Box::new(Float(array.as_primitive::<Float32Type>(), trouble)),
            DataType::Float64 => Box::new(Float(array.as_primitive::<Float64Type>(), trouble)),
            DataType::Date32 => Box::new(Temporal(
                array.as_primitive::<Date32Type>(),
                text::date,
                text::NO_DATE,
                trouble,
            )),
            DataType::Time64(TimeUnit::Microsecond) => Box::new(Temporal(
                array.as_primitive::<Time64MicrosecondType>(),
                text::time,
                text::NO_TIME,
                trouble,
            )),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Box::new(Temporal(
                array.as_primitive::<TimestampMicrosecondType>(),
                text::timestamp,
                text::NO_TIMESTAMP,
                trouble,
            )),
            DataType::Binary => Box::new(Base64(array.as_binary())),
            DataType::Utf8 if is_json_field(field) => Box::new(Raw(array.as_string(), trouble)),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

/// Whether the text of a field is JSON. A list's elements come with the field of the list.
fn is_json_field(mut field: &FieldRef) -> bool {
    while let DataType::List(item) = field.data_type() {
        field = item;
    }
    field.metadata().get(TYPE_KEY).is_some_and(|word| word == "json")
}

struct Float<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>, Trouble);

impl<T: ArrowPrimitiveType<Native: Into<f64> + serde::Serialize>> Encoder for Float<'_, T> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let value = self.0.value(index);
        let finite = Into::<f64>::into(value).is_finite();
        if !finite || serde_json::to_writer(out, &value).is_err() {
            self.1.met("holds NaN or an infinity, which JSON cannot say");
        }
    }
}

struct Temporal<'a, T: ArrowPrimitiveType>(
    &'a PrimitiveArray<T>,
    fn(T::Native) -> Option<String>,
    &'static str,
    Trouble,
);

impl<T: ArrowPrimitiveType> Encoder for Temporal<'_, T> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let Self(array, write, why, trouble) = self;
        match write(array.value(index)) {
            Some(text) => quoted(&text, out),
            None => trouble.met(why),
        }
    }
}

struct Base64<'a>(&'a BinaryArray);

impl Encoder for Base64<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        quoted(&BASE64_STANDARD.encode(self.0.value(index)), out);
    }
}

struct Raw<'a>(&'a StringArray, Trouble);

impl Encoder for Raw<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let json = self.0.value(index);
        match is_json(json) {
            // Between the values there may be line breaks, and nowhere else: a document is one line.
            true => {
                out.extend(json.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }))
            }
            false => self.1.met("holds text that is not JSON in a `json` field"),
        }
    }
}

/// Text without anything to escape, in quotes.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
