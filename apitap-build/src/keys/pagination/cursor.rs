//! `kind: cursor`.

use super::{ParamsIn, Stop};
use crate::definition::{ParamName, Pointer};
use crate::keys::declare::keys;

keys! {
    /// `?after=abc`, where each answer or its last record holds the next cursor, until there is none.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Cursor, spec CursorSpec, kind "cursor" {
        /// The parameter that takes the cursor, unless `{cursor}` stands in the request.
        cursor_param: Option<ParamName> = optional().example("after"),
        /// Where the body holds the next cursor.
        cursor_path: Option<Pointer> =
            optional().filled().example("/meta/next").means("next"),
        /// The header that holds the next cursor.
        cursor_header: Option<String> =
            optional().filled().rule(crate::keys::rules::header_name).example("X-Next-Cursor"),
        /// The field of the last record that is the next cursor: `id`, `customer.id`. The end is a page without records.
        cursor_field: Option<String> = optional().filled().example("id"),
        /// Whether a first page without a value at `cursor_path` may be the last.
        may_be_absent: bool = super::may_be_absent().needs("cursor_path"),
        /// The parameter that takes the page's size.
        page_size_param: Option<ParamName> = optional().example("limit").means("size_param"),
        /// Records per page.
        page_size: u64 = super::page_size().needs("page_size_param"),
        /// Where the parameters go: the query, or the body.
        params_in: ParamsIn = super::params_in(),
        /// What each answer says of the end.
        stop: Stop = super::stop(),
    }
    check: check::one_origin;
    missing: check::no_origin;
    rules: vec![Rule::one_of(ORIGINS.iter().map(|key| vec![*key]).collect())];
}

/// Where the next cursor comes from: one of these.
#[cfg(feature = "compiler")]
const ORIGINS: [&str; 3] = ["cursor_path", "cursor_header", "cursor_field"];

#[cfg(feature = "compiler")]
mod check {
    use super::{CursorSpec, ORIGINS};
    use crate::codes;
    use crate::diagnostic::Finding;
    use crate::keys::declare::Mapping;

    /// The next cursor has an origin.
    pub(super) fn no_origin(mapping: &mut Mapping<'_, '_>) {
        if !ORIGINS.into_iter().any(|key| mapping.has(key)) {
            mapping.missing_as("cursor_path", "cursor_path: /meta/next");
        }
    }

    /// The next cursor has one origin.
    pub(super) fn one_origin(_: &CursorSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let written: Vec<_> = ORIGINS.into_iter().filter(|key| mapping.has(key)).collect();
        let [first, .., last] = written[..] else { return !written.is_empty() };
        let place = mapping.key_place(last).unwrap_or(mapping.place);
        let message = format!("`{first}` and `{last}` both say where the next cursor is");
        mapping.findings.push(
            Finding::error(codes::CONFLICTING_KEYS, message, place)
                .help("keep one of `cursor_path`, `cursor_header` and `cursor_field`"),
        );
        false
    }
}
