//! An expression of a request's text and the values of its names → its value.
//!
//! The types were checked at build time; what only a value can show (a time beyond the calendar) is an
//! error of the run, which names the expression.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use apitap_build::expression::{Expression, Function, Node, Operator, TimeFormat};
use base64::Engine as _;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use reqwest::header::HeaderMap;

use crate::source::body;
use crate::{Error, Result};

/// A value that a request may hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    /// One that may have a fraction, and how it is written.
    Number(f64, String),
    Boolean(bool),
    Timestamp(DateTime<Utc>),
    Date(NaiveDate),
    Duration(TimeDelta),
    /// A list or an object: it is there, and equals nothing.
    Compound,
}

/// The values of the names of a place; `None` is null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    names: BTreeMap<String, Option<Value>>,
    /// What there is to look at, in a condition.
    answer: Option<Said>,
}

/// What an answer says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// What stands at places of its body, by their pointers.
    pub(crate) body: BTreeMap<String, Option<Value>>,
}

impl Scope {
    /// The same with one name more, or another value of it.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<String>, value: Option<Value>) -> Self {
        self.names.insert(name.into(), value);
        self
    }

    /// Where an answer is looked at.
    pub(crate) fn of_answer(status: u16, said: Said) -> Self {
        let scope = Self { answer: Some(said), ..Self::default() };
        scope.with("status", Some(Value::Integer(status.into())))
    }
}

/// What an expression sees of a value of a body; `None` is null.
pub(crate) fn of_body(value: &body::Value) -> Option<Value> {
    Some(match value {
        body::Value::Missing(_) | body::Value::Null | body::Value::Astray { .. } => return None,
        body::Value::Bool(value) => Value::Boolean(*value),
        body::Value::String(text) => Value::Text(text.clone()),
        body::Value::List | body::Value::Record => Value::Compound,
        body::Value::Number(text) => match (text.parse(), text.parse()) {
            (Ok(number), _) => Value::Integer(number),
            (_, Ok(number)) => Value::Number(number, text.clone()),
            _ => Value::Text(text.clone()),
        },
    })
}

impl Value {
    /// As it is sent.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(_, text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Timestamp(time) => rfc3339(time),
            Self::Date(date) => date.to_string(),
            Self::Duration(duration) => format!("{}ms", duration.num_milliseconds()),
            Self::Compound => String::new(),
        }
    }
}

