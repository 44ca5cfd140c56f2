//! A checked query against the table that takes its rows: names, numbers, keys; and pipelines that
//! write one table against each other.
//!
//! Knows what [`crate::definition::table`] says of targets, and nothing of a database that exists.

use std::collections::HashMap;

use super::{Checked, PipelineSpec, hooks, list};
use crate::codes;
use crate::definition::capabilities::Storage;
use crate::definition::shared::{self, Table};
use crate::definition::table::{
    self, Misfit, TableName, can_be_key, can_name_a_folder, check_columns, check_table,
};
use crate::definition::{AdbcDialect, Definition, Evolve, Mode, TargetKind};
use crate::diagnostic::{Finding, Findings, Place, Severity, Spanned};
use crate::keys::bad_record::OnBadRecord;
use crate::keys::pagination::EarlyEnd;
use crate::schema::notation::type_text;
use crate::schema::{Field, Schema, Type};
use crate::spec::SourceSpec;

/// The table's name, against what the target takes.
pub(super) fn check_name(
    spec: &PipelineSpec<'_>,
    table: &Spanned<String>,
    findings: &mut Findings,
) {
    let misfits = match TableName::parse(&table.value) {
        Ok(name) => check_table(spec.target.target.kind.capabilities(), &name),
        Err(misfit) => vec![misfit],
    };
    findings.extend(misfits.iter().map(|misfit| finding(misfit, &table.place, None)));
}

/// The columns' names and number, against what the target takes.
pub(super) fn check_row(
    kind: TargetKind,
    row: &Schema,
    places: &[Place],
    whole: &Place,
    findings: &mut Findings,
) {
    for misfit in check_columns(kind.capabilities(), row) {
        let place = |column: Option<usize>| column.and_then(|column| places.get(column));
        let at = place(misfit.column).unwrap_or(whole);
        let other = place(misfit.other).filter(|other| *other != at);
        findings.push(finding(&misfit, at, other));
    }
}

fn finding(misfit: &Misfit, place: &Place, other: Option<&Place>) -> Finding {
    let finding = Finding::error(misfit.code, misfit.message.as_str(), place);
    let finding = match other {
        Some(other) => finding.related(other, "the other one"),
        None => finding,
    };
    finding.help(misfit.help.as_str())
}

/// `delete_missing`, against the mode.
pub(super) fn check_missing(spec: &PipelineSpec<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let written = &spec.sink.store.delete_missing;
    let Some(mode) = mode.filter(|mode| written.value && *mode != Mode::Merge) else { return };
    let message = "`delete_missing` goes with the mode `merge`";
    let finding = Finding::error(codes::DELETES_WITHOUT_MERGE, message, &written.place);
    findings.push(match mode {
        Mode::Replace => finding
            .note("`replace` leaves only the rows of the run anyway")
            .help("remove `delete_missing`"),
        _ => finding
            .note(format!("`{}` leaves the rows that are there as they are", mode.name()))
            .help("use `mode=\"merge\"` with a key, or remove `delete_missing`"),
    });
}

/// What deletes rows, against sources that leave out records whose rows are there.
pub(super) fn check_skipped(spec: &PipelineSpec<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let Some((what, place)) = deletes(spec, mode) else { return };
    for source in requested(spec) {
        let skips = &source.request.on_bad_record;
        if skips.value != OnBadRecord::Skip {
            continue;
        }
        let message = format!("{what} would delete the rows of records that are skipped");
        let name = &source.table.name.value;
        findings.push(
            Finding::error(codes::DELETES_SKIPPED, message, place)
                .related(&skips.place, format!("`{name}` skips records that do not fit"))
                .help(
                    "use `mode=\"merge\"` with a key and without `delete_missing`, which keeps those \
                     rows, or remove `on_bad_record: skip`",
                ),
        );
    }
}

