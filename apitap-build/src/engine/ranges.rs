//! What numbers an expression can be, by its constants and types and by the conditions under which it
//! is computed: `a` is not 0 in `CASE WHEN a <> 0 THEN b / a END`.
//!
//! Null is no number: what is said here holds for all other values. Expressions and conditions are
//! canonical ([`super::canonical`]).

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Case, Cast, Expr, ExprSchemable, Operator};

use super::canonical;

/// A condition under which something is computed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// What is asked.
    pub(super) expr: Expr,
    /// Whether it is not false; otherwise it is not true.
    pub(super) holds: bool,
}

/// From one number to another. `NaN` is in none, and in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
    is_not_zero: bool,
    /// Whether it is of whole or decimal numbers, which do not vanish where they are multiplied.
    is_exact: bool,
}

impl Range {
    /// Nothing is known.
    pub(super) const ALL: Self =
        Self { low: f64::NEG_INFINITY, high: f64::INFINITY, is_not_zero: false, is_exact: false };

    fn from(low: f64, high: f64, is_exact: bool) -> Self {
        Self { low, high, is_not_zero: false, is_exact }
    }

    /// Whether none of them is 0.
    pub(super) fn excludes_zero(self) -> bool {
        self.is_not_zero || self.low > 0.0 || self.high < 0.0
    }

    /// Whether all of them are from one number to another.
    pub(super) fn is_within(self, low: f64, high: f64) -> bool {
        low <= self.low && self.high <= high
    }

    /// Whether a number may be one of them.
    pub(super) fn has(self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    /// Those that a type has.
    pub(super) fn within(self, ty: &DataType) -> Self {
        self.and(of_type(ty))
    }

    /// Whether none of them is below 0.
    pub(super) fn is_negative_nowhere(self) -> bool {
        self.low >= 0.0
    }

    /// What an operator makes of these and others, as far as that is known.
    pub(super) fn computed_with(self, operator: Operator, other: Self) -> Option<Self> {
        match operator {
            Operator::Plus => Some(self.plus(other)),
            Operator::Minus => Some(self.plus(other.negated())),
            Operator::Multiply => Some(self.times(other)),
            _ => None,
        }
    }

    /// What is in both.
    fn and(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
            is_not_zero: self.is_not_zero || other.is_not_zero,
            is_exact: self.is_exact || other.is_exact,
        }
    }

    /// What is in either.
    fn or(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            is_not_zero: self.excludes_zero() && other.excludes_zero(),
            is_exact: self.is_exact && other.is_exact,
        }
    }

    fn not_zero(self) -> Self {
        Self { is_not_zero: true, ..self }
    }

    pub(super) fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low, ..self }
    }

    fn absolute(self) -> Self {
        let high = self.low.abs().max(self.high.abs());
        let low = if self.low > 0.0 { self.low } else { (-self.high).max(0.0) };
        Self { low, high, is_not_zero: self.excludes_zero(), ..self }
    }

    fn plus(self, other: Self) -> Self {
        let is_exact = self.is_exact && other.is_exact;
        Self::from(self.low + other.low, self.high + other.high, is_exact)
    }

    fn times(self, other: Self) -> Self {
        let products = [
            self.low * other.low,
            self.low * other.high,
            self.high * other.low,
            self.high * other.high,
        ];
        // 0 times infinity: all of these are finite in the end.
        let products = products.map(|product| if product.is_nan() { 0.0 } else { product });
        let is_exact = self.is_exact && other.is_exact;
        Self {
            low: products.into_iter().fold(f64::INFINITY, f64::min),
            high: products.into_iter().fold(f64::NEG_INFINITY, f64::max),
            is_not_zero: is_exact && self.excludes_zero() && other.excludes_zero(),
            is_exact,
        }
    }

    /// Rounded in whichever way.
    fn rounded(self) -> Self {
        Self { low: self.low.floor(), high: self.high.ceil(), is_not_zero: false, ..self }
    }
}

/// Conditions, and the columns that they and expressions are about.
pub(super) struct Known<'a> {
    /// The columns, named by their places.
    schema: &'a DFSchema,
    conditions: &'a [Condition],
}

