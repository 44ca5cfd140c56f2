//! A source → a table of the engine: pages are fetched and decoded while the query reads them.
//!
//! The table and its plan hold the source's definition and nothing that is alive; what a run reads
//! from ([`Reading`]) is found in the session when the plan is executed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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

use super::decode::unknown::UnknownFields;
use super::decode::{Decoder, widen};
use super::incremental::{Sieve, Watermarks};
use super::page::Page;
use super::partition::Carrier;
use super::spool::Pages;
use crate::engine::limits::Limits;
use crate::{Error, Result};

/// Decoded batches that may wait for the query.
const BATCHES_AHEAD: usize = 2;

/// Batches that are looked at again where an expression fails: those ahead, the one that is on its way
/// to them, and the one that the query is at.
const BATCHES_KEPT: usize = BATCHES_AHEAD + 2;

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
        let carried = self.source.carried_schema().fields;
        batches.spawn(async move {
            let reading = reading
                .ok_or_else(|| internal_datafusion_err!("`{name}` is read outside a run"))?;
            match reading.begin(&name).map_err(external)? {
                Input::Pages(pages, decoder, watermarks) => {
                    let mut decoding = Decoding {
                        decoder,
                        carrier: Carrier::new(&carried),
                        sieve: watermarks.map(Sieve::new),
                        origins: Vec::new(),
                        schema,
                        sender,
                        reading,
                        name,
                    };
                    let outcome = decoding.read(pages).await;
                    decoding.reading.tell(&decoding.name, &decoding.decoder.unknown());
                    outcome
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
    /// Pages, a decoder for their records, and how far the source has come where it is incremental.
    Pages(Pages, Box<dyn Decoder>, Option<Arc<Watermarks>>),
    /// Records that need no request; they have all fields of the source.
    Batches(Arc<[RecordBatch]>),
}

/// Begins to read a source.
pub(crate) type Begin = Box<dyn Fn() -> Result<Input> + Send + Sync>;

/// What one pipeline reads during a run, by the names of its sources.
pub(crate) struct Reading {
    limits: Limits,
    sources: HashMap<String, SourceReading>,
    /// Whether the last batches are kept.
    keeps: AtomicBool,
    /// What the records have that no schema declares, by source.
    drift: Arc<Drift>,
}

/// The fields that the schemas of a pipeline's sources do not declare, by source.
pub(crate) type Drift = Mutex<BTreeMap<String, UnknownFields>>;

#[derive(Default)]
struct SourceReading {
    scans: AtomicUsize,
    begin: OnceLock<Begin>,
    /// What the query has got last, where that is kept.
    sent: Mutex<VecDeque<Sent>>,
    /// Whether one scan has told which fields no schema declares: all scans see the same.
    has_told: AtomicBool,
}

/// A batch that the query has got.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) batch: RecordBatch,
    origins: Vec<Origin>,
}

/// Where the records of a batch come from, from one of its rows on.
#[derive(Clone)]
struct Origin {
    row: usize,
    request: Arc<str>,
    /// The number of the record in its page, from 1.
    record: u64,
}

impl Sent {
    /// The request and the number in its page, from 1, of the record in a row.
    pub(crate) fn origin(&self, row: usize) -> Option<(&str, u64)> {
        let origin = self.origins.iter().rev().find(|origin| origin.row <= row)?;
        Some((&origin.request, origin.record + (row - origin.row) as u64))
    }
}

impl Reading {
    /// Nothing is known yet of how the sources are read.
    pub(crate) fn new<'a>(
        limits: &Limits,
        sources: impl Iterator<Item = &'a Source>,
        drift: &Arc<Drift>,
    ) -> Self {
        Self {
            limits: *limits,
            drift: Arc::clone(drift),
            sources: sources
                .map(|source| (source.name.clone(), SourceReading::default()))
                .collect(),
            keeps: AtomicBool::new(false),
        }
    }

    /// The reading of a part of one source, in memory.
    pub(crate) fn of_part(limits: &Limits, source: &str, part: RecordBatch) -> Self {
        let begin: Begin = Box::new(move || Ok(Input::Batches(Arc::from([part.clone()]))));
        let reading = SourceReading { begin: OnceLock::from(begin), ..SourceReading::default() };
        let sources = HashMap::from([(source.to_owned(), reading)]);
        Self { limits: *limits, sources, keeps: AtomicBool::new(false), drift: Arc::default() }
    }

    /// Keeps the batches that the query is at, from now on.
    pub(crate) fn keep_batches(&self) {
        self.keeps.store(true, Ordering::Relaxed);
    }

    /// The sources, with the batches of each that were kept.
    pub(crate) fn sent(&self) -> Vec<(&str, Vec<Sent>)> {
        let sent = |source: &SourceReading| {
            source.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
        };
        self.sources.iter().map(|(name, source)| (name.as_str(), sent(source))).collect()
    }

    fn tell(&self, source: &str, unknown: &UnknownFields) {
        let is_first =
            self.sources.get(source).is_some_and(|s| !s.has_told.swap(true, Ordering::Relaxed));
        if is_first && !unknown.is_empty() {
            let mut drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
            drift.entry(source.to_owned()).or_default().merge(unknown);
        }
    }

    fn keep(&self, source: &str, batch: &RecordBatch, origins: Vec<Origin>) {
        if !self.keeps.load(Ordering::Relaxed) {
            return;
        }
        let Some(source) = self.sources.get(source) else { return };
        let mut sent = source.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == BATCHES_KEPT {
            sent.pop_front();
        }
        sent.push_back(Sent { batch: batch.clone(), origins });
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

/// Pages on their way to be batches.
struct Decoding {
    decoder: Box<dyn Decoder>,
    /// What their partitions give the records.
    carrier: Carrier,
    /// What leaves out the records that are known.
    sieve: Option<Sieve>,
    /// Where the records in the decoder come from.
    origins: Vec<Origin>,
    schema: SchemaRef,
    sender: Sender<datafusion::common::Result<RecordBatch>>,
    reading: Arc<Reading>,
    name: String,
}

impl Decoding {
    /// Decodes pages as they come, into batches of about so many bytes of JSON as the limits say:
    /// their Arrow form is of about that size. Ends early when nobody reads the batches any more.
    async fn read(&mut self, mut pages: Pages) -> Result<()> {
        while let Some(page) = pages.next().await {
            let page = page?;
            let mut number = 0;
            self.comes_from(&page, 1);
            let mut segments = page.segments();
            while let Some(segment) = segments.next().await? {
                for (record, at) in segment.records() {
                    number += 1;
                    self.decoder.append(record).map_err(|fault| {
                        let error = fault.behind(at).into_error("the body");
                        error.at_record(number).in_request(&page.request)
                    })?;
                    self.carrier.append(page.carried.as_ref());
                    if let Some(sieve) = &mut self.sieve {
                        sieve.append(page.carried.as_ref(), record);
                    }
                    if self.is_full() {
                        if !self.send().await? {
                            return Ok(());
                        }
                        self.comes_from(&page, number + 1);
                    }
                }
            }
        }
        if self.decoder.rows() > 0 {
            // Nobody reads any more: then nobody misses the last batch.
            self.send().await?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let (rows, bytes) = (self.decoder.rows(), self.decoder.bytes());
        rows >= apitap_build::engine::BATCH_ROWS || bytes >= self.reading.limits.batch
    }

    /// Notes that the next record is the one of that number of a page.
    fn comes_from(&mut self, page: &Page, record: u64) {
        let (row, request) = (self.decoder.rows(), Arc::clone(&page.request));
        self.origins.push(Origin { row, request, record });
    }

    /// Sends what is decoded; whether anybody reads it.
    async fn send(&mut self) -> Result<bool> {
        let records = self.carrier.complete(self.decoder.finish()?, &self.schema)?;
        let records = widen(records, &self.schema)?;
        self.reading.keep(&self.name, &records, std::mem::take(&mut self.origins));
        let new = match &mut self.sieve {
            Some(sieve) => sieve.keep(&records)?,
            None => records,
        };
        Ok(self.sender.send(Ok(new)).await.is_ok())
    }
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