/// What deletes rows, against sources whose pages are not all read.
pub(super) fn check_ends(spec: &PipelineSpec<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let Some((what, place)) = deletes(spec, mode) else { return };
    for source in requested(spec) {
        let Some(EarlyEnd { key, reads, place: at }) = source.request.pagination.value.ends_early()
        else {
            continue;
        };
        let name = &source.table.name.value;
        let message = format!("{what} would delete the rows of the pages that are not read");
        let finding = Finding::error(codes::DELETES_SKIPPED, message, place)
            .related(at, format!("`{name}` {reads}"));
        findings.push(match mode {
            Some(Mode::Replace) => finding
                .help(format!(
                    "remove `{key}`; or use `mode=\"merge\"` with a key, which keeps those rows"
                ))
                .help("where the table is to hold the first records only, say so in the query, with `LIMIT`"),
            _ => finding.help(format!("remove `{key}`, or `delete_missing`: then those rows stay")),
        });
    }
}

/// What deletes the rows whose record did not come, and where that is written.
fn deletes<'a>(
    spec: &'a PipelineSpec<'_>,
    mode: Option<Mode>,
) -> Option<(&'static str, &'a Place)> {
    let store = &spec.sink.store;
    match mode {
        Some(Mode::Replace) => Some(("`replace`", &store.mode.place)),
        _ if store.delete_missing.value => Some(("`delete_missing`", &store.delete_missing.place)),
        _ => None,
    }
}

/// The sources of a pipeline and their parents, each once.
fn requested<'a>(spec: &PipelineSpec<'a>) -> Vec<&'a SourceSpec> {
    let mut found: Vec<&SourceSpec> = spec.sources.clone();
    let mut next = 0;
    while let Some(source) = found.get(next).copied() {
        next += 1;
        for parent in source.request.for_each.value.iter().filter_map(|e| e.source.value.as_ref()) {
            let declared = spec.declared.iter().find(|other| other.table.name.value == *parent);
            let is_known = |other: &&SourceSpec| other.table.name.value == *parent;
            found.extend(declared.filter(|_| !found.iter().any(is_known)));
        }
    }
    found
}

/// `evolve: replace`, against the mode and what the target can.
pub(super) fn check_evolution(
    spec: &PipelineSpec<'_>,
    mode: Option<Mode>,
    findings: &mut Findings,
) {
    let written = &spec.sink.store.evolve;
    let Some(mode) = mode.filter(|_| written.value == Evolve::Replace) else { return };
    let target = spec.target.target.kind.capabilities();
    let name = target.name;
    let error =
        |message: String| Finding::error(codes::UNSUPPORTED_EVOLUTION, message, &written.place);
    if target.storage == Storage::Files {
        let message = format!("`evolve: replace` has no meaning for a {name} target");
        let help = "remove it: with `mode=\"replace\"` the new files may have any columns";
        findings.push(error(message).help(help));
    } else if !target.renews_tables {
        let message = format!("`evolve: replace` is not supported by a {name} target");
        let commits = "each CREATE and ALTER commits there, so that readers would see a table without its rows";
        let finding = error(message);
        let finding = match spec.target.target.kind {
            TargetKind::Mysql | TargetKind::Adbc(AdbcDialect::Snowflake) => finding.note(commits),
            _ => finding,
        };
        findings.push(finding.help(
            "remove it: `schema --diff` prints the statements that change the table, for you to run",
        ));
    } else if mode != Mode::Replace {
        let message = "`evolve: replace` goes with the mode `replace`".to_owned();
        let finding = error(message).note(format!(
            "`{}` keeps rows of earlier runs, which a table with other columns cannot hold",
            mode.name()
        ));
        findings.push(finding.help("use `mode=\"replace\"`, or `evolve=\"add\"`"));
    }
}

