//! `map(…)` of a SQL file as written → the function, the source, and what it yields.

use super::path::rust_path;
use super::words::Words;
use crate::codes;
use crate::definition::Map;
use crate::diagnostic::{Files, Finding, Findings, Place};
use crate::parse::yaml;
use crate::schema::Schema;
use crate::schema::notation;
use crate::tree::Node;

/// A map as declared.
#[derive(Debug)]
pub(crate) struct MapWords {
    pub(crate) map: Map,
    pub(crate) row: Schema,
    /// Where each column is declared.
    pub(crate) column_places: Vec<Place>,
}

/// Reads `map("crate::orders::lines", source="orders", row="{id: int64!}")`; the source is looked
/// up by others.
pub(crate) fn map(node: &Node, files: &Files, findings: &mut Findings) -> Option<MapWords> {
    let mut words = Words::new("`map`", node, findings)?;
    let path = words.required_string("path", "path=\"crate::orders::lines\"");
    words.required_string("source", "source=\"orders\"");
    let row = words.required_string("row", "row=\"{id: int64!, sku: string!}\"");
    let fallible = words.boolean("fallible");
    if !words.finish() {
        return None;
    }
    let (path, row) = (path?, row?);
    let fields = match &row.place {
        Place::Text { file, start, end }
            if files.get(*file).text.get(*start..*end) == Some(&row.value) =>
        {
            yaml::parse_within(files, *file, *start..*end, findings)
        }
        // What the template has computed stands nowhere.
        place => {
            findings.push(
                Finding::error(codes::INVALID_CALL, "`row` is not written out", place)
                    .help("write it as one text without escapes: `row=\"{id: int64!}\"`"),
            );
            None
        }
    };
    let known = rust_path(&path, findings);
    let (row, places) = notation::schema(&fields?, findings)?;
    let column_places = row.fields.iter();
    let column_places =
        column_places.filter_map(|field| places.get(&field.name).cloned()).collect();
    let name = path.value.rsplit("::").next().unwrap_or_default();
    // The module has functions of these names.
    let name = match name {
        "run" | "run_in" | "rows" | "rows_in" | "transform" => format!("{name}_of"),
        name => name.to_owned(),
    };
    let map = Map { name, path: Some(path.value), fallible };
    known.then_some(MapWords { map, row, column_places })
}
