//! `auth: {login: …}`: a request whose answer holds the token.

use crate::definition::{Body, Method, Pointer, Template};
use crate::keys::declare::keys;
#[cfg(feature = "compiler")]
use crate::keys::declare::{Key, Sent, Spanned, required};
#[cfg(feature = "compiler")]
use crate::keys::rules;

keys! {
    /// A request whose answer holds the token of all others.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Login, spec LoginSpec {
        /// Where to log in.
        url: Template = required("https://api.example.com/login").filled().rule(rules::address),
        /// How it is requested.
        method: Method = default(Method::Post).brief().example("GET"),
        /// What is sent.
        body: Option<Body> = optional()
            .example("{json: {username: \"${API_USER}\", password: \"${API_PASSWORD}\"}}"),
        /// Where the answer holds the token.
        token_path: Pointer = required("/token").filled(),
        /// The header that carries the token.
        header: String =
            default("Authorization".to_owned()).brief().filled().example("X-Auth-Token"),
        /// What stands before the token: `Bearer` in `Authorization`, nothing in other headers, if absent.
        scheme: Option<String> = optional().example("Token"),
    }
    check: check::header;
}

#[cfg(feature = "compiler")]
pub(super) fn key() -> Key<Login> {
    required(
        "{url: \"https://api.example.com/login\", body: {json: {username: \"${API_USER}\", \
         password: \"${API_PASSWORD}\"}}, token_path: /token}",
    )
    .named("login")
    .doc("A request whose answer holds the token; made once, and again when the token is refused.")
}

#[cfg(feature = "compiler")]
pub(super) fn sent(spec: &Spanned<LoginSpec>) -> Vec<Sent> {
    vec![Sent::Header(spec.value.header.value.clone())]
}

#[cfg(feature = "compiler")]
mod check {
    use super::LoginSpec;
    use crate::keys::declare::Mapping;
    use crate::keys::rules::header_name;

    /// The name of a header is a token.
    pub(super) fn header(spec: &LoginSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        header_name(&spec.header, mapping.findings)
    }
}
