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
    /// What its values are, for all that depends on that alone.
    pub domain: Domain,
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

/// What values a scalar type has. What depends on nothing else asks for this, and not for the type: so
/// a new type is known to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `true` and `false`.
    Bool,
    /// All whole numbers from the first to the second.
    Whole(i64, i64),
    /// Binary floating-point numbers, among them all whole numbers up to this one, in both directions.
    Float(u64),
    /// Exact numbers, with digits after the point.
    Decimal,
    /// Text; ASCII of at most so many characters, where that is known.
    Text {
        /// That many.
        longest: Option<usize>,
    },
    /// Calendar days.
    Date,
    /// Times of a day.
    Time,
    /// Instants.
    Timestamp,
    /// Bytes.
    Bytes,
    /// JSON of any kind.
    Document,
}

impl Domain {
    /// How many digits a whole number has at most.
    pub fn digits(self) -> Option<u8> {
        match self {
            Self::Whole(_, most) => u8::try_from(most.checked_ilog10()? + 1).ok(),
            _ => None,
        }
    }

    /// Whether there are whole numbers of 64 bits that it does not have.
    pub fn is_narrow_number(self) -> bool {
        match self {
            Self::Whole(least, most) => (least, most) != (i64::MIN, i64::MAX),
            Self::Float(_) => true,
            _ => false,
        }
    }

    /// Whether it has all whole numbers from one to another.
    pub fn has_all(self, least: i128, most: i128) -> bool {
        match self {
            Self::Whole(from, to) => i128::from(from) <= least && most <= i128::from(to),
            Self::Float(exact) => -i128::from(exact) <= least && most <= i128::from(exact),
            _ => false,
        }
    }
}

impl Type {
    /// What values a scalar type has; `None` of a list or record.
    pub fn domain(&self) -> Option<Domain> {
        of(self).map(|scalar| scalar.domain)
    }
}

/// What a decimal of which nothing else is said can hold.
pub const DECIMAL: Type = Type::Decimal { precision: 28, scale: 10 };

/// All of them, in the order of the documentation.
pub const SCALARS: [Scalar; 14] = [
    Scalar {
        ty: Type::Bool,
        name: "bool",
        domain: Domain::Bool,
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
        domain: Domain::Whole(i16::MIN as i64, i16::MAX as i64),
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
        domain: Domain::Whole(i32::MIN as i64, i32::MAX as i64),
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
        domain: Domain::Whole(i64::MIN, i64::MAX),
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
        domain: Domain::Float(1 << 24),
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
        domain: Domain::Float(1 << 53),
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
        domain: Domain::Decimal,
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
        domain: Domain::Text { longest: None },
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
        domain: Domain::Date,
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
        domain: Domain::Time,
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
        domain: Domain::Timestamp,
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
        domain: Domain::Text { longest: Some(36) },
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
        domain: Domain::Bytes,
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
        domain: Domain::Document,
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

/// All but decimals, which are told apart by their digits.
pub fn plain() -> impl Iterator<Item = &'static Scalar> + Clone {
    SCALARS.iter().filter(|scalar| scalar.ty != DECIMAL)
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
    fn whole_numbers_have_digits_and_places() {
        let check = |ty: Type, digits, is_narrow, has_a_billion| {
            let domain = ty.domain().unwrap();
            assert_eq!((domain.digits(), domain.is_narrow_number()), (digits, is_narrow), "{ty:?}");
            assert_eq!(domain.has_all(-1_000_000_000, 0), has_a_billion, "{ty:?}");
        };
        check(Type::Int16, Some(5), true, false);
        check(Type::Int32, Some(10), true, true);
        check(Type::Int64, Some(19), false, true);
        check(Type::Float32, None, true, false);
        check(Type::Float64, None, true, true);
        check(DECIMAL, None, false, false);
        assert_eq!(Type::Record(Vec::new()).domain(), None);
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
