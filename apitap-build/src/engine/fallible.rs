//! Which expressions can fail on some value: casts, operators and functions, as data.
//!
//! A function that is not in the table can fail. A test tries every function of the engine with
//! hostile values, and holds the table against what happens.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Operator;

/// On what an expression can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallible {
    /// On nothing.
    Never,
    /// On nothing but the size of what it would yield (`bounds.rs`).
    BySize,
    /// On values at the ends of time and the like, which no source has.
    AtTheEnds,
    /// On those of its arguments, counted from 0: it cannot fail where they are constants that it
    /// takes.
    By(&'static [usize]),
    /// The same; where they are, only on values at the ends of time.
    ByAndAtTheEnds(&'static [usize]),
    /// On any of its arguments.
    ByValue,
}

impl Fallible {
    /// Whether a constant in each argument that it fails on, once tried, cannot fail again.
    pub fn is_settled(self, is_constant: impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Never => true,
            Self::By(arguments) => arguments.iter().all(|argument| is_constant(*argument)),
            Self::BySize | Self::AtTheEnds | Self::ByAndAtTheEnds(_) | Self::ByValue => false,
        }
    }

    /// Whether it fails on values only that no API is known to send.
    pub fn is_remote(self, is_constant: impl Fn(usize) -> bool) -> bool {
        match self {
            Self::BySize | Self::AtTheEnds => true,
            Self::ByAndAtTheEnds(arguments) => arguments.iter().all(|at| is_constant(*at)),
            Self::Never | Self::By(_) | Self::ByValue => false,
        }
    }
}

/// The functions that do not fail on every argument.
const FUNCTIONS: &[(Fallible, &[&str])] = &[
    (
        Fallible::Never,
        &[
            "array_any_value",
            "array_append",
            "array_compact",
            "array_dims",
            "array_distinct",
            "array_except",
            "array_has",
            "array_has_all",
            "array_has_any",
            "array_intersect",
            "array_length",
            "array_max",
            "array_min",
            "array_ndims",
            "array_pop_back",
            "array_pop_front",
            "array_positions",
            "array_prepend",
            "array_remove",
            "array_remove_all",
            "array_remove_n",
            "array_replace",
            "array_replace_all",
            "array_replace_n",
            "array_reverse",
            "array_union",
            "arrow_field",
            "arrow_typeof",
            "ascii",
            "asinh",
            "atan",
            "atan2",
            "bit_length",
            "btrim",
            "cardinality",
            "cbrt",
            "ceil",
            "character_length",
            "coalesce",
            "contains",
            "cos",
            "cosh",
            "cot",
            "current_date",
            "current_time",
            "degrees",
            "empty",
            "ends_with",
            "exp",
            "find_in_set",
            "flatten",
            "floor",
            "get_field",
            "greatest",
            "grouping",
            "initcap",
            "isnan",
            "iszero",
            "json_as_text",
            "json_contains",
            "json_get_array",
            "json_get_bool",
            "json_get_float",
            "json_get_int",
            "json_get_json",
            "json_get_str",
            "json_length",
            "json_object_keys",
            "least",
            "left",
            "lower",
            "ltrim",
            "make_array",
            "map_entries",
            "map_extract",
            "map_keys",
            "map_values",
            "md5",
            "named_struct",
            "nanvl",
            "now",
            "nullif",
            "nvl",
            "nvl2",
            "octet_length",
            "opaque",
            "pi",
            "radians",
            "random",
            "reverse",
            "right",
            "rtrim",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
            "signum",
            "sin",
            "sinh",
            "starts_with",
            "strpos",
            "struct",
            "substr_index",
            "tan",
            "tanh",
            "to_hex",
            "translate",
            "upper",
            "uuid",
            "version",
        ],
    ),
    (
        Fallible::BySize,
        &[
            "array_concat",
            "array_repeat",
            "array_to_string",
            "concat",
            "concat_ws",
            "levenshtein",
            "lpad",
            "overlay",
            "repeat",
            "replace",
            "rpad",
            "string_to_array",
        ],
    ),
    (Fallible::AtTheEnds, &["abs", "gcd"]),
    (Fallible::ByAndAtTheEnds(&[0, 2]), &["date_bin"]),
    (Fallible::By(&[0]), &["date_part", "date_trunc"]),
    (
        Fallible::By(&[1]),
        &[
            "array_element",
            "arrow_metadata",
            "date_format",
            "digest",
            "encode",
            "regexp_count",
            "regexp_like",
            "regexp_match",
            "round",
            "to_char",
            "trunc",
        ],
    ),
    (Fallible::By(&[1, 2]), &["array_slice", "array_sort"]),
    (Fallible::By(&[1, 2, 3, 4, 5]), &["regexp_instr"]),
    (Fallible::By(&[1, 3]), &["regexp_replace"]),
    (Fallible::By(&[2]), &["array_position", "split_part", "substr"]),
];

