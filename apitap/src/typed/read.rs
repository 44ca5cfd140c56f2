//! Arrow batches → structs: columns are looked up once a batch, then rows are read one by one.

use std::marker::PhantomData;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};

use super::Struct;
use super::datum::{Cell, Datum as _, another_type};
use crate::source::json::Fault;
use crate::{Error, Result};

/// The values of a column, nulls or not.
#[derive(Debug)]
pub enum Values {
    /// `bool`.
    Bool(BooleanArray),
    /// `int16`.
    Int16(PrimitiveArray<Int16Type>),
    /// `int32`.
    Int32(PrimitiveArray<Int32Type>),
    /// `int64`.
    Int64(PrimitiveArray<Int64Type>),
    /// `float32`.
    Float32(PrimitiveArray<Float32Type>),
    /// `float64`.
    Float64(PrimitiveArray<Float64Type>),
    /// `decimal(p,s)`.
    Decimal(PrimitiveArray<Decimal128Type>),
    /// `string`, `uuid` and `json`.
    Text(StringArray),
    /// `date`.
    Date(PrimitiveArray<Date32Type>),
    /// `time`.
    Time(PrimitiveArray<Time64MicrosecondType>),
    /// `timestamp`.
    Timestamp(PrimitiveArray<TimestampMicrosecondType>),
    /// `binary`.
    Binary(BinaryArray),
    /// `[…]`: where each list begins and ends among all elements.
    List(OffsetBuffer<i32>, Box<ColumnReader>),
    /// `{…}`.
    Record(Fields),
}

impl Values {
    fn of(array: &dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int16 => Self::Int16(array.as_primitive().clone()),
            DataType::Int32 => Self::Int32(array.as_primitive().clone()),
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::Float32 => Self::Float32(array.as_primitive().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive().clone()),
            DataType::Decimal128(_, 0..) => Self::Decimal(array.as_primitive().clone()),
            DataType::Utf8 => Self::Text(array.as_string().clone()),
            DataType::Date32 => Self::Date(array.as_primitive().clone()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(array.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(array.as_primitive().clone())
            }
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                let items = ColumnReader::new(item.name(), list.values())?;
                Self::List(list.offsets().clone(), Box::new(items))
            }
            DataType::Struct(inner) => {
                let columns = inner.iter().zip(array.as_struct().columns());
                let fields = columns.map(|(field, column)| ColumnReader::new(field.name(), column));
                Self::Record(Fields(fields.collect::<Option<_>>()?))
            }
            _ => return None,
        })
    }

    pub(super) fn text(&self, row: usize) -> Result<&str, Fault> {
        match self {
            Self::Text(array) => Ok(array.value(row)),
            _ => Err(another_type()),
        }
    }
}

/// A column that is read row by row.
#[derive(Debug)]
pub struct ColumnReader {
    name: String,
    nulls: Option<NullBuffer>,
    values: Values,
}

impl ColumnReader {
    fn new(name: &str, array: &ArrayRef) -> Option<Self> {
        let values = Values::of(array.as_ref())?;
        Some(Self { name: name.to_owned(), nulls: array.nulls().cloned(), values })
    }

    /// The cell of a row, which is one of the column's.
    #[inline]
    pub(super) fn get<T: Cell>(&self, row: usize) -> Result<T, Fault> {
        let datum = match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(T::Datum::read(&self.values, row)?),
        };
        T::of(datum).ok_or_else(|| self.null())
    }

    #[cold]
    fn null(&self) -> Fault {
        Fault::misfit(format!("`{}` is null, which the struct's field cannot be", self.name))
            .help("make the field an `Option`")
    }
}

/// The fields of a struct, in its order.
#[derive(Debug)]
pub struct Fields(Vec<ColumnReader>);

impl Fields {
    /// The value of the field at that place of the struct.
    ///
    /// # Errors
    /// It is null where the field cannot be, or its type does not hold the value.
    #[inline]
    pub fn get<T: Cell>(&self, place: usize, row: usize) -> Result<T, Fault> {
        let column = self.0.get(place).ok_or_else(another_type)?;
        column.get(row).map_err(|fault| fault.within(&column.name))
    }
}

/// The structs of a batch, in order.
#[derive(Debug)]
pub struct Reader<T> {
    fields: Fields,
    row: usize,
    rows: usize,
    structs: PhantomData<fn() -> T>,
}

impl<T: Struct> Reader<T> {
    /// Looks up the columns of the struct's fields in a batch; others are passed over.
    ///
    /// # Errors
    /// A field has no column, or one of a type that apitap does not have.
    pub fn new(batch: &RecordBatch) -> Result<Self> {
        let column = |name: &&str| {
            let array = batch
                .column_by_name(name)
                .ok_or_else(|| Error::query(format!("there is no column `{name}`")))?;
            ColumnReader::new(name, array).ok_or_else(|| {
                let ty = array.data_type();
                Error::query(format!("the column `{name}` has a type that no field has: {ty}"))
            })
        };
        let fields = T::FIELDS.iter().map(column).collect::<Result<_>>()?;
        Ok(Self { fields: Fields(fields), row: 0, rows: batch.num_rows(), structs: PhantomData })
    }
}

impl<T: Struct> Iterator for Reader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.row >= self.rows {
            return None;
        }
        let row = self.row;
        self.row += 1;
        Some(T::read(&self.fields, row).map_err(|fault| fault.into_error("the row")))
    }
}
