//! Conditions that hold for no row, or for all of them.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

use super::super::context::Context;
use super::super::draft::{Draft, Fix, Site};
use super::super::mismatch::is_comparison;
use super::super::scope::plain;
use super::{Literal, bare, literal, parts, range};
use crate::codes;
use crate::schema::scalar::Domain;

/// A comparison that says the same of every row.
pub(super) fn of_expression(context: &Context<'_>, expr: &Expr) -> Vec<Draft> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
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
            let case = |item| in_other_case(context, value, &op, item);
            list.iter().filter_map(case).collect()
        }
        _ => Vec::new(),
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
    let Some(Domain::Whole(least, most)) = field.ty.domain() else { return None };
    let (least, most) = (least as f64, most as f64);
    let is_equality = matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
    let is_outside = number < least || number > most;
    let has_fraction = number.fract() != 0.0 && is_equality;
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
        true => "compare with a whole number, or with a range".to_owned(),
        false => format!("a value of `{ty}` lies between {least} and {most}"),
    }))
}

/// One part of a chain: a value, and what it is compared with.
struct Part<'e> {
    expr: &'e Expr,
    value: String,
    op: BinaryOperator,
    literal: Literal,
}

fn part<'e>(expr: &'e Expr) -> Option<Part<'e>> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            match (literal(left), literal(right)) {
                (None, Some(literal)) => {
                    Some(Part { expr, value: left.to_string(), op: op.clone(), literal })
                }
                (Some(literal), None) => {
                    Some(Part { expr, value: right.to_string(), op: turned(op)?, literal })
                }
                _ => None,
            }
        }
        Expr::IsNull(value) => Some(Part {
            expr,
            value: value.to_string(),
            op: BinaryOperator::Eq,
            literal: Literal::Null,
        }),
        _ => None,
    }
}

fn turned(op: &BinaryOperator) -> Option<BinaryOperator> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    Some(match op {
        Eq => Eq,
        NotEq => NotEq,
        Lt => Gt,
        LtEq => GtEq,
        Gt => Lt,
        GtEq => LtEq,
        _ => return None,
    })
}

/// Conditions that cannot all hold, or of which one always does.
pub(super) fn together(context: &Context<'_>, expr: &Expr, is_and: bool) -> Option<Draft> {
    let op = if is_and { BinaryOperator::And } else { BinaryOperator::Or };
    let known: Vec<_> = parts(expr, &op).into_iter().filter_map(part).collect();
    for (index, second) in known.iter().enumerate() {
        let earlier = known.iter().take(index).filter(|first| first.value == second.value);
        for first in earlier {
            let found = match is_and {
                true => excludes(first, second),
                false => covers_all(first, second),
            };
            if !found {
                continue;
            }
            let (here, there) =
                (range(context.text, second.expr)?, range(context.text, first.expr)?);
            let value = &second.value;
            let draft = match is_and {
                true => Draft::warning(
                    codes::CONSTANT_CONDITION,
                    "no row is like this and like that",
                    here,
                )
                .help("if one of them is enough, write OR"),
                false => {
                    let message = format!("this or that is true of every `{value}`");
                    Draft::warning(codes::CONSTANT_CONDITION, &message, here)
                        .help("if both must hold, write AND")
                }
            };
            return Some(draft.related(Site::Query(there), "the other condition"));
        }
    }
    None
}

/// Whether no value is like both.
fn excludes(first: &Part<'_>, second: &Part<'_>) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match (&first.literal, &second.literal) {
        (Literal::Null, Literal::Null) => false,
        (Literal::Null, _) | (_, Literal::Null) => true,
        (Literal::Text(a), Literal::Text(b)) => match (&first.op, &second.op) {
            (Eq, Eq) => a != b,
            (Eq, NotEq) | (NotEq, Eq) => a == b,
            _ => false,
        },
        (Literal::Number(a, _), Literal::Number(b, _)) => match (&first.op, &second.op) {
            (Eq, Eq) => a != b,
            (Eq, NotEq) | (NotEq, Eq) => a == b,
            (Gt, Lt | LtEq | Eq) | (GtEq, Lt) | (Eq, Lt) => a >= b,
            (Lt, Gt | GtEq | Eq) | (LtEq, Gt) | (Eq, Gt) => a <= b,
            (GtEq, LtEq | Eq) | (Eq, LtEq) => a > b,
            (LtEq, GtEq | Eq) | (Eq, GtEq) => a < b,
            _ => false,
        },
        _ => false,
    }
}

/// Whether every value is like one of them.
fn covers_all(first: &Part<'_>, second: &Part<'_>) -> bool {
    first.op == BinaryOperator::NotEq
        && second.op == BinaryOperator::NotEq
        && first.literal != second.literal
        && first.literal != Literal::Null
        && second.literal != Literal::Null
}
