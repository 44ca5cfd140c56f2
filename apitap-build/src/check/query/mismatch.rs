//! Types that do not fit where they stand: operators, functions, branches, conditions.

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
};

use super::blame::{Blame, Culprit};
use super::context::Context;
use super::draft::Draft;
use super::scope::plain;
use super::words::{self, describe};
use crate::codes;
use crate::schema::{Type, arrow};

/// What the planner's messages about types have in common.
const SIGNS: [&str; 27] = [
    "Cannot infer common",
    "Cannot coerce",
    "coerce",
    "coercion",
    "cannot be used with",
    "Unary operator",
    "Negation only supports",
    "non-boolean",
    "must be boolean",
    "incompatible type",
    "can't cast",
    "Cannot cast",
    "Unsupported CAST",
    "Unsupported SQL type",
    "Cannot automatically convert",
    "Can not find compatible types",
    "Cannot get result type",
    "isn't a common type",
    "to be an integer or null",
    "No function matches",
    "expected",
    "Error parsing",
    "does not support zero arguments",
    "Inconsistent data type",
    "failed to match any signature",
    "is not yet supported",
    "array_element does not support",
];

/// The finding, if the message is about types.
pub(super) fn explain(
    context: &Context<'_>,
    blame: &Blame<'_>,
    message: &str,
    culprit: Option<Culprit>,
) -> Option<Draft> {
    SIGNS.iter().any(|sign| message.contains(sign)).then_some(())?;
    let culprit = culprit?;
    let range = blame.tree.range(culprit.index())?;
    let operands = Operands::of(context, blame, culprit.index());
    let expr = blame.expr(culprit.index())?;
    if let Some((literal, ty)) = operands.unread(message) {
        let start = range.start + context.text.slice(&range).find(&literal).unwrap_or_default();
        let message = format!("`{literal}` cannot be parsed as {ty}");
        return Some(Draft::error(codes::TYPE_MISMATCH, message, start..start + literal.len()));
    }
    let draft = |message: String| Draft::error(codes::TYPE_MISMATCH, message, range.clone());
    if message.contains("array_element does not support") {
        let (written, field) = operands.0.first()?;
        if field.data_type().is_nested() {
            let message = format!("an element of `{written}` is not a list");
            return Some(
                Draft::error(codes::UNKNOWN_FIELD, message, range)
                    .label("there are no elements in it"),
            );
        }
        let message = format!("`{written}` is not a list, but {}", describe(field));
        return Some(
            Draft::error(codes::UNKNOWN_FIELD, message, range)
                .label("there are no elements in it")
                .help(format!("select the value itself: `{written}`")),
        );
    }
    let explained = match culprit {
        Culprit::Expression(_) => expression(&expr, &operands, message, &draft),
        Culprit::Position(node) => position(blame, node, &expr, message, &draft),
    };
    Some(explained.unwrap_or_else(|| draft(words::sentence(message))))
}

/// The expressions directly in another one, as written and with their types.
struct Operands(Vec<(String, FieldRef)>);

impl Operands {
    fn of(context: &Context<'_>, blame: &Blame<'_>, node: usize) -> Self {
        let operand = |child: usize| {
            let written = context.text.slice(&blame.tree.range(child)?).to_owned();
            Some((written, blame.type_of(child, blame.expr(child)?)?))
        };
        Self(blame.tree.children(node).filter_map(operand).collect())
    }

    /// Their types, each once: `` `int64` and a record ``.
    fn types(&self) -> String {
        let mut types: Vec<String> = Vec::new();
        for (_, field) in &self.0 {
            let ty = describe(field);
            if !types.contains(&ty) {
                types.push(ty);
            }
        }
        match types.split_last() {
            None => "nothing".to_owned(),
            Some((only, [])) => only.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        }
    }

    /// Of those of a CASE, what it yields.
    fn branches(&self, has_operand: bool) -> Self {
        let skip = usize::from(has_operand);
        let pairs = self.0.iter().skip(skip).enumerate();
        let last = self.0.len().saturating_sub(skip + 1);
        let yields = |(index, _): &(usize, _)| index % 2 == 1 || *index == last;
        Self(pairs.filter(yields).map(|(_, operand)| operand.clone()).collect())
    }

    /// The literal that the planner could not read, and what it should have been.
    fn unread(&self, message: &str) -> Option<(String, String)> {
        if !message.contains("Error parsing") && !message.contains("Cannot cast string") {
            return None;
        }
        let is_it = |(written, _): &&(String, FieldRef)| {
            written.len() > 2 && written.starts_with('\'') && message.contains(written.as_str())
        };
        let (written, _) = self.0.iter().find(is_it)?;
        let (_, other) = self.0.iter().find(|(_, field)| !field.data_type().is_string())?;
        Some((written.clone(), describe(other)))
    }

