//! Statements and their results, as text. Blocks: it runs on the thread of a connection.

use std::sync::Arc;

use adbc_arrow_array::cast::AsArray as _;
use adbc_arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use adbc_arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use adbc_arrow_schema::{DataType, Field, Schema, TimeUnit};
use adbc_core::error::{Error as AdbcError, Result as AdbcResult, Status};
use adbc_core::{Connection as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedStatement};
use chrono::{DateTime, SecondsFormat, Utc};

/// A row of exactly `N` values; `None` where it has another number of them.
pub(super) fn texts<const N: usize>(row: Vec<String>) -> Option<[String; N]> {
    row.try_into().ok()
}

/// Runs a statement without a result; gives the rows that it has changed, where the driver says it.
pub(super) fn change(
    connection: &mut ManagedConnection,
    sql: &str,
    arguments: &[String],
) -> AdbcResult<Option<u64>> {
    let changed = statement(connection, sql, arguments)?.execute_update()?;
    Ok(changed.and_then(|changed| u64::try_from(changed).ok()))
}

/// Runs a query whose columns are texts, whole numbers or instants; gives its rows, with an empty text for null.
pub(super) fn rows(
    connection: &mut ManagedConnection,
    sql: &str,
    arguments: &[String],
) -> AdbcResult<Vec<Vec<String>>> {
    let mut statement = statement(connection, sql, arguments)?;
    let mut rows = Vec::new();
    for batch in statement.execute()? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let texts = batch.columns().iter().map(|column| text(column, row));
            rows.push(texts.collect::<AdbcResult<_>>()?);
        }
    }
    Ok(rows)
}

fn text(column: &ArrayRef, row: usize) -> AdbcResult<String> {
    if column.is_null(row) {
        return Ok(String::new());
    }
    Ok(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => column.as_string_view().value(row).to_owned(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        // Without a time zone, it is not known which instant it is.
        DataType::Timestamp(unit, Some(_)) => instant(column, row, *unit)
            .map(|instant| instant.to_rfc3339_opts(SecondsFormat::Secs, true))
            .unwrap_or_default(),
        other => {
            let message = format!("the driver gives {other} where text was asked for");
            return Err(AdbcError::with_message_and_status(message, Status::InvalidData));
        }
    })
}

fn instant(column: &ArrayRef, row: usize, unit: TimeUnit) -> Option<DateTime<Utc>> {
    match unit {
        TimeUnit::Second => {
            DateTime::from_timestamp(column.as_primitive::<TimestampSecondType>().value(row), 0)
        }
        TimeUnit::Millisecond => DateTime::from_timestamp_millis(
            column.as_primitive::<TimestampMillisecondType>().value(row),
        ),
        TimeUnit::Microsecond => DateTime::from_timestamp_micros(
            column.as_primitive::<TimestampMicrosecondType>().value(row),
        ),
        TimeUnit::Nanosecond => {
            let nanos = column.as_primitive::<TimestampNanosecondType>().value(row);
            Some(DateTime::from_timestamp_nanos(nanos))
        }
    }
}

fn statement(
    connection: &mut ManagedConnection,
    sql: &str,
    arguments: &[String],
) -> AdbcResult<ManagedStatement> {
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(sql)?;
    if !arguments.is_empty() {
        statement.bind(parameters(arguments)?)?;
    }
    Ok(statement)
}

/// One row of texts.
fn parameters(arguments: &[String]) -> AdbcResult<RecordBatch> {
    let field = |number: usize| Field::new(number.to_string(), DataType::Utf8, false);
    let schema = Schema::new((1..=arguments.len()).map(field).collect::<Vec<_>>());
    let column =
        |argument: &String| Arc::new(StringArray::from(vec![argument.as_str()])) as ArrayRef;
    let columns = arguments.iter().map(column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
