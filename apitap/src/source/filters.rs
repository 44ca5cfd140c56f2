//! Conditions of a query's WHERE → query parameters of the source that they are about.
//!
//! ```text
//! WHERE status = 'paid' AND updated_at >= now() - INTERVAL '7 days'
//!   → Condition (field, comparison, value) → `filters` of the source → status=paid&since=2026-01-24T…
//! ```
//! A parameter asks for no fewer records than the condition holds for: what cannot be written so is not
//! sent. The query looks at the answer all the same, unless the source says that the API is exact.
//! Nothing here knows a plan as a whole, or a request.

use apitap_build::definition::{Filter, FilterOp, Incremental, Source, TimeFormat};
use chrono::{DateTime, DurationRound as _, NaiveTime, TimeDelta, Utc};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::partition::value;
use super::request::expression::{Value, formatted};

/// A comparison of a field of a source with a constant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The field, with what stands behind its dots.
    field: String,
    op: FilterOp,
    value: ScalarValue,
}

/// A stretch of time: since, and up to but not with; without ends where they are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Stretch {
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Stretch {
    /// What lies in both.
    pub(crate) fn and(self, other: Self) -> Self {
        let until = self.until.into_iter().chain(other.until).min();
        Self { since: self.since.max(other.since), until }
    }

    /// A stretch that has both.
    pub(crate) fn or(self, other: Self) -> Self {
        let until = self.until.zip(other.until).map(|(own, other)| own.max(other));
        Self { since: self.since.min(other.since), until }
    }
}

/// A parameter that is sent for a condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) param: String,
    pub(crate) value: String,
    /// Whether the API sends exactly the records for which the condition holds.
    exact: bool,
}

impl Condition {
    /// What an expression says, if it is a comparison of a field with a constant.
    pub(crate) fn of(expr: &Expr) -> Option<Self> {
        let flag = |field: &Expr, value| {
            let value = ScalarValue::Boolean(Some(value));
            Some(Self { field: path(field)?, op: FilterOp::Equal, value })
        };
        match expr {
            Expr::BinaryExpr(comparison) => Self::compared(comparison),
            Expr::IsTrue(field) => flag(field, true),
            Expr::Not(field) | Expr::IsFalse(field) => flag(field, false),
            field => flag(field, true),
        }
    }

    fn compared(BinaryExpr { left, op, right }: &BinaryExpr) -> Option<Self> {
        let (field, op, value) = match (&**left, &**right) {
            (field, Expr::Literal(value, _)) => (field, *op, value),
            (Expr::Literal(value, _), field) => (field, op.swap()?, value),
            _ => return None,
        };
        let op = match op {
            Operator::Eq => FilterOp::Equal,
            Operator::Lt => FilterOp::Less,
            Operator::LtEq => FilterOp::AtMost,
            Operator::Gt => FilterOp::Greater,
            Operator::GtEq => FilterOp::AtLeast,
            _ => return None,
        };
        // A comparison with null holds for no record: there is nothing to ask for.
        (!value.is_null()).then_some(())?;
        Some(Self { field: path(field)?, op, value: value.clone() })
    }

    /// The parameters of a source that this condition sets.
    pub(crate) fn sent<'c>(&'c self, source: &'c Source) -> impl Iterator<Item = Parameter> + 'c {
        source.filters.iter().filter_map(|filter| self.sent_as(filter))
    }

    /// Whether the query need not look at what a source answers to it.
    pub(crate) fn is_exact(&self, source: &Source, sent: &[Parameter]) -> bool {
        self.sent(source).any(|own| own.exact && sent.contains(&own))
    }

    fn sent_as(&self, filter: &Filter) -> Option<Parameter> {
        if filter.field != self.field || !implies(self.op, filter.answer.op) {
            return None;
        }
        let written = self.written(filter)?;
        let exact = filter.answer.exact && self.op == filter.answer.op && written.exact;
        Some(Parameter { param: filter.answer.param.0.clone(), value: written.text, exact })
    }

    /// The value as the parameter holds it; `None` where that would ask for fewer records.
    fn written(&self, filter: &Filter) -> Option<Written> {
        let text = array_value_to_string(&self.value.to_array().ok()?, 0).ok()?;
        let value = value(&self.value, text)?;
        let format = match (&value, &filter.answer.format) {
            (Value::Timestamp(_), None) => &TimeFormat::Rfc3339,
            (Value::Timestamp(_) | Value::Date(_), Some(format)) => format,
            (value, _) => return Some(Written { text: value.text(), exact: true }),
        };
        let (begins, text) = rounded(&value, format)?;
        match filter.answer.op {
            FilterOp::AtLeast | FilterOp::Greater => Some(Written { text, exact: begins }),
            _ if begins => Some(Written { text, exact: true }),
            // What is written is earlier than what is meant: more is asked for with the next one.
            FilterOp::AtMost | FilterOp::Less => {
                let unit = match format {
                    TimeFormat::EpochS => TimeDelta::seconds(1),
                    TimeFormat::EpochMs => TimeDelta::milliseconds(1),
                    TimeFormat::Rfc3339 | TimeFormat::Pattern(_) => return None,
                };
                let later = formatted(&moved(&value, unit)?, format)?;
                Some(Written { text: later.text(), exact: false })
            }
            FilterOp::Equal => None,
        }
    }

