//! Records and answers that were left out, as the source says → whether the rest may be committed all the same.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::fetch::Fetch;
use crate::definition::{Definition, Mode};
use crate::source::Fetched;
use crate::{Error, Result};

/// What has come of one source of a pipeline, or of a parent of one.
pub(super) struct Come<'a> {
    pub(super) source: &'a str,
    pub(super) fetched: &'a Fetched,
    /// Where records are that do not fit.
    pub(super) dead_letters: Option<&'a Path>,
}

/// Whether what was left out leaves a load whole enough to be committed.
///
/// # Errors
/// No record of a source fits its schema; or rows would be deleted that stand for what was left out.
pub(super) fn check(definition: &Definition, fetches: &[Fetch]) -> Result<()> {
    let all: Vec<_> = fetches.iter().flat_map(Fetch::come).collect();
    all.iter().try_for_each(check_records)?;
    let deletes = match definition.mode {
        Mode::Replace => "`replace`",
        _ if definition.delete_missing => "`delete_missing`",
        _ => return Ok(()),
    };
    all.iter().try_for_each(|come| check_answers(come, deletes))
}

/// Whether what was left out can be asked for again: how far the sources have come does not count beside it, so that
/// the next run loads what came with it once more.
///
/// # Errors
/// Rows are appended, and would be there twice then.
pub(super) fn hold(definition: &Definition, fetches: &[Fetch]) -> Result<()> {
    fetches.iter().for_each(Fetch::hold_parents);
    if definition.mode != Mode::Append {
        return Ok(());
    }
    fetches.iter().try_for_each(|fetch| match fetch.loads_again() {
        None => Ok(()),
        Some((status, request)) => Err(appended_again(fetch.name(), status, &request)),
    })
}

fn appended_again(source: &str, status: u16, request: &str) -> Error {
    let message = format!(
        "an answer with the status {status} was skipped, and the next run would append the rows of `{source}` again \
         that came beside it"
    );
    Error::data(message).in_request(request).help(
        "write `action: empty` in that rule of `on_response` if such an answer means that there are no \
         records; else `mode=\"merge\"` with a key, which stores what came and asks for the rest again",
    )
}

/// That all records were skipped is no load without records.
fn check_records(come: &Come<'_>) -> Result<()> {
    let number = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
    let (records, skipped) = (number(&come.fetched.records), number(&come.fetched.skipped));
    let Some(file) = come.dead_letters.filter(|_| records > 0 && records == skipped) else {
        return Ok(());
    };
    let (source, file) = (come.source, file.display());
    let message = match records {
        1 => format!("the only record of `{source}` was skipped: it does not fit its schema"),
        _ => format!("all {records} records of `{source}` were skipped: none fits its schema"),
    };
    Err(Error::data(message).help(format!("see why in `{file}`, and correct the schema")))
}

/// An answer that was skipped may stand for rows that are in the table.
fn check_answers(come: &Come<'_>, deletes: &str) -> Result<()> {
    let Some((status, request)) = come.fetched.passed_over() else { return Ok(()) };
    let source = come.source;
    let message = format!(
        "an answer of `{source}` with the status {status} was skipped, and {deletes} would delete the rows \
         that it stands for"
    );
    Err(Error::data(message).in_request(request).help(
        "write `action: empty` in that rule of `on_response` if such an answer means that there are no \
         records; else `mode=\"merge\"` without `delete_missing`, which keeps those rows",
    ))
}