    /// What to write where one is a truth value or a time, and the other is written out.
    fn plainly(&self) -> Option<String> {
        let [(left, a), (right, b)] = self.0.as_slice() else { return None };
        if let Some(day) = [left, right].into_iter().find(|written| is_day(written)) {
            return Some(format!("write a day in quotes: `'{day}'`; without them it is a number"));
        }
        let is_literal = |text: &str| text.starts_with('\'') || text.parse::<f64>().is_ok();
        let (name, field) = match (is_literal(left), is_literal(right)) {
            (false, true) => (left, a),
            (true, false) => (right, b),
            _ => return None,
        };
        match field.data_type() {
            DataType::Boolean => {
                Some(format!("write the condition itself: `{name}`, or `NOT {name}`"))
            }
            ty if ty.is_temporal() => Some("write a day as a text: `'2026-01-31'`".to_owned()),
            _ => None,
        }
    }

    /// How to make two that differ alike. Text is made into a number rather than the reverse where
    /// the result is one.
    fn cast(&self, is_arithmetic: bool) -> Option<String> {
        let mut operands = self.0.iter();
        let (left, a) = operands.next()?;
        let (right, b) = operands.find(|(_, field)| describe(field) != describe(a))?;
        for (field, written) in [(b, right), (a, left)] {
            if let Some(fields) = fields(field) {
                let first = fields.first()?;
                return Some(format!("take a field of the record: `{written}.{first}`"));
            }
        }
        // `2026-01-05::date`, of which `05::date` is taken for the day.
        if let [(_, a), (written, b)] = self.0.as_slice()
            && is_arithmetic
            && a.data_type().is_numeric()
            && b.data_type().is_temporal()
            && written.starts_with(|c: char| c.is_ascii_digit())
        {
            return Some("write a day in quotes: `'2026-01-31'`".to_owned());
        }
        for (from, to, written) in [(b, a, right), (a, b, left)] {
            let is_text = is_arithmetic && to.data_type().is_string();
            if !is_text
                && can_cast_types(from.data_type(), to.data_type())
                && let Some(ty) = words::sql(to)
            {
                return Some(format!("convert one of them: `CAST({written} AS {ty})`"));
            }
        }
        None
    }
}

/// `2026-01-31`, which is a subtraction.
pub(super) fn is_day(written: &str) -> bool {
    let parts: Vec<_> = written.split('-').collect();
    let is_digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        [year, month, day] => {
            parts.iter().all(is_digits) && year.len() == 4 && month.len() <= 2 && day.len() <= 2
        }
        _ => false,
    }
}

/// What to write where `->` looks into something that is no JSON, or not by a key or a position.
fn into_json(written: &str, field: &FieldRef, step: &str) -> String {
    match (fields(field), field.data_type()) {
        (Some(fields), _) => {
            let meant = fields.iter().find(|name| **name == step.trim_matches('\''));
            let meant = meant.or(fields.first()).map_or("…", String::as_str);
            format!("take a field of the record: `{written}.{meant}`")
        }
        (None, DataType::List(_)) => format!("take an element of the list: `{written}[1]`"),
        (None, ty) if ty.is_string() => {
            format!("name a key, `{written}->>'key'`, or a position, `{written}->>0`")
        }
        (None, _) => format!("only `json` is looked into: select the value itself, `{written}`"),
    }
}

/// The names of the fields of a record.
fn fields(field: &FieldRef) -> Option<Vec<String>> {
    match field.data_type() {
        DataType::Struct(fields) => Some(fields.iter().map(|field| field.name().clone()).collect()),
        _ => None,
    }
}

type Make<'a> = &'a dyn Fn(String) -> Draft;

/// `record` → `a record`, `int64` → `` `int64` ``.
fn phrase(planners: &str) -> String {
    match words::types(planners).as_str() {
        "record" => "a record".to_owned(),
        "list" => "a list".to_owned(),
        other => format!("`{other}`"),
    }
}

