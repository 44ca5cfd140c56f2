//! A pipeline without its target → its rows as structs, one by one.
//!
//! Requests, retries, checks and errors are those of a run; only the sink is not there.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};

use crate::typed::{Reader, Row};
use crate::{Environment, Result, engine};

/// The rows of a pipeline, with the variables of the process's environment.
///
/// The functions `rows()` that `#[apitap::pipeline]` generates call this; it is for code that works
/// with the rows of any pipeline.
pub fn rows<T: Row>() -> Rows<T> {
    rows_in(Environment::process())
}

/// The rows of a pipeline, with these variables in place of the process's environment.
///
/// Variables that only the target needs need not be set.
pub fn rows_in<T: Row>(environment: Environment) -> Rows<T> {
    let batches = engine::batches(T::pipeline(), environment).boxed();
    Rows { batches, reader: None, ended: false }
}

/// The rows of a pipeline as they are fetched and computed.
///
/// Nothing is requested before the first row is asked for; dropping it ends the fetch. It must be
/// polled on a tokio runtime. After an error it is at its end.
#[must_use = "nothing is requested until a row is asked for"]
pub struct Rows<T> {
    batches: BoxStream<'static, Result<RecordBatch>>,
    reader: Option<Reader<T>>,
    ended: bool,
}

impl<T: Row> Rows<T> {
    /// The next row.
    ///
    /// An error is what would have failed the run. Rows that came before it were rows of a fetch
    /// that has not come to its end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// All rows, in memory.
    ///
    /// # Errors
    /// The first thing that went wrong; then there are no rows.
    pub async fn all(mut self) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        while let Some(row) = self.next().await {
            rows.push(row?);
        }
        Ok(rows)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        while !self.ended {
            if let Some(row) = self.reader.as_mut().and_then(Iterator::next) {
                self.ended = row.is_err();
                return Poll::Ready(Some(named::<T, _>(row)));
            }
            self.reader = match ready!(self.batches.poll_next_unpin(context)) {
                Some(batch) => match batch.and_then(|batch| Reader::new(&batch)) {
                    Ok(reader) => Some(reader),
                    Err(error) => {
                        self.ended = true;
                        return Poll::Ready(Some(named::<T, _>(Err(error))));
                    }
                },
                None => {
                    self.ended = true;
                    None
                }
            };
        }
        Poll::Ready(None)
    }
}

/// An error names the pipeline.
fn named<T: Row, V>(result: Result<V>) -> Result<V> {
    result.map_err(|error| error.in_pipeline(T::pipeline().name()))
}

impl<T: Row> Stream for Rows<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

impl<T: Row> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("pipeline", &T::pipeline().name()).finish_non_exhaustive()
    }
}
