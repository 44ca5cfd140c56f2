//! The rows of a file → what its log says of each column: the least and the greatest value, and how many are null.
//!
//! Readers pass over files whose bounds a value is not within: so a bound that is not exact is left out.
//! Bounds of texts that are long, of floating-point numbers and of decimals are not said.

use std::collections::BTreeMap;

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};

use crate::schema::Type;
use crate::sink::load::Column;
use crate::{Error, Result};

/// Texts that are longer, in bytes, are no bounds.
const LONGEST: usize = 128;

/// What is known of the columns of one file.
#[derive(Debug, Clone)]
pub(super) struct Stats {
    columns: Vec<OfColumn>,
}

#[derive(Debug, Clone)]
struct OfColumn {
    name: String,
    ty: Type,
    nulls: u64,
    bounds: Bounds,
}

/// The least and the greatest value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bounds {
    /// There is no value yet.
    Nothing,
    /// Whole numbers, days, microseconds.
    Whole(i64, i64),
    Text(String, String),
    /// Not known.
    Unknown,
}

impl Stats {
    /// Of a file with these columns, and no rows.
    pub(super) fn of(columns: &[Column]) -> Self {
        let column = |column: &Column| OfColumn {
            name: column.name.clone(),
            ty: column.ty.clone(),
            nulls: 0,
            bounds: Bounds::Nothing,
        };
        Self { columns: columns.iter().map(column).collect() }
    }

    /// Adds rows of these columns.
    ///
    /// # Errors
    /// They have other columns.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_columns() != self.columns.len() {
            return Err(Error::target("the rows have other columns than their file")
                .help("this is a mistake in apitap: please report it"));
        }
        for (column, array) in self.columns.iter_mut().zip(rows.columns()) {
            column.nulls += array.null_count() as u64;
            if column.bounds != Bounds::Unknown {
                let bounds = bounds(&column.ty, array);
                column.bounds = std::mem::replace(&mut column.bounds, Bounds::Unknown).and(bounds);
            }
        }
        Ok(())
    }

    /// The bounds of a column.
    pub(super) fn bounds(&self, column: &str) -> &Bounds {
        let found = self.columns.iter().find(|of| of.name == column);
        found.map_or(&Bounds::Unknown, |of| &of.bounds)
    }

    /// The statistics of a file with `rows` rows, as JSON for the log of Delta Lake.
    pub(super) fn json(&self, rows: u64) -> String {
        let (mut least, mut greatest) = (serde_json::Map::new(), serde_json::Map::new());
        let mut nulls = BTreeMap::new();
        for column in &self.columns {
            if !matches!(column.ty, Type::List(_) | Type::Record(_)) {
                nulls.insert(&column.name, column.nulls);
            }
            if let Some((from, to)) = column.bounds.json(&column.ty) {
                least.insert(column.name.clone(), from);
                greatest.insert(column.name.clone(), to);
            }
        }
        serde_json::json!({
            "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls,
        })
        .to_string()
    }
}

impl Bounds {
    /// Those of the values of both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Whole(a, b), Self::Whole(c, d)) => Self::Whole(a.min(c), b.max(d)),
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            _ => Self::Unknown,
        }
    }

    /// Whether a value that is within one of them may be within the other.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => false,
            (Self::Whole(a, b), Self::Whole(c, d)) => a <= d && c <= b,
            (Self::Text(a, b), Self::Text(c, d)) => a <= d && c <= b,
            _ => true,
        }
    }

    /// Both, as JSON; `None` where they are not known, or JSON has no form for them.
    fn json(&self, ty: &Type) -> Option<(serde_json::Value, serde_json::Value)> {
        match self {
            Self::Whole(least, greatest) => Some((whole(ty, *least)?, whole(ty, *greatest)?)),
            Self::Text(least, greatest) => Some((least.as_str().into(), greatest.as_str().into())),
            Self::Nothing | Self::Unknown => None,
        }
    }

    /// What JSON says of a column of that type.
    pub(super) fn of_json(ty: &Type, least: &serde_json::Value, most: &serde_json::Value) -> Self {
        match ty {
            Type::Int16 | Type::Int32 | Type::Int64 => match (least.as_i64(), most.as_i64()) {
                (Some(least), Some(most)) => Self::Whole(least, most),
                _ => Self::Unknown,
            },
            // A long text may be cut off: still no value is outside.
            Type::String | Type::Uuid => match (least.as_str(), most.as_str()) {
                (Some(least), Some(most)) => Self::Text(least.to_owned(), most.to_owned()),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

fn whole(ty: &Type, value: i64) -> Option<serde_json::Value> {
    use crate::sink::text;

    match ty {
        Type::Date => Some(text::date(i32::try_from(value).ok()?)?.into()),
        Type::Timestamp => Some(text::timestamp(value)?.into()),
        _ => Some(value.into()),
    }
}

fn bounds(ty: &Type, array: &ArrayRef) -> Bounds {
    match ty {
        Type::Int16 => of_primitive::<Int16Type>(array),
        Type::Int32 => of_primitive::<Int32Type>(array),
        Type::Int64 => of_primitive::<Int64Type>(array),
        Type::Date => of_primitive::<Date32Type>(array),
        Type::Timestamp => of_primitive::<TimestampMicrosecondType>(array),
        Type::String | Type::Uuid => {
            let array = array.as_string::<i32>();
            match (min_string(array), max_string(array)) {
                (Some(a), Some(b)) if a.len().max(b.len()) <= LONGEST => {
                    Bounds::Text(a.to_owned(), b.to_owned())
                }
                (None, None) => Bounds::Nothing,
                _ => Bounds::Unknown,
            }
        }
        _ => Bounds::Unknown,
    }
}

fn of_primitive<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef) -> Bounds {
    let array = array.as_primitive::<T>();
    match (min(array), max(array)) {
        (Some(least), Some(greatest)) => Bounds::Whole(least.into(), greatest.into()),
        _ => Bounds::Nothing,
    }
}
