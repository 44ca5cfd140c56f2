//! A plan → which of its expressions can fail in a run, and on what values.
//!
//! What is computed, and whether it fails, the guards of the plan know ([`super::guard`]).

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Case, Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::bounds::CALL;
use super::canonical::canonical;
use super::conditions;
use super::fallible::Fallible;
use super::guard::{self, Guard, Operation, Written};
use super::guards::{self, guard_of};
use super::locate::{Place, place_of};
use super::ranges::{self, Condition, Known, Range};
use super::steps::each_expression;
use super::sums;
use super::types::Types;
use crate::schema::Type;
use crate::schema::arrow::from_field;
use crate::schema::described::describe_type;

/// An expression of a query that can fail.
#[derive(Debug, Clone)]
pub struct Risk {
    /// Where it stands, if that is known.
    pub place: Option<Place>,
    /// What it is, for a sentence: the expression as written, or the name of what is computed.
    pub expression: String,
    /// Goes on after the expression: ``fails on a text that cannot be parsed as `int64` ``.
    pub why: String,
    /// Whether that takes values such as no API is known to send.
    pub is_remote: bool,
    /// What to write instead, if there is a form that cannot fail.
    pub instead: Option<String>,
}

/// The expressions of a query that can fail, in the order of the query, each once. The plan is that
/// of [`super::logical_plan`].
///
/// # Errors
/// The engine's: what has been checked is not refused.
pub fn risks(state: &SessionState, plan: LogicalPlan, sql: &str) -> Result<Vec<Risk>> {
    let options = state.config_options();
    let plan = state.analyzer().execute_and_check(plan, options, |_, _| {})?;
    let of_guard = |guarded: Guarded| {
        let why = guarded.why()?;
        let Guard { operation, written, .. } = guarded.guard;
        Some((operation, written, why))
    };
    let found = guards(&plan).into_iter().filter_map(of_guard).chain(totals(&plan));
    let mut risks: Vec<_> = found.map(|found| risk(sql, found)).collect();
    let at = |risk: &Risk| risk.place.as_ref().map(|place| (place.line, place.column));
    risks.sort_by_key(at);
    risks.dedup_by(|a, b| at(a) == at(b) && a.expression == b.expression);
    Ok(risks)
}

fn risk(sql: &str, (operation, written, why): (Operation, Written, Why)) -> Risk {
    let place = place_of(sql, &operation, &written);
    let expression = place.as_ref().map(|place| place.expression.clone());
    let form = place.as_ref().and_then(|place| place.infallible.as_deref());
    Risk {
        expression: expression.unwrap_or_else(|| operation.to_string()),
        instead: form.map(|form| instead(&operation, form)),
        why: format!("fails {}", why.on),
        is_remote: why.is_remote,
        place,
    }
}

/// What to write instead of an operation that has a form that cannot fail.
pub fn instead(operation: &Operation, form: &str) -> String {
    match operation {
        Operation::Binary(Operator::Plus | Operator::Minus | Operator::Multiply)
        | Operation::Negate => format!("compute with a wider type: `{form}`"),
        _ => format!("`{form}` yields null instead"),
    }
}

/// On what an expression fails.
#[derive(Debug, Clone)]
pub struct Why {
    /// Goes on after "fails": ``on a text that cannot be parsed as `int64` ``.
    pub on: String,
    /// Whether that takes values at the ends of time and of whole numbers, or results of many MiB.
    pub is_remote: bool,
}

/// A guard, with what it is computed from.
pub struct Guarded {
    /// The guard.
    pub guard: Guard,
    /// What it is computed from.
    pub operands: Vec<Expr>,
    /// What their columns are.
    pub schema: Arc<DFSchema>,
    /// The types of the operands, if they are known.
    types: Option<Vec<DataType>>,
    /// What numbers the operands can be; nothing where no number matters.
    ranges: Vec<Range>,
}

impl Guarded {
    /// The types of the operands.
    pub fn types(&self) -> Option<&[DataType]> {
        self.types.as_deref()
    }

