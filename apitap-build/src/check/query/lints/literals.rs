//! Literals and conversions that mean something else than they look like.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Select,
    SelectItem,
};

use super::super::context::Context;
use super::super::draft::{Draft, Fix};
use super::super::mismatch::is_day;
use super::super::scope::plain;
use super::{Literal, bare, literal, range};
use crate::codes;
use crate::schema::Type;

/// The warnings about one expression.
pub(super) fn of_expression(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Minus, .. } => date(context, expr),
        Expr::BinaryOp { op: BinaryOperator::Divide, .. } => date_with_slashes(context, expr),
        Expr::Function(_) => pattern(context, expr),
        Expr::Cast { expr: value, data_type, .. } => lossy(context, expr, value, data_type),
        _ => None,
    }
}

/// `2026-01-31`, which is 1994.
fn date(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let range = range(context.text, expr)?;
    let written = context.text.slice(&range);
    if !is_day(written) {
        return None;
    }
    let number = written.split('-').map(|part| part.parse::<i64>().unwrap_or_default());
    let number = number.reduce(|difference, part| difference - part)?;
    let message = format!("this is the number {number}, not a day");
    let instead = format!("'{written}'");
    let fix = Fix { range: range.clone(), replacement: instead.clone(), sure: true };
    Some(
        Draft::warning(codes::UNQUOTED_DATE, &message, range)
            .fix(format!("write a day in quotes: {instead}"), fix),
    )
}

/// `31/01/2026`, which is 0.
fn date_with_slashes(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let range = range(context.text, expr)?;
    let written = context.text.slice(&range);
    let parts: Vec<_> = written.split('/').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_date = match parts.as_slice() {
        [a, b, c] if parts.iter().all(is_number) => {
            [4, 2].contains(&a.len()) && b.len() <= 2 && c.len() == 6 - a.len()
        }
        _ => false,
    };
    is_date.then(|| {
        Draft::warning(codes::UNQUOTED_DATE, "this is a division, not a day", range)
            .help("write a day in quotes, with the year first: '2026-01-31'")
    })
}

/// `%Y-%M-%d`: minutes between a year and a day, or a month behind hours.
fn minutes(context: &Context<'_>, pattern: &Expr, text: &str) -> Option<Draft> {
    let has = |all: &[&str]| all.iter().any(|part| text.contains(part));
    let hours = has(&["%H", "%I", "%k", "%l", "%T", "%R", "%S"]);
    let (wrong, right, message) = if text.contains("%M") && !text.contains("%m") && !hours {
        (has(&["%Y", "%y"]) && has(&["%d", "%e"])).then_some(())?;
        ("%M", "%m", "`%M` is the minute; the month is `%m`")
    } else if has(&["%H:%m", "%I:%m"]) && !text.contains("%M") {
        // The month may stand in it, too, in its own place.
        (":%m", ":%M", "`%m` is the month; the minute is `%M`")
    } else {
        return None;
    };
    let range = range(context.text, pattern)?;
    let instead = context.text.slice(&range).replace(wrong, right);
    let fix = Fix { range: range.clone(), replacement: instead.clone(), sure: true };
    Some(
        Draft::warning(codes::FOREIGN_PATTERN, message, range).fix(format!("write {instead}"), fix),
    )
}

