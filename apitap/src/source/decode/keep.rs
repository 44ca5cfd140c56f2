//! The fields of records that no schema declares → one column, in which they are kept as JSON.
//!
//! ```text
//! {"id": 1, "vip": true, "city": {"name": "Ulm", "zip": "1"}}  →  {"vip":true,"city":{"zip":"1"}}
//! ```
//! Each stands where it stands in the record, as it is written there. A record without such fields has
//! null. The records are read once more for it, and only where a query wants them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::{Decoder, dynamic, merged};
use crate::Result;
use crate::definition::{Source, UNKNOWN};
use crate::schema::{Field, Schema, Type};
use crate::source::body::push_string;
use crate::source::json::{Cursor, Fault};

/// Gathers the fields of a batch of records.
pub(crate) struct Keeper {
    /// What the schema declares of the bodies.
    declared: Vec<Field>,
    /// Reads what was gathered, as of any other column.
    decoder: Box<dyn Decoder>,
    gathered: String,
}

impl Keeper {
    /// `None` where nobody wants to have them.
    pub(crate) fn of(source: &Source) -> Option<Self> {
        let kept = source.kept_schema()?;
        let declared = source.schema.iter().flat_map(|schema| &schema.fields);
        let declared = declared.filter(|field| !source.carried.contains(field));
        Some(Self::new(declared.cloned().collect(), &kept))
    }

    fn new(declared: Vec<Field>, kept: &Schema) -> Self {
        Self { declared, decoder: dynamic::decoder(kept), gathered: String::new() }
    }

    /// Gathers the fields of one more record.
    pub(crate) fn append(&mut self, record: &str) -> Result<(), Fault> {
        self.gathered.clear();
        self.gathered.push('{');
        push_string(&mut self.gathered, UNKNOWN);
        self.gathered.push(':');
        if !of_record(&self.declared, &mut Cursor::new(record), &mut self.gathered)? {
            self.gathered.push_str("null");
        }
        self.gathered.push('}');
        self.decoder.append(&self.gathered)
    }

    /// The batch of all records since the last one, with the column.
    ///
    /// # Errors
    /// The batch has other rows.
    pub(crate) fn complete(
        &mut self,
        batch: &RecordBatch,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let kept = self.decoder.finish()?;
        let fields = kept.schema_ref().fields().iter().map(Arc::clone);
        let columns: Vec<_> = fields.zip(kept.columns().iter().map(Arc::clone)).collect();
        merged(batch, &columns, schema)
    }
}

/// Writes the fields of the record at the cursor that are not declared; whether there are any.
fn of_record(declared: &[Field], cursor: &mut Cursor<'_>, out: &mut String) -> Result<bool, Fault> {
    let Some(mut members) = cursor.object()? else { return cursor.skip_value().map(|()| false) };
    let start = out.len();
    let mut names = HashSet::new();
    while let Some(key) = members.key(cursor)? {
        let written = out.len();
        out.push(if written == start { '{' } else { ',' });
        push_string(out, key);
        out.push(':');
        match declared.iter().find(|field| field.name == key) {
            Some(field) => {
                if !inside(&field.ty, cursor, out).map_err(|fault| fault.within(key))? {
                    out.truncate(written);
                }
            }
            None if !names.insert(key.to_owned()) => {
                let message = format!("`{key}` occurs twice in the record");
                return Err(Fault::misfit(message).within(key));
            }
            None => {
                cursor.peek()?;
                let value = cursor.position();
                cursor.skip_value().map_err(|fault| fault.within(key))?;
                out.push_str(cursor.since(value)?);
            }
        }
    }
    if out.len() > start {
        out.push('}');
    }
    Ok(out.len() > start)
}

/// The same of the records in a value of a declared type.
fn inside(ty: &Type, cursor: &mut Cursor<'_>, out: &mut String) -> Result<bool, Fault> {
    match ty {
        Type::Record(fields) => of_record(fields, cursor, out),
        Type::List(item) if has_records(&item.ty) => of_list(&item.ty, cursor, out),
        _ => cursor.skip_value().map(|()| false),
    }
}

/// A list has as many elements as in the record: null for one without such fields.
fn of_list(item: &Type, cursor: &mut Cursor<'_>, out: &mut String) -> Result<bool, Fault> {
    let Some(mut elements) = cursor.array()? else { return cursor.skip_value().map(|()| false) };
    let (start, mut any) = (out.len(), false);
    while elements.next(cursor)? {
        out.push(if out.len() == start { '[' } else { ',' });
        match inside(item, cursor, out)? {
            true => any = true,
            false => out.push_str("null"),
        }
    }
    match any {
        true => out.push(']'),
        false => out.truncate(start),
    }
    Ok(any)
}

fn has_records(ty: &Type) -> bool {
    match ty {
        Type::Record(_) => true,
        Type::List(item) => has_records(&item.ty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray as _;

    use super::*;
    use crate::schema::{Item, arrow};

    /// `{id, city: {name}, lines: [{n}], raw: json}` is declared.
    fn keeper() -> Keeper {
        let record = |name: &str, ty| Type::Record(vec![Field::new(name, ty, true)]);
        let line = Item { ty: record("n", Type::Int64), nullable: true };
        let declared = vec![
            Field::new("id", Type::Int64, true),
            Field::new("city", record("name", Type::String), true),
            Field::new("lines", Type::List(Box::new(line)), true),
            Field::new("raw", Type::Json, true),
        ];
        let kept = Schema { fields: vec![Field::new(UNKNOWN, Type::Json, true)] };
        Keeper::new(declared, &kept)
    }

    fn check(record: &str, expected: Option<&str>) {
        let mut keeper = keeper();
        keeper.append(record).unwrap();
        let schema = arrow::schema(&Schema { fields: vec![Field::new(UNKNOWN, Type::Json, true)] });
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
        let none = Arc::new(datafusion::arrow::datatypes::Schema::empty());
        let batch = RecordBatch::try_new_with_options(none, Vec::new(), &options).unwrap();
        let batch = keeper.complete(&batch, &schema).unwrap();
        let found = batch.column(0).as_string::<i32>().iter().next().unwrap();
        assert_eq!(found, expected, "{record}");
    }

    #[test]
    fn what_is_not_declared_is_kept_where_it_stands() {
        check(r#"{"id": 1, "raw": {"x": 1}}"#, None);
        check(
            r#"{"id": 1, "vip": true, "x": [1, {"y": null}]}"#,
            Some(r#"{"vip":true,"x":[1, {"y": null}]}"#),
        );
        check(r#"{"city": {"name": "Ulm", "zip": "1"}}"#, Some(r#"{"city":{"zip":"1"}}"#));
        check(
            r#"{"lines": [{"n": 1}, {"n": 2, "m": 1.50}, null]}"#,
            Some(r#"{"lines":[null,{"m":1.50},null]}"#),
        );
        check(r#"{"lines": [{"n": 1}], "city": null}"#, None);
        check(r#"{"a\"\u00e9": 1, "_unknown": 2}"#, Some(r#"{"a\"é":1,"_unknown":2}"#));
    }

    #[test]
    fn a_field_that_occurs_twice_is_an_error() {
        let fault = keeper().append(r#"{"x": 1, "x": 2}"#).unwrap_err();
        let error = fault.into_error("the body").to_string();
        assert!(error.contains("`x` occurs twice in the record"), "{error}");
        // In two records it does not.
        keeper().append(r#"{"x": 1, "city": {"x": 2}}"#).unwrap();
    }
}
