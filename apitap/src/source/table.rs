//! A source → a table of the engine: pages are fetched and decoded while the query reads them.
//!
//! The table and its plan hold the source's definition and nothing that is alive; what a run reads
//! from ([`Reading`]) is found in the session when the plan is executed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use apitap_build::definition::Source;
use apitap_build::schema::arrow;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema as ArrowSchema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, internal_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::StreamExt as _;
use tokio::sync::mpsc::Sender;

use super::decode::{Decoder, widen};
use super::spool::Pages;
use crate::engine::limits::Limits;
use crate::{Error, Result};

/// Decoded batches that may wait for the query.
const BATCHES_AHEAD: usize = 2;

/// A source as a table: it has all declared fields, and can be scanned for those that are read.
#[derive(Debug)]
pub(crate) struct SourceTable {
    source: Arc<Source>,
    schema: SchemaRef,
}

impl SourceTable {
    /// The table of a source whose schema is known.
    pub(crate) fn new(source: Source) -> Self {
        let schema = arrow::schema(&source.schema.clone().unwrap_or_default());
        Self { source: Arc::new(source), schema }
    }

    /// What a scan yields: the fields that the query reads at least a part of, in their order.
    fn scanned(&self) -> SchemaRef {
        let read = self.source.read_schema().unwrap_or_default();
        let is_read = |field: &&FieldRef| read.field(field.name()).is_some();
        let fields: Vec<FieldRef> =
            self.schema.fields().iter().filter(is_read).map(Arc::clone).collect();
        Arc::new(ArrowSchema::new(fields))
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Filters stay above the scan: the decoder knows nothing of them.
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        if let Some(reading) = session.config().get_extension::<Reading>() {
            reading.plan_scan(&self.source.name);
        }
        let schema = self.scanned();
        let all: Vec<_> = (0..self.schema.fields().len()).collect();
        let columns = projection
            .unwrap_or(&all)
            .iter()
            .map(|index| schema.index_of(self.schema.field(*index).name()))
            .collect::<Result<Vec<_>, _>>()?;
        let scan = SourceScan { source: Arc::clone(&self.source), schema: Arc::clone(&schema) };
        let partitions: Vec<Arc<dyn PartitionStream>> = vec![Arc::new(scan)];
        let exec =
            StreamingTableExec::try_new(schema, partitions, Some(&columns), [], false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// One reading of a source from its first page to its last.
#[derive(Debug)]
struct SourceScan {
    source: Arc<Source>,
    schema: SchemaRef,
}

impl PartitionStream for SourceScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut batches =
            RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_AHEAD);
        let sender = batches.tx();
        let reading = context.session_config().get_extension::<Reading>();
        let (name, schema) = (self.source.name.clone(), Arc::clone(&self.schema));
        batches.spawn(async move {
            let reading = reading
                .ok_or_else(|| internal_datafusion_err!("`{name}` is read outside a run"))?;
            match reading.begin(&name).map_err(external)? {
                Input::Pages(pages, decoder) => {
                    decode(pages, decoder, reading.limits.batch, &schema, &sender).await
                }
                Input::Batches(given) => hand_over(&given, &schema, &sender).await,
            }
            .map_err(external)
        });
        batches.build()
    }
}

/// An error of ours on its way through the engine; [`crate::engine::query::error`] finds it again.
fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What a scan reads.
pub(crate) enum Input {
    /// Pages, and a decoder for their records.
    Pages(Pages, Box<dyn Decoder>),
    /// Records that need no request; they have all fields of the source.
    Batches(Arc<[RecordBatch]>),
}

/// Begins to read a source.
pub(crate) type Begin = Box<dyn Fn() -> Result<Input> + Send + Sync>;

/// What one pipeline reads during a run, by the names of its sources.
pub(crate) struct Reading {
    limits: Limits,
    sources: HashMap<String, SourceReading>,
}

#[derive(Default)]
struct SourceReading {
    scans: AtomicUsize,
    begin: OnceLock<Begin>,
}

impl Reading {
    /// Nothing is known yet of how the sources are read.
    pub(crate) fn new<'a>(limits: &Limits, sources: impl Iterator<Item = &'a Source>) -> Self {
        Self {
            limits: *limits,
            sources: sources
                .map(|source| (source.name.clone(), SourceReading::default()))
                .collect(),
        }
    }

    fn plan_scan(&self, source: &str) {
        if let Some(source) = self.sources.get(source) {
            source.scans.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each planned scan may be executed several times.
    pub(crate) fn plan_scans_again(&self) {
        for source in self.sources.values() {
            let scans = source.scans.load(Ordering::Relaxed);
            source.scans.store(scans * 2, Ordering::Relaxed);
        }
    }

    /// How often the planned query reads a source.
    pub(crate) fn scans(&self, source: &str) -> usize {
        self.sources.get(source).map_or(0, |source| source.scans.load(Ordering::Relaxed))
    }

    /// Says how a source is read from now on.
    pub(crate) fn set(&self, source: &str, begin: Begin) {
        if let Some(source) = self.sources.get(source) {
            // Set once by the engine, before the plan is executed; a second one would be the same.
            drop(source.begin.set(begin));
        }
    }

    fn begin(&self, source: &str) -> Result<Input> {
        match self.sources.get(source).and_then(|source| source.begin.get()) {
            Some(begin) => begin(),
            None => Err(Error::query(format!("`{source}` cannot be read: it is not fetched"))),
        }
    }
}

/// Decodes pages as they come, into batches of about so many bytes of JSON: their Arrow form is of
/// about that size. Ends early when nobody reads the batches any more.
async fn decode(
    mut pages: Pages,
    mut decoder: Box<dyn Decoder>,
    batch: usize,
    schema: &SchemaRef,
    batches: &Sender<datafusion::common::Result<RecordBatch>>,
) -> Result<()> {
    while let Some(page) = pages.next().await {
        let page = page?;
        let mut number = 0;
        let mut segments = page.segments();
        while let Some(segment) = segments.next().await? {
            for (record, at) in segment.records() {
                number += 1;
                decoder.append(record).map_err(|fault| {
                    let error = fault.behind(at).into_error("the body");
                    error.at_record(number).in_request(&page.request)
                })?;
                let full =
                    decoder.rows() >= apitap_build::engine::BATCH_ROWS || decoder.bytes() >= batch;
                if full && batches.send(Ok(widen(decoder.finish()?, schema)?)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    if decoder.rows() > 0 {
        // Nobody reads any more: then nobody misses the last batch.
        drop(batches.send(Ok(widen(decoder.finish()?, schema)?)).await);
    }
    Ok(())
}

/// Sends the fields that are read of batches that are there.
async fn hand_over(
    given: &[RecordBatch],
    schema: &SchemaRef,
    batches: &Sender<datafusion::common::Result<RecordBatch>>,
) -> Result<()> {
    for batch in given {
        let given = batch.schema();
        let read: Vec<_> =
            schema.fields().iter().filter_map(|f| given.index_of(f.name()).ok()).collect();
        let projected = batch
            .project(&read)
            .map_err(|cause| Error::query("the records have other fields").caused_by(cause))?;
        // Nobody reads any more: then nobody misses the rest.
        if batches.send(Ok(projected)).await.is_err() {
            break;
        }
    }
    Ok(())
}