/// What other dialects write in patterns, and what it is here; longer ones first.
const PATTERNS: [(&str, &str); 19] = [
    ("IYYY", "%G"),
    ("IW", "%V"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("YYYY", "%Y"),
    ("yyyy", "%Y"),
    ("Month", "%B"),
    ("MON", "%b"),
    ("Mon", "%b"),
    ("MM", "%m"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("MI", "%M"),
    ("mm", "%m"),
    ("SS", "%S"),
    ("ss", "%S"),
    ("YY", "%y"),
];

/// `to_char(at, 'YYYY-MM-DD')`, which yields just that.
fn pattern(context: &Context<'_>, expr: &Expr) -> Option<Draft> {
    let Expr::Function(call) = expr else { return None };
    let name = plain(&call.name).to_lowercase();
    let takes_pattern = ["to_char", "date_format", "to_date", "to_timestamp"];
    if !takes_pattern.contains(&name.as_str()) {
        return None;
    }
    let FunctionArguments::List(list) = &call.args else { return None };
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern)) = list.args.get(1)? else {
        return None;
    };
    let Literal::Text(text) = literal(pattern)? else { return None };
    if text.contains('%') {
        return minutes(context, pattern, &text);
    }
    if !["YY", "MM", "DD", "HH", "yyyy"].iter().any(|p| text.contains(p)) {
        return None;
    }
    let range = range(context.text, pattern)?;
    let (ours, sure) = translated(&text);
    let instead = format!("'{}'", ours.replace('\'', "''"));
    let message = format!("`{name}` takes this pattern as it stands: it has no `%`");
    let fix = Fix { range: range.clone(), replacement: instead.clone(), sure };
    Some(
        Draft::warning(codes::FOREIGN_PATTERN, &message, range)
            .fix(format!("write {instead}"), fix),
    )
}

/// The pattern in ours, and whether that is surely what is meant: `mm` is a month to some and minutes to others,
/// `HH` has twelve hours or twenty-four, and a letter that is left as it is may stand for something, too.
fn translated(pattern: &str) -> (String, bool) {
    let (mut out, mut sure, mut rest) = (String::new(), true, pattern);
    while let Some(char) = rest.chars().next() {
        let length = match PATTERNS.iter().find(|(theirs, _)| rest.starts_with(theirs)) {
            Some((theirs, ours)) => {
                out.push_str(ours);
                sure &= !["mm", "HH"].contains(theirs);
                theirs.len()
            }
            None => {
                out.push(char);
                sure &= !char.is_alphanumeric() && char != '"';
                char.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    (out, sure)
}

/// `CAST(total AS INT)`, which cuts off the cents.
fn lossy(context: &Context<'_>, whole: &Expr, value: &Expr, to: &DataType) -> Option<Draft> {
    let field = context.scope.field(bare(value))?;
    let is_whole = matches!(
        to,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::TinyInt(_)
    );
    let has_fraction = match field.ty {
        Type::Float32 | Type::Float64 => true,
        Type::Decimal { scale, .. } => scale > 0,
        _ => false,
    };
    let range = range(context.text, whole)?;
    let written = context.text.slice(&super::range(context.text, value)?);
    if is_whole && has_fraction {
        return Some(
            Draft::warning(codes::LOSSY_CAST, "this cuts off what is behind the point", range)
                .help(format!("say so, `trunc({written})`, or round: `round({written})`")),
        );
    }
    let is_exact =
        matches!(field.ty, Type::Decimal { .. } | Type::Int32 | Type::Int64 | Type::Float64);
    if matches!(to, DataType::Real | DataType::Float4) && is_exact {
        return Some(
            Draft::warning(codes::LOSSY_CAST, "a REAL keeps seven digits", range)
                .help(format!("leave `{written}` as it is, or convert it to DOUBLE or DECIMAL")),
        );
    }
    None
}

/// A column `placed_at AT TIME ZONE '…'`: an instant is stored as that, in whatever zone.
pub(super) fn without_effect(context: &Context<'_>, select: &Select) -> Vec<Draft> {
    let warning = |item: &SelectItem| {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            return None;
        };
        let Expr::AtTimeZone { timestamp, .. } = bare(expr) else { return None };
        let field = context.scope.field(bare(timestamp))?;
        if field.ty != Type::Timestamp {
            return None;
        }
        let range = range(context.text, expr)?;
        let written = context.text.slice(&range).to_owned();
        Some(
            Draft::warning(
                codes::ZONE_WITHOUT_EFFECT,
                "this is the same instant, and is stored as that",
                range,
            )
            .help(format!("for the time on the clock there, write `to_local_time({written})`")),
        )
    };
    select.projection.iter().filter_map(warning).collect()
}
