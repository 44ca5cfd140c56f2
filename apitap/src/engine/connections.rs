//! How many connections to one database server a run has open at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The servers that a run writes to.
pub(super) struct Servers {
    each: usize,
    known: Mutex<HashMap<String, Connections>>,
}

impl Servers {
    /// None yet; to each of them, so many connections are open at once.
    pub(super) fn new(each: usize) -> Self {
        Self { each, known: Mutex::default() }
    }

    /// The connections to a server. What two pipelines call by one name is one server.
    pub(super) fn connections(&self, server: &str) -> Connections {
        // It is whole between any two statements, so a panic elsewhere does not spoil it.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Connections(Arc::new(Semaphore::new(self.each)));
        known.entry(server.to_owned()).or_insert_with(new).clone()
    }
}

/// The connections to one server, which all pipelines that write to it share.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Semaphore>);

/// The right to one connection, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `None` where nobody counts any more.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connections {
    /// One, as soon as it is free; those who have waited longer are the first.
    ///
    /// Who holds one must not wait for another: all others might do the same.
    pub(super) async fn one(&self) -> Connection {
        Connection { _permit: Arc::clone(&self.0).acquire_owned().await.ok() }
    }

    /// One, if it is free right now.
    pub(crate) fn free(&self) -> Option<Connection> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Connection { _permit: Some(permit) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn each_server_has_as_many_connections_as_are_allowed() {
        let servers = Servers::new(2);
        let held: Vec<_> = (0..3).map(|_| servers.connections("one:5432").free()).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(servers.connections("other:5432").free().is_some());
        let one = servers.connections("one:5432");
        let waits = tokio::time::timeout(Duration::from_millis(20), one.one()).await;
        assert!(waits.is_err());
        drop(held);
        drop(one.one().await);
    }
}
