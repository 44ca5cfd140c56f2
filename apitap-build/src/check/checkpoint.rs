//! Whether a pipeline can commit before its end, where its target says how often.

use super::query::Planned;
use crate::codes;
use crate::definition::{Checkpoint, Definition, ForEach, Incremental, Mode, Pagination, Source};
use crate::diagnostic::{Finding, Findings, Place, Severity};

/// How often it commits; a note says why it does so once, at its end.
pub(super) fn of(
    definition: &Definition,
    planned: Option<&Planned>,
    place: &Place,
    findings: &mut Findings,
) -> Option<Checkpoint> {
    let Definition { name, sources, mode, delete_missing, .. } = definition;
    let checkpoint = definition.target.checkpoint.clone()?;
    let reason = match definition.follows() {
        true => Some("what has changed of its parents counts as a whole".to_owned()),
        false => reason(sources, planned, *mode, *delete_missing),
    };
    let Some(reason) = reason else { return Some(checkpoint) };
    let message = format!("`{name}` commits once, at its end: {reason}");
    let finding = Finding::error(codes::WITHOUT_CHECKPOINTS, message, place)
        .help("a run that is killed begins again: no row is lost or doubled");
    findings.push(Finding { severity: Severity::Note, ..finding });
    None
}

/// Why a run counts only as a whole, if it does.
fn reason(
    sources: &[Source],
    planned: Option<&Planned>,
    mode: Mode,
    deletes: bool,
) -> Option<String> {
    let source = match (mode, deletes, planned, sources) {
        (Mode::Replace, ..) => return Some("`replace` counts as a whole".to_owned()),
        (_, true, ..) => return Some("`delete_missing` needs all rows".to_owned()),
        (_, _, Some(Planned { rows, .. }), [source]) => match rows.at_once {
            Some(what) => return Some(format!("{what} needs all records")),
            None => source,
        },
        (_, _, Some(_), _) => return Some("it reads several sources".to_owned()),
        (_, _, None, _) => return Some("its source declares no schema".to_owned()),
    };
    let slices = |incremental: &Incremental| incremental.window.is_some();
    let parts = source.for_each.iter().any(|entry| match entry {
        ForEach::Values { values, .. } => values.len() > 1,
        ForEach::Records { .. } => true,
    }) || source.incremental.as_ref().is_some_and(slices);
    match &source.pagination {
        _ if parts => None,
        _ if source.job.is_some() => Some("its `job` is another one each time".to_owned()),
        Pagination::Single(_) => Some("one request holds all records".to_owned()),
        Pagination::PageNumber(_) | Pagination::PageOnly(_) | Pagination::LimitOffset(_)
            if mode == Mode::Append =>
        {
            // Other records may have it by then.
            Some("`append` cannot go on at the number of a page".to_owned())
        }
        Pagination::PageNumber(_) | Pagination::PageOnly(_) | Pagination::LimitOffset(_)
            if source.incremental.is_some() =>
        {
            // What has moved to an earlier page by then is before the state of the next run.
            Some("an incremental source cannot go on at the number of a page".to_owned())
        }
        _ => None,
    }
}
