//! The elements of a page, where `*` in `data_path` leads from them to the records: what an API counts, and
//! puts into its pages.

use sha2::{Digest as _, Sha256};

use super::Fingerprint;

/// The elements at the first `*`: how many there are, and what their text comes to, whatever pieces it came
/// in.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements {
    count: u64,
    text: Sha256,
}

impl Elements {
    /// More of their text.
    pub(super) fn read(&mut self, text: &str) {
        self.text.update(text);
    }

    /// So many have come.
    #[must_use]
    pub(super) fn counted(self, count: u64) -> Self {
        Self { count, ..self }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let hash = self.text.clone().finalize();
        Fingerprint(u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default()))
    }
}
