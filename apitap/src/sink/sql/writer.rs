//! Rows of one load → its inbox, over the load's connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;

use super::runs::Known;
use super::session::revive;
use super::{Dialect, Place, Stage};
use crate::Result;
use crate::sink::contract::Writer;
use crate::sink::{Load, refusal};

/// Where the connection of a load is while no writer has it, and how many rows wait in its inbox.
///
/// A writer that fails, or is never closed, does not give the connection back: then the load cannot
/// be committed.
pub(in crate::sink) struct Home<C>(Mutex<Inner<C>>);

struct Inner<C> {
    connection: Option<C>,
    waiting: u64,
}

impl<C> Home<C> {
    pub(in crate::sink) fn new(connection: C) -> Self {
        Self(Mutex::new(Inner { connection: Some(connection), waiting: 0 }))
    }

    /// # Errors
    /// A writer has it.
    pub(in crate::sink) fn take(&self, load: &Load) -> Result<C> {
        self.inner().connection.take().ok_or_else(|| refusal::open_writer(&load.table))
    }

    /// Gives it back, with so many rows more in the inbox.
    pub(in crate::sink) fn give(&self, connection: C, rows: u64) {
        let mut inner = self.inner();
        inner.connection = Some(connection);
        inner.waiting += rows;
    }

    pub(in crate::sink) fn waiting(&self) -> u64 {
        self.inner().waiting
    }

    /// The rows that wait.
    ///
    /// # Errors
    /// A writer may add to them.
    pub(in crate::sink) fn checked_waiting(&self, load: &Load) -> Result<u64> {
        let inner = self.inner();
        match inner.connection {
            Some(_) => Ok(inner.waiting),
            None => Err(refusal::open_writer(&load.table)),
        }
    }

    pub(in crate::sink) fn emptied(&self) {
        self.inner().waiting = 0;
    }

    fn inner(&self) -> MutexGuard<'_, Inner<C>> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a connection that was lost must find when it is made anew.
pub(super) struct Held {
    pub(super) table: Place,
    pub(super) known: Known,
}

pub(super) struct StagingWriter<D: Dialect> {
    dialect: D,
    load: Arc<Load>,
    home: Arc<Home<D::Connection>>,
    connection: D::Connection,
    stage: D::Stage,
    /// As long as nothing is in the inbox, so that another connection does as well.
    held: Option<Held>,
    received: u64,
}

impl<D: Dialect> StagingWriter<D> {
    pub(super) fn new(
        dialect: D,
        load: Arc<Load>,
        home: Arc<Home<D::Connection>>,
        connection: D::Connection,
        stage: D::Stage,
        held: Option<Held>,
    ) -> Self {
        Self { dialect, load, home, connection, stage, held, received: 0 }
    }
}

#[async_trait]
impl<D: Dialect> Writer for StagingWriter<D> {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        if let Some(Held { table, known }) = self.held.take() {
            let (dialect, connection) = (&self.dialect, &mut self.connection);
            revive(dialect, connection, &self.load, &table, &known).await?;
        }
        self.received += batch.num_rows() as u64;
        self.load.check(&batch, first)?;
        self.stage.take(&mut self.connection, first, &batch).await
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        let staged = self.stage.flush(&mut self.connection).await?;
        if staged != self.received {
            return Err(refusal::lost(&self.load.table, self.received, staged));
        }
        self.home.give(self.connection, self.received);
        Ok(())
    }
}
