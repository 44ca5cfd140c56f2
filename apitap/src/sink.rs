//! Where rows go: Arrow batches → one transaction of a database.
//!
//! Every target works the same way: rows are staged in a temporary table while they arrive, and
//! [`Sink::commit`] puts them into the table in one transaction. A sink knows the row schema, the
//! table and the mode. It does not know where the rows come from.

mod destination;
mod document;
mod load;
mod postgres;
mod refusal;
mod slices;
mod sqlite;
mod statement;
mod text;

use arrow::array::RecordBatch;
use async_trait::async_trait;

use crate::Result;
use crate::definition::Mode;
use crate::engine::limits::Limits;
use crate::schema::Schema;

pub use destination::Destination;
pub use postgres::Address;
pub use sqlite::File;

/// One run's rows on their way into one table, inside one transaction.
///
/// Nothing is visible to others before [`Sink::commit`]; dropping a sink rolls everything back.
#[async_trait]
pub trait Sink: Send {
    /// Takes rows in the order of the stream: for `merge`, the last row of a key wins.
    ///
    /// The batch's columns are those of the definition's row schema, in its order, and their types
    /// are those of [`crate::schema::arrow`]. After an error the sink is good for nothing but to be
    /// dropped: a commit fails.
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

/// Connects, and tries out all that can be tried before the first row: the table, its columns and
/// its key, and the rights to create and to write. Nothing of it stays.
///
/// `table` may be qualified (`analytics.orders`). The columns of `row` become those of the table,
/// which is created at the commit where it does not exist, in PostgreSQL together with its schema.
///
/// # Errors
/// Whatever stands between these rows and that table, with the statement that mends it.
pub async fn open(
    destination: &Destination,
    table: &str,
    mode: Mode,
    key: &[String],
    row: &Schema,
    limits: &Limits,
) -> Result<Box<dyn Sink>> {
    let load = load::Load::new(table, mode, key, row)?;
    Ok(match destination {
        Destination::Postgres(address) => {
            Box::new(postgres::Postgres::open(address, load, limits).await?)
        }
        Destination::Sqlite(file) => Box::new(sqlite::Sqlite::open(file, load, limits).await?),
    })
}

#[cfg(test)]
mod tests;
