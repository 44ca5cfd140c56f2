//! A stream of batches → the writers of a session, each on a task of its own.
//!
//! Rows are numbered as they come. One writer is enough until it cannot keep up: then another one
//! joins, as long as the target and its connections allow. So encoding and sending run beside what
//! makes the rows. One batch waits for each writer, and it has one in its hands.

use std::time::Duration;

use arrow::array::RecordBatch;
use futures::future::select_all;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::{Session, Writer};
use crate::engine::connections::{Connection, Connections};
use crate::{Error, Result};

/// How long a batch waits for a writer before another writer joins.
const PATIENCE: Duration = Duration::from_millis(5);

/// Rows, and the number of the first one.
type Numbered = (u64, RecordBatch);

/// Writes all batches, whose first row is of that number, and closes the writers; what was written waits for
/// a commit. Gives the number of the next row.
///
/// Writers beyond the first take one of the target's `connections` for as long as they write, and
/// do without where none is free: a first writer never waits for others to end. A writer gets
/// about `block` bytes of successive rows before another one has its turn.
///
/// # Errors
/// Those of the stream and of the writers: the first one. Then the session cannot be committed.
pub(crate) async fn feed(
    session: &mut dyn Session,
    batches: impl Stream<Item = Result<RecordBatch>>,
    first: u64,
    block: usize,
    connections: &Connections,
) -> Result<u64> {
    let mut crew = Crew { block, ..Crew::default() };
    let mut batches = std::pin::pin!(batches);
    let mut next = first;
    loop {
        let batch = tokio::select! {
            biased;
            error = crew.failure() => return Err(error),
            batch = batches.next() => batch.transpose()?,
        };
        let Some(batch) = batch else { break };
        let rows = batch.num_rows() as u64;
        crew.take(session, connections, (next, batch)).await?;
        next += rows;
    }
    crew.close().await?;
    Ok(next)
}

/// The writers under way. Dropping it ends them where they are.
#[derive(Default)]
struct Crew {
    tasks: JoinSet<Result<()>>,
    /// One for each writer; holds one batch.
    queues: Vec<mpsc::Sender<Numbered>>,
    /// Whose turn it is.
    turn: usize,
    /// The bytes that it has had.
    given: usize,
    block: usize,
}

impl Crew {
    async fn take(
        &mut self,
        session: &mut dyn Session,
        connections: &Connections,
        rows: Numbered,
    ) -> Result<()> {
        if self.queues.is_empty() {
            self.join(session.writer().await?, None);
        } else if self.given >= self.block {
            self.turn = self.next_turn(session, connections).await?;
            self.given = 0;
        }
        self.given += rows.1.get_array_memory_size();
        let Some(queue) = self.queues.get(self.turn).cloned() else { return Err(lost()) };
        let place = tokio::select! {
            biased;
            error = self.failure() => return Err(error),
            place = queue.reserve() => place,
        };
        match place {
            Ok(place) => place.send(rows),
            Err(_) => return Err(self.failure().await),
        }
        Ok(())
    }

    /// The first writer that is free; another one, where none is for a while.
    async fn next_turn(
        &mut self,
        session: &mut dyn Session,
        connections: &Connections,
    ) -> Result<usize> {
        if let Ok(free) = timeout(PATIENCE, self.free()).await {
            return Ok(free);
        }
        if self.queues.len() < session.writers()
            && let Some(connection) = connections.free()
        {
            self.join(session.writer().await?, Some(connection));
            return Ok(self.queues.len() - 1);
        }
        let free = self.queues.clone();
        tokio::select! {
            biased;
            error = self.failure() => Err(error),
            free = first_free(&free) => Ok(free),
        }
    }

    async fn free(&self) -> usize {
        first_free(&self.queues).await
    }

    fn join(&mut self, mut writer: Box<dyn Writer>, connection: Option<Connection>) {
        let (queue, mut waiting) = mpsc::channel::<Numbered>(1);
        self.queues.push(queue);
        self.tasks.spawn(async move {
            let _connection = connection;
            while let Some((first, batch)) = waiting.recv().await {
                writer.write(first, batch).await?;
            }
            writer.close().await
        });
    }

    async fn close(self) -> Result<()> {
        let Self { queues, mut tasks, .. } = self;
        drop(queues);
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| panicked(&error))??;
        }
        Ok(())
    }

    /// Waits for a writer that ends before its rows do: it does so only where it has failed.
    async fn failure(&mut self) -> Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Ok(Ok(()))) => lost(),
            Some(Err(error)) => panicked(&error),
            None => std::future::pending().await,
        }
    }
}

/// The place of the first queue that takes something.
async fn first_free(queues: &[mpsc::Sender<Numbered>]) -> usize {
    select_all(queues.iter().map(|queue| Box::pin(queue.reserve()))).await.1
}

fn panicked(error: &JoinError) -> Error {
    Error::target(format!("a writer ended before its rows: {error}"))
        .help("this is a mistake in apitap: please report it")
}

fn lost() -> Error {
    Error::target("a writer ended before its rows")
        .help("this is a mistake in apitap: please report it")
}
