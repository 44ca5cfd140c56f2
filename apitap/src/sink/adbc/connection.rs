//! A connection with a thread of its own, on which all its calls run, one after the other.
//!
//! Calls of a driver block, and so does a bulk ingestion that waits for rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use adbc_core::error::Result as AdbcResult;
use adbc_core::options::{OptionConnection, OptionValue};
use adbc_core::{Connection as _, Optionable as _};
use adbc_driver_manager::ManagedConnection;
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::driver::{self, Connected, Shared};
use super::refusal::refused;
use super::settings::Settings;
use crate::definition::AdbcDialect;
use crate::{Error, Result};

type Job = Box<dyn FnOnce(&mut ManagedConnection) + Send>;

/// More jobs than a session ever has waiting: each is awaited, but for those of writers.
const JOBS: usize = 64;

/// A connection of a driver. What is not committed is taken back when it is dropped.
pub(in crate::sink) struct Connection {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// How many jobs are not done.
    waiting: Arc<AtomicUsize>,
    pub(super) shared: Arc<Shared>,
    /// Ours while our transaction keeps the others out.
    pub(super) turn: Option<OwnedMutexGuard<()>>,
    /// The tables with which it is our turn.
    turns: Vec<(String, OwnedMutexGuard<()>)>,
}

impl Connection {
    /// Loads the driver, if that has not been done, and connects.
    ///
    /// # Errors
    /// The driver cannot be loaded, or what it says.
    pub(super) async fn open(dialect: AdbcDialect, settings: &Settings) -> Result<Self> {
        let (answer, answered) = oneshot::channel();
        let (jobs, queue) = sync_channel::<Job>(JOBS);
        let settings = settings.clone();
        let work = move || match driver::connect(dialect, &settings) {
            Ok(connected) => {
                // Nobody waits any more: the connection ends here.
                if answer.send(Ok(connected.shared())).is_ok() {
                    serve(connected, &queue);
                }
            }
            Err(error) => drop(answer.send(Err(error))),
        };
        let thread = Builder::new().name("apitap-adbc".to_owned()).spawn(work);
        let thread = thread
            .map_err(|error| Error::target(format!("a thread cannot be started: {error}")))?;
        let gone = |_| Error::target("the driver ended the thread of its connection");
        let shared = answered.await.map_err(gone)??;
        let waiting = Arc::default();
        let (turn, turns) = (None, Vec::new());
        Ok(Self { jobs: Some(jobs), thread: Some(thread), waiting, shared, turn, turns })
    }

    /// Has a job done behind those that wait.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut ManagedConnection) -> AdbcResult<T> + Send + 'static,
    ) -> oneshot::Receiver<AdbcResult<T>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        waiting.fetch_add(1, Ordering::SeqCst);
        let job: Job = Box::new(move |connection| {
            let done = job(connection);
            waiting.fetch_sub(1, Ordering::SeqCst);
            // Who does not wait any more has given up the connection.
            drop(answer.send(done));
        });
        if let Some(jobs) = &self.jobs {
            // Where the thread is gone, the answer never comes.
            drop(jobs.send(job));
        }
        answered
    }

    /// Has a job done.
    ///
    /// # Errors
    /// What the driver says.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut ManagedConnection) -> AdbcResult<T> + Send + 'static,
    ) -> sqlx::Result<T> {
        done(self.begin(job)).await
    }
}

/// Tables that one connection of this process writes at a time.
impl Connection {
    /// Waits until it is our turn with a table, unless it is already.
    pub(super) async fn take_turn(&mut self, table: &str) {
        if self.turns.iter().all(|(name, _)| name != table) {
            let turn = self.shared.turn_of(table).lock_owned().await;
            self.turns.push((table.to_owned(), turn));
        }
    }

    pub(super) fn end_turn(&mut self, table: &str) {
        self.turns.retain(|(name, _)| name != table);
    }
}

/// Transactions by the driver, where others begin them by a statement.
impl Connection {
    /// Begins a transaction: from now on, nothing is committed by itself.
    pub(super) async fn begin_transaction(&self) -> sqlx::Result<()> {
        self.run(|connection| commits_itself(connection, false)).await
    }

    /// Commits it. What was committed is not refused because of what comes behind it.
    pub(super) async fn commit(&self) -> sqlx::Result<()> {
        self.run(|connection| {
            connection.commit()?;
            if let Err(error) = commits_itself(connection, true) {
                tracing::debug!("after a commit, autocommit could not be turned on again: {error}");
            }
            Ok(())
        })
        .await
    }

    /// Takes it back.
    pub(super) async fn roll_back(&self) -> sqlx::Result<()> {
        self.run(|connection| {
            connection.rollback()?;
            commits_itself(connection, true)
        })
        .await
    }
}

/// Whether each statement is a transaction of its own.
fn commits_itself(connection: &mut ManagedConnection, is_so: bool) -> AdbcResult<()> {
    connection.set_option(OptionConnection::AutoCommit, OptionValue::from(is_so))
}

/// What became of a job.
pub(super) async fn done<T>(answered: oneshot::Receiver<AdbcResult<T>>) -> sqlx::Result<T> {
    answered.await.map_err(|_| sqlx::Error::WorkerCrashed)?.map_err(refused)
}

fn serve(mut connected: Connected, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        job(&mut connected.connection);
    }
}

impl Drop for Connection {
    /// Closes it, and waits until that is done, unless the driver is still at work: then it is closed
    /// behind that.
    fn drop(&mut self) {
        self.jobs.take();
        let is_idle = self.waiting.load(Ordering::SeqCst) == 0;
        if let Some(thread) = self.thread.take().filter(|_| is_idle)
            && thread.join().is_err()
        {
            tracing::debug!("the driver ended the thread of its connection");
        }
    }
}