/// The mode, and the key with it, against what the target can.
pub(super) fn check_mode(
    spec: &PipelineSpec<'_>,
    mode: Option<Mode>,
    key: &[Spanned<String>],
    findings: &mut Findings,
) {
    let Some(mode) = mode else { return };
    let target = spec.target.target.kind.capabilities();
    let written = &spec.sink.store.mode;
    hooks::check(spec, findings);
    if !target.modes.contains(&mode) {
        let name = target.name;
        let message = format!("mode `{}` is not supported by a {name} target", mode.name());
        let finding = match (written.value, key.first()) {
            (None, Some(first)) => Finding::error(codes::UNSUPPORTED_MODE, message, &first.place)
                .label(format!("where there is a key, the mode is `{}`", mode.name())),
            _ => Finding::error(codes::UNSUPPORTED_MODE, message, &written.place),
        };
        findings.push(finding.help(
            "keep the rows of all runs, `mode=\"append\"`, or those of the last one, \
             `mode=\"replace\"`",
        ));
    } else if mode == Mode::Replace
        && !target.storage.has_keys()
        && let Some(first) = key.first()
    {
        let message = format!("a {} target keeps every row, whatever its key", target.name);
        let finding = Finding::error(codes::UNSUPPORTED_MODE, message, &first.place)
            .label("rows are not found by it")
            .help(
                "leave the key out; where a record may come twice, let the query keep one of them: \
                 `SELECT DISTINCT …`",
            );
        findings.push(finding);
    }
}

/// A note, where two runs at once would both add their rows: the target keeps no run out, and there is no state that
/// the first to commit has moved.
pub(super) fn runs_not_apart(definition: &Definition, place: &Place) -> Option<Finding> {
    let target = definition.target.kind.capabilities();
    let mut sources = definition.sources.iter().chain(&definition.parents);
    let has_state =
        definition.checkpoint.is_some() || sources.any(|source| source.incremental.is_some());
    if target.keeps_runs_apart || definition.mode != Mode::Append || has_state {
        return None;
    }
    let message = format!("two runs of `{}` at once would both add their rows", definition.name);
    let finding = Finding::error(codes::RUNS_NOT_APART, message, place)
        .note(format!("a {} target keeps a second run out within one program only", target.name))
        .help("begin one run at a time, or use `mode=\"merge\"` with a key");
    Some(Finding { severity: Severity::Note, ..finding })
}

/// The columns by whose values rows are kept apart: each once, and such as can name a folder.
pub(super) fn check_partitions(
    kind: TargetKind,
    columns: &[Spanned<String>],
    row: &Schema,
    findings: &mut Findings,
) {
    let Some(first) = columns.first() else { return };
    let target = kind.capabilities();
    let error = |message: String, column: &Spanned<String>| {
        Finding::error(codes::INVALID_PARTITION, message, &column.place)
    };
    if !target.storage.has_folders() {
        let message = format!("`partition_by` has no meaning for a {} target", target.name);
        let help =
            "remove it: only targets of files, `parquet`, `csv`, `jsonl` and `delta`, have folders";
        findings.push(error(message, first).help(help));
        return;
    }
    for (index, column) in columns.iter().enumerate() {
        let name = &column.value;
        let names = row.fields.iter().map(|field| field.name.as_str());
        if columns.iter().take(index).any(|other| other.value == *name) {
            let message = format!("column `{name}` is in `partition_by` twice");
            findings.push(error(message, column).help("name each column once"));
        } else if let Some(field) = row.field(name) {
            if name.starts_with(['.', '_']) {
                let message = format!("the folders of `{name}` would be hidden");
                let help = "name the column otherwise with AS: readers pass over folders whose names begin \
                            with `_` or `.`";
                findings.push(error(message, column).help(help));
            } else if !can_name_a_folder(&field.ty) {
                let ty = type_name(&field.ty);
                let message = format!("column `{name}` is {ty}, which cannot name a folder");
                let help = "name a column that holds a text, a date or a whole number";
                findings.push(error(message, column).help(help));
            }
        } else {
            let message = format!("the query yields no column `{name}` to keep rows apart by");
            findings.push(error(message, column).suggest("column", name, names));
        }
    }
    let named = |field: &Field| columns.iter().any(|column| column.value == field.name);
    if row.fields.iter().all(named) {
        let message = "all columns are in `partition_by`, so that nothing is left for the files";
        findings.push(error(message.to_owned(), first).help("leave one of them out"));
    }
}

