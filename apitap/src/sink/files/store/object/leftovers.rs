//! What sessions have staged that are no longer there.
//!
//! That a session is dead is never certain: it may sleep. So its uploads are aborted only when it cannot
//! commit them any more. First it is marked; then a record is committed that changes nothing
//! ([`Leftovers::may_commit`]). A session looks for its mark after it has read the last commit and before
//! it creates the next one ([`super::Inner::check_not_given_up`]). If it read the last commit before that
//! record was there, its own has the same number, and one of the two is not created; else it sees the
//! mark. And what it committed before the record was published before the record was created.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::lease::{Here, Lease, PATIENCE};
use super::{ALIVE, DEAD, Inner, Listed, Mark};
use crate::Result;
use crate::sink::files::store::Leftovers;

/// The sessions that are taken for dead.
pub(super) struct Left {
    inner: Arc<Inner>,
    dead: Vec<Dead>,
}

struct Dead {
    session: String,
    /// The uploads that it has begun.
    marks: Vec<Mark>,
    /// The names of all its objects.
    names: Vec<String>,
    lease: Option<Lease>,
}

/// Looks for the dead, and marks those that have begun an upload.
pub(super) async fn find(inner: &Arc<Inner>) -> Result<Left> {
    let mut sessions: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for found in inner.staged("").await? {
        let Some((session, name)) = found.name.split_once('/') else { continue };
        let listed = Listed { name: name.to_owned(), at: found.at };
        sessions.entry(session.to_owned()).or_default().push(listed);
    }
    let last = |objects: &Vec<Listed>| objects.iter().map(|object| object.at).max();
    // What this session has just written tells the time of the store.
    let now = sessions.remove(&inner.session).as_ref().and_then(last).unwrap_or_else(Utc::now);
    let mut dead = Vec::new();
    for (session, objects) in sessions {
        let Some(lease) = given_up(&session, last(&objects), now) else { continue };
        dead.push(of(inner, session, objects, lease).await?);
    }
    Ok(Left { inner: inner.clone(), dead })
}

/// Whether a session is taken for dead, and its lock where this machine has it.
pub(super) fn given_up(
    session: &str,
    last: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Option<Lease>> {
    match Lease::of(session) {
        Here::Dead(lease) => Some(Some(lease)),
        Here::Alive => None,
        Here::Unknown => last.is_some_and(|last| now - last > PATIENCE).then_some(None),
    }
}

async fn of(
    inner: &Inner,
    session: String,
    objects: Vec<Listed>,
    lease: Option<Lease>,
) -> Result<Dead> {
    let mut names: Vec<_> = objects.into_iter().map(|object| object.name).collect();
    let mut marks = Vec::new();
    for name in names.iter().filter(|name| ![ALIVE, DEAD].contains(&name.as_str())) {
        marks.extend(inner.mark(&session, name).await?);
    }
    if !marks.is_empty() {
        inner.write(&session, DEAD, Vec::new()).await?;
        names.push(DEAD.to_owned());
    }
    // The mark goes last: until then the session is known to be given up.
    names.sort_by_key(|name| (name == DEAD, name == ALIVE));
    names.dedup();
    Ok(Dead { session, marks, names, lease })
}

#[async_trait]
impl Leftovers for Left {
    fn may_commit(&self) -> bool {
        self.dead.iter().any(|dead| !dead.marks.is_empty())
    }

    #[cfg(feature = "delta")]
    fn sessions(&self) -> Vec<String> {
        self.dead.iter().map(|dead| dead.session.clone()).collect()
    }

    async fn remove(self: Box<Self>) -> Result<()> {
        for Dead { session, marks, names, lease } in &self.dead {
            for mark in marks {
                self.inner.abort(mark).await?;
            }
            for name in names {
                self.inner.remove_own(session, name).await?;
            }
            if let Some(lease) = lease {
                lease.end();
            }
            tracing::debug!("removed what the session `{session}` has left, which was killed");
        }
        Ok(())
    }
}