/// `2026-01-31T12:00:00Z`, with a fraction where there is one.
pub(crate) fn rfc3339(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The value of an expression; `None` is null.
///
/// # Errors
/// A config error that names the expression.
pub(crate) fn evaluate(expression: &Expression, scope: &Scope) -> Result<Option<Value>> {
    Ok(Some(match &expression.node {
        Node::Text(text) => Value::Text(text.clone()),
        Node::Integer(number) => Value::Integer(*number),
        Node::Boolean(value) => Value::Boolean(*value),
        Node::Duration(millis) => {
            let duration = TimeDelta::try_milliseconds(*millis).map(Value::Duration);
            return duration.map(Some).ok_or_else(|| error(expression, "it is too large"));
        }
        Node::Name(name) => match scope.names.get(name) {
            Some(value) => return Ok(value.clone()),
            None => return Err(error(expression, "the name has no value here")),
        },
        Node::Not(inner) => Value::Boolean(!condition(inner, scope)?),
        Node::Binary(operator, left, right) => {
            return binary(expression, *operator, left, right, scope).map(Some);
        }
        Node::Call(function, arguments) => {
            return Call { expression, function: *function, arguments, scope }.value();
        }
    }))
}

fn error(expression: &Expression, what: &str) -> Error {
    Error::config(format!("the expression `{expression}` has no value: {what}"))
}

/// What the check of the types has made sure of.
fn unchecked(expression: &Expression) -> Error {
    error(expression, "its types do not fit").help("this is a bug in apitap: please report it")
}

/// The value of one that is not null.
fn present(expression: &Expression, scope: &Scope) -> Result<Value> {
    evaluate(expression, scope)?.ok_or_else(|| error(expression, "it is null"))
}

fn condition(expression: &Expression, scope: &Scope) -> Result<bool> {
    match present(expression, scope)? {
        Value::Boolean(value) => Ok(value),
        _ => Err(unchecked(expression)),
    }
}

fn text(expression: &Expression, scope: &Scope) -> Result<String> {
    match present(expression, scope)? {
        Value::Text(text) => Ok(text),
        _ => Err(unchecked(expression)),
    }
}

fn binary(
    whole: &Expression,
    operator: Operator,
    left: &Expression,
    right: &Expression,
    scope: &Scope,
) -> Result<Value> {
    match operator {
        Operator::And => {
            return Ok(Value::Boolean(condition(left, scope)? && condition(right, scope)?));
        }
        Operator::Or => {
            return Ok(Value::Boolean(condition(left, scope)? || condition(right, scope)?));
        }
        _ => {}
    }
    if operator.compares() {
        let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
        return Ok(Value::Boolean(compared(operator, left.as_ref(), right.as_ref())));
    }
    let (left, right) = (present(left, scope)?, present(right, scope)?);
    let right = if operator == Operator::Minus { negated(right) } else { Some(right) };
    let sum = right.map(|right| add(left, right)).ok_or_else(|| unchecked(whole))?;
    sum.ok_or_else(|| error(whole, "it is too large, or beyond the calendar"))
}

/// Whether a comparison holds: null equals null only, and so does a value of another kind nothing.
fn compared(operator: Operator, left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (None, None) => operator == Operator::Equal,
        (None, Some(_)) | (Some(_), None) => operator == Operator::NotEqual,
        (Some(left), Some(right)) => match compare(left, right) {
            Some(order) => holds(operator, order),
            None => operator == Operator::NotEqual,
        },
    }
}

fn holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::AtMost => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// `None` where they cannot be compared.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Duration(left), Value::Duration(right)) => left.cmp(right),
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (left, right) => number(left)?.partial_cmp(&number(right)?)?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "it is compared with a number of that kind")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number, _) => Some(*number),
        _ => None,
    }
}

/// `None` where it has no sign.
fn negated(value: Value) -> Option<Value> {
    match value {
        Value::Integer(number) => number.checked_neg().map(Value::Integer),
        Value::Duration(duration) => Some(Value::Duration(-duration)),
        _ => None,
    }
}

/// `None` where the sum is too large.
fn add(left: Value, right: Value) -> Option<Value> {
    Some(match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Value::Integer(left.checked_add(right)?),
        (Value::Duration(left), Value::Duration(right)) => {
            Value::Duration(left.checked_add(&right)?)
        }
        (Value::Timestamp(time), Value::Duration(duration)) => {
            Value::Timestamp(time.checked_add_signed(duration)?)
        }
        (Value::Date(date), Value::Duration(duration)) => {
            Value::Date(date.checked_add_signed(duration)?)
        }
        _ => return None,
    })
}

struct Call<'a> {
    expression: &'a Expression,
    function: Function,
    arguments: &'a [Expression],
    scope: &'a Scope,
}

