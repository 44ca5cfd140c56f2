//! `auth`: how a request says who sends it. Each way is declared in a file of its own.

#[cfg(feature = "compiler")]
use super::declare::Sent;
use super::declare::ways;
use crate::definition::{Custom, Template};

pub use api_key::{ApiKey, ApiKeyPlace};
pub use basic::Basic;
pub use login::Login;
pub use oauth2::{ClientCredentials, CredentialsIn, OAuth2, Password, RefreshToken};

mod api_key;
mod basic;
#[cfg(feature = "compiler")]
mod bearer;
#[cfg(feature = "compiler")]
mod custom;
mod login;
mod oauth2;

ways! {
    /// How requests are authenticated: exactly one of its keys.
    pub enum Auth, spec AuthSpec {
        /// `Authorization: Bearer …`.
        Bearer(Template) in bearer,
        /// `Authorization: Basic …`.
        Basic(Basic) in basic,
        /// A key in a place of its own.
        ApiKey(ApiKey) in api_key,
        /// A token of an OAuth 2.0 server.
        Oauth2(OAuth2) in oauth2,
        /// A token that a request answers with.
        Login(Login) in login,
        /// What a Rust type puts on each request.
        Custom(Custom) in custom,
    }
}

#[cfg(feature = "compiler")]
impl AuthSpec {
    /// What it puts on a request.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        match self {
            Self::Bearer(spec) => bearer::sent(spec),
            Self::Basic(spec) => basic::sent(spec),
            Self::ApiKey(spec) => api_key::sent(spec),
            Self::Oauth2(spec) => oauth2::sent(spec),
            Self::Login(spec) => login::sent(spec),
            Self::Custom(spec) => custom::sent(spec),
        }
    }
}
