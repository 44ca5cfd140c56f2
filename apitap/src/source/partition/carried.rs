//! The fields that a partition gives its records: JSON members of a parent's record → values of
//! expressions, and columns of decoded batches.
//!
//! They are read by the decoder that reads records, so that they are of the types of the parent's
//! schema, with the same messages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta};
use datafusion::arrow::array::{ArrayRef, AsArray as _, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use serde_json::value::RawValue;

use super::Partition;
use crate::schema::scalar::Domain;
use crate::schema::{Field, Schema, Type};
use crate::source::decode::{Decoder, dynamic, merged};
use crate::source::request::expression::{Scope, Value};
use crate::{Error, Result};

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Two lists of members as one.
pub(super) fn join(outer: &str, member: &str) -> String {
    if outer.is_empty() { member.to_owned() } else { format!("{outer},{member}") }
}

/// `"org":{"owner":{"id":7},"slug":"a"}`: the fields of a record, as they are written in it or in what
/// its own partition gives it.
///
/// # Errors
/// The record is not valid JSON.
pub(super) fn member(
    alias: &str,
    fields: &[String],
    record: &str,
    carried: Option<&str>,
) -> Result<String> {
    let mut tree = Tree::default();
    for field in fields {
        let path: Vec<_> = field.split('.').collect();
        let of_partition = carried.map(|carried| find(carried, &path)).transpose()?.flatten();
        let value = match of_partition {
            Some(value) => Some(value),
            None => find(record, &path)?,
        };
        if let Some(value) = value {
            tree.insert(&path, value);
        }
    }
    let mut member = quoted(alias);
    member.push(':');
    tree.write(&mut member);
    Ok(member)
}

/// The object that has these values, by their paths.
pub(super) fn nested(values: &[(Vec<&str>, &str)]) -> String {
    let mut tree = Tree::default();
    values.iter().for_each(|(path, value)| tree.insert(path, value));
    let mut object = String::new();
    tree.write(&mut object);
    object
}

/// The text of the value at a path; `None` where there is none.
pub(super) fn find<'a>(object: &'a str, path: &[&str]) -> Result<Option<&'a str>> {
    let mut text = object;
    for name in path {
        if text.trim_start().starts_with("null") {
            return Ok(None);
        }
        let members: BTreeMap<std::borrow::Cow<'a, str>, &'a RawValue> = serde_json::from_str(text)
            .map_err(|cause| Error::data("this record is not an object").caused_by(cause))?;
        let Some(value) = members.get(*name) else { return Ok(None) };
        text = value.get();
    }
    Ok(Some(text))
}

/// Values by path, as they are nested in an object.
#[derive(Default)]
struct Tree<'a>(BTreeMap<String, Branch<'a>>);

enum Branch<'a> {
    Value(&'a str),
    Tree(Tree<'a>),
}

impl<'a> Tree<'a> {
    fn insert(&mut self, path: &[&str], value: &'a str) {
        match path {
            [] => {}
            [last] => drop(self.0.insert((*last).to_owned(), Branch::Value(value))),
            [first, rest @ ..] => {
                let branch = self.0.entry((*first).to_owned());
                if let Branch::Tree(tree) = branch.or_insert_with(|| Branch::Tree(Tree::default()))
                {
                    tree.insert(rest, value);
                }
            }
        }
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (index, (name, branch)) in self.0.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            // Writing into a text cannot fail.
            let _ = write!(out, "{}:", quoted(name));
            match branch {
                Branch::Value(value) => out.push_str(value),
                Branch::Tree(tree) => tree.write(out),
            }
        }
        out.push('}');
    }
}

/// Members → partitions.
pub(super) struct Reader {
    decoder: Box<dyn Decoder>,
}

impl Reader {
    pub(super) fn new(carried: &Schema) -> Self {
        Self { decoder: dynamic::decoder(carried) }
    }

