//! Rows → the inbox, by the driver's bulk ingestion: a stream of batches, each row with its number in front.
//!
//! The driver reads on the thread of the connection, and waits there for the next batch; one waits at
//! most. In which form a type's values are sent, each database says ([`Sent`]).

use std::sync::Arc;

use adbc_arrow_array::{RecordBatch as TheirBatch, RecordBatchReader};
use adbc_arrow_schema::{ArrowError as TheirError, SchemaRef};
use adbc_core::error::Result as AdbcResult;
use adbc_core::options::{IngestMode, OptionStatement, OptionValue};
use adbc_core::{Connection as _, Optionable as _, Statement as _};
use adbc_driver_manager::ManagedConnection;
use arrow::array::types::{Decimal128Type, DecimalType};
use arrow::array::{Array, ArrayRef, Int64Array, LargeStringBuilder, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Connection, done};
use super::database::{STAGING, refused};
use super::foreign;
use crate::Result;
use crate::definition::{AdbcDialect, TargetKind};
use crate::schema::Type;
use crate::schema::scalar::Domain;
use crate::sink::load::{Column, Load};
use crate::sink::sql::{Stage, staged};
use crate::sink::values::Values;
use crate::sink::{refusal, slices, text, values};

/// How many bytes a driver is given at once, about: in most databases it is a transaction.
const STREAM_BYTES: usize = 32 << 20;

/// In which form the values of a type are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// In their own.
    Same,
    /// As text.
    Text,
    /// As whole numbers.
    Whole,
    /// As floating-point numbers.
    Float,
}

impl Sent {
    /// The form of a type for a driver that takes all scalars; records and lists are JSON.
    pub(super) fn by_type(ty: &Type) -> Self {
        match ty.domain() {
            None | Some(Domain::Document) => Self::Text,
            _ => Self::Same,
        }
    }

    fn data_type(self, own: &DataType) -> DataType {
        match self {
            Self::Same => own.clone(),
            Self::Text if matches!(own, DataType::Utf8) => DataType::Utf8,
            Self::Text => DataType::LargeUtf8,
            Self::Whole => DataType::Int64,
            Self::Float => DataType::Float64,
        }
    }
}

/// Where a driver sends rows.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) table: String,
    /// Its schema, where it is not that of the connection.
    pub(super) schema: Option<String>,
    /// Whether the driver is told that it is a temporary table.
    pub(super) tells_temporary: bool,
}

impl Destination {
    /// The temporary table that most databases have.
    pub(super) fn temporary() -> Self {
        Self { table: STAGING.to_owned(), schema: None, tells_temporary: true }
    }
}

pub(in crate::sink) struct Ingest {
    dialect: AdbcDialect,
    load: Load,
    /// Batches are taken apart into pieces of about this many bytes.
    limit: usize,
    sent: Vec<Sent>,
    schema: SchemaRef,
    destination: Destination,
    stream: Option<Stream>,
    staged: u64,
}

/// A bulk ingestion that is under way.
struct Stream {
    batches: mpsc::Sender<TheirBatch>,
    /// The rows that the driver has taken, where it tells.
    taken: oneshot::Receiver<AdbcResult<Option<i64>>>,
    rows: u64,
    bytes: usize,
}

impl Ingest {
    /// # Errors
    /// A type that is sent to no driver.
    pub(super) fn new(
        dialect: AdbcDialect,
        load: &Load,
        limit: usize,
        sent: fn(&Type) -> Sent,
        destination: Destination,
    ) -> Result<Self> {
        let sent: Vec<_> = load.columns.iter().map(|column| sent(&column.ty)).collect();
        let types = load.columns.iter().zip(&sent);
        let types: Vec<_> =
            types.map(|(column, sent)| sent.data_type(column.field.data_type())).collect();
        let columns = types.iter().enumerate().map(|(place, ty)| (staged(place), ty, true));
        let number = std::iter::once(("seq".to_owned(), &DataType::Int64, false));
        let schema = foreign::schema(number.chain(columns)).map_err(|why| unsent(load, &why))?;
        let limit = limit.max(1);
        let (load, stream, staged) = (load.clone(), None, 0);
        Ok(Self { dialect, load, limit, sent, schema, destination, stream, staged })
    }

    async fn send(
        &mut self,
        connection: &Connection,
        batch: TheirBatch,
        bytes: usize,
    ) -> Result<()> {
        let begin = || begin(connection, &self.schema, self.destination.clone());
        let stream = self.stream.get_or_insert_with(begin);
        stream.rows += batch.num_rows() as u64;
        stream.bytes += bytes;
        let is_full = stream.bytes >= STREAM_BYTES;
        // Where the driver reads no more, it says why at its end.
        let is_over = stream.batches.send(batch).await.is_err();
        match is_full || is_over {
            true => self.end().await,
            false => Ok(()),
        }
    }

