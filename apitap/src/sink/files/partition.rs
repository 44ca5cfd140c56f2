//! A batch → the rows of each folder: `country=FR/day=2026-11-27`, as Hive names them.
//!
//! The columns that the folders say are not in the files.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::row::{RowConverter, SortField};

use super::cell;
use crate::sink::load::{Column, Load};
use crate::sink::refusal;
use crate::{Error, Result};

/// What a null is in the name of a folder.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// The longest name of a folder that every file system takes, in bytes.
const LONGEST: usize = 255;

/// Some rows of a run, all for one folder.
pub(super) struct Part {
    /// Below that of the table; empty where rows are not kept apart.
    pub(super) folder: String,
    /// What the folder says of each column of `partition_by`, as text; `None` is null.
    pub(super) values: Vec<Option<String>>,
    /// Their columns are those of the file.
    pub(super) rows: RecordBatch,
    pub(super) numbers: Numbers,
}

/// The numbers of rows in the run.
pub(super) enum Numbers {
    /// This one and those after it.
    From(u64),
    Each(Vec<u64>),
}

impl Numbers {
    /// The number of a row of the part.
    pub(super) fn of(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Each(numbers) => numbers.get(row).copied().unwrap_or_default(),
        }
    }

    /// Of the rows from `start` on.
    pub(super) fn skip(&self, start: usize) -> Self {
        match self {
            Self::From(first) => Self::From(first + start as u64),
            Self::Each(numbers) => Self::Each(numbers.get(start..).unwrap_or_default().to_vec()),
        }
    }
}

/// Those of a load's columns that are in the files.
pub(super) fn in_files(load: &Load, columns: Vec<Column>) -> Vec<Column> {
    let kept = kept(load);
    let columns = columns.into_iter().enumerate();
    columns.filter(|(place, _)| kept.contains(place)).map(|(_, column)| column).collect()
}

fn kept(load: &Load) -> Vec<usize> {
    (0..load.columns.len()).filter(|place| !load.partition_by.contains(place)).collect()
}

/// The rows of each folder, in the order in which these come first.
///
/// # Errors
/// A value that can name no folder, by column and row.
pub(super) fn split(load: &Load, first: u64, batch: &RecordBatch) -> Result<Vec<Part>> {
    if load.partition_by.is_empty() {
        let (folder, values, rows) = (String::new(), Vec::new(), batch.clone());
        return Ok(vec![Part { folder, values, rows, numbers: Numbers::From(first) }]);
    }
    let rows = batch.project(&kept(load)).map_err(lost)?;
    let groups = groups(load, batch)?;
    let mut parts = Vec::with_capacity(groups.len());
    for indices in groups {
        let Some(&head) = indices.first() else { continue };
        let values = values(load, batch, head as usize, first)?;
        let folder = folder(load, &values, first + u64::from(head))?;
        let numbers = indices.iter().map(|&row| first + u64::from(row)).collect();
        let rows = take_record_batch(&rows, &UInt32Array::from(indices)).map_err(lost)?;
        parts.push(Part { folder, values, rows, numbers: Numbers::Each(numbers) });
    }
    Ok(parts)
}

/// The rows that have the same values in these columns.
fn groups(load: &Load, batch: &RecordBatch) -> Result<Vec<Vec<u32>>> {
    let columns: Vec<ArrayRef> =
        load.partition_by.iter().map(|&place| batch.column(place).clone()).collect();
    let fields = columns.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let values = RowConverter::new(fields).and_then(|rows| rows.convert_columns(&columns));
    let values = values.map_err(lost)?;
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (row, value) in (0..).zip(values.iter()) {
        let place = *places.entry(value).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.push(row);
        }
    }
    Ok(groups)
}

/// The texts of a row's values in the columns of `partition_by`.
fn values(load: &Load, batch: &RecordBatch, row: usize, first: u64) -> Result<Vec<Option<String>>> {
    let value = |(column, place): (&Column, usize)| {
        let refused = |why: &str| refusal::value(column, first + row as u64, why);
        let array = batch.column(place).slice(row, 1);
        if array.is_null(0) {
            return Ok(None);
        }
        let mut value = String::new();
        let cell = cell::of(column, &array).map_err(|error| refused(&error.why))?;
        cell(0, &mut value).map_err(|why| refused(&why))?;
        Ok(Some(value))
    };
    by(load).map(value).collect()
}

/// The columns of `partition_by`, and their places.
pub(super) fn by(load: &Load) -> impl Iterator<Item = (&Column, usize)> {
    load.partition_by.iter().filter_map(|&place| Some((load.columns.get(place)?, place)))
}

/// Their names.
pub(super) fn names(load: &Load) -> Vec<String> {
    by(load).map(|(column, _)| column.name.clone()).collect()
}

/// Names of columns for a message.
pub(super) fn listed(columns: &[String]) -> String {
    match columns {
        [] => "nothing".to_owned(),
        columns => columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

/// The folder of these values, which the row of that number has.
fn folder(load: &Load, values: &[Option<String>], row: u64) -> Result<String> {
    let mut folder = String::new();
    for ((column, _), value) in by(load).zip(values) {
        let refused = |why: &str| refusal::value(column, row, why);
        if value.as_deref() == Some(NULL) {
            return Err(refused(&format!("is `{NULL}`, which as a folder says null")));
        }
        let value = value.as_deref().map_or_else(|| NULL.to_owned(), encoded);
        let name = format!("{}={value}", encoded(&column.name));
        if name.len() > LONGEST {
            return Err(refused("is too long for the name of a folder"));
        }
        if !folder.is_empty() {
            folder.push('/');
        }
        folder.push_str(&name);
    }
    Ok(folder)
}

/// Percent-encodes what has a meaning in paths, patterns and URLs; letters of all languages stay.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_alphanumeric() && !c.is_control() || matches!(c, '-' | '_' | '.' | '~') {
            true => out.push(c),
            false => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| out.push_str(&format!("%{b:02X}")))
            }
        }
    }
    out
}

fn lost(cause: arrow::error::ArrowError) -> Error {
    Error::target(format!("the rows cannot be kept apart: {cause}")).caused_by(cause)
}
