//! The runs that targets keep, for people and for machines.

use std::process::ExitCode;

use apitap_build::shown::shown;
use chrono::SecondsFormat;
use console::truncate_str;
use serde_json::{Value, json};

use crate::commands::asked::asked;
use crate::commands::output::{FAINT, failed, print, styled, tell, width};
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
        Format::Text => rows(&found, width()),
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

/// The least columns of the screen that are worth showing an error in.
const LEAST: usize = 20;

/// A line for each, whose error is cut where the screen ends, or a list where the screen is narrow; nothing where there
/// is none.
pub(super) fn rows(all: &[Found<'_>], width: Option<usize>) -> Option<String> {
    let names = ["pipeline", "run", "started", "seconds", "status", "records", "stored", "error"];
    let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
    let cells = |(pipeline, run): &Found<'_>| {
        let seconds = run.ended_at.map(|ended| (ended - run.started_at).num_seconds().to_string());
        let cells = [
            (*pipeline).to_owned(),
            run.run.clone(),
            run.started_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            seconds.unwrap_or_default(),
            run.status.name().to_owned(),
            grouped(run.records),
            grouped(run.written.stored),
            run.error.clone().unwrap_or_default(),
        ];
        cells.iter().map(|cell| shown(cell).into_owned()).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = all.iter().map(cells).collect();
    let (_, others) = names.split_last()?;
    let room = width.map(|width| width.saturating_sub(table::table_width(others, &rows) + 2));
    if let Some(room) = room.filter(|room| *room >= LEAST) {
        for error in rows.iter_mut().filter_map(|row| row.last_mut()) {
            *error = truncate_str(error, room, "…").into_owned();
        }
    }
    let numeric = [false, false, false, true, false, true, true, false];
    (!all.is_empty()).then(|| table::fitted(&names, &numeric, &rows, width))
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use console::measure_text_width;

    use super::*;
    use crate::sink::{RunStatus, Written};

    #[test]
    fn runs_fit_the_screen() {
        let started: DateTime<Utc> = "2026-11-27T22:00:00Z".parse().unwrap();
        let run = |error: Option<&str>| RunEntry {
            run: "018f2c1e-7c9a-7b3e-8b7a-3c5d9e1f2a4b".to_owned(),
            started_at: started,
            ended_at: Some(started),
            status: RunStatus::Failed,
            records: 12_345,
            written: Written { stored: 7, ..Default::default() },
            error: error.map(str::to_owned),
        };
        let error = "cannot connect to the server: connection refused (os error 111)";
        let all = [("orders", run(Some(error))), ("orders", run(None))];
        let check = |width: usize, lines: usize, has: &str| {
            let shown = rows(&all, Some(width)).unwrap();
            let shown = console::strip_ansi_codes(&shown);
            let widest = shown.lines().map(measure_text_width).max().unwrap();
            assert!(widest <= width, "{widest} of {width}:\n{shown}");
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(shown.contains(has), "{shown}");
        };
        check(180, 4, "cannot connect to the server: connection refused (os error 111)");
        check(140, 4, "cannot connect to the server: con…");
        // A list: a line for what it is, and one for each value.
        check(60, 18, "  error     cannot connect to the server: connection refuse…");
    }
}
