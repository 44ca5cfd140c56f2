//! Rows on their way into a hidden table: through memory, or through the staging table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use sqlx::SqliteConnection;

use crate::engine::limits::Limits;
use crate::sink::load::Load;
use crate::sink::sql::{self, Dialect as _, Place, STAGING, Stage as _};
use crate::sink::sqlite::order::Order;
use crate::sink::sqlite::stage::Insert;
use crate::sink::sqlite::{Sqlite, refused};
use crate::sink::{refusal, slices};
use crate::{Error, Result};

/// Rows on their way into the hidden table.
pub(super) struct Filling {
    sqlite: Sqlite,
    load: Arc<Load>,
    /// So many bytes of rows are worth a transaction.
    limit: usize,
    pub(super) connection: SqliteConnection,
    /// The hidden table.
    pub(super) place: Place,
    /// Whether it is there.
    pub(super) is_made: bool,
    /// Rows that wait for the next transaction, and the number of the first one of each batch.
    waiting: Vec<(u64, RecordBatch)>,
    bytes: usize,
    /// Of the keys, where there are any.
    order: Option<Order>,
    direct: Insert,
    /// What takes the rows whose keys do not go one way.
    staged: Option<Insert>,
    /// How many those were.
    sent: u64,
}

/// Tells whether the keys of a load go one way, where it has a key.
fn order(load: &Load) -> Result<Option<Order>> {
    let mut types = load.key_columns().map(|column| column.field.data_type()).peekable();
    let order = types.peek().is_some().then(|| Order::new(types)).transpose();
    order.map_err(|cause| unordered(load).caused_by(cause))
}

fn unordered(load: &Load) -> Error {
    Error::target(format!("the keys of the rows for `{}` cannot be compared", load.table))
}

impl Filling {
    pub(super) fn new(
        sqlite: &Sqlite,
        load: &Arc<Load>,
        limits: &Limits,
        connection: SqliteConnection,
        place: Place,
    ) -> Result<Self> {
        Ok(Self {
            sqlite: sqlite.clone(),
            load: Arc::clone(load),
            limit: limits.copy,
            connection,
            is_made: false,
            waiting: Vec::new(),
            bytes: 0,
            order: order(load)?,
            direct: Insert::direct(sqlite, load, limits.copy, &place),
            staged: None,
            sent: 0,
            place,
        })
    }

    /// Takes rows, whose first one is of that number.
    pub(super) async fn take(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        if let Some(order) = &mut self.order {
            let keys: Vec<_> = (self.load.key.iter())
                .filter_map(|&place| Some(Arc::clone(batch.columns().get(place)?)))
                .collect();
            order.take(&keys).map_err(|cause| unordered(&self.load).caused_by(cause))?;
        }
        let columns = batch.columns().iter();
        self.bytes += columns.map(|array| slices::bytes(array.as_ref())).sum::<usize>();
        self.waiting.push((first, batch));
        if self.bytes < self.limit {
            return Ok(());
        }
        if self.staged.is_none() && self.order.as_ref().is_none_or(Order::is_kept) {
            self.fill().await
        } else {
            self.stage().await
        }
    }

    /// A transaction of its own: the rows that wait, into the hidden table.
    async fn fill(&mut self) -> Result<()> {
        let filled = async {
            self.run(Sqlite::BEGIN).await?;
            self.insert().await?;
            self.run("COMMIT").await
        };
        let filled = filled.await;
        if filled.is_err() && self.run("ROLLBACK").await.is_err() {
            tracing::debug!("the transaction ends with the connection");
        }
        filled
    }

    /// Within a transaction: the rows that wait, into the hidden table.
    async fn insert(&mut self) -> Result<()> {
        if !self.is_made {
            create(&self.sqlite, &mut self.connection, &self.load, &self.place).await?;
            self.is_made = true;
        }
        self.bytes = 0;
        for (first, batch) in std::mem::take(&mut self.waiting) {
            self.direct.insert(&mut self.connection, first, &batch).await?;
        }
        Ok(())
    }

    /// The rows that wait, into the staging table.
    async fn stage(&mut self) -> Result<()> {
        let staged = match &mut self.staged {
            Some(staged) => staged,
            none => {
                self.sqlite.inbox(&mut self.connection, &self.load).await?;
                none.insert(Insert::staging(&self.load, self.limit))
            }
        };
        self.bytes = 0;
        for (first, batch) in std::mem::take(&mut self.waiting) {
            self.sent += batch.num_rows() as u64;
            staged.take(&mut self.connection, first, &batch).await?;
        }
        Ok(())
    }

    /// Within the transaction of the commit: all rows are in the hidden table then; gives how many that are, where so
    /// many were received.
    pub(super) async fn complete(&mut self, received: u64) -> Result<u64> {
        let load = Arc::clone(&self.load);
        let to_write = |error| refused(&load, "the rows for", &error);
        // Those that wait have come behind all that are staged.
        let staged = self.staged.take();
        if let Some(staged) = &staged {
            if staged.taken() != self.sent {
                return Err(refusal::lost(&self.load.table, self.sent, staged.taken()));
            }
            if !self.is_made {
                create(&self.sqlite, &mut self.connection, &self.load, &self.place).await?;
                self.is_made = true;
            }
            let names = sql::list(&self.sqlite, self.load.columns.iter().map(|c| c.name.as_str()));
            let values: Vec<_> = (0..self.load.columns.len()).map(sql::staged).collect();
            // By their keys, so that a page of the table is written once; of those of one key in the order in which
            // they came.
            let move_all = format!(
                "INSERT INTO {} {names}\nSELECT {} FROM temp.{STAGING} WHERE true ORDER BY {}, seq{}",
                self.place,
                values.join(", "),
                sql::staged_key(&self.load),
                sql::on_conflict(&self.load, sql::double_quoted)
            );
            self.sqlite.execute(&mut self.connection, &move_all).await.map_err(to_write)?;
        }
        self.insert().await?;
        if staged.is_none() && !self.direct.has_key_twice() {
            let rows = self.direct.taken();
            return match rows == received {
                true => Ok(rows),
                false => Err(refusal::lost(&self.load.table, received, rows)),
            };
        }
        let (sqlite, connection) = (&self.sqlite, &mut self.connection);
        sql::count_rows(sqlite, connection, &self.place).await.map_err(to_write)
    }

    /// Behind the commit: removes what it has read from. What it was is committed, whatever comes of this.
    pub(super) async fn forget_staged(&mut self) {
        if let Err(error) = self.run(&format!("DROP TABLE IF EXISTS temp.{STAGING}")).await {
            tracing::debug!("the staging table goes with the connection: {}", error.message());
        }
    }

    async fn run(&mut self, statement: &str) -> Result<()> {
        let done = self.sqlite.execute(&mut self.connection, statement).await;
        done.map(drop).map_err(|error| refused(&self.load, "the rows for", &error))
    }
}

/// Within a transaction: makes the hidden table.
pub(super) async fn create(
    sqlite: &Sqlite,
    connection: &mut SqliteConnection,
    load: &Load,
    hidden: &Place,
) -> Result<()> {
    let to_create = |error| refused(load, "to create", &error);
    let drop = format!("DROP TABLE IF EXISTS {hidden}");
    sqlite.execute(connection, &drop).await.map_err(to_create)?;
    sqlite.create(connection, load, hidden).await.map_err(to_create)
}
