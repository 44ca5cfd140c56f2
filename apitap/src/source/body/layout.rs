//! How the records of a source stand in its bodies: in which format, and where.

use crate::definition::{Format, Pointer, Source};
use crate::schema::Type;
use crate::schema::scalar::Domain;

/// How records stand in a body; sources whose layouts are equal find the same records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// What a body is.
    pub format: Format,
    /// Where the records of a JSON body are; `*` stands for every element.
    pub data_path: Pointer,
    /// The field that takes the key, where the records are the members of an object.
    pub key_as: Option<String>,
    /// Whether a body may be without anything at `data_path`; in the formats of lines, without a byte.
    pub allow_empty: bool,
    /// Of CSV: the declared fields, and what their texts are written as.
    pub cells: Vec<(String, Cell)>,
}

/// What the text of a CSV field becomes in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// A string.
    Text,
    /// A number, where it is one.
    Number,
    /// `true` or `false`, where it is one of them.
    Bool,
    /// JSON, where it is that.
    Json,
}

impl Layout {
    /// That of a source.
    pub fn of(source: &Source) -> Self {
        let fields = source.schema.iter().flat_map(|schema| &schema.fields);
        // What a record takes from its parent is in no body.
        let fields = fields.filter(|field| !source.carried.contains(field));
        let cells = fields.map(|field| (field.name.clone(), Cell::of(&field.ty)));
        Self {
            format: source.format,
            data_path: source.data_path.clone(),
            key_as: source.key_as.clone(),
            allow_empty: source.allow_empty,
            cells: if source.format == Format::Csv { cells.collect() } else { Vec::new() },
        }
    }

    /// One JSON value whose records are at a place of it.
    pub fn json(data_path: Pointer) -> Self {
        Self { data_path, ..Self::default() }
    }

    /// Whether a body without a byte is one without records: JSON has at least `[]`.
    pub(in crate::source) fn may_be_nothing(&self) -> bool {
        self.allow_empty && self.format != Format::Json
    }

    /// Whether `*` leads from the elements of a page to its records.
    pub(in crate::source) fn has_elements(&self) -> bool {
        self.data_path.tokens().any(|token| token == "*")
    }

    /// The format, as messages name it.
    pub fn name(&self) -> &'static str {
        match self.format {
            Format::Json => "JSON",
            Format::Jsonl => "JSON Lines",
            Format::Csv => "CSV",
        }
    }

    /// Whether records are written anew, so that the text that is kept is not the body's own.
    pub(super) fn rewrites(&self) -> bool {
        self.key_as.is_some() || self.format == Format::Csv
    }
}

impl Cell {
    fn of(ty: &Type) -> Self {
        match ty.domain() {
            Some(Domain::Bool) => Self::Bool,
            Some(Domain::Whole(..) | Domain::Float(_) | Domain::Decimal) => Self::Number,
            None | Some(Domain::Document) => Self::Json,
            Some(_) => Self::Text,
        }
    }
}
