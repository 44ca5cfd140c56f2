//! `run`, `backfill` and `preview`: pipelines → a run → the report, or the first rows.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use apitap_build::duration;
use chrono::{DateTime, Utc};
use clap::Args;

use super::live::Live;
use super::options::number;
use super::output::{FAINT, TITLE, say, styled, tell, tell_error, usage, width};
use super::{Choice, Format, Options, ddl, table};
use crate::definition::{Definition, Mode};
use crate::engine::options::{Options as How, Tried};
use crate::source::incremental::{Span, moment};
use crate::{Pipeline, Report, blocking, engine};

/// Rows that a dry run shows of each pipeline.
const SHOWN: usize = 5;

#[derive(Debug, Default, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Store at most so many rows of each pipeline, and stop fetching when they are there
    #[arg(long, value_name = "N", value_parser = number)]
    limit: Option<u64>,
    /// Fetch and transform only: show the tables and their first rows, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Stop all pipelines as soon as one has failed
    #[arg(long)]
    fail_fast: bool,
    /// Wait so long for another run of the same pipeline to end, such as 10m
    #[arg(long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "write a time such as 30s, 10m or 1h".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// The name of a pipeline, or a pattern such as 'shop_*'
    pipeline: String,
    /// Since when: a date, or a timestamp as in 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = when)]
    from: DateTime<Utc>,
    /// Until when, that moment left out; now if absent
    #[arg(long, value_name = "TIME", value_parser = when)]
    to: Option<DateTime<Utc>>,
    /// Append the rows, although those that are there already will be there twice
    #[arg(long)]
    yes: bool,
}

impl Backfill {
    pub(super) fn choice(&self) -> Choice {
        Choice::one(&self.pipeline)
    }
}

