//! Rows → binary COPYs of a bounded size into a table.
//!
//! Each COPY is a transaction of its own, which begins when its rows are encoded: none is open while
//! the source is slow. Into the staging table, each row goes with its number in front. A new table
//! has no column for it: there, no key is in a COPY twice, and the number of the COPY orders its rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use bytes::BytesMut;
use pgpq::ArrowToPostgresBinaryEncoder;
use pgpq::encoders::EncoderBuilder;
use sqlx::Row as _;
use sqlx::postgres::PgDatabaseError;

use super::distinct::Distinct;
use super::link::Link;
use super::numbers::Numbers;
use super::{address, refused, wire};
use crate::sink::load::Load;
use crate::sink::sql::{Inbox, Place, Stage, staged};
use crate::sink::{refusal, slices};
use crate::{Error, Result};

/// The driver copies what it sends: in pieces of this many bytes.
const PIECE_BYTES: usize = 256 << 10;
/// The column of the staging table that numbers the rows.
const SEQ: &str = "seq";

/// A transaction that has put rows into a table without numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// As `xmin` of its rows shows it.
    pub(super) xid: String,
    /// The number of its first row: it orders the chunks.
    pub(super) first: u64,
}

/// The rows of the next COPY, encoded.
pub(in crate::sink) struct Copy {
    load: Load,
    /// Rows are sent in COPYs of about this many bytes.
    limit: usize,
    into: Table,
    schema: SchemaRef,
    encoders: HashMap<String, EncoderBuilder>,
    /// Says what the next bytes are; `None` between two COPYs.
    encoder: Option<ArrowToPostgresBinaryEncoder>,
    buffer: BytesMut,
    /// The rows in the buffer.
    numbers: Numbers,
    /// Rows that the server has taken, or that a later one of their key has replaced.
    done: u64,
    /// Those of them that were replaced before they were sent.
    replaced: u64,
    chunks: Vec<Chunk>,
}

/// Where rows go.
struct Table {
    /// Its quoted name.
    name: String,
    /// Its name as a COPY's errors show it.
    shown: String,
    /// The names of its columns.
    columns: Vec<String>,
    numbered: bool,
    /// The keys of the rows in the buffer, where there must be none twice.
    keys: Option<Distinct>,
}

impl Copy {
    /// Into the staging table.
    pub(super) fn staging(load: &Load, limit: usize, inbox: &Inbox) -> Result<Self> {
        let columns = (0..load.columns.len()).map(staged).collect();
        let name = inbox.table.clone();
        let shown = name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
        Self::new(load, limit, Table { name, shown, columns, numbered: true, keys: None })
    }

    /// Into a new table with the columns of the load.
    pub(super) fn direct(load: &Load, limit: usize, table: &Place) -> Result<Self> {
        let columns = load.columns.iter().map(|column| column.name.clone()).collect();
        let types: Vec<_> = load.key_columns().map(wire::data_type).collect();
        let keys = (!types.is_empty()).then(|| Distinct::new(&types)).transpose();
        let keys = keys.map_err(unencodable)?;
        let (name, shown) = (table.to_string(), table.name.clone());
        Self::new(load, limit, Table { name, shown, columns, numbered: false, keys })
    }

    fn new(load: &Load, limit: usize, into: Table) -> Result<Self> {
        let mut encoders = HashMap::new();
        let mut fields = Vec::new();
        if into.numbered {
            let seq = Arc::new(Field::new(SEQ, DataType::Int64, false));
            let encoder = EncoderBuilder::try_new(Arc::clone(&seq)).map_err(unencodable)?;
            encoders.insert(SEQ.to_owned(), encoder);
            fields.push(seq);
        }
        for (place, column) in load.columns.iter().enumerate() {
            let field = Arc::new(Field::new(staged(place), wire::data_type(column), true));
            encoders.insert(staged(place), wire::encoder(column, Arc::clone(&field))?);
            fields.push(field);
        }
        Ok(Self {
            load: load.clone(),
            limit: limit.max(1),
            into,
            schema: Arc::new(Schema::new(fields)),
            encoders,
            encoder: None,
            buffer: BytesMut::new(),
            numbers: Numbers::default(),
            done: 0,
            replaced: 0,
            chunks: Vec::new(),
        })
    }

    /// Rows that were replaced before they were sent, and the transactions that hold the others.
    pub(super) fn into_chunks(self) -> (u64, Vec<Chunk>) {
        (self.replaced, self.chunks)
    }

    /// Takes rows that are no more than a COPY; `first` is the number of the first one.
    async fn append(
        &mut self,
        connection: &mut Link,
        batch: &RecordBatch,
        first: u64,
    ) -> Result<()> {
        let batch = self.converted(batch, first)?;
        // The number of a COPY orders its rows: those of another writer must not lie between them.
        if self.into.keys.is_some() && !self.numbers.lead_to(first) {
            self.send(connection).await?;
        }
        let Some(keys) = &mut self.into.keys else {
            self.numbers.push(first, batch.num_rows() as u64);
            return self.encode(&batch);
        };
        let of_key: Vec<_> =
            self.load.key.iter().filter_map(|&at| batch.columns().get(at)).cloned().collect();
        let verdict = keys.take(&of_key).map_err(unencodable)?;
        if verdict.apart {
            self.send_rows(connection).await?;
        }
        match verdict.last {
            None => {
                self.numbers.push(first, batch.num_rows() as u64);
                self.encode(&batch)
            }
            Some(last) => {
                let left = filter_record_batch(&batch, &last).map_err(unencodable)?;
                let numbers = (first..).zip(last.values()).filter(|(_, is_last)| *is_last);
                numbers.for_each(|(number, _)| self.numbers.push(number, 1));
                let replaced = (batch.num_rows() - left.num_rows()) as u64;
                self.replaced += replaced;
                self.done += replaced;
                self.encode(&left)
            }
        }
    }