    /// The name of a type, `json` or `uuid`, none of whose values is one of the type of this cast: a
    /// text in JSON stands in quotes.
    pub fn never_fits(&self) -> Option<&'static str> {
        let (Operation::Cast(to), [operand]) = (&self.guard.operation, self.operands.as_slice())
        else {
            return None;
        };
        let (_, from) = operand.to_field(&self.schema).ok()?;
        let to = to.data_type();
        let is_bare = to.is_temporal() || matches!(to, DataType::Interval(_));
        match from_field(&from)? {
            Type::Json if is_bare => Some("json"),
            Type::Uuid if is_bare || to.is_numeric() || *to == DataType::Boolean => Some("uuid"),
            _ => None,
        }
    }

    /// On what an expression fails; `None` where it does not fail on any value that there can be.
    pub fn why(&self) -> Option<Why> {
        let types = self.types()?;
        let is_constant =
            |index: usize| self.operands.get(index).is_none_or(|operand| !varies(operand));
        let fails_on = self.guard.fallible(types)?;
        let is_settled = fails_on.is_settled(is_constant)
            || (0..types.len()).all(is_constant) && self.is_computed();
        if is_settled {
            return None;
        }
        match self.by_numbers(types) {
            ByNumbers::Never => return None,
            ByNumbers::AtTheEnds(on) => return Some(Why { on, is_remote: true }),
            ByNumbers::Unknown => {}
        }
        let is_remote = fails_on.is_remote(is_constant);
        Some(Why { on: self.fails_on(fails_on, types)?, is_remote })
    }

    /// Whether it fails on the numbers that its operands can be.
    fn by_numbers(&self, types: &[DataType]) -> ByNumbers {
        let fits = |fits| if fits { ByNumbers::Never } else { ByNumbers::Unknown };
        match (&self.guard.operation, types, self.ranges.as_slice()) {
            (
                Operation::Binary(operator @ (Operator::Divide | Operator::Modulo)),
                [left, right],
                [dividend, divisor],
            ) if divisor.excludes_zero() => {
                divided((left, *dividend), *operator, (right, *divisor))
            }
            (Operation::Binary(operator), [left, right], [of_left, of_right]) => {
                computed((left, *of_left), *operator, (right, *of_right))
            }
            (Operation::Negate, [ty], [range]) => fits(ranges::fits(range.negated(), ty)),
            (Operation::Cast(to), [from], [range]) if !from.is_floating() => {
                fits(ranges::fits(*range, to.data_type()))
            }
            (Operation::Call(function), _, [range]) if function.name() == "sqrt" => {
                fits(range.low >= 0.0)
            }
            _ => ByNumbers::Unknown,
        }
    }

    /// Whether it is a constant. One that cannot be computed stays an expression: where it stands in
    /// a branch that no record has come to so far, nothing else tells.
    fn is_computed(&self) -> bool {
        let call = guards::call(self.guard.unconditional(), self.operands.clone());
        let context = SimplifyContext::builder().with_schema(Arc::clone(&self.schema)).build();
        matches!(ExprSimplifier::new(context).simplify(call), Ok(Expr::Literal(..)))
    }

    fn fails_on(&self, fallible: Fallible, types: &[DataType]) -> Option<String> {
        let to = |ty: &DataType| describe_type(ty);
        if fallible == Fallible::BySize {
            return Some(format!(
                "where the results of some records take more than {} MiB",
                CALL >> 20
            ));
        }
        Some(match (&self.guard.operation, types) {
            (Operation::Cast(field), [from]) if from.is_string() => {
                format!("on a text that cannot be parsed as {}", to(field.data_type()))
            }
            (Operation::Cast(field), _) => {
                format!("on a value that does not fit {}", to(field.data_type()))
            }
            (Operation::Binary(Operator::Divide | Operator::Modulo), _) => {
                "where the divisor is 0".to_owned()
            }
            (
                Operation::Binary(
                    operator @ (Operator::Plus | Operator::Minus | Operator::Multiply),
                ),
                [left, right],
            ) => {
                let ty = guard::result_type(left, *operator, right).ok()?;
                format!("where the result does not fit {}", to(&ty))
            }
            (Operation::Negate, [of]) => format!("on the smallest {}", to(of)),
            (Operation::Binary(_), _) => "on a pattern that is not a regular expression".to_owned(),
            _ => "on values that it does not take".to_owned(),
        })
    }
}

/// Whether an operation fails, by the numbers that it is computed from.
enum ByNumbers {
    Never,
    /// Only at the ends of a type; goes on after "fails".
    AtTheEnds(String),
    Unknown,
}

/// Whether a sum, difference or product fits its type.
fn computed(
    (left, of_left): (&DataType, Range),
    operator: Operator,
    (right, of_right): (&DataType, Range),
) -> ByNumbers {
    let Ok(ty) = guard::result_type(left, operator, right) else { return ByNumbers::Unknown };
    let (one, other) = (of_left.within(left), of_right.within(right));
    match one.computed_with(operator, other) {
        Some(result) if ranges::fits(result, &ty) => ByNumbers::Never,
        _ => ByNumbers::Unknown,
    }
}

