//! A state tells of rows: whether the table that has them is still there.

use crate::definition::{Definition, Mode};
use crate::sink::{Session, State};
use crate::source::incremental::loaded;
use crate::source::request::expression::rfc3339;
use crate::{Error, Result};

/// Whether a pipeline loads only what is new.
pub(super) fn concerns(definition: &Definition) -> bool {
    definition.requested().any(|source| source.incremental.is_some())
}

/// Whether a run that loads only what is new finds the table with the rest; `goes_on` where it begins behind
/// what an unfinished run has committed.
///
/// # Errors
/// The table is gone: beginning where its rows ended would leave them out.
pub(super) async fn check(
    session: &mut dyn Session,
    definition: &Definition,
    state: &State,
    goes_on: bool,
) -> Result<()> {
    let loaded = loaded(state).filter(|_| concerns(definition));
    if (loaded.is_none() && !goes_on) || session.has_table().await? {
        return Ok(());
    }
    let (pipeline, table) = (&definition.name, &definition.table);
    // The rows that it would append once more are gone, too.
    let yes = if definition.mode == Mode::Append { " --yes" } else { "" };
    let again = format!("load all of it again: `state reset {pipeline}{yes}`, and run it");
    let Some((first, last)) = loaded else {
        return Err(Error::target(format!(
            "the table `{table}` is gone, and the state of `{pipeline}` still says that a run which was not \
             finished has committed rows to it"
        ))
        .help(again));
    };
    let [first, last] = [first, last].map(|time| rfc3339(&time));
    Err(Error::target(format!(
        "the table `{table}` is gone, and the state of `{pipeline}` still says that its records are in it up to \
         {last}"
    ))
    .help(format!(
        "{again}; or, where its rows are not wanted any more, go on without them: `state set {pipeline} \
         {first}{yes}`"
    )))
}
