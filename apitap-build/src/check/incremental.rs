//! `incremental`: whether its field says when a record was changed, the API is told since when, and the
//! rows of a part of the records are right without those of the others.

use std::collections::BTreeSet;

use super::PipelineSpec;
use super::filters::unknown_field;
use super::query::{Later, Planned};
use crate::codes;
use crate::definition::{IncrementalMode, Mode};
use crate::diagnostic::{Finding, Findings, Place, Severity};
use crate::keys::incremental::IncrementalSpec;
use crate::keys::pagination::{EarlyEnd, PaginationSpec};
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
            finding.help(format!(
                "declare the fields that the query reads, and this one: `schema: {{{name}: timestamp!, …}}`; `apitap \
                 sample {}` shows them",
                source.table.name.value
            )),
        );
    };
    let schema = &declared.value.schema;
    let Some(path) = schema.path(name) else {
        let code = codes::INVALID_INCREMENTAL;
        return Some(unknown_field(&source.table.name.value, schema, &incremental.field, code));
    };
    let field = path.last()?;
    let at = declared.value.places.get(name).unwrap_or(&declared.place);
    let finding = |message: String| error(message, place).related(at, "it is declared here");
    if !matches!(field.ty, Type::Timestamp | Type::Date) {
        let message = format!("`{name}` is of the type {}", type_text(&field.ty, true));
        return Some(finding(message).help("take a field that is a `timestamp!` or a `date!`"));
    }
    let place_of = path.iter().position(|field| field.nullable)?;
    let nullable = path.get(place_of)?;
    let outer = path.iter().take(place_of + 1).map(|field| field.name.as_str());
    let outer = outer.collect::<Vec<_>>().join(".");
    let at = declared.value.places.get(&outer).unwrap_or(at);
    let of = &nullable.name;
    let declared = match &nullable.ty {
        Type::Record(_) => format!("{of}!: {{…}}"),
        ty => format!("{of}: {}", type_text(ty, false)),
    };
    let help =
        format!("declare it as `{declared}` if it never is: a record without it is never new");
    Some(
        error(format!("`{outer}` may be null"), place)
            .related(at, "it is declared here")
            .help(help),
    )
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
        let Some((at, says)) = in_part(spec, source) else { continue };
        let finding_at =
            |message: String, place: &Place| error(message, place).related(at, says.clone());
        let finding = |message: String| finding_at(message, place);
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
                    .related(at, says.clone())
                    .help("remove `delete_missing`, or what makes each run load a part only"),
            );
        }
        let incremental = source.request.incremental.value.as_ref();
        let looks_back = incremental.is_some_and(|keys| keys.lookback.value.is_some());
        if mode == Some(Mode::Append) && looks_back {
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
        let counted = counted(spec.declared, source);
        findings.extend(counted.into_iter().filter_map(|source| ends_early(source, at, &says)));
        let found = later(source, planned);
        findings.extend(found.map(|(condition, said)| {
            let own = condition.at.clone().map(|range| (spec.sql_place)(range));
            said.finding(|message| finding_at(message, own.as_ref().unwrap_or(place)))
        }));
        let found = partners(spec, source, planned);
        findings.extend(found.map(|(other, said)| {
            let read = planned.reads_at.iter().rfind(|(read, _)| *read == other);
            said.finding(|message| finding_at(message, read.map_or(place, |(_, at)| at)))
        }));
    }
}

/// The sources of which all pages have to be read for the state of a source to be right: it, and those of its
/// parents whose records it would not be requested for later.
fn counted<'s>(declared: &'s [SourceSpec], source: &'s SourceSpec) -> Vec<&'s SourceSpec> {
    let mut found = vec![source];
    for entry in &source.request.for_each.value {
        let Some(parent) = &entry.source.value else { continue };
        let parent = declared.iter().find(|other| other.table.name.value == *parent);
        let Some(parent) = parent else { continue };
        if followed(declared, parent).is_some() {
            found.extend(counted(declared, parent));
        } else if entry.only_changed.value {
            found.push(parent);
        }
    }
    found
}