/// Functions that fail on no floating-point number: what has no value is NaN.
const OF_FLOATS: &[&str] = &[
    "abs", "acos", "acosh", "asin", "atanh", "ln", "log", "log10", "log2", "power", "round",
    "signum", "trunc",
];

/// Functions that make an instant of a whole number, or the other way round: only at the ends of time
/// is there none.
const OF_INSTANTS: &[&str] = &[
    "from_unixtime",
    "to_local_time",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
    "to_unixtime",
];

/// On what a function can fail, called with operands of those types.
pub(super) fn function(name: &str, types: &[DataType]) -> Fallible {
    let first = types.first().is_some_and(DataType::is_floating);
    let is_exact = |ty: &DataType| ty.is_integer() || ty.is_decimal();
    if OF_FLOATS.contains(&name) && first && (name != "power" || !types.iter().any(is_exact)) {
        return Fallible::Never;
    }
    let is_instant = |ty: &DataType| ty.is_integer() || ty.is_temporal();
    if OF_INSTANTS.contains(&name) && types.first().is_some_and(is_instant) {
        return Fallible::AtTheEnds;
    }
    let row = FUNCTIONS.iter().find(|(_, names)| names.contains(&name));
    row.map_or(Fallible::ByValue, |(fallible, _)| *fallible)
}

/// On what an operator between two expressions of those types can fail.
pub(super) fn operator(left: &DataType, operator: Operator, right: &DataType) -> Fallible {
    use Operator as Op;
    match operator {
        Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
            arithmetic(left, operator, right)
        }
        Op::RegexMatch | Op::RegexIMatch | Op::RegexNotMatch | Op::RegexNotIMatch => {
            Fallible::By(&[1])
        }
        Op::StringConcat => Fallible::BySize,
        _ => Fallible::Never,
    }
}

fn arithmetic(left: &DataType, operator: Operator, right: &DataType) -> Fallible {
    let is = |kind: fn(&DataType) -> bool| kind(left) || kind(right);
    if is(DataType::is_floating) || is(DataType::is_null) {
        return Fallible::Never;
    }
    if is(DataType::is_temporal) {
        return Fallible::AtTheEnds;
    }
    let divides = matches!(operator, Operator::Divide | Operator::Modulo);
    match super::guard::result_type(left, operator, right) {
        // The engine gives a result as many digits as it can have, but no more than 38.
        Ok(DataType::Decimal128(precision, _)) if !divides && precision < 38 => Fallible::Never,
        // No source counts so far.
        Ok(DataType::Int64) if matches!(operator, Operator::Plus | Operator::Minus) => {
            Fallible::AtTheEnds
        }
        _ => Fallible::ByValue,
    }
}

/// Whether an operator can fail for operands of some type.
pub(super) fn can_fail(operator: Operator) -> bool {
    self::operator(&DataType::Int64, operator, &DataType::Int64) != Fallible::Never
}

