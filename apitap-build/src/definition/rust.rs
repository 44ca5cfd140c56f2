//! The parts of a pipeline that are written in Rust: what a definition says about them.
//!
//! Plain data: names, types and paths. The code itself is linked into a compiled program, and a
//! program that only reads the definition cannot run it.

use serde::{Deserialize, Serialize};

use super::Template;
use crate::schema::notation::type_text;
use crate::schema::{Field, Item};

/// A scalar function that a query may call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Function {
    /// Its name in SQL: lower case, as SQL does not tell cases apart.
    pub name: String,
    /// What it takes, in order. One that is not nullable is never given null: the result is null
    /// then.
    pub parameters: Vec<Field>,
    /// What it gives, where no null has kept it from being called.
    pub returns: Item,
    /// Where the YAML file says that it is; `None` where it stands in the pipeline's own module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether a call may fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallible: bool,
}

impl Function {
    /// Its name and what it takes: `` domain_of(email: string!) ``.
    pub fn signature(&self) -> String {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|field| format!("{}: {}", field.name, type_text(&field.ty, field.nullable)))
            .collect();
        format!("{}({})", self.name, parameters.join(", "))
    }
}

/// What makes rows of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// One SQL query (DataFusion's dialect, identifiers keep their case) over the sources by name.
    Sql(String),
    /// A Rust function, which is called with each record of the only source.
    Map(Map),
}

/// A Rust function that makes rows of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Its name.
    pub name: String,
    /// Where the SQL file says that it is; `None` where it stands in the pipeline's own module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether a call may fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallible: bool,
}

/// A Rust type that does what no key says, and the settings that it is made with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Custom {
    /// The type's path: `crate::Signed`.
    #[serde(rename = "type")]
    pub path: String,
    /// Names and values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, Template)>,
}

/// What a Rust type of a source is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RustRole {
    /// It puts credentials on requests.
    Authenticate,
    /// It says which request follows.
    Paginate,
}
