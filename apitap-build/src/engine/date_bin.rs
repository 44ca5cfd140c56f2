//! `date_bin(interval, timestamp[, origin])`, in microseconds: DataFusion's yields null where
//! nanoseconds end.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Months, Utc};
use datafusion::arrow::array::{Array, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::time::DAY;

/// The function; what is not about timestamps is left to the engine's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateBin {
    pub(super) inner: Arc<ScalarUDF>,
    pub(super) signature: Signature,
}

impl ScalarUDFImpl for DateBin {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let timestamp = |ty: &DataType| match ty {
            DataType::Timestamp(_, zone) => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            DataType::Time64(_) | DataType::Time32(_) => Ok(ty.clone()),
            DataType::Date32 | DataType::Date64 | DataType::Null => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
            }
            text if text.is_string() => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
            other => plan_err!("date_bin does not take {other}"),
        };
        let (stride, times) = match types {
            [stride, times @ ..] if matches!(times.len(), 1 | 2) => (stride, times),
            _ => return plan_err!("date_bin takes 2 or 3 arguments, not {}", types.len()),
        };
        let is_stride = matches!(stride, DataType::Interval(_) | DataType::Duration(_));
        if !is_stride && !stride.is_string() && !stride.is_null() {
            return plan_err!("the first argument of date_bin is an interval, not {stride}");
        }
        let stride = DataType::Interval(IntervalUnit::MonthDayNano);
        std::iter::once(Ok(stride)).chain(times.iter().map(timestamp)).collect()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("date_bin is asked for its field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let Some(of) = arguments.arg_fields.get(1) else {
            return internal_err!("date_bin has no timestamp");
        };
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), of.data_type().clone(), nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(stride), Some(of)) = (arguments.args.first(), arguments.args.get(1)) else {
            return internal_err!("date_bin has no timestamp");
        };
        if !matches!(of.data_type(), DataType::Timestamp(..)) {
            return self.inner.invoke_with_args(arguments);
        }
        let rows = arguments.number_rows;
        let array = |value: &ColumnarValue| value.to_array(rows);
        let (strides, times) = (array(stride)?, array(of)?);
        let strides = strides.as_primitive::<IntervalMonthDayNanoType>();
        let origins = arguments.args.get(2).map(array).transpose()?;
        let origins =
            origins.as_ref().map(|array| array.as_primitive::<TimestampMicrosecondType>());
        let begin = |row| {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            let is_known = strides.is_valid(row)
                && times.is_valid(row)
                && origins.is_none_or(|origins| origins.is_valid(row));
            let origin = origins.map_or(0, |origins| origins.value(row));
            is_known.then(|| bin(strides.value(row), times.value(row), origin)).transpose()
        };
        let bins =
            (0..rows).map(begin).collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
        Ok(ColumnarValue::Array(Arc::new(bins.with_data_type(times.data_type().clone()))))
    }
}

/// The begin of the interval that a time is in; all in microseconds.
fn bin(stride: IntervalMonthDayNano, time: i64, origin: i64) -> Result<i64> {
    let begin = match stride.months {
        0 => {
            let days = i64::from(stride.days).checked_mul(DAY);
            let width = days.and_then(|days| days.checked_add(stride.nanoseconds / 1000));
            let Some(width) = width.filter(|width| *width > 0 && stride.nanoseconds % 1000 == 0)
            else {
                return exec_err!("the interval of date_bin is at least a microsecond");
            };
            let past = time.checked_sub(origin).map(|since| since.rem_euclid(width));
            past.and_then(|past| time.checked_sub(past))
        }
        months if months > 0 && stride.days == 0 && stride.nanoseconds == 0 => {
            by_months(months, time, origin)
        }
        _ => {
            return exec_err!(
                "the interval of date_bin is months, or days and shorter, and positive"
            );
        }
    };
    match begin {
        Some(begin) => Ok(begin),
        None => exec_err!("the timestamp is out of range"),
    }
}

fn by_months(width: i32, time: i64, origin: i64) -> Option<i64> {
    let (time, origin) =
        (DateTime::from_timestamp_micros(time)?, DateTime::from_timestamp_micros(origin)?);
    let number = |at: DateTime<Utc>| i64::from(at.year()) * 12 + i64::from(at.month0());
    let width = i64::from(width);
    let bins = (number(time) - number(origin)).div_euclid(width);
    let begin = |bins: i64| {
        let months = bins.checked_mul(width)?;
        let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        if months < 0 { origin.checked_sub_months(by) } else { origin.checked_add_months(by) }
    };
    let first = begin(bins)?;
    let begin = if first > time { begin(bins - 1)? } else { first };
    Some(begin.timestamp_micros())
}