    /// The columns as the encoder takes them, with the number in front where the table has one.
    fn converted(&self, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        if self.into.numbered {
            let numbers = (first..first + batch.num_rows() as u64).map(|number| number as i64);
            arrays.push(Arc::new(Int64Array::from_iter_values(numbers)));
        }
        for (column, array) in self.load.columns.iter().zip(batch.columns()) {
            arrays.push(wire::array(column, array, first)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(unencodable)
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
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
        encoder.write_batch(batch, &mut self.buffer).map_err(unencodable)
    }

    /// Sends what waits, and begins anew.
    async fn send(&mut self, connection: &mut Link) -> Result<()> {
        if let Some(keys) = &mut self.into.keys {
            keys.clear();
        }
        self.send_rows(connection).await
    }

    /// Sends what waits, and waits until the server has taken it.
    async fn send_rows(&mut self, connection: &mut Link) -> Result<()> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        encoder.write_footer(&mut self.buffer).map_err(unencodable)?;
        let taken = match (self.into.keys.is_some(), self.numbers.first()) {
            (true, Some(first)) => self.copy_as_chunk(connection, first).await,
            _ => self.copy(connection).await,
        };
        let taken = taken.map_err(|error| self.named(&error))?;
        if taken != self.numbers.rows() {
            return Err(refusal::lost(&self.load.table, self.numbers.rows(), taken));
        }
        self.done += taken;
        self.numbers.clear();
        self.buffer.clear();
        Ok(())
    }

    /// A COPY whose transaction is known afterwards.
    async fn copy_as_chunk(&mut self, connection: &mut Link, first: u64) -> sqlx::Result<u64> {
        let begin = "BEGIN; SELECT pg_catalog.pg_current_xact_id()::xid::text";
        let xid = connection.row(begin).await?.try_get(0)?;
        let taken = self.copy(connection).await?;
        connection.execute("COMMIT").await?;
        self.chunks.push(Chunk { xid, first });
        Ok(taken)
    }

    async fn copy(&self, connection: &mut Link) -> sqlx::Result<u64> {
        let statement = format!("COPY {} FROM STDIN (FORMAT binary)", self.into.name);
        let mut copy = connection.copy_in(&statement).await?;
        for piece in self.buffer.chunks(PIECE_BYTES) {
            copy.send(piece).await?;
        }
        copy.finish().await
    }

    /// The server's refusal, with the column and the row as we know them.
    fn named(&self, error: &sqlx::Error) -> Error {
        let place = error
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
            .and_then(PgDatabaseError::r#where)
            .and_then(|context| place(context, &self.into.shown, &self.into.columns));
        let known = |(line, column): (u64, usize)| {
            Some((self.numbers.at(line)?, self.load.columns.get(column)?))
        };
        match place.and_then(known) {
            None => refused(&self.load, "the rows for", error),
            Some((row, column)) => {
                let why = format!("is refused by PostgreSQL: {}", address::said(error));
                refusal::value(column, row, &why)
            }
        }
    }
}

#[async_trait]
impl Stage<Link> for Copy {
    async fn take(&mut self, connection: &mut Link, first: u64, batch: &RecordBatch) -> Result<()> {
        let mut next = first;
        for slice in slices::of(batch, self.limit) {
            self.append(connection, &slice, next).await?;
            next += slice.num_rows() as u64;
            if self.buffer.len() >= self.limit {
                self.send(connection).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, connection: &mut Link) -> Result<u64> {
        self.send(connection).await?;
        Ok(self.done)
    }
}

/// Row and column, from the context of a COPY's error: `COPY apitap_staging, line 3, column c2`.
///
/// The words may be in the language of the server; the names and numbers are not.
fn place(context: &str, table: &str, columns: &[String]) -> Option<(u64, usize)> {
    let line = context.lines().find(|line| line.contains(table))?;
    let (_, rest) = line.split_once(table)?;
    let number = rest.split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse().ok())?;
    let is_last_word = |(_, name): &(usize, &String)| {
        rest.strip_suffix(name.as_str()).is_some_and(|before| before.ends_with(' '))
    };
    let named = columns.iter().enumerate().filter(is_last_word);
    Some((number, named.max_by_key(|(_, name)| name.len())?.0))
}

fn unencodable(error: impl std::fmt::Display) -> Error {
    Error::target(format!("the rows cannot be encoded for PostgreSQL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::sql::STAGING;

    #[track_caller]
    fn check(context: &str, expected: Option<(u64, usize)>) {
        let columns: Vec<_> = (0..12).map(staged).chain(["total amount".to_owned()]).collect();
        assert_eq!(place(context, STAGING, &columns), expected);
    }

    #[test]
    fn an_error_of_copy_says_row_and_column() {
        check("COPY apitap_staging, line 3, column c2", Some((3, 2)));
        check("COPY apitap_staging, línea 12, columna c0", Some((12, 0)));
        check("COPY apitap_staging, line 4, column total amount", Some((4, 12)));
        check(
            "JSON data, line 1: {\"a\": \\u0000...\nCOPY apitap_staging, line 7, column c11",
            Some((7, 11)),
        );
        check("COPY apitap_staging, line 3", None);
        check("SQL statement", None);
    }
}
