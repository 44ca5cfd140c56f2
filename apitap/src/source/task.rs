//! A task that ends with whoever waits for it.

use std::future::Future;

use tokio::task::JoinSet;

use crate::{Error, ErrorKind, Result};

/// A task on the runtime; dropping it stops it.
pub(crate) struct Task<T>(
    /// Of one task: a set stops what is in it when it is dropped, a join handle does not.
    JoinSet<T>,
);

impl<T: Send + 'static> Task<T> {
    /// Starts it; must be called on a tokio runtime.
    pub(crate) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        let mut set = JoinSet::new();
        set.spawn(future);
        Self(set)
    }

    /// What it came to.
    ///
    /// # Errors
    /// When it was stopped from outside, or was waited for already.
    pub(crate) async fn join(&mut self) -> Result<T> {
        match self.0.join_next().await {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) if error.is_panic() => {
                Err(Error::request("the fetch broke down: this is a bug in apitap"))
            }
            Some(Err(_)) | None => {
                Err(Error::new(ErrorKind::Interrupted, "the fetch was stopped before its end"))
            }
        }
    }
}