/// A schema whose columns are named by their places.
pub(super) fn by_place(schema: &DFSchema) -> Option<DFSchema> {
    let fields = schema.fields().iter().enumerate().map(|(place, field)| {
        let Expr::Column(column) = canonical::column(place) else { return None };
        Some(Field::new(column.name, field.data_type().clone(), field.is_nullable()))
    });
    let fields: Option<Vec<_>> = fields.collect();
    DFSchema::from_unqualified_fields(fields?.into(), Default::default()).ok()
}

impl<'a> Known<'a> {
    /// What is known where all of these conditions hold.
    pub(super) fn new(schema: &'a DFSchema, conditions: &'a [Condition]) -> Self {
        Self { schema, conditions }
    }

    /// What numbers an expression can be.
    pub(super) fn range(&self, expr: &Expr) -> Range {
        self.range_where(expr, &[])
    }

    /// The same where these conditions hold, too.
    fn range_where(&self, expr: &Expr, more: &[Condition]) -> Range {
        let all = self.conditions.iter().chain(more);
        let implied = all.map(|condition| self.implied(&condition.expr, condition.holds, expr));
        implied.fold(self.computed(expr, more), Range::and)
    }

    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        expr.get_type(self.schema).ok()
    }

    /// What it can be by what it is computed from.
    fn computed(&self, expr: &Expr, more: &[Condition]) -> Range {
        let of = |expr: &Expr| self.range_where(expr, more);
        match expr {
            Expr::Literal(value, _) => number(value).map_or(Range::ALL, |number| {
                Range::from(number, number, !value.data_type().is_floating())
            }),
            Expr::Column(_) => self.type_of(expr).map_or(Range::ALL, |ty| of_type(&ty)),
            Expr::Cast(cast) => self.cast(cast, more),
            Expr::Negative(inner) => of(inner).negated(),
            Expr::BinaryExpr(binary) => self.operator(binary, more),
            Expr::Case(case) => self.case(case, more),
            Expr::ScalarFunction(call) => self.call(call.name(), &call.args, more),
            _ => Range::ALL,
        }
    }

    fn cast(&self, cast: &Cast, more: &[Condition]) -> Range {
        let to = cast.field.data_type();
        let Some(from) = self.type_of(&cast.expr).filter(|from| from.is_numeric()) else {
            return of_type(to);
        };
        let range = self.range_where(&cast.expr, more);
        let range = if keeps(&from, to) { range } else { range.rounded() };
        Range { is_exact: !to.is_floating(), ..range }.and(of_type(to))
    }

    fn operator(&self, binary: &BinaryExpr, more: &[Condition]) -> Range {
        let (left, right) =
            (self.range_where(&binary.left, more), self.range_where(&binary.right, more));
        match binary.op {
            Operator::Multiply if binary.left == binary.right => {
                let square = left.times(right);
                Range { low: square.low.max(0.0), ..square }
            }
            Operator::Divide if left.low >= 0.0 && right.low >= 0.0 => {
                Range::from(0.0, f64::INFINITY, left.is_exact && right.is_exact)
            }
            operator => left.computed_with(operator, right).unwrap_or(Range::ALL),
        }
    }

    /// Each branch, under its condition.
    fn case(&self, case: &Case, more: &[Condition]) -> Range {
        let mut conditions = more.to_vec();
        let mut range: Option<Range> = None;
        let mut add = |branch: Range| {
            range = Some(range.map_or(branch, |range| range.or(branch)));
        };
        for (when, then) in &case.when_then_expr {
            let expr = condition_of(case.expr.as_deref(), when);
            let mut within = conditions.clone();
            within.push(Condition { expr: expr.clone(), holds: true });
            add(self.range_where(then, &within));
            conditions.push(Condition { expr, holds: false });
        }
        if let Some(otherwise) = &case.else_expr {
            add(self.range_where(otherwise, &conditions));
        }
        range.unwrap_or(Range::ALL)
    }

    fn call(&self, name: &str, arguments: &[Expr], more: &[Condition]) -> Range {
        let of = |at: usize| {
            arguments.get(at).map_or(Range::ALL, |argument| self.range_where(argument, more))
        };
        let all = || arguments.iter().map(|argument| self.range_where(argument, more));
        let constants = || {
            let values = arguments.iter().filter_map(constant);
            values.collect::<Vec<_>>()
        };
        match name {
            "abs" => of(0).absolute(),
            "coalesce" | "nvl" => all().reduce(Range::or).unwrap_or(Range::ALL),
            "nullif" => match arguments.get(1).and_then(constant) {
                Some(0.0) => of(0).not_zero(),
                _ => of(0),
            },
            // A null among the arguments is left out, and a constant is not null.
            "greatest" => {
                let range = all().reduce(Range::or).unwrap_or(Range::ALL);
                constants()
                    .into_iter()
                    .fold(range, |range, constant| Range { low: range.low.max(constant), ..range })
            }
            "least" => {
                let range = all().reduce(Range::or).unwrap_or(Range::ALL);
                constants().into_iter().fold(range, |range, constant| Range {
                    high: range.high.min(constant),
                    ..range
                })
            }
            "ceil" | "floor" | "round" | "trunc" if arguments.len() == 1 => of(0).rounded(),
            "exp" | "sqrt" => Range::from(0.0, f64::INFINITY, false),
            "power" if arguments.get(1).and_then(constant).is_some_and(|by| by % 2.0 == 0.0) => {
                Range::from(0.0, f64::INFINITY, false)
            }
            // No text and no list in memory is longer.
            "ascii" | "bit_length" | "cardinality" | "character_length" | "json_length"
            | "octet_length" | "strpos" => Range::from(0.0, 4_294_967_296.0, true),
            _ => Range::ALL,
        }
    }

    /// What an expression can be where a condition is not false, or not true.
    fn implied(&self, condition: &Expr, holds: bool, of: &Expr) -> Range {
        match condition {
            Expr::Not(inner) => self.implied(inner, !holds, of),
            Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => self.implied(inner, holds, of),
            Expr::IsFalse(inner) | Expr::IsNotTrue(inner) => self.implied(inner, !holds, of),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let (left, right) = (self.implied(left, holds, of), self.implied(right, holds, of));
                match (op, holds) {
                    (Operator::And, true) | (Operator::Or, false) => left.and(right),
                    _ => left.or(right),
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if let Some(to) = constant(right).filter(|_| self.is_same(left, of)) {
                    return compared(*op, to, holds);
                }
                match constant(left).filter(|_| self.is_same(right, of)).zip(op.swap()) {
                    Some((to, op)) => compared(op, to, holds),
                    None => Range::ALL,
                }
            }
            Expr::Between(between) if self.is_same(&between.expr, of) => {
                match (constant(&between.low), constant(&between.high)) {
                    (Some(low), Some(high)) if holds != between.negated => {
                        Range::from(low, high, false)
                    }
                    (Some(low), Some(high)) if low <= 0.0 && 0.0 <= high => Range::ALL.not_zero(),
                    _ => Range::ALL,
                }
            }
            Expr::InList(list) if self.is_same(&list.expr, of) => {
                let values: Option<Vec<_>> = list.list.iter().map(constant).collect();
                let Some(values) = values else { return Range::ALL };
                if holds != list.negated {
                    let points = values.into_iter().map(|value| Range::from(value, value, false));
                    return points.reduce(Range::or).unwrap_or(Range::ALL);
                }
                if values.contains(&0.0) { Range::ALL.not_zero() } else { Range::ALL }
            }
            _ => Range::ALL,
        }
    }

    /// Whether two expressions are the same number, of whichever type.
    fn is_same(&self, one: &Expr, other: &Expr) -> bool {
        self.number_of(one) == self.number_of(other)
    }

    /// Without the casts that change the type only.
    fn number_of<'e>(&self, expr: &'e Expr) -> &'e Expr {
        let mut expr = expr;
        while let Expr::Cast(cast) = expr {
            match self.type_of(&cast.expr) {
                Some(from) if keeps(&from, cast.field.data_type()) => expr = &cast.expr,
                _ => break,
            }
        }
        expr
    }
}

