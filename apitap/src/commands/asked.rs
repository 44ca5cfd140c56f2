//! Pipelines → what their targets say, for the commands that look at targets and run nothing.

use super::Options;
use crate::{Environment, Pipeline, Result, blocking};

/// What the targets of pipelines say, one after the other, each with the name of its pipeline; the inner error is one of a
/// target.
pub(super) fn asked<'a, T>(
    pipelines: &[&'a Pipeline],
    options: &Options,
    ask: impl AsyncFn(&'a Pipeline, Environment) -> Result<Vec<T>>,
) -> Result<Result<Vec<(&'a str, T)>>, String> {
    let runtime = blocking::runtime().map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    for pipeline in pipelines {
        match runtime.block_on(ask(pipeline, options.environment()?)) {
            Ok(found) => all.extend(found.into_iter().map(|one| (pipeline.name(), one))),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(all))
}
