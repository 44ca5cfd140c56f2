//! A source → a table of the engine: pages are fetched and decoded while the query reads them.
//!
//! The table and its plan hold the source's definition and nothing that is alive; what a run reads
//! from ([`Reading`]) is found in the session when the plan is executed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use apitap_build::definition::Source;
use apitap_build::schema::arrow;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema as ArrowSchema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, internal_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::StreamExt as _;
use tokio::sync::mpsc::Sender;

use super::decode::keep::Keeper;
use super::decode::unknown::UnknownFields;
use super::decode::{Decoder, widen};
use super::filters::{Condition, Parameter};
use super::incremental::{Sieve, Watermarks};
use super::json::Fault;
use super::page::Page;
use super::partition::Carrier;
use super::spool::{Pages, Readers};
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
    asks: Asks,
}

/// What becomes of the conditions of a query.
#[derive(Debug)]
enum Asks {
    /// It is found out which of them can be sent.
    Offers,
    /// These are sent for some of them.
    For(Vec<Parameter>),
}

impl SourceTable {
    /// The table of a source whose schema is known.
    pub(crate) fn new(source: Source) -> Self {
        let schema = arrow::schema(&source.schema.clone().unwrap_or_default());
        Self { source: Arc::new(source), schema, asks: Asks::For(Vec::new()) }
    }

    /// The same of a source that may be asked for what a query's conditions hold for: its scan has those.
    pub(crate) fn offering(source: Source) -> Self {
        Self { asks: Asks::Offers, ..Self::new(source) }
    }