/// The condition of a branch.
pub(super) fn condition_of(base: Option<&Expr>, when: &Expr) -> Expr {
    match base {
        Some(base) => base.clone().eq(when.clone()),
        None => when.clone(),
    }
}

/// What a number can be that is compared with a constant.
fn compared(operator: Operator, to: f64, holds: bool) -> Range {
    let operator = match (operator, holds) {
        (Operator::IsDistinctFrom, true) | (Operator::IsNotDistinctFrom, false) => Operator::NotEq,
        (Operator::IsNotDistinctFrom, true) | (Operator::IsDistinctFrom, false) => Operator::Eq,
        (operator, true) => operator,
        (operator, false) => match operator.negate() {
            Some(operator) => operator,
            None => return Range::ALL,
        },
    };
    let (below, above) = (Range { high: to, ..Range::ALL }, Range { low: to, ..Range::ALL });
    let without_it = |range: Range| if to == 0.0 { range.not_zero() } else { range };
    match operator {
        Operator::Eq => below.and(above),
        Operator::NotEq => without_it(Range::ALL),
        Operator::Lt => without_it(below),
        Operator::LtEq => below,
        Operator::Gt => without_it(above),
        Operator::GtEq => above,
        _ => Range::ALL,
    }
}

/// Whether each number of a type keeps its sign, and is 0 only where it was, in another type.
fn keeps(from: &DataType, to: &DataType) -> bool {
    let is_exact = from.is_integer() || from.is_decimal();
    match (from, to) {
        (_, to) if to.is_floating() => is_exact || from.is_floating(),
        (from, to) if from.is_integer() => to.is_integer() || to.is_decimal(),
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => from <= to,
        _ => false,
    }
}

