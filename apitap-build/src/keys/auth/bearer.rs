//! `auth: {bearer: …}`.

use crate::definition::Template;
use crate::keys::declare::{Key, Sent, Spanned, required};

pub(super) fn key() -> Key<Template> {
    required("\"${TOKEN}\"")
        .named("bearer")
        .doc("The token of `Authorization: Bearer …`.")
        .filled()
        .secret("the token", "${API_TOKEN}")
}

pub(super) fn sent(_: &Spanned<Template>) -> Vec<Sent> {
    vec![Sent::Header("Authorization".to_owned())]
}