    /// The same of a source that is asked with these parameters.
    pub(crate) fn asked(self, sent: Vec<Parameter>) -> Self {
        Self { asks: Asks::For(sent), ..self }
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

    // What is not sent, and what the API answers inexactly, stays above the scan: the decoder knows
    // nothing of it.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion::common::Result<Vec<TableProviderFilterPushDown>> {
        let supports = |filter: &&Expr| match &self.asks {
            Asks::Offers => TableProviderFilterPushDown::Inexact,
            Asks::For(sent) => match Condition::of(filter) {
                Some(condition) if condition.is_exact(&self.source, sent) => {
                    TableProviderFilterPushDown::Exact
                }
                _ => TableProviderFilterPushDown::Unsupported,
            },
        };
        Ok(filters.iter().map(supports).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        let schema = self.scanned();
        let all: Vec<_> = (0..self.schema.fields().len()).collect();
        let columns = projection
            .unwrap_or(&all)
            .iter()
            .map(|index| schema.index_of(self.schema.field(*index).name()))
            .collect::<Result<Vec<_>, _>>()?;
        let scan = Arc::new(SourceScan {
            source: Arc::clone(&self.source),
            schema: Arc::clone(&schema),
            in_part: AtomicBool::new(false),
        });
        if let Some(reading) = session.config().get_extension::<Reading>() {
            reading.plan_scan(&self.source.name, &scan);
        }
        let partitions: Vec<Arc<dyn PartitionStream>> = vec![scan];
        let exec =
            StreamingTableExec::try_new(schema, partitions, Some(&columns), [], false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// One reading of a source from its first page to its last, or as far as somebody wants to read.
#[derive(Debug)]
struct SourceScan {
    source: Arc<Source>,
    schema: SchemaRef,
    /// Whether the query may stop before the end: then nothing is requested before it asks for more.
    in_part: AtomicBool,
}

impl PartitionStream for SourceScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let in_part = self.in_part.load(Ordering::Relaxed);
        let reading = context.session_config().get_extension::<Reading>();
        let (name, schema) = (self.source.name.clone(), Arc::clone(&self.schema));
        let carried = self.source.carried_schema().fields;
        let keeper = Keeper::of(&self.source);
        let decode = move |sender| async move {
            let reading = reading
                .ok_or_else(|| internal_datafusion_err!("`{name}` is read outside a run"))?;
            match reading.begin(&name).map_err(external)? {
                Input::Pages(pages, decoder, watermarks) => {
                    let mut decoding = Decoding {
                        decoder,
                        carrier: Carrier::new(&carried),
                        keeper,
                        sieve: watermarks.map(Sieve::new),
                        origins: Vec::new(),
                        schema,
                        sender,
                        in_part,
                        reading,
                        name,
                    };
                    decoding.read(pages).await
                }
                Input::Batches(given) => hand_over(&given, &schema, &sender).await,
            }
            .map_err(external)
        };
        if in_part {
            return in_step(&self.schema, decode);
        }
        let mut batches =
            RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_AHEAD);
        let sender = batches.tx();
        batches.spawn(decode(sender));
        batches.build()
    }
}

/// The batches that a task sends, which does nothing but when it is asked for the next one.
fn in_step<F>(
    schema: &SchemaRef,
    decode: impl FnOnce(Sender<datafusion::common::Result<RecordBatch>>) -> F,
) -> SendableRecordBatchStream
where
    F: Future<Output = datafusion::common::Result<()>> + Send + 'static,
{
    let (sender, mut batches) = tokio::sync::mpsc::channel(1);
    let mut decoding = Some(Box::pin(decode(sender)));
    let next = futures::stream::poll_fn(move |context| {
        // What is there is taken before the task may go on.
        if let Ok(batch) = batches.try_recv() {
            return Poll::Ready(Some(batch));
        }
        if let Some(task) = &mut decoding
            && let Poll::Ready(ended) = task.as_mut().poll(context)
        {
            decoding = None;
            if let Err(error) = ended {
                return Poll::Ready(Some(Err(error)));
            }
        }
        match (batches.try_recv(), &decoding) {
            (Ok(batch), _) => Poll::Ready(Some(batch)),
            (Err(_), None) => Poll::Ready(None),
            (Err(_), Some(_)) => Poll::Pending,
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), next))
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
    /// Those scans.
    planned: Mutex<Vec<Arc<SourceScan>>>,
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

impl SourceReading {
    fn planned(&self) -> MutexGuard<'_, Vec<Arc<SourceScan>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The next scan of a source reads other records.
    pub(crate) fn goes_on(&self, source: &str) {
        if let Some(source) = self.sources.get(source) {
            source.has_told.store(false, Ordering::Relaxed);
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

    fn plan_scan(&self, source: &str, scan: &Arc<SourceScan>) {
        if let Some(source) = self.sources.get(source) {
            source.scans.fetch_add(1, Ordering::Relaxed);
            source.planned().push(Arc::clone(scan));
        }
    }

    /// The query may stop before the end of what a planned scan reads.
    pub(crate) fn reads_in_part(&self, part: &Arc<dyn PartitionStream>) {
        for scan in self.sources.values().flat_map(|source| source.planned().clone()) {
            if std::ptr::addr_eq(Arc::as_ptr(&scan), Arc::as_ptr(part)) {
                scan.in_part.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Each planned scan may be executed several times.
    pub(crate) fn plan_scans_again(&self) {
        for source in self.sources.values() {
            let scans = source.scans.load(Ordering::Relaxed);
            source.scans.store(scans * 2, Ordering::Relaxed);
        }
    }

    /// How the planned query reads a source.
    pub(crate) fn readers(&self, source: &str) -> Readers {
        let Some(source) = self.sources.get(source) else { return Readers::One };
        let in_part = |scan: &Arc<SourceScan>| scan.in_part.load(Ordering::Relaxed);
        match source.scans.load(Ordering::Relaxed) {
            2.. => Readers::Several,
            _ if source.planned().iter().any(in_part) => Readers::InStep,
            _ => Readers::One,
        }
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
    /// What gathers the fields that no schema declares.
    keeper: Option<Keeper>,
    /// What leaves out the records that are known.
    sieve: Option<Sieve>,
    /// Where the records in the decoder come from.
    origins: Vec<Origin>,
    schema: SchemaRef,
    sender: Sender<datafusion::common::Result<RecordBatch>>,
    /// Whether nothing is done before somebody asks for more.
    in_part: bool,
    reading: Arc<Reading>,
    name: String,
}

impl Drop for Decoding {
    /// What the records so far have that nobody declared is told, however the reading has ended.
    fn drop(&mut self) {
        self.reading.tell(&self.name, &self.decoder.unknown());
    }
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
                    self.append(record).map_err(|fault| {
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
            if self.in_part && self.decoder.rows() > 0 && !self.send().await? {
                return Ok(());
            }
        }
        if self.decoder.rows() > 0 {
            // Nobody reads any more: then nobody misses the last batch.
            self.send().await?;
        }
        Ok(())
    }

    fn append(&mut self, record: &str) -> Result<(), Fault> {
        self.decoder.append(record)?;
        self.keeper.as_mut().map_or(Ok(()), |keeper| keeper.append(record))
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
        let mut records = self.carrier.complete(self.decoder.finish()?, &self.schema)?;
        if let Some(keeper) = &mut self.keeper {
            records = keeper.complete(&records, &self.schema)?;
        }
        let records = widen(records, &self.schema)?;
        self.reading.keep(&self.name, &records, std::mem::take(&mut self.origins));
        let new = match &mut self.sieve {
            Some(sieve) => sieve.keep(&records)?,
            None => records,
        };
        let is_read = self.sender.send(Ok(new)).await.is_ok();
        if self.in_part {
            // When there is room again, it was taken, and somebody asks for more.
            return Ok(is_read && self.sender.reserve().await.is_ok());
        }
        Ok(is_read)
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