fn expression(expr: &Expr, operands: &Operands, message: &str, draft: Make<'_>) -> Option<Draft> {
    let types = operands.types();
    let is_arithmetic = matches!(
        expr,
        Expr::BinaryOp {
            op: BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo,
            ..
        }
    );
    let with_cast = |draft: Draft| match operands.cast(is_arithmetic) {
        Some(help) => draft.help(help),
        None => draft,
    };
    if operands.0.is_empty() && !matches!(expr, Expr::Function(_) | Expr::Value(_)) {
        return None;
    }
    Some(match expr {
        Expr::BinaryOp { op, .. } if is_comparison(op) => {
            let draft = draft(format!("{types} cannot be compared"));
            match operands.plainly() {
                Some(help) => draft.help(help),
                None => with_cast(draft),
            }
        }
        Expr::BinaryOp { op, .. } => {
            let draft = draft(format!("`{op}` does not take {types}"));
            match (op, operands.0.as_slice()) {
                (BinaryOperator::Plus | BinaryOperator::Minus, [(left, time), (right, number)])
                    if time.data_type().is_temporal() && number.data_type().is_numeric() =>
                {
                    draft.help(format!("say of what: `{left} {op} INTERVAL '{right} days'`"))
                }
                (BinaryOperator::And | BinaryOperator::Or, _) => {
                    draft.help("compare the value: `… = …`, `… > 0`, `… IS NOT NULL`")
                }
                (
                    BinaryOperator::Arrow | BinaryOperator::LongArrow,
                    [(written, field), (step, _)],
                ) => draft.help(into_json(written, field, step)),
                _ => with_cast(draft),
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Not, .. } => {
            draft(format!("NOT needs `bool`, not {types}"))
        }
        Expr::UnaryOp { op, .. } => {
            let draft = draft(format!("`{op}` does not take {types}"));
            match operands.0.first() {
                Some((written, field))
                    if !field.data_type().is_temporal()
                        && can_cast_types(field.data_type(), &DataType::Float64) =>
                {
                    draft.help(format!("convert it: `CAST({written} AS DOUBLE)`"))
                }
                _ => draft,
            }
        }
        Expr::Array(_) => with_cast(draft(format!("a list has elements of one type, not {types}"))),
        Expr::Function(_) if message.contains("Cannot cast") => return None,
        Expr::Function(function) if function.filter.is_some() && message.contains("oolean") => {
            let condition = operands.0.last().map(|(_, field)| describe(field))?;
            draft(format!("a condition is `bool`, not {condition}"))
        }
        Expr::Function(function) => {
            let arguments =
                Operands(operands.0.iter().take(arguments(function)).cloned().collect());
            call(&plain(&function.name), &arguments, message, draft)
        }
        Expr::Extract { .. } => call("EXTRACT", operands, message, draft),
        Expr::Substring { .. } => call("SUBSTRING", operands, message, draft),
        Expr::Trim { .. } => call("TRIM", operands, message, draft),
        Expr::Position { .. } => call("POSITION", operands, message, draft),
        Expr::Overlay { .. } => call("OVERLAY", operands, message, draft),
        Expr::Cast { data_type, .. } if message.contains("Unsupported SQL type") => {
            draft(format!("type `{data_type}` is not known")).help(
                "the types are BOOLEAN, SMALLINT, INT, BIGINT, REAL, DOUBLE, DECIMAL(p, s), \
                       VARCHAR, DATE, TIME, TIMESTAMP and BYTEA",
            )
        }
        Expr::Cast { data_type, .. } => {
            let what = operands.0.first().map_or("", |(written, _)| written.as_str());
            let draft = draft(match message.contains("Unsupported CAST") {
                true => format!("{types} cannot be converted to `{data_type}`"),
                false => format!("`{what}` cannot be converted to `{data_type}`"),
            });
            match operands.0.first().and_then(|(what, field)| Some((what, fields(field)?))) {
                Some((what, fields)) => draft.help(format!(
                    "take a field of the record: `{what}.{}`",
                    fields.first().map_or("…", String::as_str)
                )),
                None => draft,
            }
        }
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            draft(format!("a pattern is text that is matched against text, not {types}"))
        }
        Expr::InList { .. } | Expr::Between { .. } | Expr::InSubquery { .. } => {
            let other = message.split_once(" can't cast to ").map(|(_, other)| {
                phrase(other.rsplit_once(" in ").map_or(other, |(other, _)| other))
            });
            match other {
                Some(other) => draft(format!("{types} cannot be compared with {other}")),
                None => with_cast(draft(format!("{types} cannot be compared"))),
            }
        }
        Expr::Case { operand, .. } => {
            let types = operands.branches(operand.is_some()).types();
            draft(format!("the branches of CASE do not agree: {types}"))
                .help("convert them to one type: `CAST(… AS …)`")
        }
        Expr::Value(value) => {
            let reason = words::sentence(message);
            draft(format!("`{value}` does not fit the type that it is compared with")).note(reason)
        }
        _ => return None,
    })
}

pub(super) fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Spaceship)
}

