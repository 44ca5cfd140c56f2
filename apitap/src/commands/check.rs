//! `check` of a program, and `apitap check --live`: does everybody answer, and do they say what they
//! should?
//!
//! Each source is asked for its first page, once; its records go through the query, and are dropped.
//! Each target is connected to, and tries out the load without rows. Nothing is written.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::output::{ERROR, FAINT, GOOD, failed, print, styled, usage, width, wrapped};
use super::run::stopped;
use super::{Format, Options};
use crate::engine::options::{Options as How, Tried};
use crate::report::{PipelineReport, grouped};
use crate::{Error, ErrorKind, Pipeline, Result, blocking, engine};

/// How long a target may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks pipelines against the outside world.
pub(crate) fn check(pipelines: &[&Pipeline], options: &Options) -> ExitCode {
    let looked = blocking::runtime()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(look(pipelines, options)));
    let (found, warnings) = match looked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return failed(error),
        Err(message) => return usage(&message),
    };
    let bad = found.iter().any(|one| !one.is_good());
    let text = match options.format {
        Format::Text => text(&found, &warnings, width()),
        Format::Json => {
            format!("{:#}", found.iter().map(Found::json).collect::<serde_json::Value>())
        }
    };
    print(&text, ExitCode::from(u8::from(bad)))
}

/// What was found of a pipeline.
struct Found {
    report: PipelineReport,
    target: Result<bool>,
}

/// Asks all, once; the inner error is one of the environment, or an interruption.
async fn look(
    pipelines: &[&Pipeline],
    options: &Options,
) -> Result<Result<(Vec<Found>, Vec<String>)>, String> {
    if let Err(error) = engine::check_environment(pipelines, options.environment()?) {
        return Ok(Err(error));
    }
    let how = How { pages: Some(1), tried: Some(Arc::new(Tried::new(0))), ..How::default() };
    let report = engine::run_until(pipelines, options.environment()?, how, stopped()).await;
    if let Some(error) = &report.error {
        return Ok(Err(error.clone()));
    }
    let (mut found, warnings) = (Vec::new(), report.unknown_fields());
    for (pipeline, report) in pipelines.iter().zip(report.pipelines) {
        let tried = engine::try_target(pipeline, options.environment()?);
        let target = tokio::time::timeout(PATIENCE, tried).await.unwrap_or_else(|_| Err(late()));
        found.push(Found { report, target });
    }
    Ok(Ok((found, warnings)))
}

fn late() -> Error {
    Error::target(format!("the target did not answer within {} s", PATIENCE.as_secs()))
        .help("check its address; another session may hold a lock on the table")
}

impl Found {
    fn is_good(&self) -> bool {
        self.report.error.is_none() && self.target.is_ok()
    }

    fn errors(&self) -> impl Iterator<Item = &Error> {
        self.report.error.iter().chain(self.target.as_ref().err())
    }

    fn line(&self, longest: usize) -> String {
        let PipelineReport { name, table, numbers, .. } = &self.report;
        let mark = if self.is_good() { styled(GOOD, "✓") } else { styled(ERROR, "✗") };
        let source = match &self.report.error {
            None => format!(
                "first page: {} records, {} rows",
                grouped(numbers.records),
                grouped(numbers.rows)
            ),
            Some(error) => match error.kind() {
                ErrorKind::Request => "the API does not answer with a page",
                ErrorKind::Data => "the first page does not match the source",
                ErrorKind::Query => "the query fails on the first page",
                _ => "the first page cannot be loaded",
            }
            .to_owned(),
        };
        let target = match &self.target {
            Ok(true) => format!("table `{table}` is ready"),
            Ok(false) => format!("the columns of table `{table}` are only known in a run"),
            Err(_) => format!("table `{table}` is not ready"),
        };
        let time = styled(FAINT, format_args!("{:.2} s", numbers.seconds.as_secs_f64()));
        format!("{mark} {name:longest$}  {source}; {target}  {time}")
    }

    fn json(&self) -> serde_json::Value {
        let PipelineReport { name, table, numbers, error, unknown_fields, .. } = &self.report;
        json!({
            "pipeline": name,
            "table": table,
            "good": self.is_good(),
            "numbers": numbers,
            "unknown_fields": unknown_fields,
            "source_error": error,
            "target_error": self.target.as_ref().err(),
        })
    }
}

/// A line for each pipeline, then what the APIs have sent unasked, then what is wrong.
fn text(found: &[Found], warnings: &[String], width: Option<usize>) -> String {
    let longest = found.iter().map(|one| one.report.name.chars().count()).max();
    let lines = found.iter().map(|one| one.line(longest.unwrap_or_default()));
    let error = styled(ERROR, "error");
    let errors = Error::merged(found.iter().flat_map(Found::errors));
    let errors = errors.iter().map(|said| format!("{error}: {said}"));
    let said = warnings.iter().cloned().chain(errors);
    let said = said.map(|said| format!("\n{}", wrapped(&said, width)));
    lines.chain(said).collect::<Vec<_>>().join("\n")
}