    /// The records of an incremental source that are wanted, if it says so.
    pub(crate) fn wanted(&self, incremental: &Incremental) -> Stretch {
        use FilterOp::{AtLeast, AtMost, Equal, Greater, Less};
        if self.field != incremental.field {
            return Stretch::default();
        }
        let time = match value(&self.value, String::new()) {
            Some(Value::Timestamp(time)) => time,
            Some(Value::Date(date)) => date.and_time(NaiveTime::MIN).and_utc(),
            _ => return Stretch::default(),
        };
        let since = matches!(self.op, AtLeast | Greater | Equal).then_some(time);
        let behind = match self.op {
            Less => Some(time),
            AtMost | Equal => time.checked_add_signed(TimeDelta::microseconds(1)),
            AtLeast | Greater => None,
        };
        Stretch { since, until: behind }
    }
}

/// The first moment, not before `end`, that a format writes as it is; `None` where that is none of the
/// next ones, so that what is written would ask for fewer records.
pub(super) fn written_end(end: DateTime<Utc>, format: &TimeFormat) -> Option<DateTime<Utc>> {
    let units = [
        TimeDelta::microseconds(1),
        TimeDelta::milliseconds(1),
        TimeDelta::seconds(1),
        TimeDelta::minutes(1),
        TimeDelta::hours(1),
        TimeDelta::days(1),
    ];
    let mut ends = units.into_iter().filter_map(|unit| end.duration_round_up(unit).ok());
    ends.find(|end| rounded(&Value::Timestamp(*end), format).is_some_and(|(begins, _)| begins))
}

struct Written {
    text: String,
    /// Whether it is the value, and not one beside it.
    exact: bool,
}

/// Whether all values for which one comparison holds are among those of the other.
fn implies(this: FilterOp, other: FilterOp) -> bool {
    use FilterOp::{AtLeast, AtMost, Equal, Greater, Less};
    this == other || matches!((this, other), (Equal | Greater, AtLeast) | (Equal | Less, AtMost))
}

/// How a time is written, and whether nothing earlier is written so.
fn rounded(value: &Value, format: &TimeFormat) -> Option<(bool, String)> {
    let text = formatted(value, format)?.text();
    let before = match value {
        Value::Date(_) => TimeDelta::days(-1),
        _ => TimeDelta::microseconds(-1),
    };
    let before = formatted(&moved(value, before)?, format)?.text();
    Some((before != text, text))
}

fn moved(value: &Value, by: TimeDelta) -> Option<Value> {
    match value {
        Value::Timestamp(time) => time.checked_add_signed(by).map(Value::Timestamp),
        Value::Date(date) => date.checked_add_signed(by).map(Value::Date),
        _ => None,
    }
}

