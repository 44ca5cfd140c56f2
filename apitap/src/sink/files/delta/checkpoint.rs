//! A checkpoint: all actions that count at a version, as the rows of a Parquet file.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow_json::ReaderBuilder;
use arrow_json::writer::{LineDelimited, WriterBuilder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::action::{Action, now};
use super::snapshot::Snapshot;
use crate::sink::files::store::Store;
use crate::{Error, Result};

/// Versions between two checkpoints, where the table does not say.
const INTERVAL: u64 = 10;
/// How long others may read files that were removed, in milliseconds: a week.
const RETENTION: i64 = 7 * 86_400_000;
/// Actions that are made rows at once.
const AT_ONCE: usize = 1024;
/// The kinds of actions that are read.
const READ: [&str; 5] = ["txn", "add", "remove", "metaData", "protocol"];

/// The last checkpoint among these names that is whole: its version, and its parts.
pub(super) fn last(names: &[String]) -> Option<(u64, Vec<String>)> {
    /// By version and number of parts: those that are there.
    type Found<'a> = BTreeMap<(u64, u64), Vec<&'a String>>;

    let mut found = Found::new();
    for name in names {
        let Some((version, rest)) = name.split_once(".checkpoint.") else { continue };
        let Ok(version) = version.parse() else { continue };
        let parts: Vec<_> = rest.split('.').collect();
        let whole = match parts.as_slice() {
            ["parquet"] => Some(1),
            [_, parts, "parquet"] => parts.parse().ok(),
            _ => None,
        };
        if let Some(parts) = whole {
            found.entry((version, parts)).or_default().push(name);
        }
    }
    let is_whole =
        |((_, parts), names): &(&(u64, u64), &Vec<&String>)| *parts == names.len() as u64;
    let ((version, _), names) = found.iter().rev().find(|entry| is_whole(entry))?;
    Some((*version, names.iter().map(|name| (*name).clone()).collect()))
}

/// The actions of a checkpoint, or of a part of one.
///
/// # Errors
/// It is none, in words.
pub(super) fn read(file: File) -> Result<Vec<Action>, String> {
    let text = |cause: &dyn std::fmt::Display| cause.to_string();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|cause| text(&cause))?;
    let descriptor = builder.parquet_schema();
    let wanted = |leaf: &usize| {
        let column = descriptor.column(*leaf);
        let parts = column.path().parts();
        parts.first().is_some_and(|root| READ.contains(&root.as_str()))
            // The same once more, in the table's types.
            && !parts.get(1).is_some_and(|name| name.ends_with("_parsed"))
    };
    let leaves: Vec<_> = (0..descriptor.num_columns()).filter(wanted).collect();
    let mask = ProjectionMask::leaves(descriptor, leaves);
    let reader = builder.with_projection(mask).with_batch_size(AT_ONCE).build();
    let mut actions = Vec::new();
    for batch in reader.map_err(|cause| text(&cause))? {
        let batch = batch.map_err(|cause| text(&cause))?;
        let builder = WriterBuilder::new().with_explicit_nulls(true);
        let mut lines = builder.build::<_, LineDelimited>(Vec::new());
        lines.write(&batch).and_then(|()| lines.finish()).map_err(|cause| text(&cause))?;
        for line in lines.into_inner().split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            actions.push(serde_json::from_slice(line).map_err(|cause| text(&cause))?);
        }
    }
    Ok(actions)
}

/// Writes a checkpoint of that version, where the table wants one now.
///
/// # Errors
/// It cannot be written; the table is as good without.
pub(super) async fn write(store: &dyn Store, snapshot: &mut Snapshot) -> Result<()> {
    let Some(version) = snapshot.version else { return Ok(()) };
    let interval = snapshot.property("delta.checkpointInterval").and_then(|n| n.parse().ok());
    let next = snapshot.checkpoint.unwrap_or_default() + interval.unwrap_or(INTERVAL).max(1);
    if version < next {
        return Ok(());
    }
    let actions = snapshot.actions(now() - RETENTION);
    let bytes = encode(&actions)
        .map_err(|cause| Error::target(format!("version {version} has no checkpoint: {cause}")))?;
    let size = bytes.len();
    store.write(&format!("{}/{version:020}.checkpoint.parquet", store.log()), bytes).await?;
    let last = serde_json::json!({
        "version": version, "size": actions.len(), "sizeInBytes": size,
        "numOfAddFiles": snapshot.files.len(),
    });
    store.write(&format!("{}/_last_checkpoint", store.log()), last.to_string().into()).await?;
    snapshot.checkpoint = Some(version);
    Ok(())
}

/// Parquet of these actions.
fn encode(actions: &[Action]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let schema = Arc::new(Schema::new(columns()));
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(AT_ONCE).build_decoder()?;
    for some in actions.chunks(AT_ONCE) {
        decoder.serialize(some)?;
        let batch: Option<RecordBatch> = decoder.flush()?;
        batch.map(|batch| writer.write(&batch)).transpose()?;
    }
    Ok(writer.into_inner()?)
}

/// The columns of a checkpoint: one for each kind of action.
fn columns() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let int = |name: &str| Field::new(name, DataType::Int32, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    let texts = |name: &str| {
        let item = Field::new("element", DataType::Utf8, true);
        Field::new(name, DataType::List(Arc::new(item)), true)
    };
    let map = |name: &str| {
        let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
        let entries = Field::new("key_value", DataType::Struct(entry), false);
        Field::new(name, DataType::Map(Arc::new(entries), false), true)
    };
    let record =
        |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(fields.into()), true);
    vec![
        record("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        record(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                long("size"),
                long("modificationTime"),
                flag("dataChange"),
                text("stats"),
                map("tags"),
            ],
        ),
        record(
            "remove",
            vec![
                text("path"),
                long("deletionTimestamp"),
                flag("dataChange"),
                flag("extendedFileMetadata"),
                map("partitionValues"),
                long("size"),
            ],
        ),
        record(
            "metaData",
            vec![
                text("id"),
                text("name"),
                text("description"),
                record("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                texts("partitionColumns"),
                map("configuration"),
                long("createdTime"),
            ],
        ),
        record(
            "protocol",
            vec![
                int("minReaderVersion"),
                int("minWriterVersion"),
                texts("readerFeatures"),
                texts("writerFeatures"),
            ],
        ),
    ]
    .into()
}
