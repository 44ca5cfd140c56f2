//! A condition → what is not null in the rows for which it holds.

use std::collections::BTreeSet;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, Operator};

use super::functions::{self, Nulls};
use super::{Path, expression};

/// What is not null where a condition is true, or where it is false.
pub(super) fn not_null_if(condition: &Expr, is: bool, schema: &DFSchema) -> BTreeSet<Path> {
    let none = BTreeSet::new();
    match condition {
        Expr::Alias(alias) => not_null_if(&alias.expr, is, schema),
        Expr::Not(inner) => not_null_if(inner, !is, schema),
        Expr::BinaryExpr(binary) => {
            let sides = [&*binary.left, &*binary.right];
            match (binary.op, is) {
                (Operator::And, true) | (Operator::Or, false) => {
                    let [a, b] = sides.map(|side| not_null_if(side, is, schema));
                    a.union(&b).cloned().collect()
                }
                (Operator::And, false) | (Operator::Or, true) => {
                    let [a, b] = sides.map(|side| not_null_if(side, is, schema));
                    a.intersection(&b).cloned().collect()
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
            .flat_map(|part| not_null_with(part, schema))
            .collect(),
        Expr::InList(list) => not_null_with(&list.expr, schema),
        Expr::InSubquery(within) if within.negated != is => not_null_with(&within.expr, schema),
        other => not_null_with(other, schema),
    }
}

/// What is not null where a condition is false or unknown.
pub(super) fn not_null_unless(condition: &Expr, schema: &DFSchema) -> BTreeSet<Path> {
    match condition {
        Expr::Alias(alias) => not_null_unless(&alias.expr, schema),
        // Either side may be what is not true.
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let [a, b] = [&binary.left, &binary.right].map(|side| not_null_unless(side, schema));
            a.union(&b).cloned().collect()
        }
        // These are never unknown.
        Expr::IsNull(_) | Expr::IsUnknown(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => {
            not_null_if(condition, false, schema)
        }
        _ => BTreeSet::new(),
    }
}

/// What is not null where an expression is not.
pub(super) fn not_null_with(expr: &Expr, schema: &DFSchema) -> BTreeSet<Path> {
    let all = |exprs: &[&Expr]| {
        exprs.iter().flat_map(|expr| not_null_with(expr, schema)).collect::<BTreeSet<_>>()
    };
    if let Some(path) = expression::path(expr, schema) {
        return BTreeSet::from([path]);
    }
    match expr {
        Expr::Alias(alias) => all(&[&alias.expr]),
        Expr::Not(inner) | Expr::Negative(inner) => all(&[inner]),
        Expr::Cast(cast) => all(&[&cast.expr]),
        Expr::TryCast(cast) => all(&[&cast.expr]),
        Expr::Like(like) | Expr::SimilarTo(like) => all(&[&like.expr, &like.pattern]),
        Expr::InList(list) => all(&[&list.expr]),
        Expr::BinaryExpr(binary) if is_strict(binary.op) => all(&[&binary.left, &binary.right]),
        Expr::ScalarFunction(call) => match functions::nulls(call.name()) {
            Some(Nulls::OfArguments) => {
                call.args.iter().flat_map(|arg| not_null_with(arg, schema)).collect()
            }
            Some(Nulls::OfFirst) => {
                call.args.first().map(|first| not_null_with(first, schema)).unwrap_or_default()
            }
            _ => BTreeSet::new(),
        },
        _ => BTreeSet::new(),
    }
}

/// Of two sides that are compared, the one whose other side is as asked.
fn either(sides: [&Expr; 2], schema: &DFSchema, asked: impl Fn(&Expr) -> bool) -> BTreeSet<Path> {
    match sides {
        [side, other] if asked(other) => not_null_with(side, schema),
        [other, side] if asked(other) => not_null_with(side, schema),
        _ => BTreeSet::new(),
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
