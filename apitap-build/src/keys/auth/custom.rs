//! `auth: {custom: …}`: a Rust type signs each request.

use crate::definition::Custom;
use crate::keys::custom::CustomSpec;
use crate::keys::declare::{Key, Sent, Spanned, required};

pub(super) fn key() -> Key<Custom> {
    required("\"crate::shop::Signed\"")
        .named("custom")
        .doc("A Rust type that signs each request: its path, or its path and settings.")
}

/// What a type of the user's sends is not known.
pub(super) fn sent(_: &Spanned<CustomSpec>) -> Vec<Sent> {
    Vec::new()
}
