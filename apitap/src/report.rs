//! What a run has done: for a person as a table (`report/text.rs`), for a machine as JSON.

mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

pub(crate) use text::{grouped, size};

use crate::commands::output::{TITLE, WARNING, styled};
use crate::definition::Definition;
use crate::engine::watch::{Kept, Progress};
use crate::sink::Written;
use crate::source::Fetched;
pub use crate::source::decode::unknown::UnknownFields;
use crate::{Error, ErrorKind};

/// What a run of several pipelines has done.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Why nothing was run at all; or that the run was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// One for each pipeline, in the order of the call; none where nothing was run.
    pub pipelines: Vec<PipelineReport>,
    /// The sums; a page that several pipelines have read counts once.
    pub total: Numbers,
    /// When the run began; `None` where nothing was run.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
}

/// How a pipeline has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Its rows are committed.
    Ok,
    /// It failed.
    Failed,
    /// The run was stopped before it was done, or before it had begun: what was not committed has changed nothing.
    Stopped,
}

/// What does not look right of a pipeline, though nothing has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What one pipeline has done.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineReport {
    /// The pipeline.
    pub name: String,
    /// The table that it fills.
    pub table: String,
    /// How it has ended.
    pub status: Status,
    /// When it began; `None` where it has not.
    pub started: Option<DateTime<Utc>>,
    /// When it came to its end; `None` where it has not.
    pub ended: Option<DateTime<Utc>>,
    /// Why it failed; then its table is as it was before, but for the rows that were committed on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// How many records an earlier run had committed that did not come to its end: this one went on behind them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_on_behind: Option<u64>,
    /// Whether what it has committed is a part, behind which the next run goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// What it has read and stored.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// By source: the fields that the API has sent and the schema does not declare.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_fields: BTreeMap<String, UnknownFields>,
    /// By source: the fields that the schema declares and no record had, where there were records.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub absent_fields: BTreeMap<String, Vec<String>>,
    /// What does not look right in what the APIs have sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// What was read and stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// Pages that arrived whole.
    pub pages: u64,
    /// Records found in them.
    pub records: u64,
    /// Records that did not fit their schema, and are in the file of `dead_letters`.
    pub skipped: u64,
    /// Rows that the query yielded and the target committed.
    pub rows: u64,
    /// Rows inserted or updated: fewer than `rows` where a run yielded several of one key.
    pub stored: u64,
    /// Rows that the table had already, exactly so, and that were not written again: told by PostgreSQL.
    pub unchanged: u64,
    /// Bytes of the pages, decompressed.
    pub bytes: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// How long requests have waited for limits on their rate: those of a source that waited at one time
    /// count once.
    #[serde(serialize_with = "seconds")]
    pub waited: Duration,
    /// From begin to end.
    #[serde(serialize_with = "seconds")]
    pub seconds: Duration,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Numbers {
    /// Adds what was fetched from one source.
    pub(crate) fn add_fetched(&mut self, fetched: &Fetched) {
        self.pages += fetched.pages.load(Ordering::Relaxed);
        self.records += fetched.records.load(Ordering::Relaxed);
        self.skipped += fetched.skipped.load(Ordering::Relaxed);
        self.bytes += fetched.bytes.load(Ordering::Relaxed);
        self.retries += fetched.retries.load(Ordering::Relaxed);
        self.waited += Duration::from_millis(fetched.waited.load(Ordering::Relaxed));
    }

    /// Takes what was committed for the rows.
    pub(crate) fn add_written(&mut self, written: Written) {
        let Written { received, stored, unchanged } = written;
        (self.rows, self.stored, self.unchanged) = (received, stored, unchanged);
    }
}

