//! Functions of time, in microseconds: every `timestamp` that a source can hold can be computed with.
//!
//! DataFusion's own compute in nanoseconds, which end in the year 2262, and forget the time zone that
//! they promise.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::functions::datetime::to_timestamp_micros;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use crate::schema::scalar::UTC;

/// Every cast to a timestamp is one to microseconds.
#[derive(Debug)]
pub(super) struct Microseconds;

impl AnalyzerRule for Microseconds {
    fn name(&self) -> &str {
        "microseconds"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan: LogicalPlan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(in_microseconds)?.update_data(|expr| name.restore(expr)))
            })?
            .map_data(LogicalPlan::recompute_schema)
        };
        Ok(plan.transform_up_with_subqueries(rewrite)?.data)
    }
}

fn in_microseconds(expr: Expr) -> Result<Transformed<Expr>> {
    let coarser = |field: &FieldRef| match field.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let ty = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            Some(Arc::new(field.as_ref().clone().with_data_type(ty)))
        }
        _ => None,
    };
    Ok(match expr {
        Expr::Cast(Cast { expr, field }) => match coarser(&field) {
            Some(field) => Transformed::yes(Expr::Cast(Cast { expr, field })),
            None => Transformed::no(Expr::Cast(Cast { expr, field })),
        },
        Expr::TryCast(TryCast { expr, field }) => match coarser(&field) {
            Some(field) => Transformed::yes(Expr::TryCast(TryCast { expr, field })),
            None => Transformed::no(Expr::TryCast(TryCast { expr, field })),
        },
        other => Transformed::no(other),
    })
}

/// The function of ours in the place of one of the engine's, if there is one.
pub(super) fn function(theirs: &Arc<ScalarUDF>) -> Option<ScalarUDF> {
    let inner = Arc::clone(theirs);
    Some(match theirs.name() {
        "now" => ScalarUDF::from(Now { signature: Signature::nullary(Volatility::Stable) }),
        "to_timestamp"
        | "to_timestamp_seconds"
        | "to_timestamp_millis"
        | "to_timestamp_micros"
        | "to_timestamp_nanos" => ScalarUDF::from(ToTimestamp { inner }),
        "date_trunc" => {
            let signature = Signature::user_defined(Volatility::Immutable);
            ScalarUDF::from(DateTrunc { inner, signature })
        }
        "date_bin" => {
            let signature = Signature::user_defined(Volatility::Immutable);
            ScalarUDF::from(super::date_bin::DateBin { inner, signature })
        }
        _ => return None,
    })
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// `now()`: when the query was planned.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    signature: Signature,
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &str {
        "now"
    }

    fn aliases(&self) -> &[String] {
        static ALIASES: std::sync::LazyLock<[String; 1]> =
            std::sync::LazyLock::new(|| ["current_timestamp".to_owned()]);
        &*ALIASES
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(timestamp())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new("now", timestamp(), false)))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("now() is a constant in every plan that runs")
    }

    fn simplify(
        &self,
        arguments: Vec<Expr>,
        context: &SimplifyContext,
    ) -> Result<ExprSimplifyResult> {
        let Some(now) = context.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(arguments));
        };
        let now = ScalarValue::TimestampMicrosecond(Some(now.timestamp_micros()), Some(UTC.into()));
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(now, None)))
    }
}

/// `to_timestamp…(…)`, with the time zone that it promises, and `to_timestamp` in microseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ToTimestamp {
    inner: Arc<ScalarUDF>,
}

impl ToTimestamp {
    /// The unit of what it yields.
    fn unit(&self) -> TimeUnit {
        match self.inner.name() {
            "to_timestamp_seconds" => TimeUnit::Second,
            "to_timestamp_millis" => TimeUnit::Millisecond,
            _ => TimeUnit::Microsecond,
        }
    }

    /// `to_timestamp` takes numbers as seconds: as so many microseconds.
    fn seconds(&self, mut arguments: ScalarFunctionArgs) -> Result<ScalarFunctionArgs> {
        let Some(first) =
            arguments.args.first_mut().filter(|_| self.inner.name() == "to_timestamp")
        else {
            return Ok(arguments);
        };
        let decimal = DataType::Decimal128(38, 6);
        let ty = first.data_type();
        if ty.is_integer() || ty.is_decimal() {
            let micros = first.cast_to(&decimal, None)?;
            // A decimal of six places is so many millionths.
            let micros = ColumnarValue::Array(micros.into_array(arguments.number_rows)?);
            let ColumnarValue::Array(array) = micros else { return Ok(arguments) };
            let values = array.as_primitive::<datafusion::arrow::datatypes::Decimal128Type>();
            let micros = values.try_unary::<_, Int64Type, _>(|value| {
                i64::try_from(value).or_else(|_| exec_err!("the timestamp is out of range"))
            })?;
            *first = ColumnarValue::Array(Arc::new(micros));
        } else if ty.is_floating() {
            let seconds = first.cast_to(&DataType::Float64, None)?;
            let array = seconds.into_array(arguments.number_rows)?;
            let values = array.as_primitive::<datafusion::arrow::datatypes::Float64Type>();
            let micros = values.try_unary::<_, Int64Type, _>(|value| {
                let micros = (value * 1e6).round();
                let fits = micros >= i64::MIN as f64 && micros < i64::MAX as f64;
                if fits { Ok(micros as i64) } else { exec_err!("the timestamp is out of range") }
            })?;
            *first = ColumnarValue::Array(Arc::new(micros));
        }
        Ok(arguments)
    }
}