    /// # Errors
    /// A value that is not of the type that the parent's schema says.
    pub(super) fn partition(&mut self, members: &str, scope: &Scope) -> Result<Partition> {
        let carried: Arc<str> = format!("{{{members}}}").into();
        self.decoder.append(&carried).map_err(|fault| {
            fault
                .into_error("the fields that `for_each` takes")
                .help("correct the parent's schema, or take a field that is always there")
        })?;
        let batch = self.decoder.finish()?;
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut names = scope.clone();
        for (field, column) in columns {
            names = named(names, field.name(), column)?;
        }
        Ok(Partition::new(Some(carried), names))
    }
}

/// The names with those of a column of one row.
fn named(scope: Scope, name: &str, column: &ArrayRef) -> Result<Scope> {
    if let Some(record) = column.as_struct_opt() {
        let mut scope = scope;
        for (field, column) in record.fields().iter().zip(record.columns()) {
            scope = named(scope, &format!("{name}.{}", field.name()), column)?;
        }
        return Ok(scope);
    }
    let broken = || Error::data(format!("`{name}` has no value"));
    let scalar =
        ScalarValue::try_from_array(column, 0).map_err(|cause| broken().caused_by(cause))?;
    let text = array_value_to_string(column, 0).map_err(|cause| broken().caused_by(cause))?;
    Ok(scope.with(name, value(&scalar, text)))
}

/// What an expression sees of a value, which is written like this; `None` is null.
pub(in crate::source) fn value(scalar: &ScalarValue, text: String) -> Option<Value> {
    if scalar.is_null() {
        return None;
    }
    Some(match scalar {
        ScalarValue::Boolean(Some(value)) => Value::Boolean(*value),
        ScalarValue::Int16(Some(number)) => Value::Integer((*number).into()),
        ScalarValue::Int32(Some(number)) => Value::Integer((*number).into()),
        ScalarValue::Int64(Some(number)) => Value::Integer(*number),
        ScalarValue::Float32(Some(number)) => Value::Number((*number).into(), number.to_string()),
        ScalarValue::Float64(Some(number)) => Value::Number(*number, number.to_string()),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            Value::Timestamp(DateTime::from_timestamp_micros(*micros)?)
        }
        ScalarValue::Date32(Some(days)) => {
            let epoch = NaiveDate::default();
            Value::Date(epoch.checked_add_signed(TimeDelta::days((*days).into()))?)
        }
        ScalarValue::Decimal128(..) => Value::Number(text.parse().ok()?, text),
        // Texts, and times of day.
        _ => Value::Text(text),
    })
}

/// The names with a value of each field's type.
pub(super) fn probe(carried: &Schema, scope: &Scope) -> Scope {
    fn add(scope: Scope, name: &str, ty: &Type) -> Scope {
        if let Type::Record(fields) = ty {
            return fields.iter().fold(scope, |scope, field| {
                add(scope, &format!("{name}.{}", field.name), &field.ty)
            });
        }
        let value = match ty.domain() {
            Some(Domain::Bool) => Value::Boolean(true),
            Some(Domain::Whole(..)) => Value::Integer(1),
            Some(Domain::Float(_) | Domain::Decimal) => Value::Number(1.0, "1".to_owned()),
            Some(Domain::Timestamp) => Value::Timestamp(DateTime::UNIX_EPOCH),
            Some(Domain::Date) => Value::Date(NaiveDate::default()),
            _ => Value::Text("1".to_owned()),
        };
        scope.with(name, Some(value))
    }
    carried.fields.iter().fold(scope.clone(), |scope, field| add(scope, &field.name, &field.ty))
}

/// Adds to batches of records the columns that their partitions give them.
pub(crate) struct Carrier {
    decoder: Option<Box<dyn Decoder>>,
    /// What the records of the batch carry, and how many of them follow each other.
    runs: Vec<(Arc<str>, u32)>,
}

impl Carrier {
    /// For the fields that are read.
    pub(crate) fn new(carried: &[Field]) -> Self {
        let schema = Schema { fields: carried.to_vec() };
        let decoder = (!carried.is_empty()).then(|| dynamic::decoder(&schema));
        Self { decoder, runs: Vec::new() }
    }

