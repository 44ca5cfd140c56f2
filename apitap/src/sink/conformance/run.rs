//! One load with one writer at a time, for checks and tests.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use crate::definition::Mode;
use crate::engine::limits::{Limits, Memory};
use crate::schema::{Field, Schema, Type};
use crate::sink::{Load, Session, State, StateChange, Target, Writer, Written};
use crate::{Error, Result};

/// A load whose rows come in batches, in order, through one writer.
pub struct Run {
    session: Box<dyn Session>,
    writer: Option<Box<dyn Writer>>,
    next: u64,
}

impl Run {
    /// Opens the target for a load, with the limits of a run of one pipeline.
    ///
    /// # Errors
    /// Those of [`Load::new`] and [`Target::open`].
    pub async fn open(
        target: &dyn Target,
        table: &str,
        mode: Mode,
        key: &[String],
        row: &Schema,
    ) -> Result<Self> {
        let load = Load::new("conformance", table, mode, key, row)?;
        Self::of(target, load).await
    }

    /// The same for a load that is there.
    ///
    /// # Errors
    /// Those of [`Target::open`].
    pub async fn of(target: &dyn Target, load: Load) -> Result<Self> {
        let session = target.open(load, &Limits::of(Memory::default(), 1)).await?;
        Ok(Self { session, writer: None, next: 1 })
    }

    /// Writes the next rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let first = self.next;
        self.next += batch.num_rows() as u64;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.session.writer().await?),
        };
        writer.write(first, batch).await
    }

    /// Closes the writer, so that what it has taken can be committed.
    ///
    /// # Errors
    /// Those of the writer.
    pub async fn close(&mut self) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    /// Closes the writer and commits, with this state.
    ///
    /// # Errors
    /// Those of the writer and of the session.
    pub async fn commit_with(&mut self, state: &StateChange) -> Result<Written> {
        self.close().await?;
        self.session.commit(state).await
    }

    /// Closes the writer, commits without a state, and finishes.
    ///
    /// # Errors
    /// Those of the writer and of the session.
    pub async fn commit(mut self) -> Result<Written> {
        self.commit_with(&StateChange::default()).await?;
        self.finish().await
    }

    /// Ends what has been committed.
    ///
    /// # Errors
    /// Those of the session.
    pub async fn finish(self) -> Result<Written> {
        self.session.finish().await
    }

    /// The session itself.
    pub fn session(&mut self) -> &mut dyn Session {
        self.session.as_mut()
    }

    pub(super) async fn state(&mut self) -> Result<State> {
        self.session.state().await
    }

    /// Ends the load where it is.
    ///
    /// # Errors
    /// The target cannot be reached.
    pub async fn abort(self) -> Result<()> {
        drop(self.writer);
        self.session.abort().await
    }
}

/// The rows of the checks: `id` and `value`.
pub(super) fn row() -> Schema {
    [Field::new("id", Type::Int64, false), Field::new("value", Type::String, true)]
        .into_iter()
        .collect()
}

/// A load of such rows; its key is `id`, where the target has keys.
pub(super) async fn open(target: &Arc<dyn Target>, table: &str, mode: Mode) -> Result<Run> {
    Run::open(target.as_ref(), table, mode, &key(target), &row()).await
}

/// What has no table to look a row up in has no keys.
fn key(target: &Arc<dyn Target>) -> Vec<String> {
    match target.capabilities().storage.has_keys() {
        true => vec!["id".to_owned()],
        false => Vec::new(),
    }
}

/// The same for a pipeline of another name.
pub(super) async fn open_as(
    target: &Arc<dyn Target>,
    pipeline: &str,
    table: &str,
    mode: Mode,
) -> Result<Run> {
    Run::of(target.as_ref(), Load::new(pipeline, table, mode, &key(target), &row())?).await
}

/// These rows in a batch.
pub(super) fn batch(rows: &[(i64, Option<&str>)]) -> Result<RecordBatch> {
    let ids = Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id));
    let values: StringArray = rows.iter().map(|(_, value)| *value).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(values)];
    RecordBatch::try_new(crate::schema::arrow::schema(&row()), columns)
        .map_err(|cause| Error::target("the rows of a check are no batch").caused_by(cause))
}

/// One whole load.
pub(super) async fn load(
    target: &Arc<dyn Target>,
    table: &str,
    mode: Mode,
    rows: &[(i64, Option<&str>)],
) -> Result<Written> {
    let mut run = open(target, table, mode).await?;
    run.write(batch(rows)?).await?;
    run.commit().await
}
