//! One run of a pipeline at a time: a numbered object for each run, of which the last one counts.
//!
//! A run creates the object behind the last one, which one of several can do, where the session of that is over. So
//! the last object stays behind its run, and no number comes twice. That a session is over is known as
//! [`super::leftovers`] knows it: at once where it has ended or was of this machine, else after a while. What keeps the
//! rows of one out that was taken for dead is told there, too.

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::Inner;
use super::leftovers::given_up;
use crate::hashed::hashed;
use crate::sink::files::store::{OWN, commit_name, commit_number};
use crate::sink::locked::this_process;
use crate::sink::sql::Holder;
use crate::{Error, Result};

/// Whose a pipeline is.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    session: String,
    /// In words.
    who: String,
}

/// Keeps other runs of a pipeline away, or says who does so.
pub(super) async fn claim(inner: &Inner, pipeline: &str) -> Result<Option<Holder>> {
    let folder = format!("{OWN}/runs/{}", hashed(pipeline));
    let ours = Run { session: inner.session.clone(), who: this_process() };
    let text = serde_json::to_vec(&ours);
    let text = text.map_err(|cause| Error::target("a run has no JSON").caused_by(cause))?;
    loop {
        let mut numbers: Vec<_> =
            inner.list(&folder).await?.iter().filter_map(|(name, _)| commit_number(name)).collect();
        numbers.sort_unstable();
        let last = numbers.last().copied();
        let place = |number: u64| inner.path(&format!("{folder}/{}", commit_name(number)));
        if let Some(number) = last {
            // It may have been removed by one that came behind it.
            let Some(run) = read(inner, &place(number)?).await? else { continue };
            if is_alive(inner, &run.session).await? {
                return Ok(Some(Holder { who: run.who, end: None }));
            }
        }
        let next = place(last.map_or(1, |number| number + 1))?;
        if !inner.create("write", &next, text.clone()).await? {
            continue;
        }
        let old = numbers.into_iter().map(place).collect::<Result<_>>()?;
        inner.remove(old).await?;
        return Ok(None);
    }
}

async fn read(inner: &Inner, path: &Path) -> Result<Option<Run>> {
    let Some(text) = inner.read(path).await? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|cause| {
        Error::target(format!("`{}` cannot be read: {cause}", inner.shown(path)))
            .help("it was not written by apitap, or changed since: remove it")
    })
}

/// Whether a session goes on.
async fn is_alive(inner: &Inner, session: &str) -> Result<bool> {
    let last = |objects: Vec<super::Listed>| objects.into_iter().map(|object| object.at).max();
    // One that has ended leaves nothing.
    let Some(theirs) = last(inner.staged(session).await?) else { return Ok(false) };
    // What this session has just written tells the time of the store.
    let now = last(inner.staged(&inner.session).await?).unwrap_or_else(chrono::Utc::now);
    Ok(given_up(session, Some(theirs), now).is_none())
}
