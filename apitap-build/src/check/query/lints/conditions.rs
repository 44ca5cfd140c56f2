//! Conditions that hold for no row, or for all of them.

use std::cmp::Ordering;

use datafusion::sql::sqlparser::ast::{BinaryOperator, CaseWhen, Expr};

use super::super::context::Context;
use super::super::draft::{Draft, Fix, Site};
use super::super::mismatch::is_comparison;
use super::super::scope::plain;
use super::chains::order;
use super::{Literal, bare, literal, range};
use crate::codes;
use crate::schema::Type;
use crate::schema::scalar::Domain;

/// A comparison that says the same of every row.
pub(super) fn of_expression(context: &Context<'_>, expr: &Expr) -> Vec<Draft> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            if let Some(draft) = with_itself(context, expr, left, op, right) {
                return vec![draft];
            }
            let sides = [(&**left, &**right), (&**right, &**left)];
            let found = sides.into_iter().find_map(|(value, other)| {
                with_null(context, expr, value, op, other)
                    .or_else(|| in_other_case(context, value, op, other))
                    .or_else(|| out_of_range(context, expr, value, op, other))
            });
            found.into_iter().collect()
        }
        Expr::InList { expr: value, list, negated } => {
            let op = if *negated { BinaryOperator::NotEq } else { BinaryOperator::Eq };
            let null = list.iter().find(|item| literal(item) == Some(Literal::Null));
            if let Some(null) = null.filter(|_| *negated) {
                return null_in_list(context, null).into_iter().collect();
            }
            let of_item = |item| {
                in_other_case(context, value, &op, item)
                    .or_else(|| out_of_range(context, item, value, &op, item))
            };
            list.iter().filter_map(of_item).collect()
        }
        Expr::Like { expr: value, pattern, negated, .. } => {
            let op = if *negated { BinaryOperator::NotEq } else { BinaryOperator::Eq };
            in_other_case(context, value, &op, pattern).into_iter().collect()
        }
        Expr::Between { expr: value, negated: false, low, high } => {
            between(context, expr, value, low, high).into_iter().collect()
        }
        Expr::IsNull(value) => never_null(context, expr, value).into_iter().collect(),
        Expr::Case { operand, conditions, .. } => of_case(context, operand.as_deref(), conditions),
        _ => Vec::new(),
    }
}

/// The branches of a CASE that no row takes.
fn of_case(context: &Context<'_>, operand: Option<&Expr>, branches: &[CaseWhen]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut known: Vec<(String, &Expr)> = Vec::new();
    for CaseWhen { condition, .. } in branches {
        let written = condition.to_string();
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == written) {
            drafts.extend(never_reached(context, condition, first));
        }
        known.push((written, condition));
        let case = |value| in_other_case(context, value, &BinaryOperator::Eq, condition);
        drafts.extend(operand.and_then(case));
    }
    drafts
}

/// `CASE WHEN a THEN … WHEN a THEN …`
fn never_reached(context: &Context<'_>, second: &Expr, first: &Expr) -> Option<Draft> {
    let (here, there) = (range(context.text, second)?, range(context.text, first)?);
    Some(
        Draft::warning(codes::CONSTANT_CONDITION, "this branch is never taken", here)
            .related(Site::Query(there), "the same condition stands here, and the first one counts")
            .help("write another condition, or remove the branch"),
    )
}

/// `code = code`
fn with_itself(
    context: &Context<'_>,
    whole: &Expr,
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
) -> Option<Draft> {
    let field = context.scope.field(bare(left))?;
    // NaN is not always equal to itself.
    if matches!(field.ty.domain(), Some(Domain::Float(_)))
        || bare(left).to_string() != bare(right).to_string()
    {
        return None;
    }
    let range = range(context.text, whole)?;
    let written = context.text.slice(&super::range(context.text, left)?).to_owned();
    let when = match op {
        BinaryOperator::Eq | BinaryOperator::LtEq | BinaryOperator::GtEq => "always true",
        _ => "never true",
    };
    let message = format!("this is {when}: `{written}` is compared with itself");
    Some(
        Draft::warning(codes::CONSTANT_CONDITION, &message, range)
            .help("name the other column, with the table that it is of: `a.x = b.x`")
            .help(format!("for the rows that have a value, write `{written} IS NOT NULL`")),
    )
}