impl ScalarUDFImpl for ToTimestamp {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(self.unit(), Some(UTC.into())))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = arguments.return_field.data_type().clone();
        let arguments = self.seconds(arguments)?;
        let computed = match arguments.args.as_slice() {
            // Without a format, a text is read as a cast reads it, whatever its year.
            [text] if text.data_type().is_string() => {
                let strict = CastOptions { safe: false, ..CastOptions::default() };
                text.cast_to(&promised, Some(&strict))?
            }
            _ if self.inner.name() == "to_timestamp" => {
                let options = Arc::clone(&arguments.config_options);
                to_timestamp_micros(&options).inner().invoke_with_args(arguments)?
            }
            // With or without a time zone, which a debug build of the engine would not stand.
            _ => self.inner.inner().invoke_with_args(arguments)?,
        };
        // An instant stays the same instant, with and without the zone.
        match computed.data_type() {
            ty if ty == promised => Ok(computed),
            DataType::Timestamp(..) => computed.cast_to(&promised, None),
            other => exec_err!("it yields {other} where {promised} was planned"),
        }
    }
}

/// `date_trunc(unit, timestamp)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [unit, of] = types else {
            return plan_err!("date_trunc takes 2 arguments, not {}", types.len());
        };
        if !unit.is_string() && !unit.is_null() {
            return plan_err!("the first argument of date_trunc is a text, not {unit}");
        }
        let of = match of {
            DataType::Timestamp(..) | DataType::Time64(_) | DataType::Time32(_) => of.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Null => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            text if text.is_string() => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => return plan_err!("date_trunc does not take {other}"),
        };
        Ok(vec![DataType::Utf8, of])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("date_trunc is asked for its field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = match arguments.args.first() {
            Some(ColumnarValue::Scalar(unit)) => unit.try_as_str().flatten().and_then(Unit::of),
            _ => None,
        };
        let of = arguments.args.get(1).map(ColumnarValue::data_type);
        match (unit, of) {
            (Some(unit), Some(DataType::Timestamp(TimeUnit::Microsecond, zone)))
                if zone.is_none() || zone.as_deref() == Some(UTC) =>
            {
                truncated(&arguments, unit)
            }
            _ => self.inner.invoke_with_args(arguments),
        }
    }
}

fn truncated(arguments: &ScalarFunctionArgs, unit: Unit) -> Result<ColumnarValue> {
    let Some(of) = arguments.args.get(1) else { return internal_err!("there is no timestamp") };
    let array = of.to_array(arguments.number_rows)?;
    let times = array.as_primitive::<TimestampMicrosecondType>();
    let truncated =
        times.try_unary::<_, TimestampMicrosecondType, _>(|time| unit.truncate(time))?;
    let zoned = truncated.with_data_type(array.data_type().clone());
    match of {
        ColumnarValue::Array(_) => Ok(ColumnarValue::Array(Arc::new(zoned))),
        ColumnarValue::Scalar(_) if zoned.is_empty() => Ok(ColumnarValue::Array(Arc::new(zoned))),
        ColumnarValue::Scalar(_) => {
            ScalarValue::try_from_array(&zoned, 0).map(ColumnarValue::Scalar)
        }
    }
}

const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400 * SECOND;

/// To what a timestamp is truncated.
#[derive(Clone, Copy)]
enum Unit {
    /// So many microseconds.
    Micros(i64),
    Week,
    /// So many months.
    Months(u32),
}

impl Unit {
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "microsecond" => Self::Micros(1),
            "millisecond" => Self::Micros(SECOND / 1000),
            "second" => Self::Micros(SECOND),
            "minute" => Self::Micros(60 * SECOND),
            "hour" => Self::Micros(3600 * SECOND),
            "day" => Self::Micros(DAY),
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// Microseconds since 1970 → those of the begin of its unit.
    fn truncate(self, time: i64) -> Result<i64> {
        let begin = match self {
            Self::Micros(unit) => time.checked_sub(time.rem_euclid(unit)),
            // The first of January 1970 was a Thursday.
            Self::Week => {
                let monday = (time.div_euclid(DAY) + 3).rem_euclid(7);
                time.checked_sub(time.rem_euclid(DAY)).and_then(|day| day.checked_sub(monday * DAY))
            }
            Self::Months(months) => DateTime::from_timestamp_micros(time).and_then(|time| {
                let month = time.month0() / months * months + 1;
                let first = NaiveDate::from_ymd_opt(time.year(), month, 1)?;
                let days = first.signed_duration_since(NaiveDate::default()).num_days();
                days.checked_mul(DAY)
            }),
        };
        match begin {
            Some(begin) => Ok(begin),
            None => exec_err!("the timestamp is out of range"),
        }
    }
}
