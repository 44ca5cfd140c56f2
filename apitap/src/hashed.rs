//! A text → a name that stands for it, the same in every build.
//!
//! Programs that were built by different compilers keep each other out by such names, and find them in states.

use sha2::{Digest as _, Sha256};

/// Sixteen hexadecimal digits: the start of the text's SHA-256.
pub(crate) fn hashed(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let start = hash.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(start))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_has_the_digits_that_any_other_build_gives_it() {
        // `printf orders | sha256sum | head -c 16`
        assert_eq!(super::hashed("orders"), "1c168adb00d208e4");
    }
}
