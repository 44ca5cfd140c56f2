//! The runs that targets keep, for people and for machines.

use std::process::ExitCode;

use apitap_build::shown::shown;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{asked, failed};
use crate::commands::output::{FAINT, print, styled, tell};
use crate::commands::{Format, Options, table};
use crate::report::grouped;
use crate::sink::{KEPT_RUNS, RunEntry};
use crate::{Pipeline, Result, engine};

/// How many runs of each pipeline stand beside its state.
pub(super) const SHOWN: usize = 5;

/// A run, and the pipeline that it is of.
type Found<'a> = (&'a str, RunEntry);

/// All runs of the pipelines.
pub(super) fn show(pipelines: &[&Pipeline], options: &Options) -> Result<ExitCode, String> {
    let found = match of(pipelines, options, KEPT_RUNS)? {
        Ok(found) => found,
        Err(error) => return Ok(failed(error)),
    };
    let text = match options.format {
        Format::Json => Some(format!("{:#}", found.iter().map(machine).collect::<Value>())),
        Format::Text => rows(&found),
    };
    match text {
        Some(text) => Ok(print(&text, ExitCode::SUCCESS)),
        None => {
            tell(&styled(FAINT, "no run is kept: a database keeps them, and there was none yet"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The latest runs of each pipeline, at most `most`.
pub(super) fn of<'a>(
    pipelines: &[&'a Pipeline],
    options: &Options,
    most: usize,
) -> Result<Result<Vec<Found<'a>>>, String> {
    asked(pipelines, options, async |pipeline, environment| {
        Ok(engine::runs(pipeline, environment).await?.into_iter().take(most).collect())
    })
}

/// A line for each; nothing where there is none.
pub(super) fn rows(all: &[Found<'_>]) -> Option<String> {
    let names = ["pipeline", "run", "started", "seconds", "status", "records", "stored", "error"];
    let mut table = table::plain(names);
    for (pipeline, run) in all {
        let started = run.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let seconds = run.ended_at.map(|ended| (ended - run.started_at).num_seconds().to_string());
        let cells = [
            *pipeline,
            &run.run,
            &started,
            &seconds.unwrap_or_default(),
            run.status.name(),
            &grouped(run.records),
            &grouped(run.written.stored),
            run.error.as_deref().unwrap_or_default(),
        ];
        table.add_row(cells.map(|cell| shown(cell).into_owned()));
    }
    (!all.is_empty()).then(|| table::trimmed(&table))
}

fn machine((pipeline, run): &Found<'_>) -> Value {
    let mut value = json!(run);
    if let Some(fields) = value.as_object_mut() {
        // What the table does not keep.
        fields.remove("received");
        fields.insert("pipeline".to_owned(), json!(pipeline));
    }
    value
}
