//! How a run is made, beside what it runs: where its rows end, and what becomes of the others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use apitap_build::definition::Definition;
use arrow::array::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};

use super::watch::{Progress, Watch};
use crate::Result;
use crate::environment::Secrets;
use crate::sink::Target;
use crate::source::incremental::Span;

/// How a run is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The most rows of each pipeline; when they are there, its fetches end.
    pub(crate) limit: Option<u64>,
    /// The most pages of each source, each of which is requested once: a failure is not tried again.
    pub(crate) pages: Option<usize>,
    /// Whether all pipelines stop when one has failed.
    pub(crate) fail_fast: bool,
    /// How long a pipeline waits for another run of it to end.
    pub(crate) wait: Option<Duration>,
    /// What incremental sources load, in place of what has changed since the last run.
    pub(crate) span: Option<Span>,
    /// Takes the rows in place of the targets, which are not even connected to.
    pub(crate) tried: Option<Arc<Tried>>,
    /// The target of all pipelines, in place of their own.
    pub(crate) into: Option<Arc<dyn Target>>,
    /// All pipelines of the program, those that do not run this time included: a table which one of these
    /// creates has the columns that theirs need.
    pub(crate) known: Vec<Arc<Definition>>,
    /// What goes on, for whoever looks on.
    pub(crate) watch: Arc<Watch>,
}

impl Options {
    /// Whether all rows that are new go into the targets.
    pub(super) fn is_whole(&self) -> bool {
        let Self { limit, pages, tried, span, .. } = self;
        limit.is_none() && pages.is_none() && tried.is_none() && span.is_none()
    }
}

/// The first rows of each pipeline of a dry run.
pub(crate) struct Tried {
    /// How many rows of each are kept.
    keep: usize,
    rows: Mutex<BTreeMap<String, First>>,
    /// What the run knows that must not show.
    pub(super) secrets: OnceLock<Secrets>,
}

/// The first rows of a pipeline, and how many there were in all.
#[derive(Default)]
struct First {
    kept: Vec<RecordBatch>,
    count: u64,
}

impl Tried {
    /// Keeps so many rows of each pipeline.
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep, rows: Mutex::default(), secrets: OnceLock::new() }
    }

    /// Takes rows of a pipeline, in their order, and keeps those that are among the first.
    pub(crate) fn take(&self, pipeline: &str, batch: &RecordBatch) {
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let First { kept, count } = all.entry(pipeline.to_owned()).or_default();
        let there: usize = kept.iter().map(RecordBatch::num_rows).sum();
        let wanted = self.keep.saturating_sub(there).min(batch.num_rows());
        if wanted > 0 || kept.is_empty() {
            kept.push(batch.slice(0, wanted));
        }
        *count += batch.num_rows() as u64;
    }

    /// The first rows of a pipeline, if any came.
    pub(crate) fn rows(&self, pipeline: &str) -> Option<Vec<RecordBatch>> {
        let all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(pipeline).map(|first| first.kept.clone())
    }

    /// How many rows of a pipeline came.
    pub(crate) fn count(&self, pipeline: &str) -> u64 {
        let all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(pipeline).map_or(0, |first| first.count)
    }

    /// A text without what must not show.
    pub(crate) fn mask(&self, text: &str) -> String {
        match self.secrets.get() {
            Some(secrets) => secrets.mask(text),
            None => text.to_owned(),
        }
    }
}

impl fmt::Debug for Tried {
    /// No row: it may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tried").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// The rows of a stream as they are counted: the first ones only, where there is a limit.
pub(super) fn counted(
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    limit: Option<u64>,
    progress: Arc<Progress>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let count = move |batch: &Result<RecordBatch>| {
        if let Ok(batch) = batch {
            progress.add_rows(batch.num_rows());
        }
    };
    limited(rows, limit).inspect(count).boxed()
}

/// The first rows of a stream, which is not asked for more.
fn limited(
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    limit: Option<u64>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let Some(limit) = limit else { return rows.boxed() };
    stream::try_unfold((rows.boxed(), limit), |(mut rows, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(batch) = rows.next().await.transpose()? else { return Ok(None) };
        let taken = batch.num_rows().min(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(Some((batch.slice(0, taken), (rows, left - taken as u64))))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;
    use crate::Error;

    fn batch(rows: usize) -> RecordBatch {
        let ids = Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef;
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    #[test]
    fn what_is_behind_the_limit_is_not_asked_for() {
        let check = |limit: Option<u64>, expected: &[usize], fails: bool| {
            let batches = [Ok(batch(3)), Ok(batch(3)), Err(Error::data("too far"))];
            let found = futures::executor::block_on(
                limited(stream::iter(batches), limit).collect::<Vec<_>>(),
            );
            let rows: Vec<_> = found.iter().flatten().map(RecordBatch::num_rows).collect();
            assert_eq!((rows.as_slice(), found.iter().any(Result::is_err)), (expected, fails));
        };
        check(Some(2), &[2], false);
        check(Some(3), &[3], false);
        check(Some(4), &[3, 1], false);
        check(Some(6), &[3, 3], false);
        check(Some(7), &[3, 3], true);
        check(None, &[3, 3], true);
    }

    #[test]
    fn the_first_rows_are_kept_and_no_others() {
        let tried = Tried::new(4);
        assert!(tried.rows("a").is_none());
        (0..3).for_each(|_| tried.take("a", &batch(3)));
        tried.take("b", &batch(0));
        let rows = |name| tried.rows(name).map(|all| all.iter().map(RecordBatch::num_rows).sum());
        assert_eq!((rows("a"), rows("b")), (Some(4_usize), Some(0)));
        assert_eq!((tried.count("a"), tried.count("b"), tried.count("c")), (9, 0, 0));
    }
}
