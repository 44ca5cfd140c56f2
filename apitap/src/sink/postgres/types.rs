//! Schema types as PostgreSQL's types: of a table that we create, and which types of a table that is
//! there already hold all our values.

use crate::schema::Type;

/// Whether a type is written as JSON.
pub(super) fn is_document(ty: &Type) -> bool {
    match ty {
        Type::Record(_) => true,
        Type::List(item) => {
            matches!(item.ty, Type::Record(_) | Type::List(_) | Type::Json)
        }
        _ => false,
    }
}

/// The type of a column that we create, or stage rows in.
pub(in crate::sink) fn sql(ty: &Type) -> String {
    match ty {
        Type::Bool => "boolean",
        Type::Int16 => "smallint",
        Type::Int32 => "integer",
        Type::Int64 => "bigint",
        Type::Float32 => "real",
        Type::Float64 => "double precision",
        Type::Decimal { precision, scale } => return format!("numeric({precision},{scale})"),
        Type::String => "text",
        Type::Date => "date",
        Type::Time => "time without time zone",
        Type::Timestamp => "timestamp with time zone",
        Type::Uuid => "uuid",
        Type::Binary => "bytea",
        Type::Json | Type::Record(_) => "jsonb",
        Type::List(_) if is_document(ty) => "jsonb",
        Type::List(item) => return format!("{}[]", sql(&item.ty)),
    }
    .to_owned()
}

/// The number by which PostgreSQL knows the type of an array's elements.
pub(super) fn oid(ty: &Type) -> i32 {
    match ty {
        Type::Bool => 16,
        Type::Binary => 17,
        Type::Int64 => 20,
        Type::Int16 => 21,
        Type::Int32 => 23,
        Type::Float32 => 700,
        Type::Float64 => 701,
        Type::Date => 1082,
        Type::Time => 1083,
        Type::Timestamp => 1184,
        Type::Decimal { .. } => 1700,
        Type::Uuid => 2950,
        Type::Json | Type::Record(_) | Type::List(_) => 3802,
        Type::String => 25,
    }
}

/// Whether a column of that type, as `format_type` spells it, holds every value of ours unchanged.
pub(in crate::sink) fn holds(actual: &str, ty: &Type) -> bool {
    const TEXT: [&str; 2] = ["text", "character varying"];
    let one_of = |names: &[&str]| names.contains(&actual);
    match ty {
        Type::Int16 => one_of(&["smallint", "integer", "bigint"]) || numeric_holds(actual, 5, 0),
        Type::Int32 => one_of(&["integer", "bigint"]) || numeric_holds(actual, 10, 0),
        Type::Int64 => one_of(&["bigint"]) || numeric_holds(actual, 19, 0),
        Type::Float32 => one_of(&["real", "double precision"]),
        Type::Decimal { precision, scale } => {
            numeric_holds(actual, i32::from(*precision), i32::from(*scale))
        }
        Type::String => one_of(&TEXT),
        Type::Uuid => one_of(&["uuid"]) || one_of(&TEXT),
        _ if sql(ty) == "jsonb" => one_of(&["jsonb", "json"]) || one_of(&TEXT),
        Type::List(item) => {
            actual.strip_suffix("[]").is_some_and(|element| holds(element, &item.ty))
        }
        _ => actual == sql(ty),
    }
}

/// Whether our type holds every value of a column of that type.
pub(in crate::sink) fn widens(actual: &str, ty: &Type) -> bool {
    let one_of = |names: &[&str]| names.contains(&actual);
    match ty {
        Type::Int32 => one_of(&["smallint"]),
        Type::Int64 => one_of(&["smallint", "integer"]),
        Type::Float64 => one_of(&["real"]),
        Type::Decimal { precision, scale } => {
            let digits = |whole: u8| precision.saturating_sub(*scale) >= whole;
            match actual {
                "smallint" => digits(5),
                "integer" => digits(10),
                "bigint" => digits(19),
                _ => numeric_digits(actual).is_some_and(|(p, s)| {
                    i32::from(*scale) >= s && i32::from(*precision) - i32::from(*scale) >= p - s
                }),
            }
        }
        Type::String => actual.starts_with("character varying"),
        Type::Time => actual.starts_with("time(") && actual.ends_with(" without time zone"),
        Type::Timestamp => actual.starts_with("timestamp(") && actual.ends_with(" with time zone"),
        Type::List(item) if !is_document(ty) => {
            actual.strip_suffix("[]").is_some_and(|element| widens(element, &item.ty))
        }
        _ => false,
    }
}

/// What stands behind a column's name where its values do not become ours by themselves: PostgreSQL does
/// by itself what loses a format at most, from number to number, from time to time, and to text.
pub(super) fn using(actual: &str, ours: &str) -> Option<String> {
    let (from, to) = match (actual.strip_suffix("[]"), ours.strip_suffix("[]")) {
        (Some(from), Some(to)) => (from, to),
        _ => (actual, ours),
    };
    if to == "text" || from == to || group(from).is_some_and(|from| group(to) == Some(from)) {
        return None;
    }
    let is_text = actual == "text" || actual.starts_with("character");
    // There is a way by text between any two types.
    Some(if is_text { format!("::{ours}") } else { format!("::text::{ours}") })
}

