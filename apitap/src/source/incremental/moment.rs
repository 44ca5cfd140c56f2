//! The field that says when a record was changed: what it says in a batch, and in a record.

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};

use crate::schema::{Field, Schema, Type};
use crate::source::decode::{Decoder, dynamic};
use crate::{Error, Result};

/// The field that says when a record was changed.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// The names on the way to it.
    path: Vec<String>,
    ty: Type,
}

impl Moment {
    /// The field of that name in the records of a schema, with what stands behind its dots.
    pub(crate) fn of(schema: Option<&Schema>, name: &str) -> Self {
        let path = schema.and_then(|schema| schema.path(name)).unwrap_or_default();
        match path.last() {
            Some(field) => {
                let names = path.iter().map(|field| field.name.clone());
                Self { path: names.collect(), ty: field.ty.clone() }
            }
            // That there is none was refused.
            None => Self { path: vec![name.to_owned()], ty: Type::Timestamp },
        }
    }

    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }

    /// A record that has this field only.
    pub(crate) fn record(&self) -> Schema {
        let (inner, outer) = match self.path.split_last() {
            Some((name, outer)) => (Field::new(name, self.ty.clone(), false), outer),
            None => return Schema::default(),
        };
        let within = |inner, name: &String| Field::new(name, Type::Record(vec![inner]), false);
        Schema { fields: vec![outer.iter().rev().fold(inner, within)] }
    }

    fn strange(&self) -> Error {
        Error::data(format!("`{}` is no time", self.name())).help("this is a bug in apitap")
    }

    fn column<'b>(&self, batch: &'b RecordBatch) -> Option<&'b ArrayRef> {
        let (first, rest) = self.path.split_first()?;
        let within = |column: &'b ArrayRef, name: &String| {
            column.as_struct_opt().and_then(|record| record.column_by_name(name))
        };
        rest.iter().try_fold(batch.column_by_name(first)?, within)
    }

    /// Its values.
    ///
    /// # Errors
    /// The batch has no such field of times.
    pub(crate) fn of_batch(&self, batch: &RecordBatch) -> Result<Vec<DateTime<Utc>>> {
        const DAY: i64 = 24 * 3_600 * 1_000_000;
        let strange = || self.strange();
        let column = self.column(batch).ok_or_else(strange)?;
        let micros: Vec<_> = match column.data_type() {
            DataType::Timestamp(..) => column
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(strange)?
                .values()
                .to_vec(),
            DataType::Date32 => {
                let days = column.as_primitive_opt::<Date32Type>().ok_or_else(strange)?;
                days.values().iter().map(|days| i64::from(*days).saturating_mul(DAY)).collect()
            }
            _ => return Err(strange()),
        };
        let moment = |micros| DateTime::from_timestamp_micros(micros).ok_or_else(strange);
        micros.into_iter().map(moment).collect()
    }
}

/// Reads when single records were changed.
pub(crate) struct MomentReader {
    field: Moment,
    decoder: Box<dyn Decoder>,
}

impl MomentReader {
    pub(crate) fn new(field: Moment) -> Self {
        let decoder = dynamic::decoder(&field.record());
        Self { field, decoder }
    }

    /// When a record was changed.
    ///
    /// # Errors
    /// It does not say so.
    pub(crate) fn of(&mut self, record: &str) -> Result<DateTime<Utc>> {
        self.decoder.append(record).map_err(|fault| fault.into_error("the body"))?;
        let moments = self.field.of_batch(&self.decoder.finish()?)?;
        moments.into_iter().next().ok_or_else(|| self.field.strange())
    }

    /// The name of the field.
    pub(crate) fn name(&self) -> String {
        self.field.name()
    }
}
