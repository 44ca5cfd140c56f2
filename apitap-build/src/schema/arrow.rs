//! Schema types as Arrow types, and back: the one mapping between what a user declares and what
//! the engine computes with.
//!
//! `uuid` and `json` are text in Arrow; a field's metadata remembers which it is, and DataFusion
//! keeps that while a column is only passed on. Nothing here knows JSON or a database.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef};

use super::scalar::{self, SCALARS};
use super::{Field, Item, Schema, Type};

/// The metadata key under which a text field says that it is a `uuid` or `json`.
pub const TYPE_KEY: &str = "apitap.type";

/// The Arrow schema of these fields, in their order.
pub fn schema(schema: &Schema) -> SchemaRef {
    Arc::new(ArrowSchema::new(fields(&schema.fields)))
}

fn fields(fields: &[Field]) -> Fields {
    fields.iter().map(field).collect()
}

/// One field, with its name, nullability and type.
pub fn field(field: &Field) -> ArrowField {
    of(&field.name, &field.ty, field.nullable)
}

fn of(name: &str, ty: &Type, nullable: bool) -> ArrowField {
    let field = ArrowField::new(name, data_type(ty), nullable);
    match scalar::of(ty).filter(|scalar| scalar.tagged) {
        Some(scalar) => {
            field.with_metadata(HashMap::from([(TYPE_KEY.to_owned(), scalar.name.to_owned())]))
        }
        None => field,
    }
}

/// The Arrow type in which values of this type travel.
pub fn data_type(ty: &Type) -> DataType {
    match ty {
        Type::List(item) => DataType::List(Arc::new(of("item", &item.ty, item.nullable))),
        Type::Record(inner) => DataType::Struct(fields(inner)),
        ty => scalar::of(ty).map_or(DataType::Null, |scalar| (scalar.arrow)(ty)),
    }
}

/// The type that holds every value of an Arrow field exactly; `None` where there is none.
///
/// Wider than the Arrow type where apitap has no type of that width: `UInt32` becomes `int64`.
/// `UInt64` becomes `int64` too, which is what `row_number()` and the like yield; whoever converts
/// the values refuses those that do not fit.
pub fn from_field(field: &ArrowField) -> Option<Type> {
    Some(match field.data_type() {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => decimal(*precision, *scale)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            Type::List(Box::new(Item { ty: from_field(item)?, nullable: item.is_nullable() }))
        }
        DataType::Struct(inner) => Type::Record(
            inner
                .iter()
                .map(|field| {
                    Some(Field::new(field.name(), from_field(field)?, field.is_nullable()))
                })
                .collect::<Option<_>>()?,
        ),
        DataType::Dictionary(_, value) => {
            from_field(&ArrowField::new(field.name(), value.as_ref().clone(), field.is_nullable()))?
        }
        ty => {
            let tag = field.metadata().get(TYPE_KEY).and_then(|name| scalar::named(name));
            let tagged = tag.filter(|scalar| scalar.tagged && ty.is_string());
            let holder = || SCALARS.iter().find(|scalar| (scalar.holds)(ty));
            tagged.or_else(holder)?.ty.clone()
        }
    })
}

fn decimal(precision: u8, scale: i8) -> Option<Type> {
    let scale = u8::try_from(scale).ok()?;
    (precision <= 38).then_some(Type::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_way_to_arrow_and_back() {
        let item = Item { ty: Type::Decimal { precision: 12, scale: 2 }, nullable: true };
        let inner = Field::new("inner", Type::List(Box::new(item)), false);
        let scalars = SCALARS.iter().map(|scalar| scalar.ty.clone());
        let types =
            scalars.chain([Type::Decimal { precision: 38, scale: 0 }, Type::Record(vec![inner])]);
        for ty in types {
            let field = field(&Field::new("f", ty.clone(), true));
            assert_eq!(from_field(&field), Some(ty));
        }
    }
}
