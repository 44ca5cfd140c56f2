//! What a pipeline remembers in the log of a table, for people who look at it or correct it.

use super::Files;
use super::log::{self, Record};
use super::session::keep_away;
use super::store::{self, Store};
use crate::sink::Load;
use crate::sink::contract::{Remembered, StateChange};
use crate::{Error, Result};

/// The state of the last commit. Which run wrote it is known where that commit is the pipeline's own.
pub(super) async fn remembered(files: &Files, load: &Load) -> Result<Vec<Remembered>> {
    let store = store::begin(files, &load.table.to_string()).await?;
    let found = look(store.as_ref(), load).await;
    store::ended(store.as_ref(), found).await
}

async fn look(store: &dyn Store, load: &Load) -> Result<Vec<Remembered>> {
    let Some(tip) = log::settled(store).await? else { return Ok(Vec::new()) };
    let own = tip.record.pipeline == load.pipeline;
    let (run, at) = if own { (&*tip.record.run, &*tip.record.at) } else { ("", "") };
    Ok(tip.record.remembered(&load.pipeline).told(run, at))
}

/// A commit without files.
pub(super) async fn correct(files: &Files, load: &Load, change: &StateChange) -> Result<()> {
    let store = store::begin(files, &load.table.to_string()).await?;
    keep_away(store.as_ref(), load).await?;
    let done = commit(store.as_ref(), load, change).await;
    store::ended(store.as_ref(), done).await
}

async fn commit(store: &dyn Store, load: &Load, change: &StateChange) -> Result<()> {
    loop {
        let tip = log::settled(store).await?.filter(log::Tip::is_table);
        let Some(tip) = tip else {
            let message = format!("nothing was committed to `{}` yet", load.table);
            return Err(Error::target(message).help("run the pipeline once first"));
        };
        let there = tip.record.clone();
        let mut record = Record::new(&there.format, there.columns, there.partition_by);
        record.pipeline.clone_from(&load.pipeline);
        record.run.clone_from(&change.run);
        record.state = there.state;
        record.remember(&load.pipeline, change);
        if log::commit(store, Some(&tip), record).await? {
            return Ok(());
        }
    }
}
