//! The columns of numbers, booleans, days, times and instants.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::builder::{BooleanBuilder, PrimitiveBuilder};
use datafusion::arrow::array::{ArrayBuilder as _, ArrayRef};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::arrow::error::ArrowError;

use super::column::{Column, no_fit, other_kind};
use super::number::{self, Unfit};
use super::time;
use crate::schema::{Type, arrow};
use crate::source::json::{Cursor, Fault, Scalar};

pub use super::text::{Binary, Json, Text, Uuid};

/// A column of `bool`: `true` and `false`, nothing else.
#[derive(Debug)]
pub struct Bool(BooleanBuilder);

impl Bool {
    /// A column without values.
    #[must_use]
    pub fn empty() -> Self {
        Self(BooleanBuilder::new())
    }

    /// Appends a value.
    pub(crate) fn put(&mut self, value: bool) {
        self.0.append_value(value);
    }
}

impl Column for Bool {
    fn ty(&self) -> Type {
        Type::Bool
    }

    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match cursor.scalar()? {
            Scalar::Bool(value) => self.0.append_value(value),
            other => return Err(other_kind("bool", other)),
        }
        Ok(())
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn rows(&self) -> usize {
        self.0.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let array = self.0.finish();
        self.0 = BooleanBuilder::with_capacity(array.len());
        Ok(Arc::new(array))
    }
}

/// How a JSON value becomes one of Arrow's fixed width.
pub trait Parse: fmt::Debug + Send {
    /// The Arrow type.
    type Arrow: ArrowPrimitiveType;

    /// The type as a schema names it.
    fn ty(&self) -> Type;

    /// The value, exactly.
    fn parse(
        &self,
        value: Scalar<'_>,
    ) -> Result<<Self::Arrow as ArrowPrimitiveType>::Native, Fault>;
}

/// A column of values of fixed width.
#[derive(Debug)]
pub struct Primitive<P: Parse> {
    parse: P,
    builder: PrimitiveBuilder<P::Arrow>,
}

impl<P: Parse> Primitive<P> {
    fn of(parse: P) -> Self {
        let builder = builder(&parse, 0);
        Self { parse, builder }
    }

    /// Appends a value as Arrow keeps it.
    pub(crate) fn put(&mut self, value: <P::Arrow as ArrowPrimitiveType>::Native) {
        self.builder.append_value(value);
    }
}

impl<P: Parse + Default> Primitive<P> {
    /// A column without values.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(P::default())
    }
}

impl<P: Parse> Column for Primitive<P> {
    fn ty(&self) -> Type {
        self.parse.ty()
    }

    #[inline]
    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.builder.append_value(self.parse.parse(cursor.scalar()?)?);
        Ok(())
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn rows(&self) -> usize {
        self.builder.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let array = self.builder.finish();
        self.builder = builder(&self.parse, array.len());
        Ok(Arc::new(array))
    }
}

/// For so many values, as the next batch is about as long as the last one.
fn builder<P: Parse>(parse: &P, rows: usize) -> PrimitiveBuilder<P::Arrow> {
    PrimitiveBuilder::with_capacity(rows).with_data_type(arrow::data_type(&parse.ty()))
}

/// A column of `int16`.
pub type Int16 = Primitive<Whole<Int16Type>>;
/// A column of `int32`.
pub type Int32 = Primitive<Whole<Int32Type>>;
/// A column of `int64`.
pub type Int64 = Primitive<Whole<Int64Type>>;
/// A column of `float32`.
pub type Float32 = Primitive<Binary32>;
/// A column of `float64`.
pub type Float64 = Primitive<Binary64>;
/// A column of `decimal(precision,scale)`.
pub type Decimal = Primitive<Digits>;
/// A column of `date`.
pub type Date = Primitive<Day>;
/// A column of `time`.
pub type Time = Primitive<Clock>;
/// A column of `timestamp`.
pub type Timestamp = Primitive<Instant>;

/// A number whose value is whole, however it is spelled (`12`, `12.0`, `1.2e1`), and in range.
#[derive(Debug)]
pub struct Whole<T>(PhantomData<fn() -> T>);

impl<T> Default for Whole<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// The whole numbers that have a type of their own.
pub trait WholeType: ArrowPrimitiveType<Native: FromStr + TryFrom<i128>> + fmt::Debug {
    /// The type.
    const TYPE: Type;
    /// Its name.
    const NAME: &'static str;
    /// What to declare for a number that is out of range.
    const WIDER: &'static str;
}