/// Whether a division fails whose divisor is not 0.
fn divided(
    (left, dividend): (&DataType, Range),
    operator: Operator,
    (right, divisor): (&DataType, Range),
) -> ByNumbers {
    let never = |never, otherwise| match never {
        true => ByNumbers::Never,
        false => ByNumbers::AtTheEnds(otherwise),
    };
    match guard::result_type(left, operator, right) {
        Ok(ty) if ty.is_integer() => never(
            operator == Operator::Modulo || !divisor.has(-1.0),
            format!("where the smallest {} is divided by -1", describe_type(&ty)),
        ),
        Ok(ty @ DataType::Decimal128(_, scale)) => never(
            match operator {
                Operator::Divide => {
                    has_room(dividend.within(left), i32::from(scale) + digits_after(right))
                }
                _ => have_room(left, right),
            },
            format!("where the result does not fit {}", describe_type(&ty)),
        ),
        _ => ByNumbers::Unknown,
    }
}

/// Whether numbers can be written with so many digits after the point.
fn has_room(range: Range, digits: i32) -> bool {
    // With a digit to spare for what `f64` rounds.
    let most = 10_f64.powi(i32::from(DIGITS) - 1 - digits);
    range.is_within(-most, most)
}

/// The digits of a decimal after the point.
fn digits_after(ty: &DataType) -> i32 {
    match ty {
        DataType::Decimal128(_, scale) => i32::from(*scale),
        _ => 0,
    }
}

/// The digits that a decimal is computed with.
const DIGITS: u8 = 38;

/// Whether two decimals can be written with as many digits after the point.
fn have_room(left: &DataType, right: &DataType) -> bool {
    let (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) = (left, right) else {
        return false;
    };
    let scale = i16::from(*s1.max(s2));
    let fits =
        |precision: u8, own: i8| i16::from(precision) + scale - i16::from(own) <= i16::from(DIGITS);
    fits(*p1, *s1) && fits(*p2, *s2)
}

/// All guards of a plan, the inner ones first.
pub fn guards(plan: &LogicalPlan) -> Vec<Guarded> {
    let mut found = Search::default();
    found.step(plan);
    found.guards
}

/// A walk through a plan, with what is known of the rows at each place.
#[derive(Default)]
struct Search {
    guards: Vec<Guarded>,
}

/// The rows that the expressions of a step are computed from.
struct Rows {
    schema: Arc<DFSchema>,
    /// The same with columns by their places.
    by_place: Option<DFSchema>,
}

impl Search {
    /// Looks at a step and its inputs, and says what holds for its rows.
    fn step(&mut self, plan: &LogicalPlan) -> Vec<Condition> {
        let inputs: Vec<_> = plan.inputs().into_iter().map(|input| self.step(input)).collect();
        let schema = Arc::new(merge_schema(&plan.inputs()));
        let rows = Rows { by_place: ranges::by_place(&schema), schema };
        // A join's expressions are computed from the rows of both sides, before they are matched.
        let mut known = match (plan, inputs.as_slice()) {
            (LogicalPlan::Join(_), _) | (_, []) => Vec::new(),
            (_, [first, ..]) => first.clone(),
        };
        for expr in plan.expressions() {
            let mut types = Types::new(&rows.schema);
            self.expression(&expr, &rows, &mut types, &mut known);
        }
        conditions::of_step(plan, inputs)
    }

