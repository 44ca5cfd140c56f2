//! Where rows go: Arrow batches → one transaction of a database.
//!
//! A sink knows the row schema, the table and the mode. It does not know where the rows come from.

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;

use crate::Result;

/// One run's rows on their way into one table, inside one transaction.
///
/// Nothing is visible to others before [`Sink::commit`]; dropping a sink rolls everything back.
#[async_trait]
pub trait Sink: Send {
    /// Takes rows in the order of the stream: for `merge`, the last row of a key wins.
    ///
    /// The batch's columns are those of the definition's row schema, in its order.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// Puts the rows into the table in the definition's mode and commits.
    async fn commit(self: Box<Self>) -> Result<Written>;
}

/// What a commit changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that the query yielded.
    pub received: u64,
    /// Rows inserted or updated: fewer where a run yielded several rows of one key.
    pub stored: u64,
}