impl WholeType for Int16Type {
    const TYPE: Type = Type::Int16;
    const NAME: &'static str = "int16";
    const WIDER: &'static str = "int32` or `int64";
}

impl WholeType for Int32Type {
    const TYPE: Type = Type::Int32;
    const NAME: &'static str = "int32";
    const WIDER: &'static str = "int64";
}

impl WholeType for Int64Type {
    const TYPE: Type = Type::Int64;
    const NAME: &'static str = "int64";
    const WIDER: &'static str = "decimal(38,0)";
}

impl<T: WholeType> Parse for Whole<T> {
    type Arrow = T;

    fn ty(&self) -> Type {
        T::TYPE
    }

    #[inline]
    fn parse(&self, value: Scalar<'_>) -> Result<T::Native, Fault> {
        match value {
            Scalar::Number(raw) => match raw.parse() {
                Ok(native) => Ok(native),
                Err(_) => exactly_whole::<T>(raw),
            },
            other => Err(other_kind(T::NAME, other)),
        }
    }
}

/// A number that is not plainly digits, or too many of them.
fn exactly_whole<T: WholeType>(raw: &str) -> Result<T::Native, Fault> {
    let scaled = number::scaled(raw, 0);
    let native = scaled.and_then(|value| T::Native::try_from(value).map_err(|_| Unfit::Large));
    native.map_err(|unfit| {
        let found = Scalar::Number(raw);
        match unfit {
            Unfit::Fraction => no_fit(T::NAME, found, "which is not whole")
                .help("declare it `float64`, or `decimal(p,s)` to keep all digits"),
            Unfit::Large => no_fit(T::NAME, found, "which is out of range")
                .help(format!("declare it `{}`", T::WIDER)),
        }
    })
}

/// Binary floating point of 64 bits: the value that is nearest to a decimal fraction.
///
/// That is what a decimal fraction means in this type. A whole number that is not exactly a value
/// of the type is refused, and so is one that is larger than all of them.
#[derive(Debug, Default)]
pub struct Binary64;

/// Binary floating point of 32 bits, likewise.
#[derive(Debug, Default)]
pub struct Binary32;

impl Parse for Binary64 {
    type Arrow = Float64Type;

    fn ty(&self) -> Type {
        Type::Float64
    }

    #[inline]
    fn parse(&self, value: Scalar<'_>) -> Result<f64, Fault> {
        float("float64", 15, value, f64::is_finite, |value| format!("{value:.0}"))
    }
}

impl Parse for Binary32 {
    type Arrow = Float32Type;

    fn ty(&self) -> Type {
        Type::Float32
    }

    #[inline]
    fn parse(&self, value: Scalar<'_>) -> Result<f32, Fault> {
        float("float32", 7, value, f32::is_finite, |value| format!("{value:.0}"))
    }
}

/// `digits` is how many of them every value of the type can have; `exact` writes all of a value's.
#[inline]
fn float<F: FromStr + Copy>(
    name: &str,
    digits: usize,
    value: Scalar<'_>,
    is_finite: fn(F) -> bool,
    exact: fn(F) -> String,
) -> Result<F, Fault> {
    let Scalar::Number(raw) = value else { return Err(other_kind(name, value)) };
    let Some(float) = raw.parse().ok().filter(|float| is_finite(*float)) else {
        return Err(no_fit(name, value, "which is out of range")
            .help("declare it `decimal(p,s)`, or `json` to keep its text"));
    };
    if raw.len() > digits && number::is_whole(raw) && exact(float) != raw {
        let why = format!("which {name} cannot hold exactly");
        return Err(no_fit(name, value, why)
            .help("declare it `int64`, or `decimal(38,0)` for more than 18 digits"));
    }
    Ok(float)
}

/// A decimal of `precision` digits, `scale` of them after the point: from a number of any spelling,
/// or from a string that holds a plain decimal, as APIs send money.
#[derive(Debug)]
pub struct Digits {
    precision: u8,
    scale: u8,
    /// Ten to the precision: no value comes to it.
    limit: u128,
}

impl Decimal {
    /// A column without values.
    #[must_use]
    pub fn with_digits(precision: u8, scale: u8) -> Self {
        let limit = 10u128.pow(u32::from(precision.min(38)));
        Self::of(Digits { precision, scale, limit })
    }

