//! Schema types as MySQL's types: of a table that we create, and which types of a table that is there
//! already hold all our values.
//!
//! Text is `longtext`, of the key `varchar(255)`, compared byte by byte and without padding: to most
//! collations `A` and `a`, or `a` and `a `, are one key. `json` is text, too: MySQL's own type rounds
//! numbers to doubles. Timestamps are `datetime(6)` in UTC, since `timestamp` ends in 2038. `float32`
//! is a `double`, since MySQL shows a `float` with six digits.

use crate::definition::TargetKind;
use crate::schema::Type;

/// The collation that tells all texts apart.
pub(super) fn exact(is_mariadb: bool) -> &'static str {
    if is_mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" }
}

/// Whether a collation tells all texts apart that a column of that type can hold.
pub(super) fn is_exact(collation: &str, actual: &str) -> bool {
    let is_fixed = actual.starts_with("char(36)");
    collation.is_empty()
        || collation.ends_with("_nopad_bin")
        || collation == "utf8mb4_0900_bin"
        || is_fixed && collation.ends_with("_bin")
}

/// The most characters of a text of the key.
pub(super) fn longest_key() -> usize {
    TargetKind::Mysql.capabilities().key.text.unwrap_or(usize::MAX)
}

/// The type of a column that we create; `key` where it is of the key.
pub(super) fn sql(ty: &Type, key: bool, exact: &str) -> String {
    match ty {
        Type::Bool => "tinyint(1)",
        Type::Int16 => "smallint",
        Type::Int32 => "int",
        Type::Int64 => "bigint",
        Type::Float32 | Type::Float64 => "double",
        Type::Decimal { precision, scale } => return format!("decimal({precision},{scale})"),
        Type::String if key => {
            return format!("varchar({}) CHARACTER SET utf8mb4 COLLATE {exact}", longest_key());
        }
        Type::String => "longtext CHARACTER SET utf8mb4",
        Type::Date => "date",
        Type::Time => "time(6)",
        Type::Timestamp => "datetime(6)",
        Type::Uuid => "char(36) CHARACTER SET ascii COLLATE ascii_bin",
        Type::Binary if key => return format!("varbinary({})", longest_key()),
        Type::Binary => "longblob",
        Type::Json | Type::Record(_) | Type::List(_) => {
            "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        }
    }
    .to_owned()
}

/// Whether a column of that type, as the catalog spells it, holds every value of ours unchanged.
///
/// A text of the key may be of any length: what is longer is refused, and never cut off.
pub(super) fn holds(actual: &str, ty: &Type, key: bool) -> bool {
    let (base, length) = parts(actual);
    let one_of = |names: &[&str]| names.contains(&base.as_str());
    match ty {
        Type::Bool => one_of(&["tinyint", "smallint", "mediumint", "int", "bigint"]),
        Type::Int16 => {
            one_of(&["smallint", "mediumint", "int", "bigint"]) || decimal_holds(actual, 5, 0)
        }
        Type::Int32 => one_of(&["int", "bigint"]) || decimal_holds(actual, 10, 0),
        Type::Int64 => one_of(&["bigint"]) || decimal_holds(actual, 19, 0),
        Type::Float32 => one_of(&["float", "double"]) && length.is_none(),
        Type::Float64 => one_of(&["double"]) && length.is_none(),
        Type::Decimal { precision, scale } => decimal_holds(actual, *precision, *scale),
        Type::String if key => one_of(&["varchar", "mediumtext", "longtext"]),
        Type::String => one_of(&["mediumtext", "longtext"]),
        Type::Date | Type::Time | Type::Timestamp => actual == sql(ty, key, ""),
        Type::Uuid => {
            one_of(&["uuid", "text", "mediumtext", "longtext"])
                || one_of(&["char", "varchar"]) && length.is_some_and(|length| length >= 36)
                || actual.starts_with("char(36)")
        }
        Type::Binary if key => one_of(&["varbinary", "mediumblob", "longblob"]),
        Type::Binary => one_of(&["mediumblob", "longblob"]),
        Type::Json | Type::Record(_) | Type::List(_) => {
            one_of(&["mediumtext", "longtext"]) || one_of(&["json"]) && is_kept_as_json(ty)
        }
    }
}

/// Whether our type holds every value of a column of that type, which is not of the key.
pub(super) fn widens(actual: &str, ty: &Type) -> bool {
    let (base, length) = parts(actual);
    let one_of = |names: &[&str]| names.contains(&base.as_str());
    let is_text = || {
        let base = base.split(' ').next().unwrap_or_default();
        ["varchar", "tinytext", "text", "mediumtext", "longtext"].contains(&base)
    };
    match ty {
        Type::Int16 => one_of(&["tinyint", "tinyint unsigned"]),
        Type::Int32 => one_of(&[
            "tinyint",
            "tinyint unsigned",
            "smallint",
            "smallint unsigned",
            "mediumint",
            "mediumint unsigned",
        ]),
        Type::Int64 => widens(actual, &Type::Int32) || one_of(&["int", "int unsigned"]),
        Type::Float64 => one_of(&["float"]) && length.is_none(),
        Type::Decimal { precision, scale } => {
            let whole = precision.saturating_sub(*scale);
            one_of(&["tinyint", "smallint"]) && whole >= 5
                || one_of(&["mediumint", "int"]) && whole >= 10
                || one_of(&["bigint"]) && whole >= 19
                || decimal_digits(actual)
                    .is_some_and(|(p, s)| *scale >= s && whole >= p.saturating_sub(s))
        }
        Type::String | Type::Json | Type::Record(_) | Type::List(_) => is_text(),
        Type::Time => one_of(&["time"]),
        Type::Timestamp => one_of(&["datetime"]),
        Type::Binary => one_of(&["varbinary", "tinyblob", "blob"]),
        _ => false,
    }
}

/// `bigint(20) unsigned` → `bigint unsigned`, 20; with `varchar(255)` the length is 255.
fn parts(actual: &str) -> (String, Option<u32>) {
    let Some((base, rest)) = actual.split_once('(') else { return (actual.to_owned(), None) };
    let Some((inner, after)) = rest.split_once(')') else { return (actual.to_owned(), None) };
    let length = inner.split(',').next().and_then(|length| length.parse().ok());
    (format!("{base}{after}"), length)
}

/// Whether `decimal(p,s)` with room on both sides of the point.
fn decimal_holds(actual: &str, precision: u8, scale: u8) -> bool {
    decimal_digits(actual)
        .is_some_and(|(p, s)| s >= scale && p.saturating_sub(s) >= precision.saturating_sub(scale))
}

/// `decimal(12,2)` → 12, 2.
fn decimal_digits(actual: &str) -> Option<(u8, u8)> {
    let (p, s) = actual.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    Some((p.parse().ok()?, s.parse().ok()?))
}

/// Whether MySQL's own `json` keeps all values: fractions become doubles there.
fn is_kept_as_json(ty: &Type) -> bool {
    match ty {
        Type::Json => false,
        Type::Decimal { precision, .. } => *precision <= 15,
        Type::List(item) => is_kept_as_json(&item.ty),
        Type::Record(fields) => fields.iter().all(|field| is_kept_as_json(&field.ty)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Item;
    use crate::sink::tests::every_type;

    #[track_caller]
    fn check(ty: Type, actual: &str, expected: bool) {
        assert_eq!(holds(actual, &ty, false), expected, "{ty:?} in {actual}");
    }

    fn list(ty: Type) -> Type {
        Type::List(Box::new(Item { ty, nullable: true }))
    }

    #[test]
    fn a_wider_type_holds_our_values_and_a_narrower_one_does_not() {
        check(Type::Bool, "tinyint(1)", true);
        check(Type::Bool, "bit(1)", false);
        check(Type::Int16, "smallint(6)", true);
        check(Type::Int16, "smallint(5) unsigned", false);
        check(Type::Int16, "tinyint(4)", false);
        check(Type::Int32, "bigint", true);
        check(Type::Int32, "decimal(10,0)", true);
        check(Type::Int32, "decimal(9,0)", false);
        check(Type::Int64, "bigint(20)", true);
        check(Type::Int64, "bigint(20) unsigned", false);
        check(Type::Int64, "double", false);
        check(Type::Float32, "float", true);
        check(Type::Float64, "float", false);
        check(Type::Float64, "double(10,2)", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "decimal(12,2)", true);
        check(Type::Decimal { precision: 12, scale: 2 }, "decimal(14,4)", true);
        check(Type::Decimal { precision: 12, scale: 2 }, "decimal(12,4)", false);
        check(Type::Decimal { precision: 12, scale: 2 }, "decimal(12,2) unsigned", false);
        check(Type::String, "varchar(255)", false);
        check(Type::String, "text", false);
        check(Type::String, "longtext", true);
        check(Type::String, "longtext character set latin1", false);
        check(Type::Timestamp, "timestamp(6)", false);
        check(Type::Timestamp, "datetime", false);
        check(Type::Time, "time", false);
        check(Type::Uuid, "uuid", true);
        check(Type::Uuid, "char(36) character set ascii", true);
        check(Type::Uuid, "varchar(35)", false);
        check(Type::Json, "json", false);
        check(list(Type::Int64), "json", true);
        check(list(Type::Decimal { precision: 20, scale: 2 }), "json", false);
        check(list(Type::Json), "longtext", true);
        assert!(holds("varchar(20)", &Type::String, true));
        assert!(!holds("char(20)", &Type::String, true));
    }

    #[test]
    fn a_type_takes_the_place_of_a_narrower_one_and_of_no_other() {
        let check = |actual: &str, ty: Type, expected: bool| {
            assert_eq!(widens(actual, &ty), expected, "{actual} to {ty:?}");
        };
        check("int(11)", Type::Int64, true);
        check("int(10) unsigned", Type::Int64, true);
        check("int(10) unsigned", Type::Int32, false);
        check("bigint(20)", Type::Int32, false);
        check("float", Type::Float64, true);
        check("float(7,4)", Type::Float64, false);
        check("int(11)", Type::Float64, false);
        check("decimal(12,2)", Type::Decimal { precision: 14, scale: 4 }, true);
        check("decimal(12,2)", Type::Decimal { precision: 12, scale: 4 }, false);
        check("int(11)", Type::Decimal { precision: 12, scale: 2 }, true);
        check("varchar(20)", Type::String, true);
        check("text character set latin1", Type::String, true);
        check("char(20)", Type::String, false);
        check("int(11)", Type::String, false);
        check("datetime", Type::Timestamp, true);
        check("timestamp", Type::Timestamp, false);
        check("varbinary(20)", Type::Binary, true);
    }

    #[test]
    fn a_column_that_we_create_holds_our_values() {
        for ty in every_type().into_iter().chain([list(Type::Int32)]) {
            for key in [false, true] {
                let column = sql(&ty, key, exact(true));
                // The catalog tells the character set apart only where it is not utf8mb4.
                let actual = column.split(" CHARACTER SET").next().unwrap();
                assert!(holds(actual, &ty, key), "{ty:?} in {actual}");
            }
        }
    }

    #[test]
    fn a_collation_is_exact_or_not() {
        for (collation, actual, expected) in [
            ("utf8mb4_nopad_bin", "varchar(255)", true),
            ("utf8mb4_0900_bin", "varchar(255)", true),
            ("utf8mb4_bin", "varchar(255)", false),
            ("utf8mb4_general_ci", "varchar(255)", false),
            ("ascii_bin", "char(36) character set ascii", true),
            ("", "bigint(20)", true),
        ] {
            assert_eq!(is_exact(collation, actual), expected, "{collation} {actual}");
        }
    }
}
