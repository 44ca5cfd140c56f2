//! How a request is repeated and how long it may take: plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long one request may take when nothing is said: 60 seconds.
pub fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

/// What to do when a request fails in a way that may pass: 429, 5xx, a broken connection or body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retry {
    /// Tries in all, the first included; at least 1.
    pub max_attempts: u32,
    /// The first wait; each further one doubles.
    pub min_delay: Duration,
    /// The longest wait, unless the server's Retry-After asks for more.
    pub max_delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
        }
    }
}
