//! Pages → the batches of a scan: records are decoded as they come, and told apart from what is known.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use tokio::sync::mpsc::Sender;

use super::reading::{Origin, Reading};
use crate::source::decode::keep::Keeper;
use crate::source::decode::{Decoder, widen};
use crate::source::incremental::Sieve;
use crate::source::json::Fault;
use crate::source::page::Page;
use crate::source::partition::Carrier;
use crate::source::spool::Pages;
use crate::{Error, Result};

/// Pages on their way to be batches.
pub(super) struct Decoding {
    pub(super) decoder: Box<dyn Decoder>,
    /// What their partitions give the records.
    pub(super) carrier: Carrier,
    /// What gathers the fields that no schema declares.
    pub(super) keeper: Option<Keeper>,
    /// What leaves out the records that are known.
    pub(super) sieve: Option<Sieve>,
    /// Where the records in the decoder come from.
    pub(super) origins: Vec<Origin>,
    pub(super) schema: SchemaRef,
    pub(super) sender: Sender<datafusion::common::Result<RecordBatch>>,
    /// Whether nothing is done before somebody asks for more.
    pub(super) in_part: bool,
    pub(super) reading: Arc<Reading>,
    pub(super) name: String,
}

impl Drop for Decoding {
    /// How the records so far differ from the schema is told, however the reading has ended.
    fn drop(&mut self) {
        self.reading.tell(&self.name, self.decoder.differences());
    }
}

impl Decoding {
    /// Decodes pages as they come, into batches of about so many bytes of JSON as the limits say:
    /// their Arrow form is of about that size. Ends early when nobody reads the batches any more.
    pub(super) async fn read(&mut self, mut pages: Pages) -> Result<()> {
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
                        sieve.append(page.key.as_ref(), page.asked, record);
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
        let origins = std::mem::take(&mut self.origins);
        let new = match &mut self.sieve {
            Some(sieve) => sieve.keep(&records, |row| Origin::of(&origins, row))?,
            None => records.clone(),
        };
        self.reading.keep(&self.name, &records, origins);
        let is_read = self.sender.send(Ok(new)).await.is_ok();
        if self.in_part {
            // When there is room again, it was taken, and somebody asks for more.
            return Ok(is_read && self.sender.reserve().await.is_ok());
        }
        Ok(is_read)
    }
}

/// Sends the fields that are read of batches that are there.
pub(super) async fn hand_over(
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
