//! A condition → what is not null in the rows for which it holds.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, Operator};

use super::functions::{self, Nulls};
use super::{NotNull, expression};
use crate::engine::canonical::canonical;

/// What is not null where a condition is true, or where it is false.
pub(super) fn not_null_if(condition: &Expr, is: bool, schema: &DFSchema) -> NotNull {
    let none = NotNull::default();
    match condition {
        Expr::Alias(alias) => not_null_if(&alias.expr, is, schema),
        Expr::Not(inner) => not_null_if(inner, !is, schema),
        Expr::BinaryExpr(binary) => {
            let sides = [&*binary.left, &*binary.right];
            match (binary.op, is) {
                (Operator::And, true) | (Operator::Or, false) => {
                    let [a, b] = sides.map(|side| not_null_if(side, is, schema));
                    a.union(b)
                }
                (Operator::And, false) | (Operator::Or, true) => {
                    let [a, b] = sides.map(|side| not_null_if(side, is, schema));
                    a.intersection(&b)
                }
                (Operator::IsNotDistinctFrom, true) => either(
                    sides,
                    schema,
                    |other| matches!(other, Expr::Literal(v, _) if !v.is_null()),
                ),
                (Operator::IsDistinctFrom, true) => either(
                    sides,
                    schema,
                    |other| matches!(other, Expr::Literal(v, _) if v.is_null()),
                ),
                _ => not_null_with(condition, schema),
            }
        }
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) if is => not_null_with(inner, schema),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) if !is => not_null_with(inner, schema),
        Expr::IsTrue(inner) if is => not_null_if(inner, true, schema),
        Expr::IsNotTrue(inner) if !is => not_null_if(inner, true, schema),
        Expr::IsFalse(inner) if is => not_null_if(inner, false, schema),
        Expr::IsNotFalse(inner) if !is => not_null_if(inner, false, schema),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_) => none,
        Expr::Between(between) if between.negated == is => not_null_with(&between.expr, schema),
        // Within both ends; outside of one, nothing is said of the other.
        Expr::Between(between) => [&between.expr, &between.low, &between.high]
            .into_iter()
            .map(|part| not_null_with(part, schema))
            .fold(NotNull::default(), NotNull::union),
        Expr::InList(list) => not_null_with(&list.expr, schema),
        Expr::InSubquery(within) if within.negated != is => not_null_with(&within.expr, schema),
        other => not_null_with(other, schema),
    }
}

/// What is not null where a condition is false or unknown.
pub(super) fn not_null_unless(condition: &Expr, schema: &DFSchema) -> NotNull {
    match condition {
        Expr::Alias(alias) => not_null_unless(&alias.expr, schema),
        // Either side may be what is not true.
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let [a, b] = [&binary.left, &binary.right].map(|side| not_null_unless(side, schema));
            a.union(b)
        }
        // These are never unknown.
        Expr::IsNull(_) | Expr::IsUnknown(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => {
            not_null_if(condition, false, schema)
        }
        _ => NotNull::default(),
    }
}

/// What is not null where an expression is not: the expression itself, and what it is made of.
pub(super) fn not_null_with(expr: &Expr, schema: &DFSchema) -> NotNull {
    if let Some(path) = expression::path(expr, schema) {
        return NotNull::path(path);
    }
    let mut found = made_of(expr, schema);
    if !matches!(expr, Expr::Literal(..)) {
        found.computed.extend(canonical(expr, schema));
    }
    found
}

/// What is not null of that which an expression is made of, where it is not.
fn made_of(expr: &Expr, schema: &DFSchema) -> NotNull {
    let all = |exprs: &[&Expr]| {
        let each = exprs.iter().map(|expr| not_null_with(expr, schema));
        each.fold(NotNull::default(), NotNull::union)
    };
    match expr {
        Expr::Alias(alias) => all(&[&alias.expr]),
        Expr::Not(inner) | Expr::Negative(inner) => all(&[inner]),
        Expr::Cast(cast) => all(&[&cast.expr]),
        Expr::TryCast(cast) => all(&[&cast.expr]),
        Expr::Like(like) | Expr::SimilarTo(like) => all(&[&like.expr, &like.pattern]),
        Expr::InList(list) => all(&[&list.expr]),
        Expr::BinaryExpr(binary) if is_strict(binary.op) => all(&[&binary.left, &binary.right]),
        Expr::ScalarFunction(call) => match functions::nulls(call.name()) {
            Some(Nulls::OfArguments) => all(&call.args.iter().collect::<Vec<_>>()),
            Some(Nulls::OfFirst) => {
                call.args.first().map(|first| all(&[first])).unwrap_or_default()
            }
            _ => NotNull::default(),
        },
        _ => NotNull::default(),
    }
}

/// Of two sides that are compared, the one whose other side is as asked.
fn either(sides: [&Expr; 2], schema: &DFSchema, asked: impl Fn(&Expr) -> bool) -> NotNull {
    match sides {
        [side, other] if asked(other) => not_null_with(side, schema),
        [other, side] if asked(other) => not_null_with(side, schema),
        _ => NotNull::default(),
    }
}

/// Whether an operator yields null wherever one side is null.
fn is_strict(op: Operator) -> bool {
    use Operator::{
        Divide, Eq, Gt, GtEq, ILikeMatch, LikeMatch, Lt, LtEq, Minus, Modulo, Multiply, NotEq,
        NotILikeMatch, NotLikeMatch, Plus, RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch,
        StringConcat,
    };
    matches!(
        op,
        Eq | NotEq
            | Lt
            | LtEq
            | Gt
            | GtEq
            | Plus
            | Minus
            | Multiply
            | Divide
            | Modulo
            | StringConcat
            | LikeMatch
            | ILikeMatch
            | NotLikeMatch
            | NotILikeMatch
            | RegexMatch
            | RegexIMatch
            | RegexNotMatch
            | RegexNotIMatch
    )
}