/// The key's columns, each once, of types that can be compared, and as the target takes them.
pub(super) fn check_key(
    kind: TargetKind,
    table: &str,
    key: &[Spanned<String>],
    row: &Schema,
    places: &[Place],
    findings: &mut Findings,
) {
    for (index, column) in key.iter().enumerate() {
        let name = &column.value;
        if let Some(first) = key.iter().take(index).find(|other| other.value == *name) {
            let message = format!("column `{name}` is in the key twice");
            let mut finding = Finding::error(codes::REPEATED_KEY_COLUMN, message, &column.place);
            if first.place != column.place {
                finding = finding.related(&first.place, "the first one");
            }
            findings.push(finding.help("name each column once"));
            continue;
        }
        let Some(at) = row.fields.iter().position(|field| field.name == *name) else { continue };
        let Some(field) = row.fields.get(at).filter(|field| !can_be_key(&field.ty)) else {
            continue;
        };
        let message = format!("column `{name}` is {}, which cannot be a key", type_name(&field.ty));
        let mut finding = Finding::error(codes::UNSUITABLE_KEY, message, &column.place)
            .label("rows are not found by such a value");
        if let Some(place) = places.get(at) {
            finding = finding.related(place, "the query yields it here");
        }
        findings.push(finding.help(match &field.ty {
            Type::Record(inner) => {
                let first = inner.first().map_or("id", |field| field.name.as_str());
                format!("select a field of it, and name that: `{name}.{first} AS {name}_{first}`")
            }
            _ => "name a column that holds a number, a text, a date or the like".to_owned(),
        }));
    }
    check_whole_key(kind, table, key, row, findings);
}

/// The key as a whole, against what the target takes.
fn check_whole_key(
    kind: TargetKind,
    table: &str,
    key: &[Spanned<String>],
    row: &Schema,
    findings: &mut Findings,
) {
    let (Some(first), Ok(table)) = (key.first(), TableName::parse(table)) else { return };
    let types = key.iter().filter_map(|column| Some(&row.field(&column.value)?.ty));
    let misfit = table::check_key(kind.capabilities(), &table, types);
    findings.extend(misfit.map(|misfit| finding(&misfit, &first.place, None)));
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::List(_) => "a list".to_owned(),
        Type::Record(_) => "a record".to_owned(),
        scalar => format!("`{}`", type_text(scalar, true)),
    }
}

/// Reports the pipelines that would undo or refuse what another one writes into the same table.
pub(super) fn check_shared(pipelines: &[Checked], findings: &mut Findings) {
    let mut tables: HashMap<Table<'_>, Vec<&Checked>> = HashMap::new();
    for pipeline in pipelines {
        let Some(table) = Table::of(&pipeline.definition) else { continue };
        let others = tables.entry(table).or_default();
        // One finding for a pipeline is enough: against the first that it does not go with.
        if let Some((other, why)) =
            others.iter().find_map(|other| Some((other, conflict(other, pipeline)?)))
        {
            findings.push(why.related(
                &other.table_place,
                format!("`{}` writes it here", other.definition.name),
            ));
        }
        others.push(pipeline);
    }
}

