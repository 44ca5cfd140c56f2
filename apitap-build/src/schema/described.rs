//! A type in a sentence of a message: `` `int64` ``, a record, a list of records.

use arrow_schema::{DataType, Field as ArrowField};

use super::notation::type_text;
use super::{Type, arrow};

/// A type in a sentence: `` `int64` ``, or what a reader calls it.
pub(crate) fn describe(field: &ArrowField) -> String {
    match arrow::from_field(field) {
        Some(Type::Record(_)) => "a record".to_owned(),
        Some(Type::List(item)) if matches!(item.ty, Type::Record(_)) => {
            "a list of records".to_owned()
        }
        Some(Type::List(item)) if matches!(item.ty, Type::List(_)) => "a list of lists".to_owned(),
        Some(ty) => format!("`{}`", notation(&ty)),
        None => format!("`{}`", other(field.data_type())),
    }
}

/// A type of the engine in a sentence.
pub(crate) fn describe_type(ty: &DataType) -> String {
    describe(&ArrowField::new("value", ty.clone(), true))
}

/// A type as a schema spells it; a record without its fields, which would fill the message.
pub(crate) fn notation(ty: &Type) -> String {
    match ty {
        Type::List(item) => format!("[{}]", notation(&item.ty)),
        Type::Record(_) => "record".to_owned(),
        scalar => type_text(scalar, true),
    }
}

/// A type that no schema can spell.
fn other(ty: &DataType) -> &'static str {
    match ty {
        DataType::Null => "null",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Map(..) => "map",
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale)
            if *scale < 0 =>
        {
            "decimal with a negative scale"
        }
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "decimal of more than 38 digits",
        _ => "unknown",
    }
}
