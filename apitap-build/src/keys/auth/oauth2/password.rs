//! `grant: password`.

use super::CredentialsIn;
use crate::definition::{Template, Texts};
use crate::keys::declare::keys;

keys! {
    /// A user's name and password, where the API offers nothing better.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Password, spec PasswordSpec, kind "password" {
        /// Where tokens are requested.
        token_url: Template = super::token_url(),
        /// The program, as the server knows it.
        client_id: Template = super::client_id(),
        /// What only the program and the server know; a public client has none.
        client_secret: Option<Template> = super::client_secret(),
        /// The user.
        username: Template = required("${API_USER}").filled(),
        /// The user's password.
        password: Template =
            required("${API_PASSWORD}").filled().secret("the password", "${API_PASSWORD}"),
        /// What the token is to allow.
        scopes: Texts = super::scopes(),
        /// Where the request for a token carries `client_id` and `client_secret`.
        credentials_in: CredentialsIn = super::credentials_in(),
    }
}
