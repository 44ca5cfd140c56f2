//! `incremental`: whether its field says when a record was changed, the API is told since when, and the
//! rows of a part of the records are right without those of the others.

use super::PipelineSpec;
use super::query::Planned;
use crate::codes;
use crate::definition::{IncrementalMode, Mode};
use crate::diagnostic::{Finding, Findings, Place};
use crate::keys::incremental::IncrementalSpec;
use crate::schema::Type;
use crate::schema::notation::type_text;
use crate::spec::SourceSpec;

/// The field of a source; `names` are those that its requests use.
pub(super) fn check_source(source: &SourceSpec, names: &[String], findings: &mut Findings) {
    let Some(incremental) = &source.request.incremental.value else { return };
    findings.extend(check_field(source, incremental));
    if incremental.mode.value == IncrementalMode::Server
        && incremental.param.value.is_none()
        && !names.iter().any(|name| name == "start")
    {
        findings.push(
            error("the API is not told since when", &incremental.at)
                .help("name its parameter, as in `param: updated_since`, or write `{start}` in a request")
                .help("where it cannot be told: `mode: client`, or `mode: feed` where it sends what is newest first"),
        );
    }
    if incremental.window.value.is_some()
        && incremental.end_param.value.is_none()
        && !names.iter().any(|name| name == "end")
    {
        let place = &incremental.window.place;
        findings.push(error("the API is not told where a slice ends", place).help(
            "name its parameter, as in `end_param: updated_before`, or write `{end}` in a request",
        ));
    }
}

fn error(message: impl Into<String>, place: &Place) -> Finding {
    Finding::error(codes::INVALID_INCREMENTAL, message, place)
}

fn check_field(source: &SourceSpec, incremental: &IncrementalSpec) -> Option<Finding> {
    let (name, place) = (&incremental.field.value, &incremental.field.place);
    let Some(declared) = &source.table.declared else {
        let message = format!("source `{}` declares no schema", source.table.name.value);
        let finding = Finding::error(codes::NO_SCHEMA, message, place);
        return Some(
            finding.help(format!("declare at least this field: `schema: {{{name}: timestamp!}}`")),
        );
    };
    let fields = &declared.value.schema.fields;
    let Some(field) = fields.iter().find(|field| field.name == *name) else {
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        let message = format!("field `{name}` not found in source `{}`", source.table.name.value);
        return Some(error(message, place).suggest("field", name, names));
    };
    let at = declared.value.places.get(name).unwrap_or(&declared.place);
    let finding = |message: String| error(message, place).related(at, "it is declared here");
    if !matches!(field.ty, Type::Timestamp | Type::Date) {
        let message = format!("`{name}` is of the type {}", type_text(&field.ty, true));
        return Some(finding(message).help("take a field that is a `timestamp!` or a `date!`"));
    }
    field.nullable.then(|| {
        let ty = type_text(&field.ty, false);
        finding(format!("`{name}` may be null")).help(format!(
            "declare it as `{name}: {ty}` if it never is: a record without it is never new"
        ))
    })
}

/// What a pipeline does with the records that are new.
pub(super) fn check_pipeline(
    spec: &PipelineSpec<'_>,
    planned: &Planned,
    mode: Option<Mode>,
    place: &Place,
    findings: &mut Findings,
) {
    let read = |source: &&SourceSpec| planned.reads.contains_key(&source.table.name.value);
    for source in spec.sources.iter().copied().filter(read) {
        let Some(incremental) = &source.request.incremental.value else { continue };
        let name = &source.table.name.value;
        let finding = |message: String| {
            error(message, place).related(&incremental.at, format!("`{name}` is incremental"))
        };
        if mode == Some(Mode::Replace) {
            findings.push(
                finding("`replace` would remove all rows but the new ones".to_owned())
                    .help("write `mode=\"merge\"` with a key, or `mode=\"append\"`"),
            );
        }
        let deletes = &spec.sink.store.delete_missing;
        if deletes.value {
            let message = "`delete_missing` would delete all rows but the new ones";
            findings.push(
                error(message, &deletes.place)
                    .related(&incremental.at, format!("`{name}` is incremental"))
                    .help("remove `delete_missing`, or `incremental`"),
            );
        }
        if mode == Some(Mode::Append) && incremental.lookback.value.is_some() {
            findings.push(
                finding("with `lookback`, `append` stores rows again that are there".to_owned())
                    .help("write `mode=\"merge\"` with a key, or remove `lookback`"),
            );
        }
        if let Some(what) = planned.rows.together {
            findings.push(
                finding(format!("{what} would see the new records only")).help(
                    "load the records as they are, and compute this in the database, as a view",
                ),
            );
        }
    }
}
