//! The scalar types, once: what each is called in a schema, in SQL and in Rust, and its Arrow type.
//!
//! How a value is read from JSON, and what it becomes in a database, is not known here: that is in
//! `decode/leaf.rs` and `value/scalar.rs` of the runtime, and in the types of each target.

use arrow_schema::{DataType, TimeUnit};

use super::Type;

/// The time zone of every timestamp.
pub const UTC: &str = "UTC";

/// A scalar type.
#[derive(Debug)]
pub struct Scalar {
    /// The type; a decimal with the digits that it has where nothing is said of them.
    pub ty: Type,
    /// Its name in a schema; that of a decimal is followed by its digits.
    pub name: &'static str,
    /// What other tools call it.
    pub aliases: &'static [&'static str],
    /// What its values are, for the reference.
    pub doc: &'static str,
    /// Its name in a `CAST`; that of a decimal is followed by its digits.
    pub sql: &'static str,
    /// The type of Rust that holds a value. Names that begin with a capital are those of
    /// `apitap::types`, the others are primitive.
    pub rust: &'static str,
    /// The runtime's column that reads it from JSON (`apitap::private`).
    pub column: &'static str,
    /// The Arrow type in which its values travel.
    pub arrow: fn(&Type) -> DataType,
    /// Whether it holds every value of an Arrow type exactly, and is the narrowest that does.
    pub holds: fn(&DataType) -> bool,
    /// Whether its Arrow type is another scalar's, too: then a field's metadata tells which it is.
    pub tagged: bool,
}

/// What a decimal of which nothing else is said can hold.
pub const DECIMAL: Type = Type::Decimal { precision: 28, scale: 10 };