fn when(text: &str) -> Result<DateTime<Utc>, String> {
    moment(text).ok_or_else(|| "write it as in 2026-01-31 or 2026-01-31T00:00:00Z".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The name of a pipeline
    pipeline: String,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl Preview {
    pub(super) fn choice(&self) -> Choice {
        Choice::one(&self.pipeline)
    }
}

/// Runs pipelines to their end, or until somebody stops the program, and prints the report.
///
/// Exit code: that of [`Report::exit_code`]; 2 where the call is wrong.
pub(super) fn run(
    pipelines: &[&Pipeline],
    arguments: &Arguments,
    options: &Options,
    known: Vec<Arc<Definition>>,
) -> ExitCode {
    if let Err(message) = check_limit(pipelines, arguments) {
        return usage(&message);
    }
    let tried = arguments.dry_run.then(|| Arc::new(Tried::new(SHOWN)));
    let how = How {
        limit: arguments.limit,
        fail_fast: arguments.fail_fast,
        wait: arguments.wait,
        tried: tried.clone(),
        known: known.clone(),
        ..How::default()
    };
    let report = match report(pipelines, options, how) {
        Ok(report) => report,
        Err(message) => return usage(&message),
    };
    if let Some(tried) = &tried
        && let Err(message) = show_tables(pipelines, &known, tried, options.format)
    {
        return usage(&message);
    }
    print(&report, options.format);
    if tried.is_some() {
        tell(&styled(FAINT, "a dry run: nothing was written"));
    }
    ExitCode::from(report.exit_code())
}

/// Loads a span of time of pipelines, and prints the report.
pub(super) fn backfill(
    pipelines: &[&Pipeline],
    backfill: &Backfill,
    options: &Options,
    known: Vec<Arc<Definition>>,
) -> ExitCode {
    let span = Span { from: backfill.from, to: backfill.to.unwrap_or_else(Utc::now) };
    if let Err(message) = check_span(pipelines, span, backfill.yes) {
        return usage(&message);
    }
    match report(pipelines, options, How { span: Some(span), known, ..How::default() }) {
        Ok(report) => {
            print(&report, options.format);
            ExitCode::from(report.exit_code())
        }
        Err(message) => usage(&message),
    }
}

/// A span has a beginning and an end, and rows that are there are not to be appended once more.
fn check_span(pipelines: &[&Pipeline], span: Span, yes: bool) -> Result<(), String> {
    if span.from >= span.to {
        return Err("`--from` must be before `--to`".to_owned());
    }
    for pipeline in pipelines {
        let definition = pipeline.definition().map_err(|error| error.to_string())?;
        let name = &definition.name;
        if definition.sources.iter().all(|source| source.incremental.is_none()) {
            return Err(format!(
                "`{name}` reads no incremental source: each run loads everything\nhelp: `run {name}`"
            ));
        }
        if definition.mode == Mode::Append && !yes {
            let table = &definition.table;
            return Err(format!(
                "`backfill` would append rows to `{table}` that may be there already\nhelp: merge them \
                 by a key, `mode=\"merge\"`, or delete them first and say `--yes`"
            ));
        }
    }
    Ok(())
}

/// A table that a run replaces must not be left with the first rows of it, nor must rows be appended
/// that the next run appends again.
fn check_limit(pipelines: &[&Pipeline], arguments: &Arguments) -> Result<(), String> {
    let Some(limit) = arguments.limit.filter(|_| !arguments.dry_run) else { return Ok(()) };
    for pipeline in pipelines {
        let definition = pipeline.definition().map_err(|error| error.to_string())?;
        let (name, table) = (&definition.name, &definition.table);
        let remembers = definition.sources.iter().any(|source| source.incremental.is_some())
            || definition.follows();
        let harm = match definition.mode {
            Mode::Replace => {
                format!("leave `{table}` with {limit} rows, as `{name}` replaces the table")
            }
            Mode::Append if remembers => {
                format!("append rows to `{table}` that the next run of `{name}` appends again")
            }
            _ if definition.delete_missing => {
                format!("delete the rows of `{table}` that are not among the first {limit}")
            }
            _ => continue,
        };
        return Err(format!(
            "`--limit {limit}` would {harm}\nhelp: look at the rows with `preview {name}` or \
             `--dry-run`, or leave the pipeline out with `--exclude {name}`"
        ));
    }
    Ok(())
}

/// The report of a run; `Err` says what keeps it from beginning.
fn report(pipelines: &[&Pipeline], options: &Options, how: How) -> Result<Report, String> {
    let environment = options.environment()?;
    let runtime = blocking::runtime().map_err(|error| error.to_string())?;
    let live = options.shows_progress().then(|| Live::show(&how.watch));
    let report = runtime.block_on(engine::run_until(pipelines, environment, how, stopped()));
    drop(live);
    Ok(report)
}

/// Prints a report on standard output.
fn print(report: &Report, format: Format) {
    let text = match format {
        Format::Text => Ok(report.styled(width())),
        Format::Json => serde_json::to_string_pretty(report).map_err(|error| error.to_string()),
    };
    if let Err(error) = text.and_then(|text| say(&text)) {
        // What was committed is committed: the exit code says so, whoever reads the report.
        tell_error(&format!("cannot write the report: {error}"));
    }
}

/// Prints the tables of a dry run and their first rows.
fn show_tables(
    pipelines: &[&Pipeline],
    known: &[Arc<Definition>],
    tried: &Tried,
    format: Format,
) -> Result<(), String> {
    // The report is the one document on standard output.
    if format == Format::Json {
        return Ok(());
    }
    for pipeline in pipelines {
        let definition = pipeline.definition().map_err(|error| error.to_string())?;
        say(&styled(TITLE, format_args!("{} → {}", definition.name, definition.table)))?;
        let statements = ddl::statements(definition, known).map_err(|error| error.to_string())?;
        if let Some(statements) = statements {
            say(&format!("{}\n", styled(FAINT, statements)))?;
        }
        if let Some(rows) = tried.rows(pipeline.name()) {
            let shown = table::rows(&rows, width(), |text| tried.mask(text));
            say(&format!("{}\n", shown.map_err(|error| error.to_string())?))?;
        }
    }
    Ok(())
}

/// Shows the first rows of a pipeline; what goes wrong stands below them.
pub(super) fn preview(pipelines: &[&Pipeline], preview: &Preview, options: &Options) -> ExitCode {
    let limit = u64::from(preview.limit);
    let tried = Arc::new(Tried::new(usize::try_from(limit).unwrap_or(usize::MAX)));
    let how = How { limit: Some(limit), tried: Some(Arc::clone(&tried)), ..How::default() };
    let report = match report(pipelines, options, how) {
        Ok(report) => report,
        Err(message) => return usage(&message),
    };
    let rows = tried.rows(&preview.pipeline).unwrap_or_default();
    let shown = match options.format {
        Format::Text if rows.iter().all(|batch| batch.num_rows() == 0) => Ok(String::new()),
        Format::Text => table::rows(&rows, width(), |text| tried.mask(text)),
        Format::Json => table::json(&rows, |text| tried.mask(text)),
    };
    let said = shown.map_err(|error| error.to_string()).and_then(|text| match text.is_empty() {
        true => Ok(()),
        false => say(&text),
    });
    if let Err(message) = said {
        return usage(&message);
    }
    report.errors().for_each(tell_error);
    if report.is_success() {
        let count: usize = rows.iter().map(|batch| batch.num_rows()).sum();
        tell(&styled(FAINT, counted(count, count as u64 == limit)));
    }
    ExitCode::from(report.exit_code())
}

/// `the first 20 rows`, `3 rows, which are all`.
fn counted(rows: usize, may_be_more: bool) -> String {
    match (rows, may_be_more) {
        (0, _) => "the pipeline yields no rows".to_owned(),
        (1, true) => "the first row; `--limit` shows more".to_owned(),
        (rows, true) => format!("the first {rows} rows; `--limit` shows more"),
        (1, false) => "1 row, which is all".to_owned(),
        (rows, false) => format!("{rows} rows, which are all"),
    }
}

/// Resolves at Ctrl-C, and at the SIGTERM by which services and containers are stopped.
pub(crate) async fn stopped() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the system's own way of stopping us holds.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminated => {}
    }
}
