//! Lists of any type.

use std::sync::Arc;

use datafusion::arrow::array::builder::NullBufferBuilder;
use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::column::{Column, other_kind};
use super::differences::Differences;
use crate::schema::{Item, Type, arrow};
use crate::source::json::{Cursor, Fault};

/// A column of lists, whose elements gather in a column of their own.
#[derive(Debug)]
pub struct List<C> {
    items: C,
    nullable: bool,
    /// Elements of each list.
    lengths: Vec<usize>,
    validity: NullBufferBuilder,
}

impl<C: Column> List<C> {
    /// Lists whose elements are never null.
    pub fn required(items: C) -> Self {
        Self { items, nullable: false, lengths: Vec::new(), validity: NullBufferBuilder::new(0) }
    }

    /// Lists whose elements may be null.
    pub fn optional(items: C) -> Self {
        Self { nullable: true, ..Self::required(items) }
    }

    /// Appends a list of values, each appended by `write`; `None` is null.
    pub(crate) fn put<'v, V: 'v>(
        &mut self,
        values: impl ExactSizeIterator<Item = Option<&'v V>>,
        mut write: impl FnMut(&'v V, &mut C) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let length = values.len();
        for (index, value) in values.enumerate() {
            match value {
                Some(value) => write(value, &mut self.items),
                None => self.null(),
            }
            .map_err(|fault| fault.within(&index.to_string()))?;
        }
        self.lengths.push(length);
        self.validity.append_non_null();
        Ok(())
    }

    fn item(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if !cursor.null()? {
            return self.items.append(cursor);
        }
        self.null()
    }

    fn null(&mut self) -> Result<(), Fault> {
        if self.nullable {
            self.items.append_null();
            return Ok(());
        }
        Err(Fault::misfit("an element is null, but the elements are declared not null")
            .help("declare the elements nullable"))
    }
}

impl<C: Column> Column for List<C> {
    fn ty(&self) -> Type {
        Type::List(Box::new(Item { ty: self.items.ty(), nullable: self.nullable }))
    }

    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let Some(mut elements) = cursor.array()? else {
            return Err(other_kind("a list", cursor.scalar()?));
        };
        let mut length = 0;
        while elements.next(cursor)? {
            self.item(cursor).map_err(|fault| fault.within(&length.to_string()))?;
            length += 1;
        }
        self.lengths.push(length);
        self.validity.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.lengths.push(0);
        self.validity.append_null();
    }

    fn rows(&self) -> usize {
        self.lengths.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let next = Vec::with_capacity(self.lengths.len());
        let lengths = std::mem::replace(&mut self.lengths, next);
        let validity = self.validity.finish();
        let items = self.items.finish()?;
        let DataType::List(field) = arrow::data_type(&self.ty()) else {
            return Err(ArrowError::SchemaError("a list is not a list".to_owned()));
        };
        // A batch is made of less than 1 GiB of JSON: the sum of the lengths fits 31 bits.
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(field, offsets, items, validity)?))
    }

    fn compare(&mut self, at: &str, found: &mut Differences) {
        self.items.compare(at, found);
    }
}
