//! What answers requests → a server on loopback, with a thread of its own.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use tokio::runtime::{Builder, Runtime};

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Loopback {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Loopback {
    /// Serves on a port that was free.
    pub(crate) fn serve(router: Router) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        });
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        // In the background, since a test may drop this inside a runtime of its own.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
