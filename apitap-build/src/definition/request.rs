//! How long a request may take: plain data.

use std::time::Duration;

/// How long one request may take when nothing is said: 60 seconds.
pub fn default_timeout() -> Duration {
    Duration::from_secs(60)
}
