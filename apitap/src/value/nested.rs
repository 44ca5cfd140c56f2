//! Lists and records: Rust's `Vec` and structs ↔ the nested columns of Arrow.

use super::read::ColumnReader;
use super::scalar::Values;
use super::{Cell, Datum, Room, another_type};
use crate::source::decode::any::Any;
use crate::source::json::Fault;
use crate::typed::{Columns, Struct};

impl<T: Cell> Datum for Vec<T> {
    fn write(&self, list: &mut Any, room: &mut Room) -> Result<(), Fault> {
        // An empty element takes its place, too: so offsets stay within 31 bits.
        room.take(self.len())?;
        let Any::List(list) = list else { return Err(another_type()) };
        list.put(self.iter().map(Cell::datum), |datum, items| datum.write(items, room))
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::List(offsets, items) = values else { return Err(another_type()) };
        let end = |index: usize| offsets.get(index).and_then(|end| usize::try_from(*end).ok());
        let (Some(start), Some(end)) = (end(row), end(row + 1)) else {
            return Err(another_type());
        };
        let item = |index| {
            ColumnReader::get(items, index)
                .map_err(|fault: Fault| fault.within(&(index - start).to_string()))
        };
        (start..end).map(item).collect()
    }
}

impl<S: Struct> Datum for S {
    fn write(&self, record: &mut Any, room: &mut Room) -> Result<(), Fault> {
        room.take(1)?;
        let Any::Record(record) = record else { return Err(another_type()) };
        record.put(|fields| Struct::write(self, &mut Columns::new(fields, room)))
    }

    fn read(values: &Values, row: usize) -> Result<Self, Fault> {
        let Values::Record(fields) = values else { return Err(another_type()) };
        Struct::read(fields, row)
    }
}
