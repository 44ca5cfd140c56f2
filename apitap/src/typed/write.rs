//! Structs → Arrow batches, through the columns that decoders fill, too: so that a struct and its
//! JSON make the same rows.

use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;

use super::Struct;
use crate::schema::{Schema, arrow};
use crate::source::decode::{BATCH_LIMIT, arrays, dynamic};
use crate::source::json::Fault;
use crate::value::{Cell, Datum as _, Room, another_type};
use crate::{Error, Result};

/// The columns of a struct's fields, each of which takes one more value.
#[derive(Debug)]
pub struct Columns<'a> {
    fields: &'a mut dynamic::Fields,
    room: &'a mut Room,
    place: usize,
}

impl<'a> Columns<'a> {
    /// The columns from the first field on.
    pub(crate) fn new(fields: &'a mut dynamic::Fields, room: &'a mut Room) -> Self {
        Self { fields, room, place: 0 }
    }

    /// Appends the value of the next field.
    ///
    /// # Errors
    /// It does not fit the column's type exactly, or is null where it cannot be.
    #[inline]
    pub fn put<T: Cell>(&mut self, value: &T) -> Result<(), Fault> {
        let field = self.fields.at(self.place).ok_or_else(another_type)?;
        self.place += 1;
        let room = &mut *self.room;
        field.put(value.datum().map(|datum| |column: &mut _| datum.write(column, room)))
    }
}

/// Turns structs, one after the other, into batches.
#[derive(Debug)]
pub struct Writer<T> {
    fields: dynamic::Fields,
    schema: SchemaRef,
    /// For each column of the schema, the place of its field in the struct.
    places: Vec<usize>,
    rows: usize,
    bytes: usize,
    structs: PhantomData<fn(&T)>,
}

impl<T: Struct> Writer<T> {
    /// Batches of that schema, which has a column for each field of the struct.
    ///
    /// # Errors
    /// A field has no column, or a column no field.
    pub fn new(schema: &Schema) -> Result<Self> {
        let missing = |name: &str| Error::config(format!("the struct has no field for `{name}`"));
        let place = |name: &str| T::FIELDS.iter().position(|field| *field == name);
        let places = schema
            .fields
            .iter()
            .map(|column| place(&column.name).ok_or_else(|| missing(&column.name)));
        let places = places.collect::<Result<_>>()?;
        let fields = T::FIELDS.iter().map(|name| {
            let error = || Error::config(format!("there is no column for the field `{name}`"));
            schema.field(name).ok_or_else(error)
        });
        let fields = dynamic::Fields::new(fields.collect::<Result<Vec<_>>>()?.into_iter());
        let schema = arrow::schema(schema);
        Ok(Self { fields, schema, places, rows: 0, bytes: 0, structs: PhantomData })
    }

    /// Appends a struct. After an error the writer is spent.
    ///
    /// # Errors
    /// A value does not fit its column exactly; the error has its path within the struct.
    pub fn push(&mut self, value: &T) -> Result<()> {
        let mut room = Room(BATCH_LIMIT - self.bytes.min(BATCH_LIMIT));
        let mut columns = Columns::new(&mut self.fields, &mut room);
        value.write(&mut columns).map_err(|fault| fault.into_error("the struct"))?;
        self.rows += 1;
        self.bytes = BATCH_LIMIT - room.0;
        Ok(())
    }

    /// Structs since the last [`Writer::finish`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that they take, about: bounds a batch.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The structs so far as one batch; the writer starts anew.
    ///
    /// # Errors
    /// An earlier [`Writer::push`] has failed.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        let batch = arrays(&mut self.fields).and_then(|arrays| {
            let columns = self.places.iter().filter_map(|place| arrays.get(*place).map(Arc::clone));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &options)
        });
        batch.map_err(|error| Error::data("the structs make no batch").caused_by(error))
    }
}