impl Call<'_> {
    fn value(&self) -> Result<Option<Value>> {
        let text_of = |index| self.argument(index).and_then(|argument| text(argument, self.scope));
        Ok(Some(match self.function {
            Function::Default => match evaluate(self.argument(0)?, self.scope)? {
                None => return evaluate(self.argument(1)?, self.scope),
                Some(value) => value,
            },
            Function::Header => {
                let name = text_of(0)?;
                let found = self.answer()?.headers.get(name.as_str());
                let text =
                    found.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
                return Ok(text.map(Value::Text));
            }
            Function::Body => {
                let found = self.answer()?.body.get(&text_of(0)?);
                return Ok(found.cloned().flatten());
            }
            Function::Exists => Value::Boolean(evaluate(self.argument(0)?, self.scope)?.is_some()),
            Function::If => {
                let chosen = if condition(self.argument(0)?, self.scope)? { 1 } else { 2 };
                return evaluate(self.argument(chosen)?, self.scope);
            }
            Function::Format => {
                let format = TimeFormat::parse(&text_of(1)?);
                let format = format.ok_or_else(|| unchecked(self.expression))?;
                let time = present(self.argument(0)?, self.scope)?;
                formatted(&time, &format).ok_or_else(|| unchecked(self.expression))?
            }
            Function::Date => Value::Date(match present(self.argument(0)?, self.scope)? {
                Value::Timestamp(time) => time.date_naive(),
                Value::Text(text) => text.parse().map_err(|_| unchecked(self.expression))?,
                _ => return Err(unchecked(self.expression)),
            }),
            Function::Timestamp => {
                Value::Timestamp(match present(self.argument(0)?, self.scope)? {
                    Value::Date(date) => date.and_time(NaiveTime::MIN).and_utc(),
                    Value::Text(text) => text.parse().map_err(|_| unchecked(self.expression))?,
                    _ => return Err(unchecked(self.expression)),
                })
            }
            Function::DateTrunc => {
                let Value::Timestamp(time) = present(self.argument(1)?, self.scope)? else {
                    return Err(unchecked(self.expression));
                };
                let truncated = truncated(time, &text_of(0)?);
                Value::Timestamp(truncated.ok_or_else(|| unchecked(self.expression))?)
            }
            Function::Lower => Value::Text(text_of(0)?.to_lowercase()),
            Function::Upper => Value::Text(text_of(0)?.to_uppercase()),
            Function::Trim => Value::Text(text_of(0)?.trim().to_owned()),
            Function::Replace => Value::Text(text_of(0)?.replace(&text_of(1)?, &text_of(2)?)),
            Function::SplitPart => {
                let Value::Integer(part) = present(self.argument(2)?, self.scope)? else {
                    return Err(unchecked(self.expression));
                };
                let index = usize::try_from(part).unwrap_or(usize::MAX).saturating_sub(1);
                let (text, separator) = (text_of(0)?, text_of(1)?);
                Value::Text(text.split(&separator).nth(index).unwrap_or_default().to_owned())
            }
            Function::Base64 => {
                Value::Text(base64::engine::general_purpose::STANDARD.encode(text_of(0)?))
            }
        }))
    }

    /// The answer that the condition is about.
    fn answer(&self) -> Result<&Said> {
        self.scope.answer.as_ref().ok_or_else(|| unchecked(self.expression))
    }

    fn argument(&self, index: usize) -> Result<&Expression> {
        self.arguments.get(index).ok_or_else(|| unchecked(self.expression))
    }
}

/// A time as the format writes it; `None` where the format is none of that kind of time.
pub(crate) fn formatted(time: &Value, format: &TimeFormat) -> Option<Value> {
    let time = match time {
        Value::Timestamp(time) => *time,
        Value::Date(date) => date.and_time(NaiveTime::MIN).and_utc(),
        _ => return None,
    };
    Some(match format {
        TimeFormat::Rfc3339 => Value::Text(rfc3339(&time)),
        TimeFormat::EpochS => Value::Integer(time.timestamp()),
        TimeFormat::EpochMs => Value::Integer(time.timestamp_millis()),
        TimeFormat::Pattern(pattern) => {
            let mut text = String::new();
            // An unknown letter is an error of the formatter's, not a panic, in this form.
            std::fmt::Write::write_fmt(&mut text, format_args!("{}", time.format(pattern))).ok()?;
            Value::Text(text)
        }
    })
}

/// The beginning of the unit of time in which a moment is.
pub(crate) fn truncated(time: DateTime<Utc>, unit: &str) -> Option<DateTime<Utc>> {
    let date = time.date_naive();
    let hour = time.timestamp().div_euclid(3_600) * 3_600;
    let minute = time.timestamp().div_euclid(60) * 60;
    let date = match unit {
        "hour" => return DateTime::from_timestamp(hour, 0),
        "minute" => return DateTime::from_timestamp(minute, 0),
        "day" => date,
        "week" => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))?,
        "month" => date.with_day(1)?,
        "year" => date.with_ordinal(1)?,
        _ => return None,
    };
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests;
