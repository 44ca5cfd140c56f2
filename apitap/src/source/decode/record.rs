//! Records: every field once, or missing, or null; nested as deep as the schema says.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use datafusion::arrow::array::builder::NullBufferBuilder;
use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::column::{Column, other_kind};
use super::differences::Differences;
use super::unknown::Unread;
use crate::schema::{self, Type, arrow};
use crate::source::json::{Cursor, Fault};

/// The fields of a record, and which key belongs to which.
pub trait Record: Send {
    /// Reads the value at the cursor into the field of that name, or passes over it if none has it.
    fn member(&mut self, key: &str, row: usize, cursor: &mut Cursor<'_>) -> Result<(), Fault>;

    /// Shows each field to a visitor, in the order of the schema, until it has an error.
    fn each<V: Visit>(&mut self, visitor: &mut V) -> Result<(), V::Error>;

    /// The fields that are not read, where those are counted that the schema does not declare.
    fn unread(&self) -> Option<&Unread> {
        None
    }
}

/// Something to be done with each field.
pub trait Visit {
    /// What may go wrong.
    type Error;

    /// Does it.
    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), Self::Error>;
}

/// Passes over the value of a key that no field has, which must be JSON all the same.
#[inline]
pub fn skip(key: &str, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    cursor.skip_value().map_err(|fault| fault.within(key))
}

/// A record of which nothing is read: `SELECT count(*)`.
#[derive(Debug, Default)]
pub struct NoFields;

impl Record for NoFields {
    fn member(&mut self, key: &str, _row: usize, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        skip(key, cursor)
    }

    fn each<V: Visit>(&mut self, _visitor: &mut V) -> Result<(), V::Error> {
        Ok(())
    }
}

/// A field: its column, and what the schema says about it.
#[derive(Debug)]
pub struct Field<C> {
    name: Cow<'static, str>,
    nullable: bool,
    column: C,
    /// Whether any record has had it, null or not.
    came: bool,
}

impl<C: Column> Field<C> {
    /// A field that is never null.
    pub fn required(name: impl Into<Cow<'static, str>>, column: C) -> Self {
        Self { name: name.into(), nullable: false, column, came: false }
    }

    /// A field that may be null or missing.
    pub fn optional(name: impl Into<Cow<'static, str>>, column: C) -> Self {
        Self { name: name.into(), nullable: true, column, came: false }
    }

    /// Its name in the JSON.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the value at the cursor for a row, counted from 0 in the batch.
    #[inline]
    pub fn read(&mut self, row: usize, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if self.column.rows() > row {
            return Err(self.misfit("occurs twice in the record"));
        }
        self.came = true;
        if cursor.null()? {
            return self.null("is null, but is declared not null");
        }
        self.column.append(cursor).map_err(|fault| fault.within(&self.name))
    }

    /// Appends what `write` does, or null where there is nothing to write.
    pub(crate) fn put(
        &mut self,
        write: Option<impl FnOnce(&mut C) -> Result<(), Fault>>,
    ) -> Result<(), Fault> {
        match write {
            Some(write) => write(&mut self.column).map_err(|fault| fault.within(&self.name)),
            None => self.null("is null, but is declared not null"),
        }
    }

    /// Ends a row: a field that was not in the record is null.
    #[inline]
    fn close(&mut self, row: usize) -> Result<(), Fault> {
        if self.column.rows() > row { Ok(()) } else { self.null("is missing") }
    }

    fn null(&mut self, otherwise: &str) -> Result<(), Fault> {
        if self.nullable {
            self.column.append_null();
            return Ok(());
        }
        let help = format!("declare `{}` nullable if the API may leave it out", self.name);
        Err(self.misfit(otherwise).help(help))
    }

    #[cold]
    fn misfit(&self, what: &str) -> Fault {
        Fault::misfit(format!("`{}` {what}", self.name)).within(&self.name)
    }

    fn declared(&self) -> schema::Field {
        schema::Field::new(&*self.name, self.column.ty(), self.nullable)
    }
}

