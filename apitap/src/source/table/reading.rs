//! What one pipeline reads during a run: how each of its sources is read, and what has been read of it last.
//!
//! The plan knows none of it, and finds it in the session when it is executed. Nothing here decodes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use apitap_build::definition::Source;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::streaming::PartitionStream;

use super::{BATCHES_AHEAD, SourceScan};
use crate::engine::limits::Limits;
use crate::source::decode::Decoder;
use crate::source::decode::differences::Differences;
use crate::source::incremental::Pass;
use crate::source::spool::{Pages, Readers};
use crate::{Error, Result};

/// Batches that are looked at again where an expression fails: those ahead, the one that is on its way
/// to them, and the one that the query is at.
const BATCHES_KEPT: usize = BATCHES_AHEAD + 2;

/// What a scan reads.
pub(crate) enum Input {
    /// Pages, a decoder for their records, and how far the source has come where it is incremental.
    Pages(Pages, Box<dyn Decoder>, Option<Pass>),
    /// Records that need no request; they have all fields of the source.
    Batches(Arc<[RecordBatch]>),
}

/// Begins to read a source.
pub(crate) type Begin = Box<dyn Fn() -> Result<Input> + Send + Sync>;

/// What one pipeline reads during a run, by the names of its sources.
pub(crate) struct Reading {
    pub(super) limits: Limits,
    sources: HashMap<String, SourceReading>,
    /// Whether the last batches are kept.
    keeps: AtomicBool,
    /// How the records differ from the schemas.
    drift: Arc<Drift>,
}

/// How the records of a pipeline's sources differ from their schemas, by source.
pub(crate) type Drift = Mutex<BTreeMap<String, Differences>>;

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
pub(super) struct Origin {
    pub(super) row: usize,
    pub(super) request: Arc<str>,
    /// The number of the record in its page, from 1.
    pub(super) record: u64,
}

impl Sent {
    /// The request and the number in its page, from 1, of the record in a row.
    pub(crate) fn origin(&self, row: usize) -> Option<(&str, u64)> {
        Origin::at(&self.origins, row).map(|(request, number)| (&**request, number))
    }
}

impl Origin {
    /// The request of the record in a row, and its number there.
    pub(super) fn of(origins: &[Self], row: usize) -> Option<(Arc<str>, u64)> {
        Self::at(origins, row).map(|(request, number)| (Arc::clone(request), number))
    }

    fn at(origins: &[Self], row: usize) -> Option<(&Arc<str>, u64)> {
        let origin = origins.iter().rev().find(|origin| origin.row <= row)?;
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

    pub(super) fn tell(&self, source: &str, found: Differences) {
        let is_first =
            self.sources.get(source).is_some_and(|s| !s.has_told.swap(true, Ordering::Relaxed));
        if is_first {
            let mut drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
            drift.entry(source.to_owned()).or_default().merge(found);
        }
    }

    /// The next scan of a source reads other records.
    pub(crate) fn goes_on(&self, source: &str) {
        if let Some(source) = self.sources.get(source) {
            source.has_told.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn keep(&self, source: &str, batch: &RecordBatch, origins: Vec<Origin>) {
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

    pub(super) fn plan_scan(&self, source: &str, scan: &Arc<SourceScan>) {
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

    pub(super) fn begin(&self, source: &str) -> Result<Input> {
        match self.sources.get(source).and_then(|source| source.begin.get()) {
            Some(begin) => begin(),
            None => Err(Error::query(format!("`{source}` cannot be read: it is not fetched"))),
        }
    }
}
