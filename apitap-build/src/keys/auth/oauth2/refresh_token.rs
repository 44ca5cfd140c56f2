//! `grant: refresh_token`.

use super::CredentialsIn;
use crate::definition::{Template, Texts};
use crate::keys::declare::keys;

keys! {
    /// Somebody has allowed it once, and a refresh token stands for that.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct RefreshToken, spec RefreshTokenSpec, kind "refresh_token" {
        /// Where tokens are requested.
        token_url: Template = super::token_url(),
        /// The program, as the server knows it.
        client_id: Template = super::client_id(),
        /// What only the program and the server know; a public client has none.
        client_secret: Option<Template> = super::client_secret(),
        /// The refresh token.
        refresh_token: Template = required("${REFRESH_TOKEN}")
            .filled()
            .secret("the refresh token", "${REFRESH_TOKEN}"),
        /// A file that keeps the refresh token that the server gives in place of the last one; it is read first.
        token_file: Option<Template> = optional().filled().example("${STATE_DIR:-.}/shop.token"),
        /// What the token is to allow.
        scopes: Texts = super::scopes(),
        /// Where the request for a token carries `client_id` and `client_secret`.
        credentials_in: CredentialsIn = super::credentials_in(),
    }
}
