//! The tokio runtime, for whoever has none: programs of `apitap::main!()`, and tests.

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, Result};

/// A runtime for a whole program.
pub(crate) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::config("the runtime cannot start").caused_by(cause))
}

/// Whether tasks can be started here.
///
/// # Errors
/// There is no tokio runtime.
pub(crate) fn check_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::config("there is no tokio runtime here")
            .help("wait for it with `apitap::block_on`, or in a function under `#[tokio::main]`")),
    }
}

/// Waits for a future of [`crate::Result`] in code that is not async, as in a plain `#[test]`.
///
/// ```no_run
/// # async fn transform(_: [u8; 0]) -> apitap::Result<Vec<u8>> { Ok(Vec::new()) }
/// let rows = apitap::block_on(transform([]))?;
/// # Ok::<_, apitap::Error>(())
/// ```
///
/// # Errors
/// Those of the future; a runtime that cannot start, or is there already.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    if Handle::try_current().is_ok() {
        return Err(Error::config("`block_on` cannot wait inside of async code")
            .help("write `.await` instead"));
    }
    runtime()?.block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_where_there_is_no_runtime_and_only_there() {
        let seven = async { check_runtime().map(|()| 7) };
        assert_eq!(block_on(seven).map_err(|error| error.to_string()), Ok(7));
        let inside = block_on(async { block_on(async { Ok(7) }) });
        assert_eq!(
            inside.map_err(|error| error.to_string()),
            Err("`block_on` cannot wait inside of async code\n  help:     write `.await` instead"
                .to_owned())
        );
    }
}
