//! A column whose type is known only at run time, as one type.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::error::ArrowError;

use super::column::Column;
use super::differences::Differences;
use super::dynamic::{Declared, Fields};
use super::leaf;
use super::list::List;
use super::record::Nested;
use crate::schema::Type;
use crate::source::json::{Cursor, Fault};

/// The columns of scalar types: a line for each, with what one is at its start.
macro_rules! scalars {
    ($( $kind:ident, $doc:literal: $ty:pat => $empty:expr; )*) => {
        /// A column of some type.
        #[derive(Debug)]
        pub enum Any {
            $(
                #[doc = $doc]
                $kind(leaf::$kind),
            )*
            /// `[…]`.
            List(Box<List<Any>>),
            /// `{…}`.
            Record(Box<Nested<Fields>>),
        }

        impl Any {
            /// A column of a scalar type.
            fn scalar(ty: &Type) -> Self {
                match ty {
                    $( $ty => Self::$kind($empty), )*
                    nested @ (Type::List(_) | Type::Record(_)) => Self::new(nested),
                }
            }
        }

        impl Column for Any {
            fn ty(&self) -> Type {
                match self {
                    $( Self::$kind(column) => column.ty(), )*
                    Self::List(column) => column.ty(),
                    Self::Record(column) => column.ty(),
                }
            }

            #[inline]
            fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
                match self {
                    $( Self::$kind(column) => column.append(cursor), )*
                    Self::List(column) => column.append(cursor),
                    Self::Record(column) => column.append(cursor),
                }
            }

            fn append_null(&mut self) {
                match self {
                    $( Self::$kind(column) => column.append_null(), )*
                    Self::List(column) => column.append_null(),
                    Self::Record(column) => column.append_null(),
                }
            }

            fn rows(&self) -> usize {
                match self {
                    $( Self::$kind(column) => column.rows(), )*
                    Self::List(column) => column.rows(),
                    Self::Record(column) => column.rows(),
                }
            }

            fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
                match self {
                    $( Self::$kind(column) => column.finish(), )*
                    Self::List(column) => column.finish(),
                    Self::Record(column) => column.finish(),
                }
            }

            fn compare(&mut self, at: &str, found: &mut Differences) {
                match self {
                    $( Self::$kind(column) => column.compare(at, found), )*
                    Self::List(column) => column.compare(at, found),
                    Self::Record(column) => column.compare(at, found),
                }
            }
        }
    };
}

scalars! {
    Bool, "`bool`.": Type::Bool => leaf::Bool::empty();
    Int16, "`int16`.": Type::Int16 => leaf::Int16::empty();
    Int32, "`int32`.": Type::Int32 => leaf::Int32::empty();
    Int64, "`int64`.": Type::Int64 => leaf::Int64::empty();
    Float32, "`float32`.": Type::Float32 => leaf::Float32::empty();
    Float64, "`float64`.": Type::Float64 => leaf::Float64::empty();
    Decimal, "`decimal(p,s)`.": Type::Decimal { precision, scale } =>
        leaf::Decimal::with_digits(*precision, *scale);
    Text, "`string`.": Type::String => leaf::Text::empty();
    Date, "`date`.": Type::Date => leaf::Date::empty();
    Time, "`time`.": Type::Time => leaf::Time::empty();
    Timestamp, "`timestamp`.": Type::Timestamp => leaf::Timestamp::empty();
    Uuid, "`uuid`.": Type::Uuid => leaf::Uuid::empty();
    Binary, "`binary`.": Type::Binary => leaf::Binary::empty();
    Json, "`json`.": Type::Json => leaf::Json::empty();
}

impl Any {
    /// A column of that type, without values.
    pub(crate) fn new(ty: &Type) -> Self {
        Self::watching(ty, None)
    }

    /// The same; what the records in it have beside the declared fields is looked at.
    pub(super) fn watching(ty: &Type, declared: Option<Declared<'_, Type>>) -> Self {
        match ty {
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
            scalar => Self::scalar(scalar),
        }
    }
}
