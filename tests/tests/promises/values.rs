//! Random columns and values of all types, nested ones too, with the ends of each: the same for all targets.

use std::sync::Arc;

use apitap::schema::{Field, Item, Schema, Type, scalar};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use proptest::prelude::*;

use super::loads::list;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
    Record(Vec<Cell>),
}

/// A type, and the values of a column of it.
pub(super) type Column = (Type, Vec<Cell>);

/// 0001-01-01 and 9999-12-31, in days from 1970-01-01.
pub(super) const DAYS: (i128, i128) = (-719_162, 2_932_896);

pub(super) fn scalars() -> Vec<Type> {
    let decimals = [(38, 0), (38, 38), (12, 2), (1, 1)]
        .map(|(precision, scale)| Type::Decimal { precision, scale });
    scalar::plain().map(|scalar| scalar.ty.clone()).chain(decimals).collect()
}

/// One of these scalars, or a list or a record of such, up to three levels deep.
fn any_type(scalars: Vec<Type>) -> impl Strategy<Value = Type> {
    prop::sample::select(scalars).prop_recursive(3, 8, 3, |inner| {
        let fields = prop::collection::vec(inner.clone(), 1..3).prop_map(|types| {
            let field = |(place, ty)| Field::new(format!("f{place}"), ty, true);
            Type::Record(types.into_iter().enumerate().map(field).collect())
        });
        prop_oneof![inner.prop_map(list), fields]
    })
}

/// The values at the ends of a type, and those that are most often got wrong.
pub(super) fn extremes(ty: &Type) -> Vec<Cell> {
    let whole = |values: &[i128]| values.iter().map(|value| Cell::Whole(*value)).collect();
    let texts = |values: &[&str]| values.iter().map(|v| Cell::Text((*v).to_owned())).collect();
    let floats = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1];
    match ty {
        Type::Bool => vec![Cell::Bool(true), Cell::Bool(false)],
        Type::Int16 => whole(&[i16::MIN.into(), i16::MAX.into(), 0]),
        Type::Int32 => whole(&[i32::MIN.into(), i32::MAX.into(), 0]),
        Type::Int64 => whole(&[i64::MIN.into(), i64::MAX.into(), 0]),
        Type::Float32 => floats.into_iter().map(Cell::Float).collect(),
        Type::Float64 => {
            floats.into_iter().chain([f64::MAX, f64::MIN, 5e-324]).map(Cell::Float).collect()
        }
        Type::Decimal { precision, .. } => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            whole(&[most, -most, 0, 1])
        }
        Type::Date => whole(&[DAYS.0, DAYS.1, 0, i32::MIN.into(), i32::MAX.into()]),
        Type::Time => whole(&[0, 86_399_999_999]),
        Type::Timestamp => {
            let day = 86_400_000_000;
            let ends = [DAYS.0 * day, (DAYS.1 + 1) * day - 1];
            whole(&[ends[0], ends[1], 0, i64::MIN.into(), i64::MAX.into()])
        }
        Type::Uuid => texts(&["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]),
        Type::Json => texts(&["null", "{\"a\": [1.10, null]}", "12345678901234567890"]),
        Type::Binary => vec![Cell::Bytes(Vec::new()), Cell::Bytes(vec![0, 255])],
        Type::String => texts(&["", "\0", "👩‍👧 é", "a,b\"c\n", "null"]),
        Type::List(item) => {
            let all = extremes(&item.ty).into_iter().chain([Cell::Null]).collect();
            vec![Cell::List(Vec::new()), Cell::List(vec![Cell::Null]), Cell::List(all)]
        }
        Type::Record(fields) => {
            let of = |at: usize| {
                let field = |field: &Field| extremes(&field.ty).into_iter().cycle().nth(at);
                fields.iter().map(|f| field(f).unwrap_or(Cell::Null)).collect()
            };
            let nulls = fields.iter().map(|_| Cell::Null).collect();
            vec![Cell::Record(nulls), Cell::Record(of(0)), Cell::Record(of(1))]
        }
    }
}

/// Any value of a type; often one of the extremes, and sometimes none.
fn cell(ty: &Type) -> BoxedStrategy<Cell> {
    let any = match ty {
        Type::Int16 => any::<i16>().prop_map(|v| Cell::Whole(v.into())).boxed(),
        Type::Int32 | Type::Date => any::<i32>().prop_map(|v| Cell::Whole(v.into())).boxed(),
        Type::Int64 | Type::Timestamp => any::<i64>().prop_map(|v| Cell::Whole(v.into())).boxed(),
        Type::Float32 => any::<f32>().prop_map(|v| Cell::Float(v.into())).boxed(),
        Type::Float64 => any::<f64>().prop_map(Cell::Float).boxed(),
        Type::Decimal { precision, .. } => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            (-most..=most).prop_map(Cell::Whole).boxed()
        }
        Type::Time => (0..86_400_000_000_i128).prop_map(Cell::Whole).boxed(),
        Type::String => any::<String>().prop_map(Cell::Text).boxed(),
        Type::Binary => prop::collection::vec(any::<u8>(), 0..20).prop_map(Cell::Bytes).boxed(),
        Type::List(item) => {
            prop::collection::vec(cell(&item.ty), 0..4).prop_map(Cell::List).boxed()
        }
        Type::Record(fields) => {
            let cells: Vec<_> = fields.iter().map(|field| cell(&field.ty)).collect();
            cells.prop_map(Cell::Record).boxed()
        }
        ty => prop::sample::select(extremes(ty)).boxed(),
    };
    let extreme = prop::sample::select(extremes(ty));
    prop_oneof![3 => any, 2 => extreme, 1 => Just(Cell::Null)].boxed()
}

