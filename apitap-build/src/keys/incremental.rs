//! `incremental`: each run loads what has changed since the last one.

use std::time::Duration;

#[cfg(feature = "compiler")]
use super::declare::{Mapping, Spanned};
use super::declare::{choices, keys};
#[cfg(feature = "compiler")]
use super::rules;
#[cfg(feature = "compiler")]
use crate::codes;
use crate::definition::{ParamName, Template};
#[cfg(feature = "compiler")]
use crate::diagnostic::Finding;
use crate::expression::TimeFormat;

/// Ten years.
#[cfg(feature = "compiler")]
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

choices! {
    /// Who leaves out what is known already.
    pub enum IncrementalMode {
        /// The API: it is told since when.
        Server = "server";
        /// apitap: the API sends everything, each time.
        Client = "client";
        /// apitap: the API sends what is newest first, and is asked until a record is known.
        Feed = "feed";
    }
}

keys! {
    /// Loads what has changed since the last run; how far that came is kept beside the rows.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Incremental, spec IncrementalSpec {
        /// The field that says when a record was changed: a `timestamp!` or a `date!`, or one that stands in
        /// another, as in `meta.updated_at`.
        field: String = required("updated_at").filled(),
        /// Since when the first run loads: a date, or a timestamp as in RFC 3339. Everything if absent.
        start: Option<Template> = optional().filled().rule(rules::start).example("2026-01-31"),
        /// The query parameter that says since when. An expression with `{start}` can stand anywhere instead.
        param: Option<ParamName> = optional().example("updated_since"),
        /// The query parameter that says until when; `{end}` in an expression.
        end_param: Option<ParamName> = optional().example("updated_before"),
        /// How times are written in these parameters: `rfc3339` (a `date!` as a date), `epoch_s`, `epoch_ms`, or a pattern.
        format: TimeFormat = default(TimeFormat::default())
            .rule(rules::time_format)
            .brief()
            .example("epoch_s"),
        /// How much time one request covers: the whole is requested slice by slice, several at once.
        window: Option<Duration> = optional().up_to(LONGEST).needs("start").example("7d"),
        /// How much of what is known is loaded again, for records that the API shows late.
        lookback: Option<Duration> = optional().up_to(LONGEST).example("1h"),
        /// Who leaves out what is known already.
        mode: IncrementalMode = default(IncrementalMode::Server).brief(),
    }
    check: check;
}

/// What goes together: slices are requested of an API that is told both of their ends.
#[cfg(feature = "compiler")]
fn check(spec: &IncrementalSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let before = mapping.findings.errors();
    let mut refuse = |what: &Spanned<Option<Duration>>, message: &str, help: &str| {
        let finding = Finding::error(codes::CONFLICTING_KEYS, message, &what.place);
        mapping.findings.push(finding.help(help));
    };
    let window = &spec.window;
    if window.value.is_some() && spec.mode.value != IncrementalMode::Server {
        let help = "remove `window`: only an API that is told since when can be asked in slices";
        refuse(window, "`window` does nothing where the API is not told since when", help);
    }
    mapping.findings.errors() == before
}