    /// Sends one row of nulls, with the number 0.
    pub(super) async fn try_out(&mut self, connection: &Connection) -> Result<()> {
        let columns = self.load.columns.iter().zip(&self.sent);
        let nulls = columns
            .map(|(column, sent)| new_null_array(&sent.data_type(column.field.data_type()), 1));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![0]));
        let columns: Vec<_> = std::iter::once(number).chain(nulls).collect();
        let batch = foreign::batch(&self.schema, &columns);
        self.send(connection, batch.map_err(|why| unsent(&self.load, &why))?, 0).await?;
        self.end().await
    }

    /// Waits until the driver has taken all of a stream.
    async fn end(&mut self) -> Result<()> {
        let Some(Stream { batches, taken, rows, .. }) = self.stream.take() else { return Ok(()) };
        drop(batches);
        let taken = done(taken).await;
        let taken =
            taken.map_err(|error| refused(self.dialect, &self.load, "the rows for", &error))?;
        self.staged += taken.and_then(|taken| u64::try_from(taken).ok()).unwrap_or(rows);
        Ok(())
    }

    /// The rows as they are sent, and their bytes; `first` is the number of the first one.
    fn encode(&self, batch: &RecordBatch, first: u64) -> Result<(TheirBatch, usize)> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sent.len() + 1);
        let numbers = first as i64..first as i64 + batch.num_rows() as i64;
        columns.push(Arc::new(Int64Array::from_iter_values(numbers)));
        for ((column, array), sent) in self.load.columns.iter().zip(batch.columns()).zip(&self.sent)
        {
            let target = TargetKind::Adbc(self.dialect);
            if let Some(value) = apitap_build::stored::refused(target, &column.ty, array.as_ref()) {
                return Err(refusal::value(column, first + value.row as u64, &value.why));
            }
            columns.push(encode(column, array, *sent, first)?);
        }
        let bytes = columns.iter().map(|column| slices::bytes(column.as_ref())).sum();
        let batch = foreign::batch(&self.schema, &columns);
        Ok((batch.map_err(|why| unsent(&self.load, &why))?, bytes))
    }
}

fn unsent(load: &Load, why: &str) -> crate::Error {
    crate::Error::target(format!("the rows for `{}` cannot be sent: {why}", load.table))
}

#[async_trait]
impl Stage<Connection> for Ingest {
    async fn take(
        &mut self,
        connection: &mut Connection,
        first: u64,
        batch: &RecordBatch,
    ) -> Result<()> {
        let mut next = first;
        for slice in slices::of(batch, self.limit) {
            let (encoded, bytes) = self.encode(&slice, next)?;
            next += slice.num_rows() as u64;
            self.send(connection, encoded, bytes).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, _connection: &mut Connection) -> Result<u64> {
        self.end().await?;
        Ok(self.staged)
    }
}

/// Begins a bulk ingestion into the staging table, which is there.
fn begin(connection: &Connection, schema: &SchemaRef, destination: Destination) -> Stream {
    let (batches, queue) = mpsc::channel(1);
    let waiting = Batches { schema: Arc::clone(schema), queue };
    let taken = connection.begin(move |connection| ingest(connection, waiting, destination));
    Stream { batches, taken, rows: 0, bytes: 0 }
}

fn ingest(
    connection: &mut ManagedConnection,
    batches: Batches,
    destination: Destination,
) -> AdbcResult<Option<i64>> {
    let mut statement = connection.new_statement()?;
    let Destination { table, schema, tells_temporary } = destination;
    statement.set_option(OptionStatement::TargetTable, OptionValue::String(table))?;
    if let Some(schema) = schema {
        statement.set_option(OptionStatement::TargetDbSchema, OptionValue::String(schema))?;
    }
    statement.set_option(OptionStatement::IngestMode, IngestMode::Append.into())?;
    if tells_temporary {
        statement.set_option(OptionStatement::Temporary, OptionValue::from(true))?;
    }
    statement.bind_stream(Box::new(batches))?;
    statement.execute_update()
}

/// The batches that come, until there are no more.
struct Batches {
    schema: SchemaRef,
    queue: mpsc::Receiver<TheirBatch>,
}

impl Iterator for Batches {
    type Item = std::result::Result<TheirBatch, TheirError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.queue.blocking_recv().map(Ok)
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// A column's values in that form.
fn encode(column: &Column, array: &ArrayRef, sent: Sent, first: u64) -> Result<ArrayRef> {
    let failed =
        |cause: ArrowError| refusal::value(column, first, &format!("cannot be sent: {cause}"));
    match sent {
        Sent::Same => Ok(Arc::clone(array)),
        Sent::Whole => cast(array, &DataType::Int64).map_err(failed),
        Sent::Float => cast(array, &DataType::Float64).map_err(failed),
        Sent::Text if matches!(array.data_type(), DataType::Utf8) => Ok(Arc::clone(array)),
        Sent::Text => texts(column, array, first),
    }
}

/// Values as text: decimals with all their digits, dates and times as in [`text`], records and lists as JSON.
fn texts(column: &Column, array: &ArrayRef, first: u64) -> Result<ArrayRef> {
    let values = values::of(column, array, first)?;
    if let Values::Document(documents) = values {
        return Ok(Arc::new(documents));
    }
    let mut texts = LargeStringBuilder::with_capacity(array.len(), 16 * array.len());
    for row in 0..array.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        let text = written(&values, row);
        texts.append_value(text.map_err(|why| refusal::value(column, first + row as u64, &why))?);
    }
    Ok(Arc::new(texts.finish()))
}

fn written(values: &Values<'_>, row: usize) -> std::result::Result<String, String> {
    match values {
        Values::Decimal(array) => {
            Ok(Decimal128Type::format_decimal(array.value(row), array.precision(), array.scale()))
        }
        Values::Date(array) => values::written(array, row, text::date, text::NO_DATE),
        Values::Time(array) => values::written(array, row, text::time, text::NO_TIME),
        Values::Timestamp(array) => {
            values::written(array, row, text::timestamp, text::NO_TIMESTAMP)
        }
        _ => Err("cannot be sent as text".to_owned()),
    }
}
