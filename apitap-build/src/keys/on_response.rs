//! `on_response`: what becomes of answers that the defaults take for something else.

use std::time::Duration;

use super::declare::{choices, keys};
use crate::definition::Condition;

choices! {
    /// What becomes of an answer.
    pub enum Action {
        /// It is asked for again, as often as `retry` allows.
        Retry = "retry";
        /// It has no records: what it stands for is left out of this run.
        Skip = "skip", also ["ignore"];
        /// The same, and that is how it should be: there is nothing to read.
        Empty = "empty", also ["end", "none"];
        /// It is an error.
        Fail = "fail", also ["error", "abort"];
        /// Credentials are renewed once, and it is asked for again.
        RefreshAuth = "refresh_auth", also ["renew", "reauthenticate"];
    }
}

keys! {
    /// An answer, and what becomes of it.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct ResponseRule, spec ResponseRuleSpec {
        /// The status of the answer; any if absent.
        status: Option<u16> = optional().within(100..=599).example("404"),
        /// A text that stands in the first 16 KiB of the body.
        contains: Option<String> = optional().filled().example("ratelimited"),
        /// An expression over the answer that is true: `status`, `header("X-Name")`, `body("/path")`.
        when: Option<Condition> = optional().example("body(\"/ok\") == false"),
        /// What becomes of it.
        action: Action = required("retry").example("skip"),
        /// How long to wait before it is asked for again; else as `Retry-After` and `retry` say.
        wait: Option<Duration> = optional().example("30s"),
    }
    check: check::rule;
    rules: vec![Rule::AnyOf(vec!["status", "contains", "when"])];
}

#[cfg(feature = "compiler")]
mod check {
    use super::{Action, ResponseRuleSpec};
    use crate::codes;
    use crate::diagnostic::Finding;
    use crate::keys::declare::Mapping;

    /// It says which answers are meant, and waits only for what is asked for again.
    pub(super) fn rule(spec: &ResponseRuleSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let (status, contains) = (&spec.status.value, &spec.contains.value);
        if status.is_none() && contains.is_none() && spec.when.value.is_none() {
            mapping.missing_as("status", "status: 404");
            return false;
        }
        if spec.wait.value.is_some() && spec.action.value != Action::Retry {
            let place = mapping.key_place("wait").unwrap_or(mapping.place);
            let message = "`wait` does nothing here: only `retry` waits";
            mapping.findings.push(
                Finding::error(codes::CONFLICTING_KEYS, message, place)
                    .help("remove it, or write `action: retry`"),
            );
            return false;
        }
        true
    }
}
