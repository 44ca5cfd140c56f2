//! `auth: {api_key: …}`.

use crate::definition::Template;
#[cfg(feature = "compiler")]
use crate::keys::declare::{Key, Sent, Spanned, required};
use crate::keys::declare::{choices, keys};

choices! {
    /// Where an API key goes.
    pub enum ApiKeyPlace {
        /// A header of its own.
        Header = "header";
        /// A query parameter.
        Query = "query", also ["params", "param"];
        /// A cookie.
        Cookie = "cookie";
    }
}

keys! {
    /// A key in a place of its own.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct ApiKey, spec ApiKeySpec {
        /// Where the key goes.
        place: ApiKeyPlace = required("header").named("in"),
        /// The name of the header, the parameter or the cookie.
        name: String = required("X-Api-Key").filled(),
        /// The key.
        value: Template = required("${API_KEY}").filled().secret("the key", "${API_KEY}"),
    }
    check: check::name;
}

#[cfg(feature = "compiler")]
pub(super) fn key() -> Key<ApiKey> {
    required("{in: header, name: X-Api-Key, value: \"${API_KEY}\"}")
        .named("api_key")
        .doc("A key in a place of its own.")
}

#[cfg(feature = "compiler")]
pub(super) fn sent(spec: &Spanned<ApiKeySpec>) -> Vec<Sent> {
    let name = spec.value.name.value.clone();
    vec![match spec.value.place.value {
        ApiKeyPlace::Header => Sent::Header(name),
        ApiKeyPlace::Query => Sent::Param(name),
        ApiKeyPlace::Cookie => Sent::Cookie(name),
    }]
}

#[cfg(feature = "compiler")]
mod check {
    use super::{ApiKeyPlace, ApiKeySpec};
    use crate::keys::declare::Mapping;
    use crate::keys::rules::header_name;

    /// The name of a header is a token, and so is that of a cookie.
    pub(super) fn name(spec: &ApiKeySpec, mapping: &mut Mapping<'_, '_>) -> bool {
        spec.place.value == ApiKeyPlace::Query || header_name(&spec.name, mapping.findings)
    }
}