/// A key that ends the pages before all records that are new have come: the state moves on all the same.
fn ends_early(source: &SourceSpec, at: &Place, says: &str) -> Option<Finding> {
    let EarlyEnd { key, place, .. } = source.request.pagination.value.ends_early()?;
    let message = format!("`{key}` would leave out new records, which no later run loads");
    let finding = error(message, place).related(at, says);
    Some(match source.request.pagination.value {
        PaginationSpec::Single(_) => {
            finding.help(format!("remove `{key}`, and say with `pagination` how to read all pages"))
        }
        _ => finding.help(format!(
            "remove `{key}`: where a run would load too much at once, `window` cuts it into slices, and \
             `checkpoint` of the target commits on the way"
        )),
    })
}

/// What a finding says.
struct Said {
    message: String,
    help: String,
    /// Whether records are lost whatever the API sends.
    is_certain: bool,
}

/// The first condition that a record may come to meet when it is not read any more. Where the field of the source
/// itself is bounded, the next run goes on behind the bound.
fn later<'p>(source: &SourceSpec, planned: &'p Planned) -> Option<(&'p Later, Said)> {
    let name = &source.table.name.value;
    let own = source.request.incremental.value.as_ref().map(|keys| keys.field.value.as_str());
    let is_own = |(of, field): &(String, String)| of == name && Some(field.as_str()) == own;
    let found = planned.rows.later.iter().find(|condition| {
        let is_of_it = condition.fields.iter().any(|(of, _)| of == name);
        is_of_it && !condition.below.as_ref().is_some_and(is_own)
    })?;
    let bounds = found.fields.iter().find(|field| is_own(field));
    let (_, field) = bounds.or_else(|| found.fields.iter().find(|(of, _)| of == name))?;
    let message =
        format!("a record that the condition on `{field}` leaves out now is not loaded later");
    let help = match bounds {
        Some(_) => format!(
            "leave the field alone on its side, as in `{field} < now() - INTERVAL '1 hour'`: the next run \
             then goes on from there"
        ),
        None => "load all records, and filter them in the database, as a view".to_owned(),
    };
    Some((found, Said { message, help, is_certain: bounds.is_some() }))
}

impl Said {
    /// A warning where it depends on what the API sends whether anything is lost.
    fn finding(self, at: impl FnOnce(String) -> Finding) -> Finding {
        let finding = at(self.message).help(self.help);
        match self.is_certain {
            true => finding,
            false => Finding { code: codes::LATER_RECORDS, severity: Severity::Warning, ..finding },
        }
    }
}

/// Another source, of which records come after those that they belong to.
fn partners(
    spec: &PipelineSpec<'_>,
    source: &SourceSpec,
    planned: &Planned,
) -> Option<(String, Said)> {
    let name = &source.table.name.value;
    let in_part = |other: &String| {
        let other = spec.sources.iter().find(|source| source.table.name.value == *other);
        other.is_some_and(|other| in_part(spec, other).is_some())
    };
    let others = planned.rows.sides.iter().flat_map(|sides| sides.beside(name));
    let others: BTreeSet<_> = others.collect();
    if let Some(other) = others.iter().find(|other| in_part(other)) {
        let both = if *other == name { "itself".to_owned() } else { format!("`{other}`") };
        let message = format!("`{name}` with {both} would see the new records of both only");
        let help = "load each into its table, and join them in the database, as a view".to_owned();
        return Some(((*other).clone(), Said { message, help, is_certain: true }));
    }
    let other = (*others.first()?).clone();
    let message = format!(
        "a record of `{name}` that comes before what it needs of `{other}` is not stored later"
    );
    let help = "load each into its table, and join them in the database, as a view; `lookback` loads late ones again";
    Some((other, Said { message, help: help.to_owned(), is_certain: false }))
}

/// What makes a run load a part of the records of a source, and how a finding says that.
fn in_part<'s>(spec: &PipelineSpec<'s>, source: &'s SourceSpec) -> Option<(&'s Place, String)> {
    let name = &source.table.name.value;
    if let Some(incremental) = &source.request.incremental.value {
        return Some((&incremental.at, format!("`{name}` is incremental")));
    }
    let place = followed(spec.declared, source)?;
    Some((place, format!("`{name}` is requested for what has changed")))
}

/// Where a source, or one of those for whose records it is requested, says that only changed records count.
fn followed<'s>(declared: &'s [SourceSpec], source: &'s SourceSpec) -> Option<&'s Place> {
    source.request.for_each.value.iter().find_map(|entry| {
        if entry.only_changed.value {
            return Some(&entry.only_changed.place);
        }
        let parent = entry.source.value.as_ref()?;
        let parent = declared.iter().find(|other| other.table.name.value == *parent)?;
        followed(declared, parent)
    })
}
