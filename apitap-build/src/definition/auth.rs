//! How a request says who sends it: plain data, one type per kind.

use serde::{Deserialize, Serialize};

use super::Custom;
use crate::template::Template;

/// How a request says who sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(Template),
    /// `Authorization: Basic …`.
    Basic(Basic),
    /// A key in a place of its own.
    ApiKey(ApiKey),
    /// What a Rust type puts on each request.
    Custom(Custom),
}

/// A user's name and password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basic {
    /// The user's name.
    pub username: Template,
    /// The password, often empty.
    pub password: Template,
}

/// A key in a place of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Where it goes.
    pub place: ApiKeyPlace,
    /// The header's, parameter's or cookie's name.
    pub name: String,
    /// The key.
    pub value: Template,
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// A header of its own.
    Header,
    /// A query parameter.
    Query,
    /// A cookie.
    Cookie,
}
