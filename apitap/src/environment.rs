//! `${NAME}` in a definition → values, when the program starts.
//!
//! Names that are missing are gathered and reported at once. Nothing here knows what a text is for.

use std::collections::{BTreeMap, BTreeSet};

/// The variables that a run may use, and those that it asked for in vain.
#[derive(Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    missing: BTreeSet<String>,
}
