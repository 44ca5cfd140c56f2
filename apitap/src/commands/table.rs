//! Rows → a table for people, or JSON for machines.

use std::fmt::Write as _;

use apitap_build::shown::shown;
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, Table, presets};
use console::{measure_text_width, truncate_str};

use super::output::{FAINT, TITLE, styled};
use crate::{Error, Result};

/// The longest value that a table shows, in columns of the screen.
const LONGEST: usize = 48;
/// The width that is assumed where a line may be as long as it likes.
const WIDE: usize = 100_000;

/// Rows as a table; each one as a list of its values, where the table is wider than the screen.
///
/// # Errors
/// A type that has no text, which is a mistake in apitap.
pub(crate) fn rows(
    batches: &[RecordBatch],
    width: Option<usize>,
    mask: impl Fn(&str) -> String,
) -> Result<String> {
    let Some(first) = batches.first() else { return Ok(String::new()) };
    let schema = first.schema();
    let names: Vec<_> =
        schema.fields().iter().map(|field| shown(field.name()).into_owned()).collect();
    let numeric: Vec<_> = schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
    let mut values = Vec::new();
    for batch in batches {
        values.extend(texts(batch, &mask)?);
    }
    Ok(fitted(&names, &numeric, &values, width))
}

/// Texts as a table, or each row as a list, where the table is wider than the screen.
pub(crate) fn fitted(
    names: &[String],
    numeric: &[bool],
    rows: &[Vec<String>],
    width: Option<usize>,
) -> String {
    let width = width.unwrap_or(WIDE);
    match table_width(names, rows) <= width {
        true => table(names, numeric, rows),
        false => listed(names, rows, width),
    }
}

/// The values of a batch, row by row.
fn texts(batch: &RecordBatch, mask: impl Fn(&str) -> String) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("null");
    let columns = batch.columns().iter();
    let columns = columns
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|cause| Error::query("a row cannot be shown").caused_by(cause))?;
    let row = |row| {
        let value = |column: &ArrayFormatter<'_>| match column.value(row).try_to_string() {
            Ok(text) => Ok(truncate_str(&shown(&mask(&text)), LONGEST, "…").into_owned()),
            Err(cause) => Err(Error::query("a row cannot be shown").caused_by(cause)),
        };
        columns.iter().map(value).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// How wide a table of those is.
pub(crate) fn table_width(names: &[String], rows: &[Vec<String>]) -> usize {
    let column = |place: usize, name: &String| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        cells.chain([name]).map(|text| measure_text_width(text)).max().unwrap_or_default()
    };
    names.iter().enumerate().map(|(place, name)| column(place, name) + 2).sum()
}

fn table(names: &[String], numeric: &[bool], rows: &[Vec<String>]) -> String {
    let mut table = plain(names.iter().map(String::as_str));
    for row in rows {
        table.add_row(row);
    }
    for (place, _) in numeric.iter().enumerate().filter(|(_, numeric)| **numeric) {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    trimmed(&table)
}

/// A table with two spaces between its columns, and a rule under its header.
pub(crate) fn plain<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(comfy_table::TableComponent::HeaderLines, '─');
    table.set_header(header);
    table
}

/// The table's lines without the space at their ends.
pub(crate) fn trimmed(table: &Table) -> String {
    let lines = table.to_string();
    let lines: Vec<_> = lines.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Each row as lines `name  value`.
fn listed(names: &[String], rows: &[Vec<String>], width: usize) -> String {
    let longest = names.iter().map(|name| measure_text_width(name)).max().unwrap_or_default();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "{}", styled(FAINT, format_args!("row {}", index + 1)));
        for (name, value) in names.iter().zip(row) {
            let room = width.saturating_sub(longest + 4).max(8);
            let padding = " ".repeat(longest.saturating_sub(measure_text_width(name)));
            let value = truncate_str(value, room, "…");
            let _ = writeln!(text, "  {}{padding}  {value}", styled(TITLE, name));
        }
    }
    text.trim_end().to_owned()
}

/// Rows as a JSON array of objects.
///
/// # Errors
/// A type that JSON has no form for, which is a mistake in apitap.
pub(crate) fn json(batches: &[RecordBatch], mask: impl Fn(&str) -> String) -> Result<String> {
    let wrong = |cause| Error::query("a row cannot be shown as JSON").caused_by(cause);
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::JsonArray>(Vec::new());
    for batch in batches {
        writer.write(batch).map_err(wrong)?;
    }
    writer.finish().map_err(wrong)?;
    let text = String::from_utf8(writer.into_inner())
        .map_err(|cause| Error::query("a row cannot be shown as JSON").caused_by(cause))?;
    let text = if text.is_empty() { "[]".to_owned() } else { text };
    Ok(mask(&text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let ids = Arc::new(Int64Array::from(vec![1, 20])) as ArrayRef;
        let long = "x".repeat(60);
        let names = Arc::new(StringArray::from(vec![Some("a\u{1b}[2J"), None])) as ArrayRef;
        let texts = Arc::new(StringArray::from(vec!["s3cret", &long])) as ArrayRef;
        RecordBatch::try_from_iter_with_nullable([
            ("id", ids, false),
            ("name", names, true),
            ("text", texts, false),
        ])
        .unwrap()
    }

    fn check(width: Option<usize>, expected: &str) {
        let mask = |text: &str| text.replace("s3cret", "${TOKEN}");
        let found = rows(&[batch()], width, mask).unwrap();
        assert_eq!(anstream::adapter::strip_str(&found).to_string(), expected, "\n{found}");
    }

    #[test]
    fn rows_are_a_table_where_it_fits_and_lists_where_not() {
        let (long, rule) = ("x".repeat(47), "─".repeat(66));
        check(
            None,
            &format!(
                " id  name        text\n{rule}\n  1  a\\u{{1b}}[2J  ${{TOKEN}}\n 20  null        {long}…"
            ),
        );
        check(
            Some(40),
            &format!(
                "row 1\n  id    1\n  name  a\\u{{1b}}[2J\n  text  ${{TOKEN}}\nrow 2\n  id    20\n  \
                 name  null\n  text  {}…",
                "x".repeat(31)
            ),
        );
    }

    #[test]
    fn a_machine_gets_an_array_of_objects() {
        let json = json(&[batch()], str::to_owned).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value[0]["id"], 1);
        assert_eq!(value[1]["name"], serde_json::Value::Null);
        assert_eq!(super::json(&[], str::to_owned).unwrap(), "[]");
    }
}