    /// Appends a decimal, exactly.
    pub(crate) fn put_decimal(&mut self, value: rust_decimal::Decimal) -> Result<(), Fault> {
        let scaled = number::rescaled(value.mantissa(), value.scale(), self.parse.scale);
        let digits = self.parse.fit(scaled, || format!("the decimal `{value}`"))?;
        self.put(digits);
        Ok(())
    }
}

impl Digits {
    /// Digits that are not more than there may be.
    fn fit<D: fmt::Display>(
        &self,
        scaled: Result<i128, Unfit>,
        found: impl FnOnce() -> D,
    ) -> Result<i128, Fault> {
        match scaled {
            Ok(digits) if digits.unsigned_abs() < self.limit => Ok(digits),
            Ok(_) | Err(Unfit::Large) => {
                let whole = self.precision.saturating_sub(self.scale);
                let why = format!("which has more than {whole} digits before the point");
                Err(no_fit(self, found(), why).help("declare a larger precision, up to 38"))
            }
            Err(Unfit::Fraction) => {
                let why = format!("which has more than {} digits after the point", self.scale);
                Err(no_fit(self, found(), why).help("declare a larger scale"))
            }
        }
    }
}

impl Parse for Digits {
    type Arrow = Decimal128Type;

    fn ty(&self) -> Type {
        Type::Decimal { precision: self.precision, scale: self.scale }
    }

    fn parse(&self, value: Scalar<'_>) -> Result<i128, Fault> {
        let raw = match value {
            Scalar::Number(raw) => raw,
            // Nothing that is escaped is a digit that one would write so.
            Scalar::String(text) if number::is_plain_decimal(text.raw()) => text.raw(),
            Scalar::String(_) => {
                return Err(no_fit(self, value, "which is not a plain decimal")
                    .help("declare it `string` and convert it in the query"));
            }
            other => return Err(other_kind(self, other)),
        };
        self.fit(number::scaled(raw, self.scale), || value)
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decimal({},{})", self.precision, self.scale)
    }
}

/// A day, `2026-11-23`.
#[derive(Debug, Default)]
pub struct Day;

/// A time of day, `13:45:00.5`.
#[derive(Debug, Default)]
pub struct Clock;

/// An instant, RFC 3339 with its offset from UTC; there are no numeric epochs.
#[derive(Debug, Default)]
pub struct Instant;

impl Parse for Day {
    type Arrow = Date32Type;

    fn ty(&self) -> Type {
        Type::Date
    }

    fn parse(&self, value: Scalar<'_>) -> Result<i32, Fault> {
        moment("date", "`YYYY-MM-DD`", value, time::date)
    }
}

impl Parse for Clock {
    type Arrow = Time64MicrosecondType;

    fn ty(&self) -> Type {
        Type::Time
    }

    fn parse(&self, value: Scalar<'_>) -> Result<i64, Fault> {
        moment("time", "`HH:MM:SS` or `HH:MM:SS.ffffff`", value, time::time)
    }
}

impl Parse for Instant {
    type Arrow = TimestampMicrosecondType;

    fn ty(&self) -> Type {
        Type::Timestamp
    }

    fn parse(&self, value: Scalar<'_>) -> Result<i64, Fault> {
        if let Scalar::Number(_) = value {
            return Err(other_kind("timestamp", value).help(
                "declare it `int64` and convert it in the query, as with `to_timestamp_millis`",
            ));
        }
        moment("timestamp", "RFC 3339, as in `2026-11-23T13:45:00Z`", value, time::timestamp)
    }
}

fn moment<T>(
    name: &str,
    form: &str,
    value: Scalar<'_>,
    parse: fn(&[u8]) -> Result<T, time::Unfit>,
) -> Result<T, Fault> {
    let Scalar::String(text) = value else { return Err(other_kind(name, value)) };
    // An escape can stand for a digit: rare, but the same string.
    let mut buffer = String::new();
    parse(text.unescape(&mut buffer)?.as_bytes()).map_err(|unfit| match unfit {
        time::Unfit::Form => no_fit(name, value, format!("which is not written as {form}"))
            .help("declare it `string` and convert it in the query"),
        time::Unfit::Range => no_fit(name, value, "which the calendar or the clock does not have")
            .help("declare it `string` to keep it as it is"),
        time::Unfit::Precise => no_fit(name, value, "which is finer than a microsecond")
            .help("declare it `string` to keep it as it is"),
        time::Unfit::NoOffset => no_fit(name, value, "which does not say its offset from UTC")
            .help("declare it `string` and convert it in the query, as with `to_timestamp`"),
    })
}
