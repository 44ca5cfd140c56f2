//! Commits of the log of a table: with rows, with a state only, and with nothing, which fences others off.

use serde_json::json;

use super::action::{Action, Protocol, now};
use super::fit::{self, Fit};
use super::snapshot::Snapshot;
use super::state;
use crate::definition::Mode;
use crate::sink::contract::StateChange;
use crate::sink::files::store::Store;
use crate::sink::load::Load;
use crate::{Error, Result};

/// What a table that apitap creates needs of those who read and write it: nothing new.
pub(super) const PROTOCOL: Protocol = Protocol {
    min_reader_version: 1,
    min_writer_version: 2,
    reader_features: None,
    writer_features: None,
};

/// Changes what a pipeline remembers, and nothing else.
pub(super) async fn remember(store: &dyn Store, load: &Load, change: &StateChange) -> Result<()> {
    let mut snapshot = Snapshot::load(store).await?;
    loop {
        if snapshot.version.is_none() {
            let message = format!("nothing was committed to `{}` yet", load.table);
            return Err(Error::target(message).help("run the pipeline once first"));
        }
        let name = store.session().to_owned();
        let state = state::change(store, &snapshot, &load.pipeline, change, &name).await?;
        let Some(state) = state else { return Ok(()) };
        let info = info(load, "SET STATE", &change.run, &name, false);
        if commit(store, &mut snapshot, vec![info, state]).await? {
            store.published(&[]).await?;
            return state::tidy(store, &snapshot).await;
        }
        snapshot.refresh(store).await?;
    }
}

/// Commits a version that changes nothing: who has read an earlier one cannot commit behind that.
pub(super) async fn fence(store: &dyn Store, load: &Load) -> Result<()> {
    let mut snapshot = Snapshot::load(store).await?;
    loop {
        let mut actions = vec![info(load, "FENCE", "", store.session(), false)];
        if snapshot.version.is_none() {
            let Fit { schema, .. } = fit::fit(load, &snapshot)?;
            actions.push(PROTOCOL.into());
            actions.push(fit::meta(load, &snapshot, &schema)?.into());
        }
        if commit(store, &mut snapshot, actions).await? {
            return store.published(&[]).await;
        }
        snapshot.refresh(store).await?;
    }
}

/// Commits behind a version that was read; `false` where another commit was first.
pub(super) async fn commit(
    store: &dyn Store,
    there: &mut Snapshot,
    actions: Vec<Action>,
) -> Result<bool> {
    let mut text = Vec::new();
    for action in &actions {
        let line = serde_json::to_vec(action);
        text.extend(
            line.map_err(|cause| Error::target("the commit has no JSON").caused_by(cause))?,
        );
        text.push(b'\n');
    }
    let next = there.next();
    if !store.create_commit(next, text).await? {
        return Ok(false);
    }
    for action in actions {
        there.apply(action).map_err(Error::target)?;
    }
    there.version = Some(next);
    Ok(true)
}

/// What people read of a commit.
pub(super) fn info(load: &Load, operation: &str, run: &str, name: &str, appends: bool) -> Action {
    let mode = match load.mode {
        Mode::Replace => "Overwrite",
        _ => "Append",
    };
    let info = json!({
        "timestamp": now(),
        "operation": operation,
        "operationParameters": { "mode": mode },
        "isBlindAppend": appends,
        "engineInfo": concat!("apitap/", env!("CARGO_PKG_VERSION")),
        "txnId": name,
        "apitap": { "pipeline": load.pipeline, "run": run },
    });
    Action { commit_info: Some(info), ..Action::default() }
}