/// Whether a cast fails on some value.
pub(super) fn cast(from: &DataType, to: &DataType) -> bool {
    use DataType as Ty;
    if from == to || from.is_null() || is_text(from) && is_text(to) {
        return false;
    }
    // A count is never so large that it does not fit.
    if let (Ty::UInt64, Ty::Int64) = (from, to) {
        return false;
    }
    if let Some(narrows) = narrows(from, to) {
        return narrows;
    }
    match (from, to) {
        (Ty::Dictionary(_, from), to) => cast(from, to),
        (from, Ty::Dictionary(_, to)) => cast(from, to),
        (from, to) if is_text(to) => is_nested(from) || is_binary(from),
        (from, to) if is_text(from) => !is_binary(to),
        (from, to) if is_binary(from) && is_binary(to) => false,
        (Ty::Boolean, to) => !to.is_numeric(),
        (from, Ty::Boolean) => !from.is_numeric(),
        (from, to) if to.is_floating() => !from.is_numeric(),
        (Ty::Date32, Ty::Timestamp(unit, _)) => *unit == TimeUnit::Nanosecond,
        (Ty::Timestamp(..), Ty::Date32 | Ty::Time64(_) | Ty::Time32(_)) => false,
        (Ty::Timestamp(from, _), Ty::Timestamp(to, _)) => is_finer(to, from),
        (Ty::Time64(_) | Ty::Time32(_), Ty::Time64(_)) => false,
        (Ty::List(from), Ty::List(to)) => cast(from.data_type(), to.data_type()),
        (Ty::Struct(from), Ty::Struct(to)) => {
            from.len() != to.len() || {
                let mut pairs = from.iter().zip(to);
                pairs.any(|(from, to)| {
                    from.name() != to.name() || cast(from.data_type(), to.data_type())
                })
            }
        }
        _ => true,
    }
}

/// Whether a number of one exact type may not fit another; `None` where one is not exact.
fn narrows(from: &DataType, to: &DataType) -> Option<bool> {
    if let (Some(from), Some(to)) = (bits(from), bits(to)) {
        let (is_signed, to_is_signed) = (from < 0, to < 0);
        return Some(match (is_signed, to_is_signed) {
            (true, false) => true,
            (false, true) => to.abs() <= from.abs(),
            _ => to.abs() < from.abs(),
        });
    }
    let (needs, holds) = (needed(from)?, held(to)?);
    // Rounding may carry into one more digit.
    Some(needs.0 > holds.0 || needs.1 > holds.1 && needs.0 == holds.0 && to.is_decimal())
}

/// The width of a whole number; negative where it has a sign.
fn bits(ty: &DataType) -> Option<i8> {
    Some(match ty {
        DataType::Int8 => -8,
        DataType::Int16 => -16,
        DataType::Int32 => -32,
        DataType::Int64 => -64,
        DataType::UInt8 => 8,
        DataType::UInt16 => 16,
        DataType::UInt32 => 32,
        DataType::UInt64 => 64,
        _ => return None,
    })
}

/// Digits before and after the point that the longest number of a type has.
fn needed(ty: &DataType) -> Option<(i16, i16)> {
    Some(match ty {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        decimal => digits(decimal)?,
    })
}

/// Digits before and after the point of which a type has all numbers.
fn held(ty: &DataType) -> Option<(i16, i16)> {
    Some(match ty {
        DataType::Int8 | DataType::UInt8 => (2, 0),
        DataType::Int16 | DataType::UInt16 => (4, 0),
        DataType::Int32 | DataType::UInt32 => (9, 0),
        DataType::Int64 => (18, 0),
        DataType::UInt64 => (19, 0),
        decimal => digits(decimal)?,
    })
}

fn digits(ty: &DataType) -> Option<(i16, i16)> {
    let (DataType::Decimal32(precision, scale)
    | DataType::Decimal64(precision, scale)
    | DataType::Decimal128(precision, scale)
    | DataType::Decimal256(precision, scale)) = ty
    else {
        return None;
    };
    let (precision, scale) = (i16::from(*precision), i16::from(*scale));
    Some((precision - scale, scale))
}

fn is_finer(one: &TimeUnit, other: &TimeUnit) -> bool {
    let rank = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    rank(one) > rank(other)
}

fn is_text(ty: &DataType) -> bool {
    ty.is_string()
}

fn is_binary(ty: &DataType) -> bool {
    ty.is_binary() || matches!(ty, DataType::FixedSizeBinary(_))
}

fn is_nested(ty: &DataType) -> bool {
    ty.is_nested()
}
