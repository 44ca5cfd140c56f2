//! A decoder for a schema that is known only at run time: what the interpreter uses.

use std::collections::{BTreeSet, HashMap};

use super::column::Column;
use super::list::List;
use super::record::{Field, Nested, Record, Visit};
use super::{Decoder, RecordDecoder, leaf};
use crate::schema::{self, Schema, Type};
use crate::source::json::{Cursor, Fault};

/// A decoder of those fields of a schema that are read.
pub fn decoder(schema: &Schema, reads: &BTreeSet<String>) -> Box<dyn Decoder> {
    let read = schema.fields.iter().filter(|field| reads.contains(&field.name));
    Box::new(RecordDecoder::new(Fields::new(read)))
}

/// Fields that are found by name.
struct Fields {
    fields: Vec<Field<Box<dyn Column>>>,
    places: HashMap<String, usize>,
    /// The field that was not yet read, if this record has its keys in the order of the last one.
    next: usize,
}

impl Fields {
    fn new<'f>(declared: impl Iterator<Item = &'f schema::Field>) -> Self {
        let fields: Vec<_> = declared.map(field).collect();
        let places = fields.iter().enumerate();
        let places = places.map(|(place, field)| (field.name().to_owned(), place)).collect();
        Self { fields, places, next: 0 }
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
        let Some(place) = self.place(key) else { return cursor.skip_value() };
        self.next = if place + 1 < self.fields.len() { place + 1 } else { 0 };
        match self.fields.get_mut(place) {
            Some(field) => field.read(row, cursor),
            None => cursor.skip_value(),
        }
    }

    fn each<V: Visit>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        self.fields.iter_mut().try_for_each(|field| visitor.field(field))
    }
}

fn field(declared: &schema::Field) -> Field<Box<dyn Column>> {
    let column = column(&declared.ty);
    match declared.nullable {
        true => Field::optional(declared.name.clone(), column),
        false => Field::required(declared.name.clone(), column),
    }
}

fn column(ty: &Type) -> Box<dyn Column> {
    match ty {
        Type::Bool => Box::new(leaf::Bool::empty()),
        Type::Int16 => Box::new(leaf::Int16::empty()),
        Type::Int32 => Box::new(leaf::Int32::empty()),
        Type::Int64 => Box::new(leaf::Int64::empty()),
        Type::Float32 => Box::new(leaf::Float32::empty()),
        Type::Float64 => Box::new(leaf::Float64::empty()),
        Type::Decimal { precision, scale } => {
            Box::new(leaf::Decimal::with_digits(*precision, *scale))
        }
        Type::String => Box::new(leaf::Text::empty()),
        Type::Date => Box::new(leaf::Date::empty()),
        Type::Time => Box::new(leaf::Time::empty()),
        Type::Timestamp => Box::new(leaf::Timestamp::empty()),
        Type::Uuid => Box::new(leaf::Uuid::empty()),
        Type::Binary => Box::new(leaf::Binary::empty()),
        Type::Json => Box::new(leaf::Json::empty()),
        Type::List(item) if item.nullable => Box::new(List::optional(column(&item.ty))),
        Type::List(item) => Box::new(List::required(column(&item.ty))),
        Type::Record(inner) => Box::new(Nested::of(Fields::new(inner.iter()))),
    }
}
