//! How the records of a source differ from its schema: what is told of drift.

use super::seen::SeenFields;
use super::unknown::UnknownFields;

/// How the records of a source differ from its schema.
#[derive(Debug, Default)]
pub struct Differences {
    /// What they have and the schema does not declare, where it is counted.
    pub(crate) unknown: UnknownFields,
    /// Which of the declared fields they have, as far as they are looked at.
    pub(crate) seen: SeenFields,
}

impl Differences {
    /// Adds those of another part of the source.
    pub(crate) fn merge(&mut self, other: Self) {
        self.unknown.merge(&other.unknown);
        self.seen.merge(other.seen);
    }
}