/// `id IS NULL`, where the source always has an `id`.
fn never_null(context: &Context<'_>, whole: &Expr, value: &Expr) -> Option<Draft> {
    // An outer join makes nulls, and is looked through for them.
    if context.scope.has_outer_joins() || !context.scope.is_never_null(bare(value)) {
        return None;
    }
    let range = range(context.text, whole)?;
    let written = context.text.slice(&super::range(context.text, value)?).to_owned();
    let message = format!("this is never true: `{written}` is declared not null");
    Some(
        Draft::warning(codes::CONSTANT_CONDITION, &message, range)
            .help("remove the condition, or the `!` in the schema of the source"),
    )
}

/// `BETWEEN 10 AND 5`, or between values that the type does not have.
fn between(
    context: &Context<'_>,
    whole: &Expr,
    value: &Expr,
    low: &Expr,
    high: &Expr,
) -> Option<Draft> {
    let (least, most) = (literal(low)?, literal(high)?);
    if order(&least, &most) == Some(Ordering::Greater) {
        let range = range(context.text, whole)?;
        let [first, second] =
            [low, high].map(|side| super::range(context.text, side).unwrap_or_default());
        let text = context.text;
        let turned = format!("{} AND {}", text.slice(&second), text.slice(&first));
        let fix = Fix { range: first.start..second.end, replacement: turned.clone(), sure: false };
        let message = "this is never true: the first bound is above the second one";
        return Some(
            Draft::warning(codes::CONSTANT_CONDITION, message, range)
                .fix(format!("write `BETWEEN {turned}`"), fix),
        );
    }
    // Out of range on one side is a bound that does nothing, and no mistake.
    let (low_is_out, high_is_out) = (
        out_of_range(context, whole, value, &BinaryOperator::GtEq, low),
        out_of_range(context, whole, value, &BinaryOperator::LtEq, high),
    );
    let is_positive = |literal: &Literal| matches!(literal, Literal::Number(n, _) if *n > 0.0);
    low_is_out.filter(|_| high_is_out.is_some() && is_positive(&least) == is_positive(&most))
}

/// `1 = 2`; and `OR 1 = 1`, which makes the rest of the condition useless.
pub(super) fn of_constants(context: &Context<'_>, expr: &Expr, is_in_or: bool) -> Option<Draft> {
    let Expr::BinaryOp { left, op, right } = bare(expr) else { return None };
    let (left, right) = (literal(left)?, literal(right)?);
    if !is_comparison(op) || left == Literal::Null || right == Literal::Null {
        return None;
    }
    let order = order(&left, &right)?;
    let holds = match op {
        BinaryOperator::Eq => order == Ordering::Equal,
        BinaryOperator::NotEq => order != Ordering::Equal,
        BinaryOperator::Lt => order == Ordering::Less,
        BinaryOperator::LtEq => order != Ordering::Greater,
        BinaryOperator::Gt => order == Ordering::Greater,
        BinaryOperator::GtEq => order != Ordering::Less,
        _ => return None,
    };
    let range = range(context.text, expr)?;
    let warning =
        |message, help| Some(Draft::warning(codes::CONSTANT_CONDITION, message, range).help(help));
    match holds {
        false => warning("this is never true", "compare a column with a value, or remove it"),
        // `WHERE 1 = 1 AND …` is how conditions are put together, and changes nothing.
        true if is_in_or => warning(
            "this is true of every row, and so is the whole condition",
            "write AND in place of OR, or remove it",
        ),
        true => None,
    }
}

/// `x = NULL`
fn with_null(
    context: &Context<'_>,
    whole: &Expr,
    value: &Expr,
    op: &BinaryOperator,
    other: &Expr,
) -> Option<Draft> {
    if literal(other) != Some(Literal::Null) || literal(value) == Some(Literal::Null) {
        return None;
    }
    let range = range(context.text, whole)?;
    let written = context.text.slice(&super::range(context.text, value)?);
    let draft = Draft::warning(
        codes::CONSTANT_CONDITION,
        "this is never true: nothing is equal to NULL, or unequal",
        range.clone(),
    );
    let instead = match op {
        BinaryOperator::Eq => format!("{written} IS NULL"),
        BinaryOperator::NotEq => format!("{written} IS NOT NULL"),
        _ => return Some(draft.help("compare with a value")),
    };
    let fix = Fix { range, replacement: instead.clone(), sure: true };
    Some(draft.fix(format!("write `{instead}`"), fix))
}

