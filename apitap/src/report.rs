//! What a run has done: for a person as a table, for a machine as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::{Serialize, Serializer};

use crate::source::Fetched;
pub use crate::source::decode::unknown::UnknownFields;
use crate::{Error, ErrorKind};

/// What a run of several pipelines has done.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Why nothing was run at all; or that the run was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// One for each pipeline that came to its end, in the order of the call.
    pub pipelines: Vec<PipelineReport>,
    /// The sums; a page that several pipelines have read counts once.
    pub total: Numbers,
}

/// What one pipeline has done.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineReport {
    /// The pipeline.
    pub name: String,
    /// The table that it fills.
    pub table: String,
    /// Why it failed; then its table is as it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// What it has read and stored.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// By source: the fields that the API has sent and the schema does not declare.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_fields: BTreeMap<String, UnknownFields>,
}

/// What was read and stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// Pages that arrived whole.
    pub pages: u64,
    /// Records found in them.
    pub records: u64,
    /// Rows that the query yielded and the target committed.
    pub rows: u64,
    /// Rows inserted or updated: fewer than `rows` where a run yielded several of one key.
    pub stored: u64,
    /// Bytes of the pages, decompressed.
    pub bytes: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// How long requests have waited, together, for limits on their rate.
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
        self.bytes += fetched.bytes.load(Ordering::Relaxed);
        self.retries += fetched.retries.load(Ordering::Relaxed);
        self.waited += Duration::from_millis(fetched.waited.load(Ordering::Relaxed));
    }
}

impl Report {
    /// A run that could not begin.
    pub(crate) fn not_run(error: Error) -> Self {
        Self { error: Some(error), pipelines: Vec::new(), total: Numbers::default() }
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
        let mut parts = Vec::new();
        if !self.pipelines.is_empty() {
            parts.push(self.table().to_string());
        }
        parts.extend(self.unknown_fields());
        parts.extend(self.waits());
        parts.extend(self.errors().map(|error| format!("error: {error}")));
        f.write_str(&parts.join("\n\n"))
    }
}

impl Report {
    /// One line for each source that has sent fields which its schema does not declare.
    fn unknown_fields(&self) -> Vec<String> {
        let mut sources = BTreeMap::new();
        for pipeline in &self.pipelines {
            sources.extend(pipeline.unknown_fields.iter());
        }
        let line = |(source, fields): (&String, &UnknownFields)| {
            format!(
                "warning: `{source}` has fields that its schema does not declare: {fields}\n  help:     \
                 declare them, or set `on_unknown_field: ignore`"
            )
        };
        sources.into_iter().map(line).collect()
    }

    /// That limits on the rate of requests made them wait.
    fn waits(&self) -> Option<String> {
        let waited = self.total.waited.as_secs_f64();
        (waited >= 0.05).then(|| {
            format!("requests waited {waited:.1} s for limits on their rate, all together")
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "pipeline", "table", "pages", "records", "rows", "stored", "bytes", "retries",
            "seconds", "result",
        ]);
        for pipeline in &self.pipelines {
            let result = if pipeline.error.is_some() { "failed" } else { "ok" };
            table.add_row(row(&pipeline.name, &pipeline.table, &pipeline.numbers, result));
        }
        if self.pipelines.len() > 1 {
            let failed = self.pipelines.iter().filter(|p| p.error.is_some()).count();
            let result = if failed > 0 { format!("{failed} failed") } else { "ok".to_owned() };
            table.add_row(row("total", "", &self.total, &result));
        }
        for column in 2..9 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

fn row(name: &str, table: &str, numbers: &Numbers, result: &str) -> [String; 10] {
    [
        name.to_owned(),
        table.to_owned(),
        grouped(numbers.pages),
        grouped(numbers.records),
        grouped(numbers.rows),
        grouped(numbers.stored),
        size(numbers.bytes),
        grouped(numbers.retries),
        format!("{:.2}", numbers.seconds.as_secs_f64()),
        result.to_owned(),
    ]
}

/// `1234567` → `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1234567` → `1.2 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let check = |number, expected: (&str, &str)| {
            assert_eq!((grouped(number).as_str(), size(number).as_str()), expected);
        };
        check(0, ("0", "0 B"));
        check(999, ("999", "999 B"));
        check(1_000, ("1,000", "1.0 kB"));
        check(999_949, ("999,949", "999.9 kB"));
        check(999_999, ("999,999", "1.0 MB"));
        check(12_345_678_901, ("12,345,678,901", "12.3 GB"));
    }

    fn report(errors: [Option<Error>; 2]) -> Report {
        let pipelines = errors
            .into_iter()
            .enumerate()
            .map(|(index, error)| PipelineReport {
                name: format!("pipeline_{index}"),
                table: "orders".to_owned(),
                error,
                numbers: Numbers { pages: 3, records: 1200, ..Numbers::default() },
                unknown_fields: BTreeMap::new(),
            })
            .collect();
        Report { error: None, pipelines, total: Numbers::default() }
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
        let expected = "\n\nrequests waited 12.3 s for limits on their rate, all together";
        assert!(report.to_string().ends_with(expected), "{report}");
    }

    #[test]
    fn the_json_has_what_the_table_has() {
        let error = Error::request("the API answers 500").in_pipeline("pipeline_1");
        let json = serde_json::to_value(report([None, Some(error)])).unwrap();
        assert_eq!(json["pipelines"][0]["records"], 1200);
        assert_eq!(json["pipelines"][1]["error"]["kind"], "request");
        assert_eq!(json["pipelines"][1]["error"]["message"], "the API answers 500");
    }
}
