//! A column whose type is known only at run time, as one type.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::error::ArrowError;

use super::column::Column;
use super::dynamic::{Declared, Fields};
use super::leaf;
use super::list::List;
use super::record::Nested;
use super::unknown::UnknownFields;
use crate::schema::Type;
use crate::source::json::{Cursor, Fault};

/// A column of some type.
#[derive(Debug)]
pub enum Any {
    /// `bool`.
    Bool(leaf::Bool),
    /// `int16`.
    Int16(leaf::Int16),
    /// `int32`.
    Int32(leaf::Int32),
    /// `int64`.
    Int64(leaf::Int64),
    /// `float32`.
    Float32(leaf::Float32),
    /// `float64`.
    Float64(leaf::Float64),
    /// `decimal(p,s)`.
    Decimal(leaf::Decimal),
    /// `string`.
    Text(leaf::Text),
    /// `date`.
    Date(leaf::Date),
    /// `time`.
    Time(leaf::Time),
    /// `timestamp`.
    Timestamp(leaf::Timestamp),
    /// `uuid`.
    Uuid(leaf::Uuid),
    /// `binary`.
    Binary(leaf::Binary),
    /// `json`.
    Json(leaf::Json),
    /// `[…]`.
    List(Box<List<Any>>),
    /// `{…}`.
    Record(Box<Nested<Fields>>),
}

impl Any {
    /// A column of that type, without values.
    pub(crate) fn new(ty: &Type) -> Self {
        Self::watching(ty, None)
    }

    /// The same; what the records in it have beside the declared fields is looked at.
    pub(super) fn watching(ty: &Type, declared: Option<Declared<'_, Type>>) -> Self {
        match ty {
            Type::Bool => Self::Bool(leaf::Bool::empty()),
            Type::Int16 => Self::Int16(leaf::Int16::empty()),
            Type::Int32 => Self::Int32(leaf::Int32::empty()),
            Type::Int64 => Self::Int64(leaf::Int64::empty()),
            Type::Float32 => Self::Float32(leaf::Float32::empty()),
            Type::Float64 => Self::Float64(leaf::Float64::empty()),
            Type::Decimal { precision, scale } => {
                Self::Decimal(leaf::Decimal::with_digits(*precision, *scale))
            }
            Type::String => Self::Text(leaf::Text::empty()),
            Type::Date => Self::Date(leaf::Date::empty()),
            Type::Time => Self::Time(leaf::Time::empty()),
            Type::Timestamp => Self::Timestamp(leaf::Timestamp::empty()),
            Type::Uuid => Self::Uuid(leaf::Uuid::empty()),
            Type::Binary => Self::Binary(leaf::Binary::empty()),
            Type::Json => Self::Json(leaf::Json::empty()),
            Type::List(item) => {
                let items = Self::watching(&item.ty, declared.and_then(Declared::items));
                Self::List(Box::new(match item.nullable {
                    true => List::optional(items),
                    false => List::required(items),
                }))
            }
            Type::Record(inner) => {
                let declared = declared.and_then(Declared::fields);
                Self::Record(Box::new(Nested::of(Fields::watching(inner, declared))))
            }
        }
    }
}

/// The same for the column of each type.
macro_rules! each {
    ($any:expr, $column:ident => $does:expr) => {
        match $any {
            Any::Bool($column) => $does,
            Any::Int16($column) => $does,
            Any::Int32($column) => $does,
            Any::Int64($column) => $does,
            Any::Float32($column) => $does,
            Any::Float64($column) => $does,
            Any::Decimal($column) => $does,
            Any::Text($column) => $does,
            Any::Date($column) => $does,
            Any::Time($column) => $does,
            Any::Timestamp($column) => $does,
            Any::Uuid($column) => $does,
            Any::Binary($column) => $does,
            Any::Json($column) => $does,
            Any::List($column) => $does,
            Any::Record($column) => $does,
        }
    };
}

impl Column for Any {
    fn ty(&self) -> Type {
        each!(self, column => column.ty())
    }

    #[inline]
    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        each!(self, column => column.append(cursor))
    }

    fn append_null(&mut self) {
        each!(self, column => column.append_null());
    }

    fn rows(&self) -> usize {
        each!(self, column => column.rows())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        each!(self, column => column.finish())
    }

    fn unknown(&mut self, at: &str, found: &mut UnknownFields) {
        each!(self, column => column.unknown(at, found));
    }
}
