//! The lock of a run: a locked file beside the database, `shop.db-apitap-1f0c7a2b9e4d3c5a`.
//!
//! Of the database itself no lock outlives a transaction.

use std::path::{Path, PathBuf};

use crate::hashed::hashed;
use crate::sink::locked;
use crate::sink::sql::Claim;
use crate::{Error, Result};

/// Takes the lock of that name beside a database, or says who has it.
pub(in crate::sink) fn claim(database: &Path, name: &str) -> Result<Claim> {
    let path = beside(database, name);
    locked::lock(&path).map_err(|error| {
        Error::target(format!("cannot lock `{}`: {error}", path.display()))
            .help("the folder of the database must be writable, for its journal too")
    })
}

fn beside(database: &Path, name: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(format!("-apitap-{}", hashed(name)));
    path.into()
}
