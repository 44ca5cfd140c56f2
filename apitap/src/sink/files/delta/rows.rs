//! A file of a table → its rows, as apitap has them, whoever has written it; and the same file without some of
//! its rows.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::action::Add;
use crate::schema::scalar::UTC;
use crate::sink::files::partition::{self, Numbers};
use crate::sink::files::writer::{Finished, Shared};
use crate::sink::load::Column;
use crate::{Error, Result};

/// Rows that are read at once.
const AT_ONCE: usize = 8192;
/// What a URI has as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'=');

/// A file as the log writes it.
pub(super) fn uri(file: &str) -> String {
    utf8_percent_encode(file, PLAIN).to_string()
}

/// A file of the table that is read.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Below the table's folder.
    pub(super) name: String,
    /// The values of the columns of `partition_by`, which are not in the file.
    values: Vec<(String, Option<String>)>,
}

impl Live {
    /// A file that the log names.
    ///
    /// # Errors
    /// It is not below the table's folder.
    pub(super) fn of(add: &Add) -> Result<Self> {
        let name = percent_decode_str(&add.path).decode_utf8();
        let below = |name: &str| !name.starts_with('/') && !name.contains("://");
        match name {
            Ok(name) if below(&name) => Ok(Self {
                name: name.into_owned(),
                values: add.partition_values.clone().into_iter().collect(),
            }),
            _ => Err(Error::target(format!(
                "the file `{}` of the table is not in its folder, and cannot be merged into",
                add.path
            ))
            .help("copy the table (a deep clone), or load into another one")),
        }
    }

    /// A file that this run has written.
    pub(super) fn own(shared: &Shared, file: &Finished) -> Self {
        let names = partition::names(&shared.load);
        let values = names.into_iter().zip(file.values.iter().cloned()).collect();
        Self { name: file.added.file.clone(), values }
    }

    fn value(&self, column: &str) -> Option<&Option<String>> {
        self.values.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }

    /// Its rows, a batch at a time.
    ///
    /// # Errors
    /// It is gone, or no Parquet.
    pub(super) async fn read<'a>(
        &'a self,
        shared: &'a Shared,
        columns: &'a [Column],
    ) -> Result<Rows<'a>> {
        let place = shared.store.shown(&self.name);
        let Some(file) = shared.store.open(&self.name).await? else {
            return Err(Error::target(format!(
                "`{place}`, which the log of the table names, is gone"
            ))
            .help("something has removed it: bring it back, or restore an earlier version"));
        };
        let reader = reader(file, columns).map_err(|cause| unreadable(&place, cause))?;
        Ok(Rows { live: self, columns, reader, place })
    }
}

fn unreadable(place: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::target(format!("`{place}` cannot be read: {cause}"))
        .help("it was changed, or is not Parquet: bring it back as it was")
        .caused_by(cause)
}

/// The columns of these names, as far as the file has them.
fn reader(file: File, columns: &[Column]) -> Result<ParquetRecordBatchReader, ParquetError> {
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let schema = in_micros(&metadata);
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let descriptor = builder.parquet_schema();
    let wanted = |name: &str| columns.iter().any(|column| column.name == name);
    let roots = descriptor.root_schema().get_fields().iter().enumerate();
    let roots: Vec<_> = roots.filter(|(_, field)| wanted(field.name())).map(|(at, _)| at).collect();
    let mask = ProjectionMask::roots(descriptor, roots);
    builder.with_projection(mask).with_batch_size(AT_ONCE).build()
}

/// The schema of a file, with its old timestamps (of 96 bits) in microseconds: in nanoseconds, there are only
/// those of some centuries.
fn in_micros(metadata: &ArrowReaderMetadata) -> SchemaRef {
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let is_old = |name: &str| {
        let root = roots.iter().find(|root| root.name() == name);
        root.is_some_and(|root| {
            root.is_primitive() && root.get_physical_type() == PhysicalType::INT96
        })
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    let field = |field: &Arc<Field>| match is_old(field.name()) {
        true => Arc::new(field.as_ref().clone().with_data_type(micros.clone())),
        false => field.clone(),
    };
    let schema = metadata.schema();
    let fields: Vec<_> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The rows of a file.
pub(super) struct Rows<'a> {
    live: &'a Live,
    columns: &'a [Column],
    reader: ParquetRecordBatchReader,
    place: String,
}

impl Rows<'_> {
    /// The next ones, in the columns that were asked for; `None` behind the last.
    ///
    /// # Errors
    /// The file is broken, or holds what a column of the table cannot.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Vec<ArrayRef>)>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.map_err(|cause| unreadable(&self.place, cause))?;
        let column = |column: &Column| self.column(column, &batch);
        let arrays = self.columns.iter().map(column).collect::<Result<_>>()?;
        Ok(Some((batch.num_rows(), arrays)))
    }

    fn column(&self, column: &Column, batch: &RecordBatch) -> Result<ArrayRef> {
        let (ty, rows) = (column.field.data_type(), batch.num_rows());
        let found = match (self.live.value(&column.name), batch.column_by_name(&column.name)) {
            // So the log says that it is null: an empty text, too.
            (Some(None), _) => return Ok(new_null_array(ty, rows)),
            (Some(Some(text)), _) if text.is_empty() => return Ok(new_null_array(ty, rows)),
            (Some(Some(text)), _) => {
                Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef
            }
            (None, Some(array)) => array.clone(),
            // The column was added later.
            (None, None) => return Ok(new_null_array(ty, rows)),
        };
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(&found, ty, &options).map_err(|cause| unreadable(&self.place, cause))
    }
}

/// Writes a file anew without the rows at these places, which ascend; `None` where no row is left.
///
/// # Errors
/// It cannot be read, or the new one not be written.
pub(super) async fn without(
    shared: &Shared,
    live: &Live,
    lost: &[u32],
) -> Result<Option<Finished>> {
    let folder = live.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut lost = lost.iter().copied().peekable();
    let (mut at, mut out) = (0_u32, None);
    let mut rows = live.read(shared, &shared.columns).await?;
    while let Some((count, arrays)) = rows.next()? {
        let keep = (0..count).map(|_| {
            let is_lost = lost.next_if_eq(&at).is_some();
            at += 1;
            Some(!is_lost)
        });
        let keep: BooleanArray = keep.collect();
        if keep.true_count() == 0 {
            continue;
        }
        let batch = RecordBatch::try_new(shared.schema.clone(), arrays);
        let kept = batch.and_then(|batch| filter_record_batch(&batch, &keep));
        let kept = kept.map_err(|cause| unreadable(&rows.place, cause))?;
        let file = match &mut out {
            Some(file) => file,
            none => none.insert(shared.begin(folder, own_values(shared, live)).await?),
        };
        let written = file.add(&kept).await;
        written.map_err(|refusal| shared.refused(refusal, &Numbers::From(1)))?;
        if file.held() > shared.memory {
            file.flush().await?;
        }
        tokio::task::yield_now().await;
    }
    match out {
        Some(file) => Ok(Some(file.finish().await?)),
        None => Ok(None),
    }
}

/// The values of the columns of `partition_by`, in their order.
fn own_values(shared: &Shared, live: &Live) -> Vec<Option<String>> {
    let names = partition::names(&shared.load);
    names.iter().map(|name| live.value(name).cloned().flatten()).collect()
}
