//! The schema of a table, as JSON in its log ↔ the types that apitap has.
//!
//! `uuid` and `json` are strings, and the field's metadata says which they are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::schema::arrow::TYPE_KEY;
use crate::schema::{Field, Item, Type, scalar};
use crate::sink::Column;

/// All columns of a table, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TableSchema {
    #[serde(rename = "type")]
    kind: String,
    pub(super) fields: Vec<TableField>,
}

/// A column of a table, or a field of a record in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TableField {
    pub(super) name: String,
    /// A name, or what a record, a list or a map is made of.
    #[serde(rename = "type")]
    pub(super) ty: Value,
    pub(super) nullable: bool,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

impl TableSchema {
    /// Such columns.
    pub(super) fn of<'a>(columns: impl Iterator<Item = &'a Column>) -> Self {
        Self { kind: "struct".to_owned(), fields: columns.map(TableField::of).collect() }
    }

    /// The column of that name, in whichever case of the letters.
    pub(super) fn field(&self, name: &str) -> Option<&TableField> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

impl TableField {
    /// A column.
    pub(super) fn of(column: &Column) -> Self {
        let field = Field {
            name: column.name.clone(),
            ty: column.ty.clone(),
            nullable: column.required.is_none(),
            description: column.description.clone(),
        };
        Self::of_field(&field)
    }

    fn of_field(field: &Field) -> Self {
        let mut metadata = Map::new();
        if let Some(tagged) = scalar::of(&field.ty).filter(|scalar| scalar.tagged) {
            metadata.insert(TYPE_KEY.to_owned(), tagged.name.into());
        }
        if let Some(description) = &field.description {
            metadata.insert("comment".to_owned(), description.as_str().into());
        }
        let (name, ty) = (field.name.clone(), written(&field.ty));
        Self { name, ty, nullable: field.nullable, metadata }
    }

    /// Its type; `None` where apitap has none of that kind.
    pub(super) fn known(&self) -> Option<Type> {
        let tag = self.metadata.get(TYPE_KEY).and_then(Value::as_str).and_then(scalar::named);
        match (read(&self.ty)?, tag) {
            (Type::String, Some(tag)) if tag.tagged => Some(tag.ty.clone()),
            (ty, _) => Some(ty),
        }
    }

    /// Whether values have to obey SQL that others have written.
    pub(super) fn has_rules(&self) -> bool {
        let rules = ["delta.invariants", "delta.generationExpression", "delta.identity.start"];
        rules.iter().any(|rule| self.metadata.contains_key(*rule))
    }
}

/// A type as the log writes it.
pub(super) fn written(ty: &Type) -> Value {
    let name = match ty {
        Type::Bool => "boolean",
        Type::Int16 => "short",
        Type::Int32 => "integer",
        Type::Int64 => "long",
        Type::Float32 => "float",
        Type::Float64 => "double",
        Type::Decimal { precision, scale } => {
            return format!("decimal({precision},{scale})").into();
        }
        Type::Date => "date",
        Type::Timestamp => "timestamp",
        Type::Binary => "binary",
        // There are no times of day: what has some is refused before.
        Type::String | Type::Uuid | Type::Json | Type::Time => "string",
        Type::List(item) => {
            return json!({
                "type": "array", "elementType": written(&item.ty), "containsNull": item.nullable,
            });
        }
        Type::Record(fields) => {
            let fields: Vec<_> = fields.iter().map(TableField::of_field).collect();
            return json!({ "type": "struct", "fields": fields });
        }
    };
    name.into()
}

/// A type of the log; `None` where apitap has none of that kind.
fn read(ty: &Value) -> Option<Type> {
    match ty {
        Value::String(name) => read_scalar(name),
        Value::Object(parts) => match parts.get("type")?.as_str()? {
            "array" => {
                let (item, nullable) = (parts.get("elementType")?, parts.get("containsNull")?);
                let (ty, nullable) = (read(item)?, nullable.as_bool()?);
                Some(Type::List(Box::new(Item { ty, nullable })))
            }
            "struct" => {
                let fields = TableField::deserialize_all(parts.get("fields")?)?;
                let field = |field: &TableField| {
                    Some(Field::new(&*field.name, field.known()?, field.nullable))
                };
                fields.iter().map(field).collect::<Option<_>>().map(Type::Record)
            }
            _ => None,
        },
        _ => None,
    }
}

impl TableField {
    fn deserialize_all(fields: &Value) -> Option<Vec<Self>> {
        Vec::<Self>::deserialize(fields).ok()
    }
}

fn read_scalar(name: &str) -> Option<Type> {
    Some(match name {
        "boolean" => Type::Bool,
        "short" => Type::Int16,
        "integer" => Type::Int32,
        "long" => Type::Int64,
        "float" => Type::Float32,
        "double" => Type::Float64,
        "string" => Type::String,
        "date" => Type::Date,
        "timestamp" => Type::Timestamp,
        "binary" => Type::Binary,
        decimal => {
            let digits = decimal.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            Type::Decimal { precision, scale }
        }
    })
}

/// A type as SQL writes it, for statements that a person runs.
pub(super) fn sql(ty: &Value) -> String {
    match ty {
        Value::String(name) => match name.as_str() {
            "long" => "BIGINT".to_owned(),
            "short" => "SMALLINT".to_owned(),
            "integer" => "INT".to_owned(),
            other => other.to_uppercase(),
        },
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).map(sql).unwrap_or_default();
            match parts.get("type").and_then(Value::as_str) {
                Some("array") => format!("ARRAY<{}>", part("elementType")),
                Some("map") => format!("MAP<{}, {}>", part("keyType"), part("valueType")),
                _ => {
                    let fields = parts.get("fields").and_then(TableField::deserialize_all);
                    let field =
                        |field: &TableField| format!("{}: {}", quoted(&field.name), sql(&field.ty));
                    let fields: Vec<_> = fields.iter().flatten().map(field).collect();
                    format!("STRUCT<{}>", fields.join(", "))
                }
            }
        }
        other => other.to_string(),
    }
}

/// A name as SQL of Delta Lake writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Whether a column of the table holds every value of one of ours.
pub(super) fn holds(table: &Type, ours: &Type) -> bool {
    match (table, ours) {
        (Type::String, Type::Uuid | Type::Json) => true,
        (Type::Int32 | Type::Int64, Type::Int16) | (Type::Int64, Type::Int32) => true,
        (Type::Float64, Type::Float32) => true,
        (
            Type::Decimal { precision, scale },
            Type::Decimal { precision: digits, scale: behind },
        ) => scale >= behind && precision - scale >= digits - behind,
        (Type::List(table), Type::List(ours)) => {
            same(&table.ty, &ours.ty) && (table.nullable || !ours.nullable)
        }
        (Type::Record(table), Type::Record(ours)) => {
            let fits = |(table, ours): (&Field, &Field)| {
                table.name == ours.name
                    && same(&table.ty, &ours.ty)
                    && (table.nullable || !ours.nullable)
            };
            table.len() == ours.len() && table.iter().zip(ours).all(fits)
        }
        (table, ours) => table == ours,
    }
}

/// Whether values in a record or a list are written in the same way.
fn same(table: &Type, ours: &Type) -> bool {
    match (table, ours) {
        (Type::List(_) | Type::Record(_), _) => holds(table, ours),
        _ => written(table) == written(ours),
    }
}
