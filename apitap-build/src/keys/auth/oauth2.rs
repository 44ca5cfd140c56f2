//! `auth: {oauth2: …}`. Each grant is declared in a file of its own.

#[cfg(feature = "compiler")]
use crate::definition::{Template, Texts};
#[cfg(feature = "compiler")]
use crate::keys::declare::{Key, Sent, Spanned, default, required};
use crate::keys::declare::{choices, kinds};
#[cfg(feature = "compiler")]
use crate::keys::rules;

mod client_credentials;
mod password;
mod refresh_token;

choices! {
    /// Where a request for a token carries `client_id` and `client_secret`.
    pub enum CredentialsIn {
        /// `Authorization: Basic …`.
        Header = "header", also ["basic", "client_secret_basic"];
        /// Fields of the form.
        Body = "body", also ["post", "form", "client_secret_post"];
    }
}

kinds! {
    /// A token of an OAuth 2.0 server, sent as `Authorization: Bearer …`.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case", tag = "grant")]
    pub enum OAuth2, spec OAuth2Spec, key "grant" {
        client_credentials::ClientCredentials,
        refresh_token::RefreshToken,
        password::Password,
    }
}

#[cfg(feature = "compiler")]
pub(super) fn key() -> Key<OAuth2> {
    required(
        "{grant: client_credentials, token_url: \"https://auth.example.com/oauth/token\", \
         client_id: \"${CLIENT_ID}\", client_secret: \"${CLIENT_SECRET}\"}",
    )
    .named("oauth2")
    .doc("A token of an OAuth 2.0 server, requested once and renewed in time.")
}

#[cfg(feature = "compiler")]
pub(super) fn sent(_: &Spanned<OAuth2Spec>) -> Vec<Sent> {
    vec![Sent::Header("Authorization".to_owned())]
}

/// Where the tokens come from.
#[cfg(feature = "compiler")]
fn token_url() -> Key<Template> {
    required("https://auth.example.com/oauth/token")
        .filled()
        .rule(rules::address)
        .example("${AUTH_URL:-https://auth.example.com}/oauth/token")
}

/// The program, as the server knows it.
#[cfg(feature = "compiler")]
fn client_id() -> Key<Template> {
    required("${CLIENT_ID}").filled()
}

/// What only the program and the server know; a public client has none.
#[cfg(feature = "compiler")]
fn client_secret() -> Key<Option<Template>> {
    default(None)
        .filled()
        .example("${CLIENT_SECRET}")
        .secret("the client's secret", "${CLIENT_SECRET}")
}

/// What the token is to allow.
#[cfg(feature = "compiler")]
fn scopes() -> Key<Texts> {
    default(Texts::default()).example("[orders.read, customers.read]").example("orders.read")
}

/// Header first, as RFC 6749 has it.
#[cfg(feature = "compiler")]
fn credentials_in() -> Key<CredentialsIn> {
    default(CredentialsIn::Header).brief().example("body")
}
