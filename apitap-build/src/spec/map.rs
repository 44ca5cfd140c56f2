//! `map(…)` of a SQL file as written → the function, the source, and what it yields.

use crate::codes;
use crate::definition::Map;
use crate::diagnostic::{Files, Finding, Findings, Place};
use crate::keys::function::MapKeys;
use crate::keys::group;
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
    let keys = group::read::<MapKeys>("`map`".to_owned(), node, findings)?;
    let row = keys.row;
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
    let (row, places) = notation::schema(&fields?, findings)?;
    let column_places = row.fields.iter();
    let column_places =
        column_places.filter_map(|field| places.get(&field.name).cloned()).collect();
    let name = keys.path.value.0.rsplit("::").next().unwrap_or_default();
    // The module has functions of these names.
    let name = match name {
        "run" | "run_in" | "rows" | "rows_in" | "transform" => format!("{name}_of"),
        name => name.to_owned(),
    };
    let map = Map { name, path: Some(keys.path.value.0), fallible: keys.fallible.value };
    Some(MapWords { map, row, column_places })
}
