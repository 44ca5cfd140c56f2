//! A decoder for a schema that is known only at run time: what the interpreter uses.

use std::collections::HashMap;

use super::any::Any;
use super::record::{Field, Record, Visit, skip};
use super::unknown::Unread;
use super::{Decoder, RecordDecoder};
use crate::definition::OnUnknownField;
use crate::schema::{self, Schema, Type};
use crate::source::json::{Cursor, Fault};

/// A decoder of the fields of a schema.
pub fn decoder(schema: &Schema) -> Box<dyn Decoder> {
    Box::new(RecordDecoder::new(Fields::new(schema.fields.iter())))
}

/// The same; what the records have beside the declared fields is looked at.
pub fn watching(read: &Schema, declared: &Schema, policy: OnUnknownField) -> Box<dyn Decoder> {
    let refuses = policy == OnUnknownField::Error;
    let declared = Declared { of: &*declared.fields, refuses };
    let declared = (policy != OnUnknownField::Ignore).then_some(declared);
    Box::new(RecordDecoder::new(Fields::watching(&read.fields, declared)))
}

/// What a schema declares of records, all or only a part of which is read.
#[derive(Debug)]
pub(super) struct Declared<'a, T: ?Sized> {
    of: &'a T,
    /// Whether anything else is an error.
    refuses: bool,
}

impl<T: ?Sized> Clone for Declared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Declared<'_, T> {}

impl<'a> Declared<'a, Type> {
    /// What it declares of the elements of a list.
    pub(super) fn items(self) -> Option<Self> {
        match self.of {
            Type::List(item) => Some(Self { of: &item.ty, ..self }),
            _ => None,
        }
    }

    /// What it declares of a record.
    pub(super) fn fields(self) -> Option<Declared<'a, [schema::Field]>> {
        match self.of {
            Type::Record(fields) => Some(Declared { of: fields, refuses: self.refuses }),
            _ => None,
        }
    }
}

impl<'a> Declared<'a, [schema::Field]> {
    fn of(self, name: &str) -> Option<Declared<'a, Type>> {
        let field = self.of.iter().find(|field| field.name == name)?;
        Some(Declared { of: &field.ty, refuses: self.refuses })
    }

    /// Those that are not read.
    fn unread(self, read: &[schema::Field]) -> Unread {
        let is_read = |name: &str| read.iter().any(|field| field.name == name);
        let names = self.of.iter().map(|field| field.name.as_str());
        let names: Vec<_> = names.filter(|name| !is_read(name)).collect();
        if self.refuses { Unread::only(&names) } else { Unread::beside(&names) }
    }
}

/// Fields that are found by name.
#[derive(Debug)]
pub struct Fields {
    fields: Vec<Field<Any>>,
    places: HashMap<String, usize>,
    /// The field that was not yet read, if this record has its keys in the order of the last one.
    next: usize,
    /// What else is in the records, if anybody wants to know.
    unread: Option<Unread>,
}

impl Fields {
    /// Columns for these fields.
    pub(crate) fn new<'f>(declared: impl Iterator<Item = &'f schema::Field>) -> Self {
        Self::of(declared.map(|declared| field(declared, None)).collect(), None)
    }

    /// The same; what the records have beside the declared fields is looked at.
    pub(super) fn watching(
        read: &[schema::Field],
        declared: Option<Declared<'_, [schema::Field]>>,
    ) -> Self {
        let of = |name: &str| declared.and_then(|declared| declared.of(name));
        let fields = read.iter().map(|read| field(read, of(&read.name))).collect();
        Self::of(fields, declared.map(|declared| declared.unread(read)))
    }

    fn of(fields: Vec<Field<Any>>, unread: Option<Unread>) -> Self {
        let places = fields.iter().enumerate();
        let places = places.map(|(place, field)| (field.name().to_owned(), place)).collect();
        Self { fields, places, next: 0, unread }
    }

    fn skip(&mut self, key: &str, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match &mut self.unread {
            Some(unread) => unread.skip(key, cursor),
            None => skip(key, cursor),
        }
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
        let Some(place) = self.place(key) else { return self.skip(key, cursor) };
        self.next = if place + 1 < self.fields.len() { place + 1 } else { 0 };
        match self.fields.get_mut(place) {
            Some(field) => field.read(row, cursor),
            None => skip(key, cursor),
        }
    }

    fn each<V: Visit>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        self.fields.iter_mut().try_for_each(|field| visitor.field(field))
    }

    fn unread(&self) -> Option<&Unread> {
        self.unread.as_ref()
    }
}

fn field(read: &schema::Field, declared: Option<Declared<'_, Type>>) -> Field<Any> {
    let column = Any::watching(&read.ty, declared);
    match read.nullable {
        true => Field::optional(read.name.clone(), column),
        false => Field::required(read.name.clone(), column),
    }
}