    /// A record of a page was appended.
    pub(crate) fn append(&mut self, carried: Option<&Arc<str>>) {
        let Some(carried) = carried.filter(|_| self.decoder.is_some()) else { return };
        match self.runs.last_mut() {
            Some((last, count)) if Arc::ptr_eq(last, carried) => *count += 1,
            _ => self.runs.push((Arc::clone(carried), 1)),
        }
    }

    /// The batch of all records since the last one, with the columns that they carry, in the order of
    /// the schema.
    ///
    /// # Errors
    /// What was carried into a partition cannot be read again, which is a bug.
    pub(crate) fn complete(
        &mut self,
        batch: RecordBatch,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let Some(decoder) = &mut self.decoder else { return Ok(batch) };
        let mut indices = Vec::with_capacity(batch.num_rows());
        for (index, (carried, count)) in (0_u32..).zip(std::mem::take(&mut self.runs)) {
            decoder.append(&carried).map_err(|fault| fault.into_error("a partition"))?;
            indices.extend(std::iter::repeat_n(index, count as usize));
        }
        let carried = decoder.finish()?;
        let broken = |cause| Error::data("the records make no batch").caused_by(cause);
        let indices = UInt32Array::from(indices);
        let mut columns: Vec<(FieldRef, ArrayRef)> = Vec::new();
        for (field, column) in carried.schema_ref().fields().iter().zip(carried.columns()) {
            let column = take(column, &indices, None).map_err(broken)?;
            columns.push((Arc::clone(field), column));
        }
        merged(&batch, &columns, schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::arrow;

    fn check(fields: &[&str], record: &str, carried: Option<&str>, expected: &str) {
        let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        let found = member("org", &fields, record, carried);
        assert_eq!(found.unwrap_or_else(|error| error.message().to_owned()), expected);
    }

    #[test]
    fn fields_are_taken_as_they_are_written() {
        check(&["slug"], r#"{"id":1,"slug":"é\n"}"#, None, r#""org":{"slug":"é\n"}"#);
        check(
            &["slug", "owner.id", "owner.name"],
            r#"{"owner":{"id": 12345678901234567890.10,"name":null,"x":[]},"slug":"a"}"#,
            None,
            r#""org":{"owner":{"id":12345678901234567890.10,"name":null},"slug":"a"}"#,
        );
        check(&["slug", "owner.id"], r#"{"owner":null}"#, None, r#""org":{}"#);
        check(
            &["id", "top.id"],
            r#"{"id":2}"#,
            Some(r#"{"top":{"id":1}}"#),
            r#""org":{"id":2,"top":{"id":1}}"#,
        );
        check(&["a.b"], r#"{"a":1}"#, None, "this record is not an object");
    }

    #[test]
    fn batches_get_the_columns_of_their_partitions() {
        let carried = [Field::new("org", Type::String, false)];
        let records = Schema { fields: vec![Field::new("id", Type::Int64, false)] };
        let mut decoder = dynamic::decoder(&records);
        let mut carrier = Carrier::new(&carried);
        let (a, b): (Arc<str>, Arc<str>) = (r#"{"org":"a"}"#.into(), r#"{"org":"b"}"#.into());
        let schema =
            arrow::schema(&Schema { fields: vec![carried[0].clone(), records.fields[0].clone()] });
        for (id, page) in [(1, &a), (2, &a), (3, &b), (4, &a)] {
            decoder.append(&format!("{{\"id\":{id}}}")).unwrap();
            carrier.append(Some(page));
        }
        let batch = carrier.complete(decoder.finish().unwrap(), &schema).unwrap();
        let column = batch.column(0).as_string_opt::<i32>().unwrap();
        assert_eq!(column.iter().flatten().collect::<Vec<_>>(), ["a", "a", "b", "a"]);
        assert_eq!(batch.num_columns(), 2);
    }
}
