//! `stop`: what the answers say of the end, in any kind of pagination.

use crate::definition::Pointer;
use crate::keys::declare::keys;

keys! {
    /// What each answer says of the end: the pages end there, and not before.
    #[derive(Default, Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Stop, spec StopSpec {
        /// Where the body says whether more pages follow: `true` or `false`.
        has_more_path: Option<Pointer> = optional().filled().example("/has_more"),
        /// Where the body says whether this page is the last: `true` or `false`.
        is_last_path: Option<Pointer> = optional().filled().example("/done"),
        /// Where the body says how many records there are in all.
        total_path: Option<Pointer> = optional().filled().example("/meta/total"),
        /// Where the body says how many pages there are in all.
        total_pages_path: Option<Pointer> = optional().filled().example("/meta/total_pages"),
        /// At most so many pages are read, whatever follows.
        max_pages: Option<u64> = optional().within(1..=1_000_000).example("10"),
    }
    check: check::one_flag;
    rules: vec![Rule::NotBoth("has_more_path", "is_last_path")];
}

#[cfg(feature = "compiler")]
mod check {
    use super::StopSpec;
    use crate::codes;
    use crate::diagnostic::Finding;
    use crate::keys::declare::Mapping;

    /// Two flags could disagree.
    pub(super) fn one_flag(_: &StopSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let (Some(place), true) = (mapping.key_place("is_last_path"), mapping.has("has_more_path"))
        else {
            return true;
        };
        let message = "`has_more_path` and `is_last_path` say the same thing twice";
        mapping.findings.push(
            Finding::error(codes::CONFLICTING_KEYS, message, place)
                .help("keep the one that the API has"),
        );
        false
    }
}
