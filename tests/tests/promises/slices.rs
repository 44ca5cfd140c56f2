//! `window` and `backfill`: each record is stored with its own slice of the time, whatever the API makes of the
//! parameters; one that it passes over is told.

use apitap_tests::answers::{Answer, Answers, Asked};
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::finish;
use serde_json::{Value, json};

use super::runs::{LIMIT, events, events_project, project, run_well, sqlite};
use super::state::{MERGE, load};

/// Entries of a log: how many days behind 2026-01-01, and the date.
const LOG: [(u64, &str); 5] =
    [(4, "01-05"), (30, "01-31"), (50, "02-20"), (75, "03-17"), (100, "04-11")];

/// Appends what an API says that takes its parameters so, in slices of 30 days; the warnings of the report.
fn check(takes: fn(at: &str, since: &str, until: &str) -> bool) -> Vec<String> {
    let api = Answers::serve(move |asked: &Asked| {
        let (since, until) = (asked.param("since").unwrap(), asked.param("until").unwrap());
        let entries = LOG.map(|(day, date)| (day, format!("2026-{date}T00:00:00Z")));
        let sent = entries.iter().filter(|(_, at)| takes(at, since, until));
        Answer::json(&sent.map(|(day, at)| json!({"id": day, "at": at})).collect())
    });
    let sources = format!(
        "sources:
  - name: log
    url: {}
    incremental: {{field: at, start: 2026-01-01, window: 30d, param: since, end_param: until}}
    schema: {{id: int64!, at: timestamp!}}",
        api.url("/log")
    );
    let sql =
        "{{ sink(name=\"here\", mode=\"append\") }}\nSELECT id, at FROM {{ use_source(\"log\") }}";
    let project = project(&sources, &[("log", sql)]);
    let report = run_well(&project);
    let stored = sqlite(&project, "id) FROM log ORDER BY id");
    assert_eq!(stored, LOG.map(|(day, _)| json!([day])), "{report:#}");
    messages(&report)
}

fn messages(report: &Value) -> Vec<String> {
    let warnings = report["pipelines"][0]["warnings"].as_array().into_iter().flatten();
    warnings.map(|warning| warning["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_record_is_stored_with_its_own_slice() {
    let nothing: [&str; 0] = [];
    assert_eq!(check(|at, since, until| since <= at && at < until), nothing);
    // The 30th is the end of a slice.
    assert_eq!(check(|at, since, until| since <= at && at <= until), nothing);
    assert_eq!(check(|at, since, until| since < at && at <= until), nothing);
    let expected = "6 records of `log` lie behind the end of the slice that they came with, and were left out of it: \
                    the API seems to ignore `until`";
    assert_eq!(check(|at, since, _| since <= at), [expected]);
}

#[test]
fn an_api_that_sends_everything_again_is_told() {
    let project = events_project("incremental: {field: at, param: since}", MERGE);
    let all: Vec<_> = (1..=9).map(|n| (n, n as u32)).collect();
    let api = Api::serve(Collection::new(events(&all), Pagination::next_url()).page_size(3));
    let report = || -> Value {
        let mut command = project.apitap(["run", "--format", "json"]);
        let finished = finish(command.env("API", api.url()), LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        serde_json::from_str(&finished.stdout).unwrap()
    };
    assert_eq!(messages(&report()), [""; 0]);
    let expected = "8 of 9 records of `events` are older than what was asked for: the API seems to ignore `since`";
    assert_eq!(messages(&report()), [expected]);
}

#[test]
fn a_backfill_stores_nothing_from_outside_of_its_span() {
    for sink in [MERGE, "mode=\"insert_new\", key=[\"id\"]", "mode=\"append\""] {
        let project = events_project("incremental: {field: at, param: since}", sink);
        let span = ["--from", "2026-01-01T00:02:00Z", "--to", "2026-01-01T00:10:00Z", "--yes"];
        let arguments: Vec<_> = ["backfill", "events"].into_iter().chain(span).collect();
        load(&project, &[(1, 1), (2, 2), (3, 9), (4, 10), (5, 40)], &arguments);
        let stored = sqlite(&project, "id) FROM events ORDER BY id");
        assert_eq!(stored, [json!([2]), json!([3])], "{sink}");
    }
}