impl PipelineReport {
    /// One that was not brought to its end, with what is known of it.
    pub(crate) fn stopped(definition: &Definition, progress: &Progress) -> Self {
        let Kept { written, went_on_behind, goes_on } = progress.kept();
        let mut numbers = Numbers { seconds: progress.took(), ..progress.numbers() };
        numbers.add_written(written);
        Self {
            name: definition.name.clone(),
            table: definition.table.clone(),
            status: Status::Stopped,
            started: progress.started(),
            ended: None,
            error: None,
            went_on_behind,
            goes_on,
            numbers,
            unknown_fields: BTreeMap::new(),
            absent_fields: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// What is committed of it, where that is not all that there is in its table of this load.
    fn notes(&self) -> Vec<String> {
        let (note, name) = (styled(TITLE, "note"), &self.name);
        let mut notes = Vec::new();
        if let Some(records) = self.went_on_behind {
            let records = grouped(records);
            notes.push(format!(
                "{note}: `{name}` went on behind {records} records that an earlier run had committed"
            ));
        }
        if self.goes_on && self.numbers.rows > 0 {
            let rows = grouped(self.numbers.rows);
            notes.push(format!(
                "{note}: {rows} rows of `{name}` are committed; the next run goes on behind them"
            ));
        }
        notes
    }
}

impl Report {
    /// A run that could not begin.
    pub(crate) fn not_run(error: Error) -> Self {
        Self {
            error: Some(error),
            pipelines: Vec::new(),
            total: Numbers::default(),
            started: None,
            ended: None,
        }
    }

    /// Everything that went wrong, in order.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.error.iter().chain(self.pipelines.iter().filter_map(|p| p.error.as_ref()))
    }

    /// Whether everything was done.
    pub fn is_success(&self) -> bool {
        self.errors().next().is_none()
    }

    /// 0 where everything was done, 2 where nothing could be run as it is configured, 130 where the
    /// run was interrupted, else 1.
    pub fn exit_code(&self) -> u8 {
        let kinds: Vec<_> = self.errors().map(Error::kind).collect();
        match kinds.as_slice() {
            [] => 0,
            kinds if kinds.contains(&ErrorKind::Interrupted) => 130,
            kinds if kinds.iter().all(|kind| *kind == ErrorKind::Config) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Report {
    /// A table with a line for each pipeline, then what the APIs have sent unasked, then the errors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&anstream::adapter::strip_str(&self.styled(None)).to_string())
    }
}

impl Report {
    /// One line for each source that has sent fields which its schema does not declare.
    pub(crate) fn unknown_fields(&self) -> Vec<String> {
        let mut sources = BTreeMap::new();
        for pipeline in &self.pipelines {
            sources.extend(pipeline.unknown_fields.iter());
        }
        let warning = styled(WARNING, "warning");
        let line = |(source, fields): (&String, &UnknownFields)| {
            format!(
                "{warning}: `{source}` has fields that its schema does not declare: {fields}\n  help:     \
                 declare them, or set `on_unknown_field: ignore`"
            )
        };
        sources.into_iter().map(line).collect()
    }

    /// One line for each source whose schema declares fields that no record had.
    fn absent_fields(&self) -> Vec<String> {
        let mut sources = BTreeMap::new();
        for pipeline in &self.pipelines {
            sources.extend(pipeline.absent_fields.iter());
        }
        let warning = styled(WARNING, "warning");
        let line = |(source, fields): (&String, &Vec<String>)| {
            let shown: Vec<_> =
                fields.iter().take(IN_A_LINE).map(|field| format!("`{field}`")).collect();
            let more = match fields.len().saturating_sub(IN_A_LINE) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "{warning}: `{source}` declares fields that no record had: {}{more}\n  help:     \
                 see whether the API has renamed or removed them; `on_unknown_field: ignore` tells neither \
                 these nor new ones",
                shown.join(", ")
            )
        };
        sources.into_iter().map(line).collect()
    }

    /// What does not look right, each once, and what is committed of pipelines that were run in part.
    fn remarks(&self) -> Vec<String> {
        let warning = styled(WARNING, "warning");
        let mut remarks = Vec::new();
        for Warning { message, help } in self.pipelines.iter().flat_map(|one| &one.warnings) {
            let remark = format!("{warning}: {message}\n  help:     {help}");
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        remarks.extend(self.pipelines.iter().flat_map(PipelineReport::notes));
        remarks
    }

    /// That limits on the rate of requests made them wait.
    fn waits(&self) -> Option<String> {
        let waited = self.total.waited.as_secs_f64();
        (waited >= 0.05).then(|| {
            format!("requests waited {waited:.1} s for limits on their rate, all sources together")
        })
    }
}

/// Names that stand in one line.
const IN_A_LINE: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(errors: [Option<Error>; 2]) -> Report {
        let pipelines = errors
            .into_iter()
            .enumerate()
            .map(|(index, error)| PipelineReport {
                name: format!("pipeline_{index}"),
                table: "orders".to_owned(),
                status: if error.is_some() { Status::Failed } else { Status::Ok },
                started: None,
                ended: None,
                error,
                went_on_behind: None,
                goes_on: false,
                numbers: Numbers { pages: 3, records: 1200, ..Numbers::default() },
                unknown_fields: BTreeMap::new(),
                absent_fields: BTreeMap::new(),
                warnings: Vec::new(),
            })
            .collect();
        Report { error: None, pipelines, total: Numbers::default(), started: None, ended: None }
    }

    #[test]
    fn the_exit_code_says_whether_everything_was_done() {
        let check = |errors, expected| assert_eq!(report(errors).exit_code(), expected);
        check([None, None], 0);
        check([None, Some(Error::request("status 500"))], 1);
        check([Some(Error::config("`X` is not set")), None], 2);
        check([Some(Error::config("`X` is not set")), Some(Error::data("no"))], 1);
        check([Some(Error::new(ErrorKind::Interrupted, "interrupted")), None], 130);
    }

    #[test]
    fn a_failed_pipeline_is_named_with_its_error() {
        let error = Error::request("the API answers 500").in_pipeline("pipeline_1");
        let text = report([None, Some(error)]).to_string();
        assert!(text.contains("1 failed"), "{text}");
        assert!(text.contains("error: the API answers 500\n  pipeline: pipeline_1"), "{text}");
    }

    #[test]
    fn waits_for_limits_are_told_where_there_were_any() {
        let mut report = report([None, None]);
        assert!(!report.to_string().contains("waited"), "{report}");
        report.total.waited = Duration::from_millis(12_340);
        let expected = "\n\nrequests waited 12.3 s for limits on their rate, all sources together";
        assert!(report.to_string().ends_with(expected), "{report}");
    }

    #[test]
    fn the_json_has_what_the_table_has() {
        let error = Error::request("the API answers 500").in_pipeline("pipeline_1");
        let json = serde_json::to_value(report([None, Some(error)])).unwrap();
        assert_eq!(json["pipelines"][0]["records"], 1200);
        assert_eq!(json["pipelines"][0]["status"], "ok");
        assert_eq!(json["pipelines"][1]["status"], "failed");
        assert_eq!(json["pipelines"][1]["error"]["kind"], "request");
        assert_eq!(json["pipelines"][1]["error"]["message"], "the API answers 500");
    }
}
