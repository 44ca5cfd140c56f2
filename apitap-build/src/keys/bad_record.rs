//! `on_bad_record` and `dead_letters`: what becomes of a record that does not fit its schema.

use super::declare::choices;
use super::mapping::Mapping;
use super::source::RequestSpec;
use crate::codes;
use crate::definition::Template;
use crate::diagnostic::Finding;

choices! {
    /// What becomes of a record that does not fit its schema.
    pub enum OnBadRecord {
        /// It ends the run.
        Error = "error", also ["fail"];
        /// It is left out, and written into a file: `dead_letters`.
        Skip = "skip", also ["ignore", "dead_letter"];
    }
}

/// A file for dead letters takes some only where records are skipped.
pub(super) fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let skips = spec.on_bad_record.value == OnBadRecord::Skip;
    if skips || spec.dead_letters.value.is_none() {
        return true;
    }
    let place = mapping.key_place("dead_letters").unwrap_or(mapping.place);
    let message = "`dead_letters` does nothing without `on_bad_record: skip`";
    mapping.findings.push(
        Finding::error(codes::USELESS_KEY, message, place)
            .help("remove it, or write `on_bad_record: skip`"),
    );
    false
}

/// The file of a source that names none.
pub(super) fn usual_file(source: &str) -> Template {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    Template(format!("dead_letters/{}.jsonl", source.chars().map(plain).collect::<String>()))
}
