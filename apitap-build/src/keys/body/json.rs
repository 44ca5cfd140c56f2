//! `body: {json: …}`.

use crate::definition::Json;
use crate::keys::declare::{Key, required};

pub(super) fn key() -> Key<Json> {
    required("{status: paid, limit: 100}")
        .named("json")
        .doc("JSON: a mapping, a list or a single value of YAML, whose types are kept.")
        .example("{query: \"query { orders { id } }\", variables: {first: 100}}")
}
