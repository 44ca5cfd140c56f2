//! The types that a field of an API, a column of a query and a column of a table can have.
//!
//! Plain data: every spelling (inline notation, Rust structs, samples) turns into these, and these
//! turn into Arrow ([`arrow`]), Rust, and each target's DDL. Nothing here knows where a schema was
//! written, nor how a value looks on the wire.

use serde::{Deserialize, Serialize};

pub mod arrow;
pub(crate) mod described;
#[cfg(feature = "compiler")]
pub mod documents;
#[cfg(feature = "compiler")]
pub mod inference;
#[cfg(feature = "compiler")]
pub mod keywords;
pub mod notation;
#[cfg(feature = "compiler")]
pub mod openapi;
#[cfg(feature = "compiler")]
mod prose;
#[cfg(feature = "compiler")]
pub mod sample;
pub mod scalar;

/// The type of a value, as written in a schema (`int64`, `decimal(12,2)`, `[string]`, `{id: int64!}`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number of 16 bits.
    Int16,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A binary floating-point number of 32 bits.
    Float32,
    /// A binary floating-point number of 64 bits.
    Float64,
    /// An exact decimal number: `precision` digits (1 to 38), `scale` of them after the point.
    Decimal {
        /// All digits, 1 to 38.
        precision: u8,
        /// Digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// Text, UTF-8.
    String,
    /// A calendar day, `2026-11-23`.
    Date,
    /// A time of day in microseconds, `13:45:00.5`.
    Time,
    /// An instant in microseconds, UTC; written as RFC 3339.
    Timestamp,
    /// A UUID; in SQL it is text in its canonical form (lower case, hyphens).
    Uuid,
    /// Bytes; in JSON they are standard base64.
    Binary,
    /// Any JSON, kept as its text.
    Json,
    /// A list, `[string]`.
    List(Box<Item>),
    /// A nested record, `{id: int64!, name: string}`.
    Record(Vec<Field>),
}

/// The elements of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Item {
    /// The elements' type.
    pub ty: Type,
    /// Whether an element may be null.
    pub nullable: bool,
}

/// A named, typed field of a record or column of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The name, as the API spells it.
    pub name: String,
    /// The type.
    pub ty: Type,
    /// Whether it may be null or absent; `int64!` is not.
    pub nullable: bool,
    /// What it means, for doc comments and column comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The fields of a record, or the columns of a row, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// In the order in which they were written.
    pub fields: Vec<Field>,
}

impl Field {
    /// A field without a description.
    pub fn new(name: impl Into<String>, ty: Type, nullable: bool) -> Self {
        Self { name: name.into(), ty, nullable, description: None }
    }
}

impl Schema {
    /// The field of that exact name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields on the way to one, itself the last: that of the exact name, or of what stands behind its
    /// dots, as in `meta.updated_at`.
    pub fn path(&self, name: &str) -> Option<Vec<&Field>> {
        if let Some(field) = self.field(name) {
            return Some(vec![field]);
        }
        let (mut inside, mut path) = (self.fields.as_slice(), Vec::new());
        for token in name.split('.') {
            let field = inside.iter().find(|field| field.name == token)?;
            inside = match &field.ty {
                Type::Record(fields) => fields,
                _ => &[],
            };
            path.push(field);
        }
        Some(path)
    }
}

impl FromIterator<Field> for Schema {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}
