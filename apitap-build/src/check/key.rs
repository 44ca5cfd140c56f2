//! The columns that identify a row → findings about them.
//!
//! Knows what the query yields, and nothing of the table that is there.

use super::{PipelineSpec, list, query, target};
use crate::codes;
use crate::definition::table::can_be_key;
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::nearest::nearest;
use crate::schema::notation::type_text;
use crate::spec::SourceSpec;

/// The columns that identify a row: those of `sink(…)`, else those of the first source.
pub(super) fn of(spec: &PipelineSpec<'_>) -> Vec<Spanned<String>> {
    let key = &spec.sink.store.key.value;
    if !key.is_empty() {
        return key.clone();
    }
    let first = spec.sources.first();
    first.and_then(|s| s.described.primary_key_in_dest.value.clone()).unwrap_or_default()
}

/// Whether the key's columns are yielded, are never null, and are such as the target takes.
pub(super) fn check(
    spec: &PipelineSpec<'_>,
    table: &str,
    key: &[Spanned<String>],
    planned: &query::Planned,
    findings: &mut Findings,
) {
    for (index, column) in key.iter().enumerate() {
        let is_known = key.iter().take(index).any(|other| other.value == column.value);
        if !is_known {
            check_yielded(column, planned, findings);
            check_not_null(column, planned, &spec.sources, findings);
        }
    }
    let kind = spec.target.target.kind;
    target::check_key(kind, table, key, &planned.row, &planned.column_places, findings);
}

/// A key that many rows share, so that all but one of them are gone.
pub(super) fn shared(key: &[Spanned<String>], planned: &query::Planned) -> Option<Finding> {
    let column = |name: &String| planned.row.fields.iter().position(|field| field.name == *name);
    let columns: Option<Vec<_>> = key.iter().map(|name| column(&name.value)).collect();
    let (columns, first) = (columns?, key.first()?);
    let rows = &planned.rows;
    if columns.iter().all(|column| rows.constant.contains(column)) {
        return Some(
            Finding::warning(codes::SHARED_KEY, "the key is the same in all rows", &first.place)
                .label("only the last row stays")
                .help("name a column that differs from row to row"),
        );
    }
    let differs = |column: &usize| rows.of_elements.contains(column);
    (rows.are_elements && !columns.iter().any(differs)).then(|| {
        let message = "the rows of one list share this key: only the last of them stays";
        Finding::warning(codes::SHARED_KEY, message, &first.place)
            .help("add a column of the elements to the key, such as their `id`")
    })
}

/// Whether the query yields a column of the key.
pub(super) fn check_yielded(
    column: &Spanned<String>,
    planned: &query::Planned,
    findings: &mut Findings,
) {
    let name = &column.value;
    if planned.row.field(name).is_some() {
        return;
    }
    let columns: Vec<_> = planned.row.fields.iter().map(|field| field.name.as_str()).collect();
    let message = format!("the query yields no column `{name}`, which is in the key");
    let finding = Finding::error(codes::KEY_NOT_SELECTED, message, &column.place)
        .label("not a column of the query")
        .note(format!("the query yields {}", list(&columns)));
    findings.push(match nearest(name, columns.iter().copied()) {
        Some(_) => finding.suggest("column", name, columns.iter().copied()),
        None => finding.help(format!("select `{name}`, or choose the key among these columns")),
    });
}

/// A file never promises that a field is there; the YAML file can.
fn check_not_null(
    column: &Spanned<String>,
    planned: &query::Planned,
    sources: &[&SourceSpec],
    findings: &mut Findings,
) {
    let name = &column.value;
    let Some(index) = planned.row.fields.iter().position(|field| &field.name == name) else {
        return;
    };
    // What can never be a key is reported as that.
    let field = &planned.row.fields[index];
    if !field.nullable || !can_be_key(&field.ty) {
        return;
    }
    let message = format!("column `{name}` is in the key, but may be null");
    let mut finding =
        Finding::error(codes::NULLABLE_KEY, message, &column.place).label("may be null");
    let without = without_null(name, planned.expressions.get(index).map_or("", String::as_str));
    if planned.rows.of_elements.contains(&index) {
        finding = finding
            .note("an element of a list may be null, whatever the schema says of it")
            .help(format!("leave the rows without it out: {without}"));
    } else {
        finding = finding.help(format!(
            "if the API always sends it, declare it not null in the source's schema with `!`; \
             else leave the rows without it out: {without}"
        ));
    }
    let of_field = planned.rows.fields.get(&index).filter(|(_, path)| !path.contains('.'));
    if let Some((_, path)) = of_field.filter(|_| sources.iter().any(|s| s.files().is_some())) {
        let ty = type_text(&planned.row.fields[index].ty, false);
        finding =
            finding.help(format!("beside a file, that is `fields: {{{path}: {ty}}}` in `schema`"));
    }
    if let Some(place) = planned.column_places.get(index) {
        finding = finding.related(place, "the query yields it here");
    }
    // Where the source's own declaration says that it may be null, that is what to look at.
    if let Some((source, path)) = planned.rows.fields.get(&index)
        && let Some(source) = sources.iter().find(|known| known.table.name.value == *source)
        && let Some(declared) = &source.table.declared
        && let Some(place) = declared.value.places.get(path)
    {
        finding = finding.related(
            place,
            match source.files() {
                Some(_) => format!("`{path}` comes from here, and a file does not promise it"),
                None => format!("`{path}` is declared here, without `!`"),
            },
        );
    }
    findings.push(finding);
}

/// The condition that leaves out the rows in which a column is null: WHERE does not know the names that
/// the SELECT gives.
fn without_null(name: &str, expression: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || "_.\"".contains(c);
    match !expression.is_empty() && expression.chars().all(is_path) {
        true => format!("`WHERE {expression} IS NOT NULL`"),
        false => format!("`SELECT * FROM (…) WHERE {name} IS NOT NULL`"),
    }
}