/// Reads the record at the cursor as one more row.
pub(super) fn read<R: Record>(
    record: &mut R,
    row: usize,
    cursor: &mut Cursor<'_>,
) -> Result<(), Fault> {
    let Some(mut members) = cursor.object()? else {
        return Err(other_kind("a record", cursor.scalar()?));
    };
    while let Some(key) = members.key(cursor)? {
        record.member(key, row, cursor)?;
    }
    record.each(&mut Close { row })
}

/// The declaration of each field.
pub(super) fn fields<R: Record>(record: &mut R) -> Vec<schema::Field> {
    let mut visitor = Declared(Vec::new());
    let Ok(()) = record.each(&mut visitor);
    visitor.0
}

/// The array of each field; the columns start anew.
pub(crate) fn arrays<R: Record>(record: &mut R) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut visitor = Finish(Vec::new());
    record.each(&mut visitor)?;
    Ok(visitor.0)
}

/// Tells how a record, and the records in it, differ from their schema; of one that never `came`, no field is missed.
pub(super) fn compare<R: Record>(record: &mut R, came: bool, at: &str, found: &mut Differences) {
    if let Some(unread) = record.unread() {
        unread.tell(at, came, found);
    }
    let Ok(()) = record.each(&mut Compare { came, at, found });
}

struct Compare<'a> {
    came: bool,
    at: &'a str,
    found: &'a mut Differences,
}

impl Visit for Compare<'_> {
    type Error = Infallible;

    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), Infallible> {
        let path = format!("{}{}", self.at, field.name);
        field.column.compare(&format!("{path}."), self.found);
        if self.came {
            self.found.seen.note(path, field.came);
        }
        Ok(())
    }
}

struct Close {
    row: usize,
}

impl Visit for Close {
    type Error = Fault;

    #[inline]
    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), Fault> {
        field.close(self.row)
    }
}

/// A row of a record that is null: whatever its fields say of null, nobody sees them.
struct Pad;

impl Visit for Pad {
    type Error = Infallible;

    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), Infallible> {
        field.column.append_null();
        Ok(())
    }
}

struct Declared(Vec<schema::Field>);

impl Visit for Declared {
    type Error = Infallible;

    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), Infallible> {
        self.0.push(field.declared());
        Ok(())
    }
}

struct Finish(Vec<ArrayRef>);

impl Visit for Finish {
    type Error = ArrowError;

    fn field<C: Column>(&mut self, field: &mut Field<C>) -> Result<(), ArrowError> {
        self.0.push(field.column.finish()?);
        Ok(())
    }
}

/// A record inside a record.
#[derive(Debug)]
pub struct Nested<R> {
    record: R,
    ty: Type,
    validity: NullBufferBuilder,
    /// Whether there was any.
    came: bool,
}

impl<R: Record> Nested<R> {
    pub(super) fn of(mut record: R) -> Self {
        let ty = Type::Record(fields(&mut record));
        Self { record, ty, validity: NullBufferBuilder::new(0), came: false }
    }

    /// Appends a record whose fields `write` appends.
    pub(crate) fn put(
        &mut self,
        write: impl FnOnce(&mut R) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        write(&mut self.record)?;
        self.validity.append_non_null();
        Ok(())
    }
}

impl<R: Record + Default> Nested<R> {
    /// A column of records.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(R::default())
    }
}

impl<R: Record> Column for Nested<R> {
    fn ty(&self) -> Type {
        self.ty.clone()
    }

    fn append(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        read(&mut self.record, self.validity.len(), cursor)?;
        self.validity.append_non_null();
        self.came = true;
        Ok(())
    }

    fn append_null(&mut self) {
        let Ok(()) = self.record.each(&mut Pad);
        self.validity.append_null();
    }

    fn rows(&self) -> usize {
        self.validity.len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let rows = self.validity.len();
        let validity = self.validity.finish();
        let arrays = arrays(&mut self.record)?;
        let DataType::Struct(fields) = arrow::data_type(&self.ty) else {
            return Err(ArrowError::SchemaError("a record is not a struct".to_owned()));
        };
        Ok(Arc::new(StructArray::try_new_with_length(fields, arrays, validity, rows)?))
    }

    fn compare(&mut self, at: &str, found: &mut Differences) {
        compare(&mut self.record, self.came, at, found);
    }
}
