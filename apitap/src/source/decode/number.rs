//! Numbers as they are written → exact values.

/// Why a decimal literal has no exact value in a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Digits other than zero follow the last place that is kept.
    Fraction,
    /// It has more digits than can be kept.
    Large,
}

/// The value of a JSON number times 10^`scale`, exactly: `1.50` at scale 1 is 15.
///
/// `1.0` and `1e3` are whole; it is the value that counts, not the spelling.
pub(super) fn scaled(raw: &str, scale: u8) -> Result<i128, Unfit> {
    short(raw, scale).map_or_else(|| any(raw, scale), Ok)
}

/// The same of a number that is spelled without exponent, in digits that fit into 64 bits, none of them
/// behind the last place that is kept: nearly all numbers that there are, in one multiplication of 128 bits.
fn short(raw: &str, scale: u8) -> Option<i128> {
    let unsigned = raw.strip_prefix('-').unwrap_or(raw);
    let (mut value, mut point) = (0u64, None);
    for (at, byte) in unsigned.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
            b'.' => point = Some(at),
            _ => return None,
        }
    }
    let places = point.map_or(0, |point| unsigned.len() - point - 1);
    let missing = usize::from(scale).checked_sub(places)?;
    let value = i128::from(value).checked_mul(*POWERS.get(missing)?)?;
    Some(if raw.len() > unsigned.len() { -value } else { value })
}

/// The powers of ten, as many as there may be digits.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

fn any(raw: &str, scale: u8) -> Result<i128, Unfit> {
    let (negative, unsigned) = match raw.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, raw),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, saturating(exponent)),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = exponent.saturating_add(i64::from(scale));
    // How many of the digits stand before the last place that is kept; more than there are: zeros.
    let kept = places.saturating_add(whole.len() as i64);
    let mut value = 0i128;
    for (digit, position) in whole.bytes().chain(fraction.bytes()).zip(0i64..) {
        let digit = i128::from(digit - b'0');
        if position < kept {
            value = append(value, digit)?;
        } else if digit != 0 {
            return Err(Unfit::Fraction);
        }
    }
    let mut zeros = kept.saturating_sub((whole.len() + fraction.len()) as i64);
    while zeros > 0 && value != 0 {
        value = append(value, 0)?;
        zeros -= 1;
    }
    Ok(if negative { -value } else { value })
}

/// A decimal of `scale` digits after the point as one of `to` digits, exactly.
pub(super) fn rescaled(mantissa: i128, scale: u32, to: u8) -> Result<i128, Unfit> {
    let power = |places: u32| POWERS.get(places as usize).copied();
    match u32::from(to).checked_sub(scale) {
        Some(_) if mantissa == 0 => Ok(0),
        Some(more) => power(more).and_then(|ten| mantissa.checked_mul(ten)).ok_or(Unfit::Large),
        None => match power(scale - u32::from(to)) {
            Some(ten) if mantissa % ten == 0 => Ok(mantissa / ten),
            Some(_) | None => Err(Unfit::Fraction),
        },
    }
}

fn append(value: i128, digit: i128) -> Result<i128, Unfit> {
    value.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(Unfit::Large)
}

/// The exponent of a JSON number; one that no value can have, where it has too many digits.
fn saturating(exponent: &str) -> i64 {
    let limit = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    exponent.parse().unwrap_or(limit).clamp(i64::MIN / 2, i64::MAX / 2)
}

/// Whether a string is a decimal as people write it: `-?[0-9]+(.[0-9]+)?`.
pub(super) fn is_plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

/// Whether a number is written as a whole number: without point and exponent.
pub(crate) fn is_whole(raw: &str) -> bool {
    raw.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, scale: u8, expected: Result<i128, Unfit>) {
        assert_eq!(scaled(raw, scale), expected, "{raw} at scale {scale}");
    }

    #[test]
    fn the_value_counts_and_not_the_spelling() {
        check("0", 0, Ok(0));
        check("-0", 0, Ok(0));
        check("1.0", 0, Ok(1));
        check("1e3", 0, Ok(1000));
        check("1.50e1", 0, Ok(15));
        check("1500E-2", 0, Ok(15));
        check("-12.30", 2, Ok(-1230));
        check("-0.05", 38, Ok(-5 * 10i128.pow(36)));
        check("18446744073709551615", 0, Ok(u64::MAX.into()));
        check("18446744073709551616", 0, Ok(i128::from(u64::MAX) + 1));
        check("1", 38, Ok(10i128.pow(38)));
        check("1.000", 2, Ok(100));
        check("0.000e-99999999999999999999999", 0, Ok(0));
        check("0e99999999999999999999999", 38, Ok(0));
        check("170141183460469231731687303715884105727", 0, Ok(i128::MAX));
    }

    #[test]
    fn a_decimal_is_rescaled_exactly_or_not_at_all() {
        let check = |mantissa, scale, to, expected| {
            assert_eq!(rescaled(mantissa, scale, to), expected, "{mantissa} at {scale} to {to}");
        };
        check(150, 2, 1, Ok(15));
        check(-15, 1, 3, Ok(-1500));
        check(0, 0, 38, Ok(0));
        check(151, 2, 1, Err(Unfit::Fraction));
        check(1, 28, 0, Err(Unfit::Fraction));
        check(i128::MAX / 10, 0, 2, Err(Unfit::Large));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        check("1.5", 0, Err(Unfit::Fraction));
        check("1e-1", 0, Err(Unfit::Fraction));
        check("0.001", 2, Err(Unfit::Fraction));
        check("2", 38, Err(Unfit::Large));
        check("1e-99999999999999999999999", 38, Err(Unfit::Fraction));
        check("1e99999999999999999999999", 0, Err(Unfit::Large));
        check("170141183460469231731687303715884105728", 0, Err(Unfit::Large));
    }
}
