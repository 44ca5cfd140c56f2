//! Batches of what is read → batches of the declared types, in which the fields that are not read are
//! there and empty.
//!
//! The query was planned with whole records, and passes them on as such from one step to the next. What
//! it does not read costs nothing per record: a field that may be null is null, another one is zeros.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array as _, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, StructArray, make_array,
    new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::{Error, Result};

/// The batch with these fields, of which it has those that are read, in the same order.
pub(crate) fn widen(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let (read, columns) = (batch.schema_ref().fields(), batch.columns());
    fields(read, columns, schema.fields(), batch.num_rows())
        .and_then(|columns| {
            RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        })
        .map_err(|error| Error::data("the records make no batch").caused_by(error))
}

/// A column for each declared field; those that are read are among `columns`, in the same order.
fn fields(
    read: &Fields,
    columns: &[ArrayRef],
    declared: &Fields,
    rows: usize,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut read = read.iter().zip(columns).peekable();
    declared
        .iter()
        .map(|field| match read.next_if(|(read, _)| read.name() == field.name()) {
            Some((_, column)) => column_of(column, field),
            None => empty(field, rows),
        })
        .collect()
}

/// The column in a type that may have more fields.
fn column_of(column: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    match field.data_type() {
        ty if column.data_type() == ty => Ok(Arc::clone(column)),
        DataType::Struct(declared) => {
            let record = column.as_struct();
            let (rows, nulls) = (record.len(), record.nulls().cloned());
            let columns = fields(record.fields(), record.columns(), declared, rows)?;
            let record = StructArray::try_new_with_length(declared.clone(), columns, nulls, rows)?;
            Ok(Arc::new(record))
        }
        other => Err(ArrowError::SchemaError(format!("`{}` is not {other}", field.name()))),
    }
}

/// A column that nobody looks at.
fn empty(field: &Field, rows: usize) -> Result<ArrayRef, ArrowError> {
    let nulls = new_null_array(field.data_type(), rows);
    if field.is_nullable() {
        return Ok(nulls);
    }
    if let DataType::Struct(declared) = field.data_type() {
        let columns = fields(&Fields::empty(), &[], declared, rows)?;
        let record = StructArray::try_new_with_length(declared.clone(), columns, None, rows)?;
        return Ok(Arc::new(record));
    }
    Ok(make_array(nulls.to_data().into_builder().nulls(None).build()?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::Schema as ArrowSchema;

    use super::*;
    use crate::schema::{self, Item, Schema, Type, arrow};
    use crate::source::decode::dynamic;

    fn field(name: &str, ty: Type, nullable: bool) -> schema::Field {
        schema::Field::new(name, ty, nullable)
    }

    /// A record with a field of each type that is read, or not.
    fn place(read: bool) -> Vec<schema::Field> {
        let list = |nullable| Type::List(Box::new(Item { ty: Type::Int64, nullable }));
        let inner =
            Type::Record(vec![field("n", Type::Int64, false), field("s", Type::Date, true)]);
        let unread = [
            field("text", Type::String, false),
            field("maybe", Type::Decimal { precision: 9, scale: 2 }, true),
            field("flag", Type::Bool, false),
            field("list", list(false), false),
            field("lists", list(true), true),
            field("inner", inner.clone(), false),
            field("inners", inner, true),
            field("uuid", Type::Uuid, false),
        ];
        let mut fields = vec![field("id", Type::Int64, false), field("city", Type::String, true)];
        if !read {
            fields.splice(1..1, unread);
        }
        fields
    }

    #[test]
    fn what_is_not_read_is_there_and_empty() {
        let schema =
            |read| Schema { fields: vec![field("place", Type::Record(place(read)), true)] };
        let mut decoder = dynamic::decoder(&schema(true));
        for record in [
            r#"{"place":{"id":1,"text":7,"city":"Ulm"}}"#,
            r#"{"place":null}"#,
            r#"{"place":{"city":null,"inner":[],"id":3}}"#,
        ] {
            decoder.append(record).unwrap();
        }
        let declared = arrow::schema(&schema(false));
        let batch = widen(decoder.finish().unwrap(), &declared).unwrap();
        assert_eq!(batch.schema(), declared);
        let record = batch.column(0).as_struct();
        assert_eq!(record.null_count(), 1);
        let ids = record.column_by_name("id").unwrap();
        let ids = ids.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
        assert_eq!((ids.value(0), ids.value(2)), (1, 3));
        let city = record.column_by_name("city").unwrap().as_string::<i32>();
        assert_eq!((city.value(0), city.is_null(2)), ("Ulm", true));
        for (name, nulls) in [("text", 0), ("maybe", 3), ("list", 0), ("inner", 0), ("inners", 3)] {
            assert_eq!(record.column_by_name(name).unwrap().null_count(), nulls, "{name}");
        }
        // What the engine does with whole columns goes well.
        let taken =
            datafusion::arrow::compute::take_record_batch(&batch, &Int64Array::from(vec![2, 0]));
        assert_eq!(taken.unwrap().num_rows(), 2);
    }

    #[test]
    fn a_batch_of_all_fields_is_passed_on() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("n", ids)]).unwrap();
        let same = widen(batch.clone(), &batch.schema()).unwrap();
        assert!(Arc::ptr_eq(same.column(0), batch.column(0)));
    }

    #[test]
    fn no_fields_at_all_are_rows_still() {
        let schema = Arc::new(ArrowSchema::empty());
        let options = RecordBatchOptions::new().with_row_count(Some(5));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), vec![], &options);
        assert_eq!(widen(batch.unwrap(), &schema).unwrap().num_rows(), 5);
    }
}
