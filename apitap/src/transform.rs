//! Records as structs → the query of a pipeline → its rows as structs, without any request: what
//! tests of the SQL are made of.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use apitap_build::engine::BATCH_ROWS;
use chrono::Utc;
use datafusion::arrow::array::RecordBatch;
use futures::{StreamExt as _, pin_mut};

use crate::engine::limits::{Limits, Memory};
use crate::engine::query::{Query, Wanted};
use crate::engine::session;
use crate::source::table::Input;
use crate::typed::{Reader, Row, Struct, Writer};
use crate::{Error, Result, blocking};

/// The records of a pipeline's sources, for one transform. Generated code makes it.
#[derive(Debug)]
pub struct Transform<T> {
    sources: HashMap<String, Arc<[RecordBatch]>>,
    rows: PhantomData<fn() -> T>,
}

impl<T: Row> Default for Transform<T> {
    fn default() -> Self {
        Self { sources: HashMap::new(), rows: PhantomData }
    }
}

impl<T: Row> Transform<T> {
    /// Adds the records of a source.
    ///
    /// # Errors
    /// A value does not fit the field's type exactly; the error names the record.
    pub fn with<R: Struct>(
        mut self,
        source: &str,
        records: impl IntoIterator<Item = R>,
    ) -> Result<Self> {
        let batches = batches::<T, R>(source, records).map_err(named::<T>)?;
        self.sources.insert(source.to_owned(), batches.into());
        Ok(self)
    }

    /// Runs the query over the records.
    ///
    /// # Errors
    /// The query fails; the error names the pipeline.
    pub async fn rows(self) -> Result<Vec<T>> {
        self.collect().await.map_err(named::<T>)
    }

    async fn collect(self) -> Result<Vec<T>> {
        blocking::check_runtime()?;
        let pipeline = T::pipeline();
        let (definition, limits) = (pipeline.definition()?, limits());
        let memory = session::memory(&limits)?;
        // All records are there: the API is asked for nothing.
        let narrowed = BTreeMap::new();
        let (memory, limits, narrowed) = (&memory, &limits, &narrowed);
        let wanted = Wanted { memory, limits, narrowed, now: Utc::now(), limited: false };
        let query = Query::plan(&pipeline.linked()?, definition, &wanted, &Arc::default()).await?;
        for (source, batches) in self.sources {
            let begin = move || Ok(Input::Batches(Arc::clone(&batches)));
            query.reading.set(&source, Box::new(begin));
        }
        let batches = query.stream()?;
        pin_mut!(batches);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            for row in Reader::new(&batch?)? {
                rows.push(row?);
            }
        }
        Ok(rows)
    }
}

/// An error names the pipeline.
fn named<T: Row>(error: Error) -> Error {
    error.in_pipeline(T::pipeline().name())
}

/// Records are in memory already: those of a usual run do.
fn limits() -> Limits {
    Limits::of(Memory::default(), 1)
}

fn batches<T: Row, R: Struct>(
    source: &str,
    records: impl IntoIterator<Item = R>,
) -> Result<Vec<RecordBatch>> {
    let sources = &T::pipeline().definition()?.sources;
    let declared = sources.iter().find(|declared| declared.name == source);
    let schema = declared.and_then(|declared| declared.schema.as_ref());
    let schema =
        schema.ok_or_else(|| Error::config(format!("the fields of `{source}` are not known")))?;
    let batch = limits().batch;
    let mut writer = Writer::new(schema)?;
    let mut batches = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        writer
            .push(&record)
            .map_err(|error| error.about(format_args!("record {} of `{source}`", index + 1)))?;
        if writer.rows() >= BATCH_ROWS || writer.bytes() >= batch {
            batches.push(writer.finish()?);
        }
    }
    if writer.rows() > 0 {
        batches.push(writer.finish()?);
    }
    Ok(batches)
}
