//! Conditions in a chain of `AND`s or `OR`s, of which no row fulfils two, or each row one.

use std::cmp::Ordering;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

use super::super::context::Context;
use super::super::draft::{Draft, Site};
use super::super::mismatch::{is_comparison, is_day};
use super::{Literal, bare, literal, parts, range};
use crate::codes;

/// One part of a chain: a value, and what is said of it.
struct Part<'e> {
    expr: &'e Expr,
    value: String,
    claim: Claim,
}

/// What a condition says of a value.
enum Claim {
    IsNull,
    NotNull,
    Compared(BinaryOperator, Literal),
    OneOf(Vec<Literal>),
    NoneOf(Vec<Literal>),
    Between(Literal, Literal),
}

fn part(expr: &Expr) -> Option<Part<'_>> {
    let (value, claim) = match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            match (literal(left), literal(right)) {
                (None, Some(literal)) => (left, Claim::Compared(op.clone(), literal)),
                (Some(literal), None) => (right, Claim::Compared(turned(op)?, literal)),
                _ => return None,
            }
        }
        Expr::IsNull(value) => (value, Claim::IsNull),
        Expr::IsNotNull(value) => (value, Claim::NotNull),
        Expr::InList { expr: value, list, negated } => {
            let all: Vec<_> = list.iter().map(literal).collect::<Option<_>>()?;
            (value, if *negated { Claim::NoneOf(all) } else { Claim::OneOf(all) })
        }
        Expr::Between { expr: value, negated: false, low, high } => {
            (value, Claim::Between(literal(low)?, literal(high)?))
        }
        _ => return None,
    };
    Some(Part { expr, value: bare(value).to_string(), claim })
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
                true => excludes(&first.claim, &second.claim),
                false => covers_all(&first.claim, &second.claim),
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
                    "no row fulfils this condition and the other one",
                    here,
                )
                .help("if one of them is enough, write OR"),
                false => {
                    let message =
                        format!("every `{value}` fulfils this condition or the other one");
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
fn excludes(first: &Claim, second: &Claim) -> bool {
    use BinaryOperator::{Eq, GtEq, LtEq};
    match (first, second) {
        (Claim::IsNull, Claim::IsNull) => false,
        (Claim::IsNull, _) | (_, Claim::IsNull) => true,
        (Claim::NotNull, _) | (_, Claim::NotNull) => false,
        (Claim::OneOf(all), other) | (other, Claim::OneOf(all)) => {
            let one = |value: &Literal| excludes(&Claim::Compared(Eq, value.clone()), other);
            !all.is_empty() && all.iter().all(one)
        }
        (Claim::NoneOf(all), Claim::Compared(Eq, value))
        | (Claim::Compared(Eq, value), Claim::NoneOf(all)) => all.contains(value),
        (Claim::NoneOf(_), _) | (_, Claim::NoneOf(_)) => false,
        (Claim::Between(low, high), other) | (other, Claim::Between(low, high)) => {
            excludes(&Claim::Compared(GtEq, low.clone()), other)
                || excludes(&Claim::Compared(LtEq, high.clone()), other)
        }
        (Claim::Compared(first, a), Claim::Compared(second, b)) => {
            compared_excludes((first, a), (second, b))
        }
    }
}

fn compared_excludes(
    first: (&BinaryOperator, &Literal),
    second: (&BinaryOperator, &Literal),
) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let ((first, a), (second, b)) = (first, second);
    let Some(order) = order(a, b) else { return false };
    match (first, second) {
        (Eq, Eq) => order != Ordering::Equal,
        (Eq, NotEq) | (NotEq, Eq) => order == Ordering::Equal,
        (Gt, Lt | LtEq | Eq) | (GtEq, Lt) | (Eq, Lt) => order != Ordering::Less,
        (Lt, Gt | GtEq | Eq) | (LtEq, Gt) | (Eq, Gt) => order != Ordering::Greater,
        (GtEq, LtEq | Eq) | (Eq, LtEq) => order == Ordering::Greater,
        (LtEq, GtEq | Eq) | (Eq, GtEq) => order == Ordering::Less,
        _ => false,
    }
}

/// Whether every value is like one of them.
fn covers_all(first: &Claim, second: &Claim) -> bool {
    use BinaryOperator::{Gt, GtEq, Lt, LtEq, NotEq};
    let (Claim::Compared(first, a), Claim::Compared(second, b)) = (first, second) else {
        return matches!(
            (first, second),
            (Claim::IsNull, Claim::NotNull) | (Claim::NotNull, Claim::IsNull)
        );
    };
    let Some(order) = order(a, b) else { return false };
    match (first, second) {
        (NotEq, NotEq) => order != Ordering::Equal,
        (Gt | GtEq, Lt | LtEq) => order == Ordering::Less,
        (Lt | LtEq, Gt | GtEq) => order == Ordering::Greater,
        _ => false,
    }
}

/// How two literals are ordered; `None` where that depends on the type of the column.
pub(super) fn order(a: &Literal, b: &Literal) -> Option<Ordering> {
    match (a, b) {
        (Literal::Number(a, _), Literal::Number(b, _)) => a.partial_cmp(b),
        (Literal::Text(a), Literal::Text(b)) => match (day(a), day(b)) {
            // The same day may be written with a time and without.
            (Some(one), Some(other)) if one == other && a != b => None,
            _ => Some(a.cmp(b)),
        },
        _ => None,
    }
}

/// The day that a text begins with.
fn day(text: &str) -> Option<&str> {
    text.get(..10).filter(|day| is_day(day))
}
