//! Rows → whether each date and each timestamp is one that the target keeps, in records and lists, too.

use arrow::array::types::{Date32Type, TimestampMicrosecondType};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, min};

use super::partition::Numbers;
use crate::Result;
use crate::definition::TargetKind;
use crate::definition::capabilities::Values;
use crate::schema::Type;
use crate::sink::load::Column;
use crate::sink::refusal;

/// Looks at rows in these columns.
///
/// # Errors
/// One that is not kept, by column and row.
pub(super) fn check(
    kind: TargetKind,
    columns: &[Column],
    rows: &RecordBatch,
    numbers: &Numbers,
) -> Result<()> {
    let target = kind.capabilities();
    for (column, array) in columns.iter().zip(rows.columns()) {
        if is_held(&column.ty, array.as_ref(), &target.values) {
            continue;
        }
        let held = |row: &usize| is_held(&column.ty, array.slice(*row, 1).as_ref(), &target.values);
        let row = (0..array.len()).find(|row| !held(row)).unwrap_or_default();
        let why = format!("holds a date or timestamp outside of those that {} keeps", target.name);
        return Err(refusal::value(column, numbers.of(row), &why));
    }
    Ok(())
}

fn is_held(ty: &Type, array: &dyn Array, held: &Values) -> bool {
    match ty {
        Type::Date => array.as_primitive_opt::<Date32Type>().is_none_or(|days| {
            [min(days), max(days)].into_iter().flatten().all(|day| held.days.contains(&day))
        }),
        Type::Timestamp => {
            array.as_primitive_opt::<TimestampMicrosecondType>().is_none_or(|micros| {
                let ends = [min(micros), max(micros)].into_iter().flatten();
                ends.into_iter().all(|micro| held.micros.contains(&micro))
            })
        }
        Type::List(item) => array.as_list_opt::<i32>().is_none_or(|list| {
            let offsets = list.value_offsets();
            let (Some(&from), Some(&to)) = (offsets.first(), offsets.last()) else { return true };
            let items = list.values().slice(from as usize, (to - from) as usize);
            is_held(&item.ty, items.as_ref(), held)
        }),
        Type::Record(fields) => array.as_struct_opt().is_none_or(|record| {
            let mut fields = fields.iter().zip(record.columns());
            fields.all(|(field, array)| is_held(&field.ty, array.as_ref(), held))
        }),
        _ => true,
    }
}