    fn expression<'e>(
        &mut self,
        expr: &'e Expr,
        rows: &Rows,
        types: &mut Types<'e>,
        known: &mut Vec<Condition>,
    ) {
        match expr {
            Expr::ScalarSubquery(subquery) => drop(self.step(&subquery.subquery)),
            Expr::Exists(exists) => drop(self.step(&exists.subquery.subquery)),
            Expr::InSubquery(within) => drop(self.step(&within.subquery.subquery)),
            Expr::SetComparison(comparison) => drop(self.step(&comparison.subquery.subquery)),
            _ => {}
        }
        if let Expr::Case(case) = expr {
            return self.case(case, rows, types, known);
        }
        // There is no error to be had: nothing in here makes one.
        let _ = expr.apply_children(|child| {
            self.expression(child, rows, types, known);
            Ok(TreeNodeRecursion::Continue)
        });
        if let Some((guard, arguments)) = guard_of(expr) {
            self.guards.push(guarded(guard, arguments, rows, types, known));
        }
    }

    /// A branch is computed where its condition holds, and none before it.
    fn case<'e>(
        &mut self,
        case: &'e Case,
        rows: &Rows,
        types: &mut Types<'e>,
        known: &mut Vec<Condition>,
    ) {
        if let Some(base) = &case.expr {
            self.expression(base, rows, types, known);
        }
        let outside = known.len();
        for (when, then) in &case.when_then_expr {
            self.expression(when, rows, types, known);
            let asked = ranges::condition_of(case.expr.as_deref(), when);
            let condition = canonical(&asked, &rows.schema);
            let before = known.len();
            known.extend(condition.clone().map(|expr| Condition { expr, holds: true }));
            self.expression(then, rows, types, known);
            known.truncate(before);
            known.extend(condition.map(|expr| Condition { expr, holds: false }));
        }
        if let Some(otherwise) = &case.else_expr {
            self.expression(otherwise, rows, types, known);
        }
        known.truncate(outside);
    }
}

fn guarded<'e>(
    guard: &Guard,
    arguments: &'e [Expr],
    rows: &Rows,
    types: &mut Types<'e>,
    known: &[Condition],
) -> Guarded {
    let operands = guard.operands(arguments);
    let own = arguments.first().filter(|_| guard.is_conditional);
    let own = own.and_then(|condition| conditions::holds(condition, &rows.schema));
    let known: Vec<_> = known.iter().cloned().chain(own).collect();
    let range = |operand: &Expr| {
        let operand = canonical(operand, &rows.schema)?;
        Some(Known::new(rows.by_place.as_ref()?, &known).range(&operand))
    };
    let range = |operand| range(operand).unwrap_or(Range::ALL);
    let ranges = match is_of_numbers(&guard.operation) {
        true => operands.iter().map(range).collect(),
        false => Vec::new(),
    };
    Guarded {
        guard: guard.clone(),
        types: operands.iter().map(|operand| types.of(operand)).collect(),
        operands: operands.to_vec(),
        schema: Arc::clone(&rows.schema),
        ranges,
    }
}

/// Whether it hangs on the numbers that an operation is computed from whether it fails.
fn is_of_numbers(operation: &Operation) -> bool {
    match operation {
        Operation::Cast(to) => to.data_type().is_numeric(),
        Operation::Binary(_) | Operation::Negate => true,
        Operation::Call(function) => function.name() == "sqrt",
        Operation::Total(_) => false,
    }
}

/// The sums and averages of a plan that may not fit their types.
fn totals(plan: &LogicalPlan) -> Vec<(Operation, Written, Why)> {
    let mut found = Vec::new();
    each_expression(plan, |step, expr| found.extend(total(expr, step)));
    found
}

/// No run adds up so many of these that the sum does not fit.
const SMALL: f64 = 4_294_967_296.0;

fn total(expr: &Expr, step: &LogicalPlan) -> Option<(Operation, Written, Why)> {
    let (function, arguments) = match expr {
        Expr::AggregateFunction(call) => (&call.func, &call.params.args),
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::AggregateUDF(function) => (function, &window.params.args),
            WindowFunctionDefinition::WindowUDF(_) => return None,
        },
        _ => return None,
    };
    let of = arguments.first()?;
    let schema = &merge_schema(&step.inputs());
    // So many rows of so small numbers there are not.
    let by_place = ranges::by_place(schema)?;
    let is_small = |of: Expr| Known::new(&by_place, &[]).range(&of).is_within(-SMALL, SMALL);
    if of.get_type(schema).is_ok_and(|ty| ty.is_integer())
        && canonical(of, schema).is_some_and(is_small)
    {
        return None;
    }
    let (operation, is_remote) = sums::risk(function, &of.get_type(schema).ok()?)?;
    let written = Written { span: guards::span_of(expr), ..Written::default() };
    let what = "where the result does not fit its type".to_owned();
    Some((operation, written, Why { on: what, is_remote }))
}

/// Whether an expression has different values for different records.
pub(crate) fn varies(expr: &Expr) -> bool {
    let varies = |expr: &Expr| {
        Ok(match expr {
            Expr::Column(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::LambdaVariable(_) => true,
            Expr::ScalarFunction(call) => {
                call.func.signature().volatility != datafusion::logical_expr::Volatility::Immutable
            }
            _ => false,
        })
    };
    expr.exists(varies).unwrap_or(true)
}