/// All of them, in the order of the documentation.
pub const SCALARS: [Scalar; 14] = [
    Scalar {
        ty: Type::Bool,
        name: "bool",
        aliases: &["boolean"],
        doc: "`true` or `false`",
        sql: "BOOLEAN",
        rust: "bool",
        column: "Bool",
        arrow: |_| DataType::Boolean,
        holds: |ty| matches!(ty, DataType::Boolean),
        tagged: false,
    },
    Scalar {
        ty: Type::Int16,
        name: "int16",
        aliases: &["i16", "smallint", "short"],
        doc: "a whole number of 16 bits",
        sql: "SMALLINT",
        rust: "i16",
        column: "Int16",
        arrow: |_| DataType::Int16,
        holds: |ty| matches!(ty, DataType::Int8 | DataType::Int16 | DataType::UInt8),
        tagged: false,
    },
    Scalar {
        ty: Type::Int32,
        name: "int32",
        aliases: &["i32"],
        doc: "a whole number of 32 bits",
        sql: "INT",
        rust: "i32",
        column: "Int32",
        arrow: |_| DataType::Int32,
        holds: |ty| matches!(ty, DataType::Int32 | DataType::UInt16),
        tagged: false,
    },
    Scalar {
        ty: Type::Int64,
        name: "int64",
        aliases: &["int", "integer", "bigint", "long", "i64"],
        doc: "a whole number of 64 bits",
        sql: "BIGINT",
        rust: "i64",
        column: "Int64",
        arrow: |_| DataType::Int64,
        // `UInt64` is what `row_number()` and the like yield; whoever converts the values refuses
        // those that do not fit.
        holds: |ty| matches!(ty, DataType::Int64 | DataType::UInt32 | DataType::UInt64),
        tagged: false,
    },
    Scalar {
        ty: Type::Float32,
        name: "float32",
        aliases: &["f32"],
        doc: "a binary floating-point number of 32 bits",
        sql: "REAL",
        rust: "f32",
        column: "Float32",
        arrow: |_| DataType::Float32,
        holds: |ty| matches!(ty, DataType::Float16 | DataType::Float32),
        tagged: false,
    },
    Scalar {
        ty: Type::Float64,
        name: "float64",
        aliases: &["float", "double", "real", "f64"],
        doc: "a binary floating-point number of 64 bits",
        sql: "DOUBLE",
        rust: "f64",
        column: "Float64",
        arrow: |_| DataType::Float64,
        holds: |ty| matches!(ty, DataType::Float64),
        tagged: false,
    },
    Scalar {
        ty: DECIMAL,
        name: "decimal",
        aliases: &["numeric"],
        doc: "an exact number: `p` digits (1 to 38), `s` of them after the point; in JSON a number, \
              or a string that holds one",
        sql: "DECIMAL",
        rust: "Decimal",
        column: "Decimal",
        arrow: |ty| match ty {
            Type::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            _ => DataType::Decimal128(28, 10),
        },
        holds: |ty| {
            matches!(ty, DataType::Decimal32(precision, 0..)
                | DataType::Decimal64(precision, 0..)
                | DataType::Decimal128(precision, 0..)
                | DataType::Decimal256(precision, 0..) if *precision <= 38)
        },
        tagged: false,
    },
    Scalar {
        ty: Type::String,
        name: "string",
        aliases: &["str", "text", "varchar"],
        doc: "text, UTF-8",
        sql: "VARCHAR",
        rust: "String",
        column: "Text",
        arrow: |_| DataType::Utf8,
        holds: |ty| matches!(ty, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
        tagged: false,
    },
    Scalar {
        ty: Type::Date,
        name: "date",
        aliases: &[],
        doc: "a calendar day, `\"2026-11-23\"`",
        sql: "DATE",
        rust: "NaiveDate",
        column: "Date",
        arrow: |_| DataType::Date32,
        holds: |ty| matches!(ty, DataType::Date32 | DataType::Date64),
        tagged: false,
    },
    Scalar {
        ty: Type::Time,
        name: "time",
        aliases: &[],
        doc: "a time of day in microseconds, `\"13:45:00.5\"`",
        sql: "TIME",
        rust: "NaiveTime",
        column: "Time",
        arrow: |_| DataType::Time64(TimeUnit::Microsecond),
        holds: |ty| matches!(ty, DataType::Time32(_) | DataType::Time64(_)),
        tagged: false,
    },
    Scalar {
        ty: Type::Timestamp,
        name: "timestamp",
        aliases: &["datetime", "timestamptz"],
        doc: "an instant in microseconds, UTC: RFC 3339 with its offset, `\"2026-11-23T13:45:00Z\"`, `\"…+01:00\"` or `\"…+0100\"`",
        sql: "TIMESTAMP",
        rust: "DateTime<Utc>",
        column: "Timestamp",
        arrow: |_| DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        holds: |ty| matches!(ty, DataType::Timestamp(..)),
        tagged: false,
    },
    Scalar {
        ty: Type::Uuid,
        name: "uuid",
        aliases: &[],
        doc: "a UUID; in SQL its canonical text",
        sql: "VARCHAR",
        rust: "Uuid",
        column: "Uuid",
        arrow: |_| DataType::Utf8,
        holds: |_| false,
        tagged: true,
    },
    Scalar {
        ty: Type::Binary,
        name: "binary",
        aliases: &["bytes", "blob", "bytea"],
        doc: "bytes, from standard base64",
        sql: "BYTEA",
        rust: "Vec<u8>",
        column: "Binary",
        arrow: |_| DataType::Binary,
        holds: |ty| {
            matches!(
                ty,
                DataType::Binary
                    | DataType::LargeBinary
                    | DataType::BinaryView
                    | DataType::FixedSizeBinary(_)
            )
        },
        tagged: false,
    },
    Scalar {
        ty: Type::Json,
        name: "json",
        aliases: &["object", "jsonb", "any"],
        doc: "any JSON, kept as its text",
        sql: "VARCHAR",
        rust: "Value",
        column: "Json",
        arrow: |_| DataType::Utf8,
        holds: |_| false,
        tagged: true,
    },
];

/// The scalar of a type; `None` of a list or record.
pub fn of(ty: &Type) -> Option<&'static Scalar> {
    let same = |scalar: &&Scalar| std::mem::discriminant(&scalar.ty) == std::mem::discriminant(ty);
    SCALARS.iter().find(same)
}

/// The scalar of a name in a schema.
pub fn named(name: &str) -> Option<&'static Scalar> {
    SCALARS.iter().find(|scalar| scalar.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_scalars_have_one_name_and_each_holds_its_own_arrow_type() {
        let names: BTreeSet<_> =
            SCALARS.iter().flat_map(|s| s.aliases.iter().chain([&s.name])).collect();
        let all: usize = SCALARS.iter().map(|scalar| scalar.aliases.len() + 1).sum();
        assert_eq!(names.len(), all);
        for scalar in &SCALARS {
            let arrow = (scalar.arrow)(&scalar.ty);
            let holders: Vec<_> = SCALARS.iter().filter(|other| (other.holds)(&arrow)).collect();
            assert_eq!(holders.len(), 1, "{}", scalar.name);
            assert!(scalar.tagged || holders[0].name == scalar.name, "{}", scalar.name);
        }
    }

    #[test]
    fn the_reference_has_a_row_for_each() {
        let reference = include_str!("../../../docs/reference.md");
        for Scalar { name, rust, doc, .. } in &SCALARS {
            let name = if *name == "decimal" { "decimal(p,s)" } else { name };
            let row = format!("| `{name}` | `{rust}` | {doc} |\n");
            assert!(reference.contains(&row), "docs/reference.md has no row\n{row}");
        }
    }
}
