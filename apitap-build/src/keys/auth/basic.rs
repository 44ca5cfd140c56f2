//! `auth: {basic: …}`.

use crate::definition::Template;
use crate::keys::declare::keys;
#[cfg(feature = "compiler")]
use crate::keys::declare::{Key, Sent, Spanned, required};

keys! {
    /// `Authorization: Basic …`.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Basic, spec BasicSpec {
        /// The user.
        username: Template = required("${API_USER}").filled(),
        /// The password; empty if absent.
        password: Template = default(Template(String::new()))
            .example("${API_PASSWORD}")
            .secret("the password", "${API_PASSWORD}"),
    }
}

#[cfg(feature = "compiler")]
pub(super) fn key() -> Key<Basic> {
    required("{username: \"${API_USER}\", password: \"${API_PASSWORD}\"}")
        .named("basic")
        .doc("`Authorization: Basic …`.")
}

#[cfg(feature = "compiler")]
pub(super) fn sent(_: &Spanned<BasicSpec>) -> Vec<Sent> {
    vec![Sent::Header("Authorization".to_owned())]
}