/// Whether all of these numbers, exact ones, are rounded to numbers of a type.
pub(super) fn fits(range: Range, ty: &DataType) -> bool {
    let is_exact = ty.is_integer() || ty.is_decimal();
    let holds = of_type(ty);
    // Up to here, `f64` has all whole numbers.
    let slack = if holds.high < 2_f64.powi(52) { 0.0 } else { holds.high * 1e-12 };
    let least = if ty.is_decimal() { holds.low + 1.0 } else { holds.low };
    is_exact && least + slack <= range.low.floor() && range.high.ceil() <= holds.high - 1.0 - slack
}

/// All numbers of a type.
fn of_type(ty: &DataType) -> Range {
    let signed = |bits: i32| {
        let bound = 2_f64.powi(bits - 1);
        Range::from(-bound, bound, true)
    };
    match ty {
        DataType::Int8 => signed(8),
        DataType::Int16 => signed(16),
        DataType::Int32 => signed(32),
        DataType::Int64 => signed(64),
        DataType::UInt8 => Range::from(0.0, 2_f64.powi(8), true),
        DataType::UInt16 => Range::from(0.0, 2_f64.powi(16), true),
        DataType::UInt32 => Range::from(0.0, 2_f64.powi(32), true),
        DataType::UInt64 => Range::from(0.0, 2_f64.powi(64), true),
        DataType::Decimal128(precision, scale) => {
            let bound = 10_f64.powi(i32::from(*precision) - i32::from(*scale));
            Range::from(-bound, bound, true)
        }
        _ => Range::ALL,
    }
}

/// The number that an expression is, if it is a constant.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) => number(value),
        Expr::Negative(of) => constant(of).map(|number| -number),
        Expr::Cast(cast) if cast.field.data_type().is_floating() => constant(&cast.expr),
        Expr::Cast(cast) if cast.field.data_type().is_numeric() => {
            // What is a whole number remains one.
            constant(&cast.expr).filter(|number| number.fract() == 0.0)
        }
        _ => None,
    }
}

fn number(value: &ScalarValue) -> Option<f64> {
    let is_number = value.data_type().is_numeric() && !value.is_null();
    match is_number.then(|| value.cast_to(&DataType::Float64).ok()).flatten()? {
        ScalarValue::Float64(number) => number.filter(|number| !number.is_nan()),
        _ => None,
    }
}
