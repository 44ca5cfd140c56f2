//! `rate_limit`: how often an API is asked.

use std::time::Duration;

use super::declare::keys;

keys! {
    /// How often an API is asked, by all sources of the process together that share the scope.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct RateLimit, spec RateLimitSpec {
        /// The most requests in any stretch of `per`.
        requests: u32 = required("8").within(1..=100_000),
        /// How long the stretch is.
        per: Duration = required("1s").example("1m"),
        /// What has the limit: sources with the same text share it; the `api`, else the host, if absent.
        scope: Option<String> = optional().filled().example("shop"),
    }
}
