//! Rows → binary COPY into the staging table, each row with its number in front.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::BytesMut;
use pgpq::ArrowToPostgresBinaryEncoder;
use pgpq::encoders::EncoderBuilder;
use pgpq::error::ErrorKind;
use sqlx::PgConnection;
use sqlx::postgres::PgDatabaseError;

use super::{refused, wire};
use crate::sink::load::Load;
use crate::sink::refusal;
use crate::sink::statement::{STAGING, staged};
use crate::{Error, Result};

/// The driver copies what it sends: in pieces of this many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// The rows of the next COPY, encoded.
pub(super) struct Copy {
    schema: SchemaRef,
    encoders: HashMap<String, EncoderBuilder>,
    /// Says what the next bytes are; `None` between two COPYs.
    encoder: Option<ArrowToPostgresBinaryEncoder>,
    buffer: BytesMut,
    /// Rows in the buffer.
    waiting: u64,
    /// Rows that the server has taken.
    staged: u64,
}

impl Copy {
    pub(super) fn new(load: &Load) -> Result<Self> {
        let seq = Arc::new(Field::new("seq", DataType::Int64, false));
        let encoder = EncoderBuilder::try_new(Arc::clone(&seq)).map_err(unencodable)?;
        let mut encoders = HashMap::from([("seq".to_owned(), encoder)]);
        let mut fields = vec![seq];
        for (place, column) in load.columns.iter().enumerate() {
            let field = Arc::new(Field::new(staged(place), wire::data_type(column), true));
            encoders.insert(staged(place), wire::encoder(column, Arc::clone(&field))?);
            fields.push(field);
        }
        let schema = Arc::new(Schema::new(fields));
        let buffer = BytesMut::new();
        Ok(Self { schema, encoders, encoder: None, buffer, waiting: 0, staged: 0 })
    }

    /// Bytes that wait to be sent.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Rows that the server has taken.
    pub(super) fn staged(&self) -> u64 {
        self.staged
    }

    /// Encodes a batch; `first` is the number of its first row.
    pub(super) fn append(&mut self, load: &Load, batch: &RecordBatch, first: u64) -> Result<()> {
        let rows = batch.num_rows() as u64;
        let numbers = (first..first + rows).map(|number| number as i64);
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(numbers))];
        for (column, array) in load.columns.iter().zip(batch.columns()) {
            arrays.push(wire::array(column, array, first)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| Error::target(format!("the rows cannot be encoded: {error}")))?;
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => {
                let mut encoder = ArrowToPostgresBinaryEncoder::try_new_with_encoders(
                    &self.schema,
                    &self.encoders,
                )
                .map_err(unencodable)?;
                encoder.write_header(&mut self.buffer).map_err(unencodable)?;
                none.insert(encoder)
            }
        };
        encoder.write_batch(&batch, &mut self.buffer).map_err(unencodable)?;
        self.waiting += rows;
        Ok(())
    }

    /// Sends what waits, and waits until the server has taken it.
    pub(super) async fn send(&mut self, connection: &mut PgConnection, load: &Load) -> Result<()> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        encoder.write_footer(&mut self.buffer).map_err(unencodable)?;
        let taken =
            copy(connection, &self.buffer).await.map_err(|error| self.named(load, error))?;
        if taken != self.waiting {
            return Err(refusal::lost(&load.table, self.waiting, taken));
        }
        self.staged += taken;
        self.waiting = 0;
        self.buffer.clear();
        Ok(())
    }

    /// The server's refusal, with the column and the row as we know them.
    fn named(&self, load: &Load, error: sqlx::Error) -> Error {
        let place = error
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
            .and_then(PgDatabaseError::r#where)
            .and_then(place);
        match place.and_then(|(line, place)| Some((line, load.columns.get(place)?))) {
            None => refused(load, "the rows for", error),
            Some((line, column)) => {
                let why = format!("is refused by PostgreSQL: {}", super::address::said(&error));
                refusal::value(column, self.staged + line, &why)
            }
        }
    }
}

async fn copy(connection: &mut PgConnection, bytes: &[u8]) -> sqlx::Result<u64> {
    let statement = format!("COPY pg_temp.{STAGING} FROM STDIN (FORMAT binary)");
    let mut copy = connection.copy_in_raw(&statement).await?;
    for piece in bytes.chunks(PIECE_BYTES) {
        copy.send(piece).await?;
    }
    copy.finish().await
}

/// Row and column, from the context of a COPY's error: `COPY apitap_staging, line 3, column c2`.
///
/// The words may be in the language of the server; the names and numbers are not.
fn place(context: &str) -> Option<(u64, usize)> {
    let (_, rest) = context.split_once(STAGING)?;
    let words = || rest.split(|c: char| !c.is_alphanumeric());
    let line = words().find_map(|word| word.parse().ok())?;
    let column = words().find_map(|word| word.strip_prefix('c')?.parse().ok())?;
    Some((line, column))
}

fn unencodable(error: ErrorKind) -> Error {
    Error::target(format!("the rows cannot be encoded for PostgreSQL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(context: &str, expected: Option<(u64, usize)>) {
        assert_eq!(place(context), expected);
    }

    #[test]
    fn an_error_of_copy_says_row_and_column() {
        check("COPY apitap_staging, line 3, column c2", Some((3, 2)));
        check("COPY apitap_staging, línea 12, columna c0", Some((12, 0)));
        check(
            "JSON data, line 1: {\"a\": \\u0000...\nCOPY apitap_staging, line 7, column c11",
            Some((7, 11)),
        );
        check("COPY apitap_staging, line 3", None);
        check("SQL statement", None);
    }
}
