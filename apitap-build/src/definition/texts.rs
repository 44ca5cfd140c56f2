//! Several texts, and several names with their values: plain data.

use serde::{Deserialize, Serialize};

use crate::template::Template;

/// One text, or a list of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

/// Names and templates, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pairs(pub Vec<(String, Template)>);

/// Any JSON; texts within it are templates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub serde_json::Value);
