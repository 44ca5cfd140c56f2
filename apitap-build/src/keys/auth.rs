//! `auth`: how a request says who sends it. Each way is declared in a file of its own.

use super::declare::ways;
use crate::definition::{Custom, Template};

pub use api_key::{ApiKey, ApiKeyPlace};
pub use basic::Basic;

mod api_key;
mod basic;
#[cfg(feature = "compiler")]
mod bearer;
#[cfg(feature = "compiler")]
mod custom;

ways! {
    /// Who asks: exactly one way.
    pub enum Auth, spec AuthSpec {
        /// `Authorization: Bearer …`.
        Bearer(Template) in bearer,
        /// `Authorization: Basic …`.
        Basic(Basic) in basic,
        /// A key in a place of its own.
        ApiKey(ApiKey) in api_key,
        /// What a Rust type puts on each request.
        Custom(Custom) in custom,
    }
}
