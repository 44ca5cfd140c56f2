//! A decoder for a schema that is known only at run time: what the interpreter uses.

use std::collections::HashMap;

use super::any::Any;
use super::record::{Field, Record, Visit, skip};
use super::{Decoder, RecordDecoder};
use crate::schema::{self, Schema};
use crate::source::json::{Cursor, Fault};

/// A decoder of the fields of a schema.
pub fn decoder(schema: &Schema) -> Box<dyn Decoder> {
    Box::new(RecordDecoder::new(Fields::new(schema.fields.iter())))
}

/// Fields that are found by name.
#[derive(Debug)]
pub struct Fields {
    fields: Vec<Field<Any>>,
    places: HashMap<String, usize>,
    /// The field that was not yet read, if this record has its keys in the order of the last one.
    next: usize,
}

impl Fields {
    /// Columns for these fields.
    pub(crate) fn new<'f>(declared: impl Iterator<Item = &'f schema::Field>) -> Self {
        let fields: Vec<_> = declared.map(field).collect();
        let places = fields.iter().enumerate();
        let places = places.map(|(place, field)| (field.name().to_owned(), place)).collect();
        Self { fields, places, next: 0 }
    }

    /// The field at that place of the schema.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Field<Any>> {
        self.fields.get_mut(place)
    }

    fn place(&self, key: &str) -> Option<usize> {
        match self.fields.get(self.next) {
            Some(field) if field.name() == key => Some(self.next),
            _ => self.places.get(key).copied(),
        }
    }
}

impl Record for Fields {
    fn member(&mut self, key: &str, row: usize, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let Some(place) = self.place(key) else { return skip(key, cursor) };
        self.next = if place + 1 < self.fields.len() { place + 1 } else { 0 };
        match self.fields.get_mut(place) {
            Some(field) => field.read(row, cursor),
            None => skip(key, cursor),
        }
    }

    fn each<V: Visit>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        self.fields.iter_mut().try_for_each(|field| visitor.field(field))
    }
}

fn field(declared: &schema::Field) -> Field<Any> {
    let column = Any::new(&declared.ty);
    match declared.nullable {
        true => Field::optional(declared.name.clone(), column),
        false => Field::required(declared.name.clone(), column),
    }
}