/// Why two pipelines cannot write one table.
fn conflict(first: &Checked, second: &Checked) -> Option<Finding> {
    let (a, b) = (&first.definition, &second.definition);
    let table = &b.table;
    let error = |message: String, place: &Place| {
        Finding::error(codes::CONFLICTING_PIPELINES, message, place)
    };
    let place = &second.table_place;
    let apart = "write into tables of their own, or into one query with UNION ALL";
    match (a.mode, b.mode) {
        (Mode::Replace, Mode::Replace) => {
            let message = format!("two pipelines replace the table `{table}`");
            return Some(
                error(message, place)
                    .note("the last one to run would be all that is left")
                    .help(apart),
            );
        }
        _ if removes(a) || removes(b) => {
            let replaces = if removes(a) { &a.name } else { &b.name };
            let message =
                format!("two pipelines write the table `{table}`, and `{replaces}` replaces it");
            return Some(
                error(message, place).note("it would remove the rows of the other").help(apart),
            );
        }
        (keyed, Mode::Append) | (Mode::Append, keyed) if keyed.needs_key() => {
            let message =
                format!("two pipelines write the table `{table}`, one with a key and one without");
            return Some(
                error(message, place)
                    .note("a table with a key refuses rows that are there already")
                    .help("use `mode=\"merge\"` with the same key in both"),
            );
        }
        (one, other)
            if one.needs_key() && other.needs_key() && sorted(&a.key) != sorted(&b.key) =>
        {
            let message = format!("two pipelines merge into the table `{table}` by different keys");
            return Some(
                error(message, place)
                    .note(format!("the keys are {} and {}", names(&a.key), names(&b.key)))
                    .help("use the same key in both"),
            );
        }
        _ => {}
    }
    let kind = b.target.kind;
    let storage = kind.capabilities().storage;
    if storage.has_folders() && a.partition_by != b.partition_by {
        let message = format!("two pipelines keep the rows of `{table}` apart by other columns");
        return Some(error(message, place).help("use the same `partition_by` in both"));
    }
    let merges = [a, b].into_iter().find(|definition| definition.mode == Mode::Merge);
    let (a, b) = (a.row.as_ref()?, b.row.as_ref()?);
    if storage == Storage::Files && !same_columns(a, b) {
        let message = format!("two pipelines write other columns into the table `{table}`");
        return Some(
            error(message, place)
                .note("all files of a table have the same columns, in the same order")
                .help(apart),
        );
    }
    if storage == Storage::Lake
        && let Some(merges) = merges
        && !same_names(a, b)
    {
        let message = format!("two pipelines write other columns into the table `{table}`");
        return Some(
            error(message, place)
                .note(format!(
                    "a merge puts whole rows in the place of others, and `{}` has no values for \
                     all columns",
                    merges.name
                ))
                .help(apart),
        );
    }
    let (at, field, other) = b.fields.iter().enumerate().find_map(|(at, field)| {
        let other = a.field(&field.name);
        let other = other.filter(|other| shared::common(kind, &other.ty, &field.ty).is_none())?;
        Some((at, field, other))
    })?;
    let message = format!(
        "column `{}` of the table `{table}` would be {} and {}",
        field.name,
        type_name(&other.ty),
        type_name(&field.ty)
    );
    let place = second.column_places.get(at).unwrap_or(place);
    let target = kind.capabilities().name;
    Some(
        error(message, place)
            .note(format!("no type of {target} holds the values of both"))
            .help("convert it to the same type in both: `CAST(… AS …)`"),
    )
}

/// Whether a pipeline removes rows that it did not yield.
fn removes(definition: &Definition) -> bool {
    definition.mode == Mode::Replace || definition.delete_missing
}

/// Whether two rows have the same columns, whether or not those may be null.
fn same_columns(a: &Schema, b: &Schema) -> bool {
    let same = |(a, b): (&Field, &Field)| a.name == b.name && a.ty == b.ty;
    a.fields.len() == b.fields.len() && a.fields.iter().zip(&b.fields).all(same)
}

/// Whether two rows have columns of the same names, in whichever order.
fn same_names(a: &Schema, b: &Schema) -> bool {
    a.fields.len() == b.fields.len() && a.fields.iter().all(|field| b.field(&field.name).is_some())
}

fn sorted(key: &[String]) -> Vec<&str> {
    let mut key: Vec<_> = key.iter().map(String::as_str).collect();
    key.sort_unstable();
    key
}

fn names(key: &[String]) -> String {
    list(&key.iter().map(String::as_str).collect::<Vec<_>>())
}
