//! A source → a table of the engine: pages are fetched and decoded while the query reads them.
//!
//! The table and its plan hold the source's definition and nothing that is alive; what a run reads
//! from ([`Reading`]) is found in the session when the plan is executed.

mod decoding;
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use tokio::sync::mpsc::Sender;

use super::decode::keep::Keeper;
use super::filters::{Condition, Parameter};
use super::incremental::Sieve;
use super::partition::Carrier;
use crate::Error;
use decoding::{Decoding, hand_over};
pub(crate) use reading::{Drift, Input, Reading, Sent};

/// Decoded batches that may wait for the query.
const BATCHES_AHEAD: usize = 2;

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
        let of_partitions = carried.iter().map(|field| field.name.clone()).collect();
        let keeper = Keeper::of(&self.source);
        let decode = move |sender| async move {
            let reading = reading
                .ok_or_else(|| internal_datafusion_err!("`{name}` is read outside a run"))?;
            match reading.begin(&name).map_err(external)? {
                Input::Pages(pages, decoder, pass) => {
                    let mut decoding = Decoding {
                        decoder,
                        carrier: Carrier::new(&carried),
                        keeper,
                        sieve: pass.map(|pass| Sieve::new(pass, of_partitions)),
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
