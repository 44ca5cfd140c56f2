//! Numbers as they are written → the type that holds all of them without rounding.

use crate::schema::Type;

/// The most digits of a `decimal`.
const DECIMAL: u64 = 38;

/// The digits that 64 bits of floating point always hold, and those that they ever need.
const SAFE: usize = 15;
const LONGEST: usize = 17;

/// What the numbers of one place have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    /// The most digits before the point.
    whole: u64,
    /// The most digits behind it.
    scale: u64,
    /// Whether one is written with a point or an exponent.
    fraction: bool,
    /// Whether one is such, and `float64` would round it.
    rounded: bool,
    /// Whether one is whole and beyond `int64`.
    large: bool,
}

impl Numbers {
    /// A JSON number.
    pub(super) fn of(text: &str) -> Self {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            // One that is too long to be read makes the number too long for any type.
            Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(i32::MAX)),
            None => (unsigned, 0),
        };
        let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = unsigned.len() > whole.len();
        let digits = whole.trim_start_matches('0').len() as i64;
        Self {
            whole: positive(digits + i64::from(exponent)),
            scale: positive(places.len() as i64 - i64::from(exponent)),
            fraction,
            rounded: fraction && !is_held(text, whole, places),
            large: !fraction && text.parse::<i64>().is_err(),
        }
    }

    /// All of them.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            scale: self.scale.max(other.scale),
            fraction: self.fraction || other.fraction,
            rounded: self.rounded || other.rounded,
            large: self.large || other.large,
        }
    }

    /// The type that holds them; `None` where no number type does.
    pub(super) fn ty(self) -> Option<Type> {
        if !self.fraction {
            return Some(match self.large {
                false => Type::Int64,
                true => Type::Decimal { precision: 38, scale: 0 },
            });
        }
        if !self.rounded && !self.large {
            return Some(Type::Float64);
        }
        let scale = u8::try_from(self.scale).ok()?;
        let fits = self.whole + self.scale <= DECIMAL;
        fits.then_some(Type::Decimal { precision: 38, scale })
    }
}

fn positive(digits: i64) -> u64 {
    u64::try_from(digits).unwrap_or(0)
}

/// Whether `float64` keeps the digits of a number: written again, in the shortest form or with all 17
/// digits, it has them.
fn is_held(text: &str, whole: &str, places: &str) -> bool {
    let digits = significant(&format!("{whole}{places}"));
    let Some(value) = text.parse().ok().filter(|value: &f64| value.is_finite()) else {
        return false;
    };
    if value == 0.0 {
        return digits.is_empty();
    }
    let written = |form: String| {
        let mantissa = form.split('e').next().unwrap_or_default().replace(['-', '.'], "");
        significant(&mantissa)
    };
    let is_kept =
        || written(format!("{value:e}")) == digits || written(format!("{value:.16e}")) == digits;
    digits.len() <= SAFE || (digits.len() <= LONGEST && is_kept())
}

/// Digits without the zeros around them.
fn significant(digits: &str) -> String {
    digits.trim_matches('0').to_owned()
}
