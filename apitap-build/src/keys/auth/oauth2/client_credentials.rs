//! `grant: client_credentials`.

use super::CredentialsIn;
use crate::definition::{Template, Texts};
use crate::keys::declare::keys;

keys! {
    /// The program asks for itself.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct ClientCredentials, spec ClientCredentialsSpec, kind "client_credentials" {
        /// Where tokens are requested.
        token_url: Template = super::token_url(),
        /// The program, as the server knows it.
        client_id: Template = super::client_id(),
        /// What only the program and the server know.
        client_secret: Template = required("${CLIENT_SECRET}")
            .filled()
            .secret("the client's secret", "${CLIENT_SECRET}"),
        /// What the token is to allow.
        scopes: Texts = super::scopes(),
        /// Where the request for a token carries `client_id` and `client_secret`.
        credentials_in: CredentialsIn = super::credentials_in(),
    }
}
