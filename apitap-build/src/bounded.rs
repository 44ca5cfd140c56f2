//! Files that somebody else may have written, and which may be devices that never end.

use std::io::{Error, Read as _, Result};
use std::path::Path;

/// The bytes of a file that has at most so many MiB.
///
/// # Errors
/// The file cannot be read, or has more.
pub fn read(path: &Path, mebibytes: u64) -> Result<Vec<u8>> {
    let most = mebibytes << 20;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match u64::try_from(read) {
        Ok(read) if read <= most => Ok(bytes),
        _ => Err(Error::other(format!("it has more than {mebibytes} MiB"))),
    }
}