/// Up to five columns of the same number of rows.
pub(super) fn columns(scalars: Vec<Type>) -> impl Strategy<Value = Vec<Column>> {
    (prop::collection::vec(any_type(scalars), 1..6), 0..30_usize).prop_flat_map(|(types, rows)| {
        let column = |ty: Type| {
            prop::collection::vec(cell(&ty), rows).prop_map(move |cells| (ty.clone(), cells))
        };
        types.into_iter().map(column).collect::<Vec<_>>()
    })
}

pub(super) fn array(ty: &Type, cells: &[Cell]) -> ArrayRef {
    let whole = || {
        cells.iter().map(|cell| match cell {
            Cell::Whole(value) => Some(*value),
            _ => None,
        })
    };
    let small = || whole().map(|value| value.map(|value| value as i64));
    let float = || {
        cells.iter().map(|cell| match cell {
            Cell::Float(value) => Some(*value),
            _ => None,
        })
    };
    match ty {
        Type::Bool => {
            let of = |cell: &Cell| match cell {
                Cell::Bool(value) => Some(*value),
                _ => None,
            };
            Arc::new(cells.iter().map(of).collect::<BooleanArray>())
        }
        Type::Int16 => Arc::new(small().map(|v| v.map(|v| v as i16)).collect::<Int16Array>()),
        Type::Int32 => Arc::new(small().map(|v| v.map(|v| v as i32)).collect::<Int32Array>()),
        Type::Int64 => Arc::new(small().collect::<Int64Array>()),
        Type::Float32 => Arc::new(float().map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
        Type::Float64 => Arc::new(float().collect::<Float64Array>()),
        Type::Decimal { precision, scale } => {
            let array: Decimal128Array = whole().collect();
            Arc::new(array.with_precision_and_scale(*precision, *scale as i8).unwrap())
        }
        Type::Date => Arc::new(small().map(|v| v.map(|v| v as i32)).collect::<Date32Array>()),
        Type::Time => Arc::new(small().collect::<Time64MicrosecondArray>()),
        Type::Timestamp => {
            Arc::new(small().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        Type::Binary => {
            let of = |cell: &'_ Cell| match cell {
                Cell::Bytes(bytes) => Some(bytes.clone()),
                _ => None,
            };
            Arc::new(cells.iter().map(of).collect::<BinaryArray>())
        }
        Type::List(item) => lists(ty, item, cells),
        Type::Record(fields) => records(ty, fields, cells),
        _ => {
            let of = |cell: &Cell| match cell {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            };
            Arc::new(cells.iter().map(of).collect::<StringArray>())
        }
    }
}

fn valid(cells: &[Cell]) -> NullBuffer {
    cells.iter().map(|cell| !matches!(cell, Cell::Null)).collect()
}

fn lists(ty: &Type, item: &Item, cells: &[Cell]) -> ArrayRef {
    let items = |cell: &Cell| match cell {
        Cell::List(items) => items.clone(),
        _ => Vec::new(),
    };
    let items: Vec<_> = cells.iter().map(items).collect();
    let offsets = OffsetBuffer::from_lengths(items.iter().map(Vec::len));
    let values = array(&item.ty, &items.concat());
    let DataType::List(field) = apitap::schema::arrow::data_type(ty) else { unreachable!() };
    Arc::new(ListArray::new(field, offsets, values, Some(valid(cells))))
}

fn records(ty: &Type, fields: &[Field], cells: &[Cell]) -> ArrayRef {
    let column = |(place, field): (usize, &Field)| {
        let of = |cell: &Cell| match cell {
            Cell::Record(fields) => fields[place].clone(),
            _ => Cell::Null,
        };
        array(&field.ty, &cells.iter().map(of).collect::<Vec<_>>())
    };
    let arrays = fields.iter().enumerate().map(column).collect();
    let DataType::Struct(fields) = apitap::schema::arrow::data_type(ty) else { unreachable!() };
    Arc::new(StructArray::new(fields, arrays, Some(valid(cells))))
}

/// All extremes of all types at once, and lists and records of them.
pub(super) fn extreme_columns(scalars: &[Type]) -> Vec<Column> {
    let nested = |ty: &Type| {
        let record = Type::Record(vec![
            Field::new("a", ty.clone(), true),
            Field::new("b", list(ty.clone()), true),
        ]);
        [ty.clone(), list(ty.clone()), record.clone(), list(record)]
    };
    let types: Vec<_> = scalars.iter().flat_map(nested).collect();
    let most = types.iter().map(|ty| extremes(ty).len()).max().unwrap_or_default();
    let column = |ty: Type| {
        let mut cells = vec![Cell::Null];
        cells.extend(extremes(&ty).into_iter().cycle().take(most));
        (ty, cells)
    };
    types.into_iter().map(column).collect()
}

/// These columns as the rows of a load: `c0`, `c1` and so on.
pub(super) fn rows(columns: &[Column]) -> (Schema, RecordBatch) {
    let row: Schema = (columns.iter().enumerate())
        .map(|(place, (ty, _))| Field::new(format!("c{place}"), ty.clone(), true))
        .collect();
    let arrays = columns.iter().map(|(ty, cells)| array(ty, cells)).collect();
    let batch = RecordBatch::try_new(apitap::schema::arrow::schema(&row), arrays).unwrap();
    (row, batch)
}