/// What a type's values have in common with those of others that PostgreSQL makes of them by itself.
fn group(name: &str) -> Option<&'static str> {
    let plain = name.split('(').next().unwrap_or(name);
    Some(match plain {
        "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric" => "number",
        "json" | "jsonb" => "json",
        "date" => "day",
        _ if plain.starts_with("timestamp") => "day",
        "time" | "time without time zone" => "time",
        _ => return None,
    })
}

/// Whether `numeric`, or `numeric(p,s)` with room on both sides of the point.
fn numeric_holds(actual: &str, precision: i32, scale: i32) -> bool {
    let Some(rest) = actual.strip_prefix("numeric") else { return false };
    if rest.is_empty() {
        return true;
    }
    numeric_digits(actual).is_some_and(|(p, s)| s >= scale && p - s >= precision - scale)
}

/// `numeric(12,2)` → 12, 2.
fn numeric_digits(actual: &str) -> Option<(i32, i32)> {
    let (p, s) = actual.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
    Some((p.trim().parse().ok()?, s.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Item;
    use crate::sink::tests::every_type;

    #[track_caller]
    fn check(ty: Type, actual: &str, expected: bool) {
        assert_eq!(holds(actual, &ty), expected, "{ty:?} in {actual}");
    }

    fn list(ty: Type) -> Type {
        Type::List(Box::new(Item { ty, nullable: true }))
    }

    #[test]
    fn a_wider_type_holds_our_values_and_a_narrower_one_does_not() {
        check(Type::Int32, "bigint", true);
        check(Type::Int32, "numeric", true);
        check(Type::Int32, "numeric(10,0)", true);
        check(Type::Int32, "numeric(9,0)", false);
        check(Type::Int32, "smallint", false);
        check(Type::Int64, "double precision", false);
        check(Type::Float64, "real", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "numeric(12,2)", true);
        check(Type::Decimal { precision: 12, scale: 2 }, "numeric(14,4)", true);
        check(Type::Decimal { precision: 12, scale: 2 }, "numeric(12,4)", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "numeric(12,1)", false);
        check(Type::String, "character varying", true);
        check(Type::String, "character varying(20)", false);
        check(Type::Timestamp, "timestamp without time zone", false);
        check(Type::Timestamp, "timestamp(3) with time zone", false);
        check(Type::Json, "json", true);
        check(list(Type::Int32), "bigint[]", true);
        check(list(Type::Int32), "bigint", false);
        check(list(Type::Json), "jsonb", true);
        check(list(Type::Json), "jsonb[]", false);
    }

    #[test]
    fn a_type_takes_the_place_of_a_narrower_one_and_of_no_other() {
        let check = |actual: &str, ty: Type, expected: bool| {
            assert_eq!(widens(actual, &ty), expected, "{actual} to {ty:?}");
        };
        check("integer", Type::Int64, true);
        check("bigint", Type::Int32, false);
        check("real", Type::Float64, true);
        check("integer", Type::Float64, false);
        check("numeric(12,2)", Type::Decimal { precision: 14, scale: 4 }, true);
        check("numeric(12,2)", Type::Decimal { precision: 12, scale: 4 }, false);
        check("integer", Type::Decimal { precision: 12, scale: 2 }, true);
        check("bigint", Type::Decimal { precision: 12, scale: 2 }, false);
        check("character varying(20)", Type::String, true);
        check("integer", Type::String, false);
        check("timestamp(3) with time zone", Type::Timestamp, true);
        check("timestamp without time zone", Type::Timestamp, false);
        check("integer[]", list(Type::Int64), true);
        check("bigint", list(Type::Int64), false);
    }

    #[test]
    fn a_cast_is_written_where_there_is_none_by_itself() {
        let check = |actual: &str, ty: Type, expected: Option<&str>| {
            assert_eq!(using(actual, &sql(&ty)).as_deref(), expected, "{actual} to {ty:?}");
        };
        check("text", Type::Int32, Some("::integer"));
        check("character varying(20)", Type::Date, Some("::date"));
        check("boolean", Type::Int64, Some("::text::bigint"));
        check("integer", Type::Int64, None);
        check("numeric(8,2)", Type::Float64, None);
        check("timestamp without time zone", Type::Timestamp, None);
        check("timestamp(3) with time zone", Type::Date, None);
        check("json", Type::Json, None);
        check("uuid", Type::String, None);
        check("integer[]", Type::String, None);
        check("text", list(Type::Int32), Some("::integer[]"));
        check("integer[]", list(Type::Int64), None);
        check("integer[]", list(Type::Uuid), Some("::text::uuid[]"));
    }

    #[test]
    fn a_column_that_we_create_holds_our_values() {
        for ty in every_type() {
            check(ty.clone(), &sql(&ty), true);
            let list = list(ty);
            check(list.clone(), &sql(&list), true);
        }
    }
}
