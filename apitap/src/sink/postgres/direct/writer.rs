//! Rows → COPYs into the hidden table, over one of several connections.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;

use super::table::Held;
use super::{Filled, table};
use crate::Result;
use crate::sink::contract::Writer;
use crate::sink::load::Load;
use crate::sink::postgres::copy::Copy;
use crate::sink::postgres::link::Link;
use crate::sink::postgres::{Postgres, refused};
use crate::sink::refusal;
use crate::sink::sql::Stage as _;

pub(super) struct DirectWriter {
    pub(super) postgres: Postgres,
    pub(super) load: Arc<Load>,
    pub(super) held: Held,
    pub(super) filled: Arc<Filled>,
    pub(super) connection: Link,
    /// Whether the connection is that of the session.
    pub(super) is_own: bool,
    /// Whether the connection stood idle since the session began.
    pub(super) fresh: bool,
    pub(super) copy: Copy,
    pub(super) received: u64,
}

#[async_trait]
impl Writer for DirectWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        if std::mem::take(&mut self.fresh) {
            table::revive(&self.postgres, &mut self.connection, &self.load, &self.held).await?;
        }
        self.received += batch.num_rows() as u64;
        self.load.check(&batch, first)?;
        self.copy.take(&mut self.connection, first, &batch).await
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        let done = self.copy.flush(&mut self.connection).await?;
        if done != self.received {
            return Err(refusal::lost(&self.load.table, self.received, done));
        }
        let Self { filled, connection, is_own, copy, received, load, .. } = *self;
        if is_own {
            filled.inner().connection = Some(connection);
        } else {
            let closed = connection.close().await;
            closed.map_err(|error| refused(&load, "the rows for", &error))?;
        }
        let (replaced, chunks) = copy.into_chunks();
        let mut inner = filled.inner();
        inner.open -= 1;
        inner.received += received;
        inner.replaced += replaced;
        inner.chunks.extend(chunks);
        Ok(())
    }
}
