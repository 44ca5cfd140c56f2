//! `body: {form: …}`.

use crate::definition::Pairs;
use crate::keys::declare::{Key, required};

pub(super) fn key() -> Key<Pairs> {
    required("{status: paid}")
        .named("form")
        .doc("The fields of a form, as `application/x-www-form-urlencoded`.")
        .example("[{key: status, value: paid}]")
}