fn call(name: &str, operands: &Operands, message: &str, draft: Make<'_>) -> Draft {
    let reason = message.split("No function matches").next().unwrap_or(message);
    let is_about_types =
        ["requires ", "expects Numeric", "expects String", "Failed to coerce", "coercion failed"]
            .iter()
            .any(|words| reason.contains(words));
    let count = reason.contains("argument") && !is_about_types;
    let types: Vec<_> = operands.0.iter().map(|(_, field)| describe(field)).collect();
    let mut finding = match (types.as_slice(), count) {
        ([], _) => draft(format!("`{name}` needs arguments")),
        (all, true) => {
            let arguments = if all.len() == 1 { "argument" } else { "arguments" };
            draft(format!("`{name}` does not take {} {arguments}", all.len()))
        }
        ([only], false) => draft(format!("`{name}` does not take {only}")),
        (all, false) => draft(format!("`{name}` does not take ({})", all.join(", "))),
    };
    let candidates = candidates(name, message);
    if !candidates.is_empty() {
        finding = finding.note(format!("it is called as {}", candidates.join(", ")));
    }
    if let [(written, field)] = operands.0.as_slice()
        && !count
    {
        let needs = |word: &str| {
            message.contains(&format!("expects {word}"))
                || message.contains(&format!("requires {word}"))
        };
        let to = match arrow::from_field(field) {
            Some(Type::Record(fields)) => {
                let first = fields.first().map_or("…", |field| field.name.as_str());
                return finding.help(format!("take a field of the record: `{written}.{first}`"));
            }
            Some(Type::List(_)) | None => None,
            Some(_) if needs("String") => Some("VARCHAR"),
            Some(Type::String) if needs("Numeric") || needs("Decimal") => Some("DOUBLE"),
            Some(_) if needs("Timestamp") => Some("TIMESTAMP"),
            Some(_) => None,
        };
        if let Some(to) = to {
            finding = finding.help(format!("convert it: `CAST({written} AS {to})`"));
        }
    }
    finding
}

/// How many expressions a function is called with.
fn arguments(function: &Function) -> usize {
    match &function.args {
        FunctionArguments::None => 0,
        FunctionArguments::Subquery(_) => 1,
        FunctionArguments::List(list) => {
            let is_expr = |arg: &&FunctionArg| {
                let (FunctionArg::Unnamed(arg)
                | FunctionArg::Named { arg, .. }
                | FunctionArg::ExprNamed { arg, .. }) = arg;
                matches!(arg, FunctionArgExpr::Expr(_))
            };
            list.args.iter().filter(is_expr).count()
        }
    }
}

/// The ways to call a function that the planner lists, where they say something to a reader.
fn candidates(name: &str, message: &str) -> Vec<String> {
    let Some((_, list)) = message.split_once("Candidate functions:") else { return Vec::new() };
    let readable = |line: &&str| {
        line.to_lowercase().starts_with(&format!("{}(", name.to_lowercase()))
            && !["UserDefined", "Numeric(", "Coercible", "Any", "Uniform", "Variadic", "ArraySig"]
                .iter()
                .any(|internal| line.contains(internal))
    };
    let mut candidates: Vec<_> =
        list.lines().map(str::trim).filter(readable).map(words::types).collect();
    candidates.dedup();
    candidates.iter().take(4).map(|candidate| format!("`{candidate}`")).collect()
}

/// What makes sense by itself, but not where it stands.
fn position(
    blame: &Blame<'_>,
    node: usize,
    expr: &Expr,
    message: &str,
    draft: Make<'_>,
) -> Option<Draft> {
    let field = blame.type_of(node, expr.clone());
    let ty = field.as_ref().map_or_else(|| "this".to_owned(), |field| describe(field));
    if message.contains("non-boolean") || message.contains("must be boolean") {
        return Some(
            draft(format!("a condition is `bool`, not {ty}"))
                .help("compare the value: `… = …`, `… > 0`, `… IS NOT NULL`"),
        );
    }
    let before = message.split_once("Previous inputs were of type ");
    if let Some((before, _)) = before.and_then(|(_, rest)| rest.split_once(", but got")) {
        let message = format!("this is {ty}, but the same column is {} above", phrase(before));
        return Some(draft(message).help("convert one of them: `CAST(… AS …)`"));
    }
    if message.contains("Inconsistent data") {
        return Some(
            draft(format!("this is {ty}, but the same column has another type above"))
                .help("convert one of them: `CAST(… AS …)`"),
        );
    }
    if message.contains("to be an integer or null") {
        return Some(draft(format!("a number of rows is a whole number, not {ty}")));
    }
    None
}
