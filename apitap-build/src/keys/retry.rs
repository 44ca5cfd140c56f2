//! `retry`: what to do when a request fails.

use std::time::Duration;

use super::declare::keys;

keys! {
    /// What to do about 408, 429, 5xx, and broken connections and bodies.
    #[derive(Copy, Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Retry, spec RetrySpec {
        /// Tries in all, the first included.
        max_attempts: u32 = default(5).within(1..=1_000).example("3"),
        /// The first wait, in seconds; each further one doubles.
        min_delay: Duration =
            default(Duration::from_secs(1)).named("min_delay_secs").in_seconds().example("2"),
        /// The longest wait, in seconds, unless Retry-After asks for more.
        max_delay: Duration =
            default(Duration::from_secs(30)).named("max_delay_secs").in_seconds().example("60"),
    }
    check: check::order;
}

#[cfg(feature = "compiler")]
mod check {
    use super::RetrySpec;
    use crate::codes;
    use crate::diagnostic::Finding;
    use crate::keys::declare::Mapping;

    /// The wait grows from the one to the other.
    pub(super) fn order(spec: &RetrySpec, mapping: &mut Mapping<'_, '_>) -> bool {
        if spec.min_delay.value <= spec.max_delay.value {
            return true;
        }
        let place = mapping.key_place("max_delay_secs").unwrap_or(mapping.place);
        let message = "`max_delay_secs` is less than `min_delay_secs`";
        mapping.findings.push(
            Finding::error(codes::INVALID_VALUE, message, place)
                .help("the wait grows from the one to the other"),
        );
        false
    }
}