/// The field that an expression is, with what stands behind its dots.
fn path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::ScalarFunction(call) if call.name() == "get_field" => {
            let (base, names) = call.args.split_first()?;
            names.iter().try_fold(path(base)?, |path, name| {
                let Expr::Literal(name, _) = name else { return None };
                Some(format!("{path}.{}", name.try_as_str()??))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use apitap_build::definition::{FilterKeys, IncrementalMode};
    use datafusion::prelude::{col, lit};

    use super::*;
    use crate::source::request::expression::rfc3339;

    fn filter(op: FilterOp, format: Option<&str>, exact: bool) -> Filter {
        let format = format.and_then(TimeFormat::parse);
        let answer = FilterKeys { param: "p".into(), op, format, exact };
        Filter { field: "a".to_owned(), answer }
    }

    /// What is sent for a condition; `=` before it where that is exact.
    #[track_caller]
    fn check(expr: Expr, filter: &Filter, expected: Option<&str>) {
        let sent = Condition::of(&expr).and_then(|condition| condition.sent_as(filter));
        let exact = |sent: &Parameter| if sent.exact { "=" } else { "" };
        let found = sent.map(|sent| format!("{}{}", exact(&sent), sent.value));
        assert_eq!(found.as_deref(), expected, "{expr}");
    }

    fn time(text: &str) -> Expr {
        let time: DateTime<Utc> = text.parse().unwrap();
        lit(ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), Some("+00:00".into())))
    }

    #[test]
    fn a_comparison_is_sent_where_the_parameter_asks_for_no_fewer_records() {
        use FilterOp::{AtLeast, AtMost, Equal, Greater, Less};
        let a = || col("a");
        let is = |op| filter(op, None, true);
        check(a().eq(lit("it's é")), &is(Equal), Some("=it's é"));
        check(lit("x").eq(a()), &is(Equal), Some("=x"));
        check(a().not_eq(lit("x")), &is(Equal), None);
        check(a().gt(lit(5_i64)), &is(Greater), Some("=5"));
        check(a().gt(lit(5_i64)), &is(AtLeast), Some("5"));
        check(a().gt_eq(lit(5_i64)), &is(Greater), None);
        check(a().eq(lit(5_i64)), &is(AtLeast), Some("5"));
        check(a().eq(lit(5_i64)), &is(Less), None);
        check(lit(5_i64).gt(a()), &is(Less), Some("=5"));
        check(a().lt(lit(5_i64)), &is(AtMost), Some("5"));
        check(a(), &is(Equal), Some("=true"));
        check(Expr::Not(Box::new(a())), &is(Equal), Some("=false"));
        check(a().eq(lit(ScalarValue::Utf8(None))), &is(Equal), None);
        check(a().eq(col("b")), &is(Equal), None);
        check(col("b").eq(lit(1_i64)), &is(Equal), None);
        let decimal = lit(ScalarValue::Decimal128(Some(1_050), 12, 2));
        check(a().lt(decimal), &is(Less), Some("=10.50"));
    }

    #[test]
    fn a_stretch_of_time_has_all_records_that_are_wanted() {
        let check = |expr: Expr, format: &str, expected: (&str, &str)| {
            let incremental = Incremental {
                field: "a".to_owned(),
                start: None,
                param: None,
                end_param: None,
                format: TimeFormat::parse(format).unwrap(),
                window: None,
                lookback: None,
                mode: IncrementalMode::Server,
            };
            let found = Condition::of(&expr).unwrap().wanted(&incremental);
            // As it is asked for.
            let until = found.until.and_then(|until| written_end(until, &incremental.format));
            let shown = |time: Option<DateTime<Utc>>| time.as_ref().map_or(String::new(), rfc3339);
            assert_eq!((&*shown(found.since), &*shown(until)), expected, "{expr} {format}");
        };
        let a = || col("a");
        let (whole, half) = (|| time("2026-01-31T12:00:00Z"), || time("2026-01-31T12:00:00.5Z"));
        check(a().gt_eq(whole()), "rfc3339", ("2026-01-31T12:00:00Z", ""));
        check(a().gt(half()), "epoch_s", ("2026-01-31T12:00:00.500Z", ""));
        check(a().lt(whole()), "rfc3339", ("", "2026-01-31T12:00:00Z"));
        check(a().lt(half()), "rfc3339", ("", "2026-01-31T12:00:00.500Z"));
        check(a().lt_eq(half()), "rfc3339", ("", "2026-01-31T12:00:00.500001Z"));
        check(a().lt(half()), "epoch_ms", ("", "2026-01-31T12:00:00.500Z"));
        check(a().lt_eq(half()), "epoch_ms", ("", "2026-01-31T12:00:00.501Z"));
        check(a().lt(half()), "epoch_s", ("", "2026-01-31T12:00:01Z"));
        check(a().lt(half()), "%Y-%m-%dT%H:%M", ("", "2026-01-31T12:01:00Z"));
        check(a().lt(whole()), "%Y-%m-%d", ("", "2026-02-01T00:00:00Z"));
        check(a().lt_eq(time("2026-01-31T00:00:00Z")), "%Y-%m-%d", ("", "2026-02-01T00:00:00Z"));
        check(a().lt(whole()), "%Y-%m", ("", "2026-02-01T00:00:00Z"));
        check(a().lt(time("2026-01-30T12:00:00Z")), "%Y-%m", ("", ""));
        check(a().eq(whole()), "epoch_s", ("2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z"));
        let day = lit(ScalarValue::Date32(Some(20_484)));
        check(a().lt(day), "%Y-%m-%d", ("", "2026-01-31T00:00:00Z"));
        check(col("b").lt(whole()), "rfc3339", ("", ""));
    }

    #[test]
    fn a_time_is_never_rounded_to_fewer_records() {
        use FilterOp::{AtLeast, AtMost, Equal};
        let whole = || time("2026-01-31T12:00:00Z");
        let half = || time("2026-01-31T12:00:00.5Z");
        let a = || col("a");
        let is = |op, format| filter(op, Some(format), true);
        check(a().gt_eq(half()), &filter(AtLeast, None, true), Some("=2026-01-31T12:00:00.500Z"));
        check(a().gt_eq(whole()), &is(AtLeast, "epoch_s"), Some("=1769860800"));
        check(a().gt_eq(half()), &is(AtLeast, "epoch_s"), Some("1769860800"));
        check(a().lt_eq(half()), &is(AtMost, "epoch_s"), Some("1769860801"));
        check(a().lt_eq(half()), &is(AtMost, "epoch_ms"), Some("=1769860800500"));
        check(a().eq(half()), &is(Equal, "epoch_s"), None);
        check(a().gt_eq(whole()), &is(AtLeast, "%Y-%m-%d"), Some("2026-01-31"));
        check(a().lt_eq(whole()), &is(AtMost, "%Y-%m-%d"), None);
        let midnight = || time("2026-01-31T00:00:00Z");
        check(a().lt_eq(midnight()), &is(AtMost, "%Y-%m-%d"), Some("=2026-01-31"));
        let day = || lit(ScalarValue::Date32(Some(20_484)));
        check(a().eq(day()), &filter(Equal, None, true), Some("=2026-01-31"));
        check(a().gt_eq(day()), &is(AtLeast, "%Y-%m"), Some("2026-01"));
    }
}