/// `x NOT IN ('a', NULL)`
fn null_in_list(context: &Context<'_>, null: &Expr) -> Option<Draft> {
    let range = range(context.text, null)?;
    Some(
        Draft::warning(
            codes::CONSTANT_CONDITION,
            "with NULL in its list, NOT IN is never true",
            range,
        )
        .help("leave NULL out; for rows without a value, add `AND … IS NOT NULL`"),
    )
}

/// `upper(x) = 'chf'`
fn in_other_case(
    context: &Context<'_>,
    value: &Expr,
    op: &BinaryOperator,
    other: &Expr,
) -> Option<Draft> {
    let Expr::Function(call) = bare(value) else { return None };
    let Some(Literal::Text(text)) = literal(other) else { return None };
    let name = plain(&call.name).to_lowercase();
    let meant = match name.as_str() {
        "upper" => text.to_uppercase(),
        "lower" => text.to_lowercase(),
        _ => return None,
    };
    let always = match op {
        BinaryOperator::Eq => "never",
        BinaryOperator::NotEq => "always",
        _ => return None,
    };
    if meant == text || meant.to_lowercase() != text.to_lowercase() {
        return None;
    }
    let range = range(context.text, other)?;
    let instead = format!("'{}'", meant.replace('\'', "''"));
    let message = format!("this is {always} true: `{name}` yields no such text");
    let fix = Fix { range: range.clone(), replacement: instead.clone(), sure: true };
    Some(
        Draft::warning(codes::CONSTANT_CONDITION, &message, range)
            .fix(format!("write `{instead}`"), fix),
    )
}

/// `quantity = 3000000000`, where that does not fit the field's type.
fn out_of_range(
    context: &Context<'_>,
    whole: &Expr,
    value: &Expr,
    op: &BinaryOperator,
    other: &Expr,
) -> Option<Draft> {
    let Some(Literal::Number(number, written)) = literal(other) else { return None };
    let field = context.scope.field(value)?;
    let is_equality = matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
    let (least, most, scale) = bounds(&field.ty)?;
    let is_outside = number < least || number > most;
    let has_fraction = digits_behind(&written) > usize::from(scale) && is_equality;
    if !is_outside && !has_fraction {
        return None;
    }
    let range = range(context.text, whole)?;
    let ty = crate::schema::notation::type_text(&field.ty, true);
    let message = format!("`{}` is never {written}: it is `{ty}`", field.name);
    let message = match is_equality {
        true => message,
        false => format!("this is the same for every row: `{}` is `{ty}`", field.name),
    };
    Some(Draft::warning(codes::CONSTANT_CONDITION, &message, range).help(match has_fraction {
        true if scale == 0 => "compare with a whole number, or with a range".to_owned(),
        true => format!("compare with a number of {scale} digits behind the point, or a range"),
        false => format!("a value of `{ty}` lies between {least} and {most}"),
    }))
}

/// The least and the greatest value of a type, and its digits behind the point.
fn bounds(ty: &Type) -> Option<(f64, f64, u8)> {
    match (ty, ty.domain()) {
        (Type::Decimal { precision, scale }, _) => {
            let unit = 10_f64.powi(-i32::from(*scale));
            let most = 10_f64.powi(i32::from(precision.saturating_sub(*scale)));
            // What lies between the greatest value and the next power of ten is not told apart.
            let most = if most - unit < most { most - unit } else { most };
            Some((-most, most, *scale))
        }
        (_, Some(Domain::Whole(least, most))) => Some((least as f64, most as f64, 0)),
        _ => None,
    }
}

/// How many digits of a number as it is written count behind the point.
fn digits_behind(written: &str) -> usize {
    if written.contains(['e', 'E']) {
        let is_whole = written.parse::<f64>().is_ok_and(|number| number.fract() == 0.0);
        return usize::from(!is_whole);
    }
    written.split_once('.').map_or(0, |(_, behind)| behind.trim_end_matches('0').len())
}
