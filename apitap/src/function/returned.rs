//! What a Rust function gives → an Arrow array of the declared type, or why a value does not fit.

use std::sync::Arc;

use apitap_build::schema::{Type, arrow};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Timelike as _, Utc};
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder,
};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use rust_decimal::Decimal;
use uuid::Uuid;

/// A type that a function can give.
pub trait Returned {
    /// Where such values are gathered.
    type Values: Values;

    /// Adds the value.
    ///
    /// # Errors
    /// The array's type does not hold it exactly.
    fn append(self, values: &mut Self::Values) -> Result<(), Unfit>;
}

/// Why a result does not fit: `has more than 2 digits after the point`, and what to do.
#[derive(Debug)]
pub struct Unfit {
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// An array that grows.
pub trait Values {
    /// An empty one of a type, with room for that many rows.
    fn new(ty: &Type, rows: usize) -> Self;
    /// Adds null.
    fn append_null(&mut self);
    /// The array.
    fn finish(self) -> ArrayRef;
}

impl Values for BooleanBuilder {
    fn new(_ty: &Type, rows: usize) -> Self {
        Self::with_capacity(rows)
    }

    fn append_null(&mut self) {
        BooleanBuilder::append_null(self);
    }

    fn finish(mut self) -> ArrayRef {
        Arc::new(BooleanBuilder::finish(&mut self))
    }
}

macro_rules! bytes {
    ($($builder:ty,)*) => {$(
        impl Values for $builder {
            fn new(_ty: &Type, rows: usize) -> Self {
                // How long the values are is not known.
                Self::with_capacity(rows, 0)
            }

            fn append_null(&mut self) {
                <$builder>::append_null(self);
            }

            fn finish(mut self) -> ArrayRef {
                Arc::new(<$builder>::finish(&mut self))
            }
        }
    )*};
}

bytes! {
    StringBuilder,
    BinaryBuilder,
}

/// Numbers, and what is kept as one.
#[derive(Debug)]
pub struct Numbers<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    /// Of a decimal: all digits, and those after the point.
    digits: (u8, u8),
}

impl<T: ArrowPrimitiveType> Values for Numbers<T> {
    fn new(ty: &Type, rows: usize) -> Self {
        let digits = match ty {
            Type::Decimal { precision, scale } => (*precision, *scale),
            _ => (0, 0),
        };
        let builder = PrimitiveBuilder::with_capacity(rows).with_data_type(arrow::data_type(ty));
        Self { builder, digits }
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn finish(mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

macro_rules! plain {
    ($($ty:ty: $arrow:ty,)*) => {$(
        impl Returned for $ty {
            type Values = Numbers<$arrow>;

            fn append(self, values: &mut Self::Values) -> Result<(), Unfit> {
                values.builder.append_value(self);
                Ok(())
            }
        }
    )*};
}

plain! {
    i16: Int16Type,
    i32: Int32Type,
    i64: Int64Type,
    f32: Float32Type,
    f64: Float64Type,
}

macro_rules! built {
    ($($ty:ty: $builder:ty,)*) => {$(
        impl Returned for $ty {
            type Values = $builder;

            fn append(self, values: &mut $builder) -> Result<(), Unfit> {
                values.append_value(self);
                Ok(())
            }
        }
    )*};
}

built! {
    bool: BooleanBuilder,
    &str: StringBuilder,
    String: StringBuilder,
    &[u8]: BinaryBuilder,
    Vec<u8>: BinaryBuilder,
}

impl Returned for Uuid {
    type Values = StringBuilder;

    fn append(self, values: &mut StringBuilder) -> Result<(), Unfit> {
        values.append_value(self.hyphenated().encode_lower(&mut Self::encode_buffer()));
        Ok(())
    }
}

impl Returned for Decimal {
    type Values = Numbers<Decimal128Type>;

    fn append(self, values: &mut Self::Values) -> Result<(), Unfit> {
        let (precision, scale) = values.digits;
        let number = self.normalize();
        let Some(zeros) = u32::from(scale).checked_sub(number.scale()) else {
            return Err(Unfit {
                message: format!("has more than {scale} digits after the point"),
                help: "round it in the function: `value.round_dp(2)`, or declare more digits",
            });
        };
        let scaled = 10_i128.checked_pow(zeros).and_then(|by| number.mantissa().checked_mul(by));
        let most = 10_i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
        match scaled.filter(|scaled| scaled.unsigned_abs() < most.unsigned_abs()) {
            Some(scaled) => {
                values.builder.append_value(scaled);
                Ok(())
            }
            None => Err(Unfit {
                message: format!("has more digits than `decimal({precision},{scale})` holds"),
                help: "declare more digits",
            }),
        }
    }
}

impl Returned for NaiveDate {
    type Values = Numbers<Date32Type>;

    fn append(self, values: &mut Self::Values) -> Result<(), Unfit> {
        /// The first of January 1970, counted from the first day of year 1.
        const EPOCH: i32 = 719_163;
        values.builder.append_value(self.num_days_from_ce() - EPOCH);
        Ok(())
    }
}

impl Returned for NaiveTime {
    type Values = Numbers<Time64MicrosecondType>;

    fn append(self, values: &mut Self::Values) -> Result<(), Unfit> {
        let micros = i64::from(self.num_seconds_from_midnight()) * 1_000_000;
        values.builder.append_value(micros + whole_micros(self.nanosecond())?);
        Ok(())
    }
}

impl Returned for DateTime<Utc> {
    type Values = Numbers<TimestampMicrosecondType>;

    fn append(self, values: &mut Self::Values) -> Result<(), Unfit> {
        whole_micros(self.timestamp_subsec_nanos())?;
        values.builder.append_value(self.timestamp_micros());
        Ok(())
    }
}

/// The microseconds of a second's nanoseconds.
fn whole_micros(nanos: u32) -> Result<i64, Unfit> {
    if nanos >= 1_000_000_000 {
        return Err(Unfit {
            message: "is a leap second, which no database keeps".to_owned(),
            help: "take the second before or after it",
        });
    }
    match nanos % 1_000 {
        0 => Ok(i64::from(nanos / 1_000)),
        _ => Err(Unfit {
            message: "is finer than a microsecond".to_owned(),
            help: "cut it in the function: `value.trunc_subsecs(6)` of `chrono::SubsecRound`",
        }),
    }
}
