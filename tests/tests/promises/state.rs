//! What a pipeline remembers: it is shown and corrected by commands, a span of time is loaded again, and one
//! run of a pipeline keeps another one out.

use std::process::{Child, Stdio};
use std::time::Duration;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::pgbouncer::transactions;
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{
    LIMIT, call, call_well, events, events_project, mariadb_database, postgres_database,
    postgres_do, sqlite, wait_until, with_target,
};

pub(super) const MERGE: &str = "mode=\"merge\", key=[\"id\"]";

/// Runs a command against an API of these events; gives the queries that it was asked.
pub(super) fn load(project: &Project, all: &[(i64, u32)], arguments: &[&str]) -> Vec<String> {
    let api = Api::serve(Collection::new(events(all), Pagination::next_url()));
    let mut command = project.apitap(arguments.iter().copied());
    let finished = finish(command.env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    api.requests().into_iter().map(|request| request.query).collect()
}

/// What is remembered.
pub(super) fn shown(project: &Project) -> Value {
    serde_json::from_str(&call_well(project, &["state", "show", "--format", "json"])).unwrap()
}

/// The targets, as YAML.
pub(super) fn targets() -> [String; 4] {
    let (postgres, mariadb) = (postgres_database(), mariadb_database());
    let pooled = transactions(&postgres_database());
    [
        "{name: here, type: sqlite, path: out.db}".to_owned(),
        format!("{{name: here, type: postgres, url: \"{postgres}\"}}"),
        format!("{{name: here, type: postgres, url: \"{pooled}\"}}"),
        format!("{{name: here, type: mysql, url: \"{mariadb}\"}}"),
    ]
}

#[test]
fn the_state_is_shown_set_and_reset() {
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        assert_eq!(shown(&project), json!([]));
        load(&project, &[(1, 1), (2, 5)], &["run"]);
        let found = shown(&project);
        assert_eq!(found[0]["pipeline"], "events");
        assert_eq!(found[0]["partition"], "events");
        assert_eq!(found[0]["value"], json!({"cursor": "2026-01-01T00:05:00Z"}));
        let run = found[0]["run"].as_str().unwrap();
        assert!(run.starts_with("20"), "{run}");
        let changed_at = found[0]["changed_at"].as_str().unwrap();
        assert!(changed_at.starts_with("20") && changed_at.ends_with('Z'), "{changed_at}");
        let table = call_well(&project, &["state", "show"]);
        assert!(table.contains("events    events     2026-01-01T00:05:00Z  "), "{table}");

        let said = call_well(&project, &["state", "set", "events", "2026-01-01T00:03:00Z"]);
        assert_eq!(said, "events, events: 2026-01-01T00:05:00Z → 2026-01-01T00:03:00Z\n");
        let asked = load(&project, &[(3, 6)], &["run"]);
        assert_eq!(asked, ["since=2026-01-01T00%3A03%3A00Z"], "{target}");

        let said = call_well(&project, &["state", "reset", "events"]);
        assert_eq!(said, "events, events: 2026-01-01T00:06:00Z → nothing\n");
        assert_eq!(load(&project, &[(1, 1)], &["run"]), [""], "{target}");
    }
}

#[test]
fn what_cannot_be_set_is_told() {
    let check = |incremental: &str, arguments: &[&str], expected: &str| {
        let finished = call(&events_project(incremental, MERGE), arguments);
        assert_eq!(finished.code, Some(2), "{}", finished.stdout);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    let incremental = "incremental: {field: at, param: since}";
    check("", &["state", "set", "events", "2026-01-01"], "`events` reads no incremental source");
    check(incremental, &["state", "set", "events", "soon"], "`soon` is not a date or a timestamp");
    let named = ["state", "set", "events", "2026-01-01", "--partition", "event"];
    check(incremental, &named, "there is no partition `event`\nhelp: there are `events`");
    check(incremental, &["state", "reset", "evens"], "there is no pipeline `evens`");
    check(
        "",
        &["backfill", "events", "--from", "2026-01-01"],
        "`events` reads no incremental source",
    );
    let backward = ["backfill", "events", "--from", "2026-01-02", "--to", "2026-01-01"];
    check(incremental, &backward, "`--from` must be before `--to`");
}

fn ids(project: &Project) -> Vec<i64> {
    let rows = sqlite(project, "id) FROM events ORDER BY id, rowid");
    rows.iter().filter_map(|row| row[0].as_i64()).collect()
}

fn cursor(project: &Project) -> Value {
    shown(project)[0]["value"]["cursor"].clone()
}

#[test]
fn a_backfill_loads_its_span_and_leaves_the_state_that_lies_behind_it() {
    let incremental = "incremental: {field: at, param: since, end_param: until}";
    let project = events_project(incremental, MERGE);
    load(&project, &[(1, 1), (2, 30)], &["run"]);
    let span = ["--from", "2026-01-01T00:02:00Z", "--to", "2026-01-01T00:10:00Z"];
    let arguments: Vec<_> = ["backfill", "events"].into_iter().chain(span).collect();
    let asked = load(&project, &[(3, 5)], &arguments);
    assert_eq!(asked, ["since=2026-01-01T00%3A02%3A00Z&until=2026-01-01T00%3A10%3A00Z"]);
    assert_eq!((ids(&project), cursor(&project)), (vec![1, 2, 3], json!("2026-01-01T00:30:00Z")));

    // It goes on from what is known.
    let span = ["--from", "2026-01-01T00:20:00Z", "--to", "2026-01-01T01:00:00Z"];
    let arguments: Vec<_> = ["backfill", "events"].into_iter().chain(span).collect();
    load(&project, &[(4, 40)], &arguments);
    assert_eq!(
        (ids(&project), cursor(&project)),
        (vec![1, 2, 3, 4], json!("2026-01-01T00:40:00Z"))
    );

    // Between what is known and the span, nothing was loaded.
    let span = ["--from", "2026-01-01T00:50:00Z", "--to", "2026-01-01T01:00:00Z"];
    let arguments: Vec<_> = ["backfill", "events"].into_iter().chain(span).collect();
    load(&project, &[(5, 55)], &arguments);
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
    assert_eq!(cursor(&project), "2026-01-01T00:40:00Z");
}

#[test]
fn a_backfill_by_slices_asks_for_each_of_them() {
    let incremental =
        "incremental: {field: at, start: 2026-01-01, param: since, end_param: until, window: 5m}";
    let project = events_project(incremental, MERGE);
    let span = ["--from", "2026-01-01T00:02:00Z", "--to", "2026-01-01T00:10:00Z"];
    let arguments: Vec<_> = ["backfill", "events"].into_iter().chain(span).collect();
    let mut asked = load(&project, &[(3, 5)], &arguments);
    asked.sort();
    let of = |since: &str, until: &str| {
        format!("since=2026-01-01T00%3A{since}%3A00Z&until=2026-01-01T00%3A{until}%3A00Z")
    };
    assert_eq!(asked, [of("02", "07"), of("07", "10")]);
}

#[test]
fn a_backfill_appends_only_where_it_is_told_to() {
    let project = events_project("incremental: {field: at, mode: client}", "mode=\"append\"");
    load(&project, &[(1, 1), (2, 30)], &["run"]);
    let span =
        ["backfill", "events", "--from", "2026-01-01T00:02:00Z", "--to", "2026-01-01T00:10:00Z"];
    let finished = call(&project, &span);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished
            .stderr
            .contains("`backfill` would append rows to `events` that may be there already"),
        "{}",
        finished.stderr
    );
    let all = [(1, 1), (3, 2), (4, 9), (5, 10), (2, 30)];
    load(&project, &all, &[&span[..], &["--yes"]].concat());
    assert_eq!(
        (ids(&project), cursor(&project)),
        (vec![1, 2, 3, 4], json!("2026-01-01T00:30:00Z"))
    );
}

#[test]
fn a_state_goes_back_where_rows_are_appended_only_when_it_is_told_to() {
    let project = events_project("incremental: {field: at, param: since}", "mode=\"append\"");
    let sql = project.read("sql/events.sql");
    project
        .write("sql/others.sql", &sql.replace("append", "merge\", key=[\"id\"], table=\"others"));
    load(&project, &[(1, 1), (2, 5)], &["run"]);
    let refused = |arguments: &[&str]| {
        let finished = call(&project, arguments);
        assert_eq!(finished.code, Some(2), "{}{}", finished.stdout, finished.stderr);
        let expected = "the next run of `events` would append rows to `events` that are there already\nhelp: delete \
                        them and say `--yes`";
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    refused(&["state", "reset", "events"]);
    refused(&["state", "set", "events", "2026-01-01T00:03:00Z"]);
    // Of the moment itself, it is known which records are in.
    refused(&["state", "set", "events", "2026-01-01T00:05:00Z"]);
    // All or none.
    refused(&["state", "reset", "*"]);
    assert_eq!(shown(&project).as_array().map(Vec::len), Some(2));
    call_well(&project, &["state", "set", "events", "2026-01-01T00:06:00Z"]);
    let said = call_well(&project, &["state", "reset", "*", "--yes"]);
    assert_eq!(
        said,
        "events, events: 2026-01-01T00:06:00Z → nothing\nothers, events: 2026-01-01T00:05:00Z → nothing\n"
    );
    let help = call_well(&project, &["state", "reset", "--help"]);
    assert!(help.contains("or a pattern such as 'shop_*'"), "{help}");
}

/// A run that waits for an API which takes its time.
fn slow(project: &Project) -> (Api, Child) {
    let collection = Collection::new(events(&[(1, 1)]), Pagination::next_url());
    let api = Api::serve(collection.latency(Duration::from_secs(4)));
    let mut command = project.apitap(["run"]);
    command.env("API", api.url()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = command.spawn().unwrap();
    wait_until(|| !api.requests().is_empty());
    (api, running)
}

#[test]
fn a_second_run_of_a_pipeline_is_refused_or_waits() {
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        let (api, mut running) = slow(&project);
        let second = |arguments: &[&str]| {
            let mut command = project.apitap(arguments.iter().copied());
            finish(command.env("API", api.url()), LIMIT)
        };
        let refused = second(&["run"]);
        assert_eq!(refused.code, Some(1), "{target}{}", refused.stdout);
        let expected = "another run of `events` is loading into `events`: ";
        assert!(refused.stdout.contains(expected), "{}", refused.stdout);
        assert!(refused.stdout.contains("`run --wait 10m`"), "{}", refused.stdout);
        let refused = second(&["state", "reset", "events"]);
        // There is no state yet, and so nothing to change.
        assert_eq!(refused.code, Some(0), "{}", refused.stderr);
        let refused = second(&["state", "set", "events", "2026-01-01"]);
        assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains("another run of `events`"), "{}", refused.stderr);
        assert_eq!(api.requests().len(), 1);
        let waited = second(&["run", "--wait", "1m"]);
        assert_eq!(waited.code, Some(0), "{target}{}{}", waited.stdout, waited.stderr);
        assert!(running.wait().unwrap().success());
        assert_eq!(api.requests().len(), 2);
    }
}

#[test]
fn a_run_that_was_killed_keeps_nobody_out() {
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        let (_api, mut running) = slow(&project);
        running.kill().unwrap();
        running.wait().unwrap();
        load(&project, &[(1, 1)], &["run", "--wait", "30s"]);
        let left = std::fs::read_dir(project.path()).unwrap();
        let left = left.filter(|file| {
            file.as_ref().unwrap().file_name().to_string_lossy().contains("-apitap-")
        });
        assert_eq!(left.count(), 0, "{target}");
    }
}

/// The runs that the target of a project keeps, the latest first.
fn kept(project: &Project) -> Vec<Value> {
    let runs = call_well(project, &["state", "runs", "--format", "json"]);
    serde_json::from_str::<Vec<Value>>(&runs).unwrap()
}

/// What does not change from run to run.
fn in_short(run: &Value) -> Value {
    json!([run["pipeline"], run["status"], run["records"], run["stored"], run["error"].is_string()])
}

#[test]
fn a_database_keeps_the_runs() {
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        assert_eq!(kept(&project), [] as [Value; 0]);
        load(&project, &[(1, 1), (2, 5), (1, 6)], &["run"]);
        let bad = vec![json!({"id": "none", "at": "2026-01-01T00:00:00Z"})];
        let api = Api::serve(Collection::new(bad, Pagination::next_url()));
        let failed = finish(project.apitap(["run"]).env("API", api.url()), LIMIT);
        assert_eq!(failed.code, Some(1), "{}", failed.stdout);
        let runs = kept(&project);
        let expected =
            [json!(["events", "failed", 1, 0, true]), json!(["events", "ok", 3, 2, false])];
        assert_eq!(runs.iter().map(in_short).collect::<Vec<_>>(), expected, "{target}");
        let why = runs[0]["error"].as_str().unwrap();
        assert!(why.contains("none"), "{why}");
        for run in &runs {
            let (started, ended) = (run["started_at"].as_str(), run["ended_at"].as_str());
            assert!(started.unwrap().starts_with("20") && started <= ended, "{run}");
        }
        let state = shown(&project);
        assert_eq!(state[0]["run"], runs[1]["run"]);
        let both = call_well(&project, &["state", "show"]);
        assert!(both.contains("has come to") && both.contains("  failed  "), "{both}");
    }
}

#[test]
fn a_hundred_runs_are_kept_and_no_more() {
    let url = postgres_database();
    let project = events_project("", MERGE);
    with_target(&project, &format!("{{name: here, type: postgres, url: \"{url}\"}}"));
    load(&project, &[(1, 1)], &["run"]);
    let fill = "INSERT INTO _apitap_runs
                SELECT pipeline, 'old ' || n, 'running', started_at - n * interval '1 hour', NULL, 0, 0, 0, NULL
                FROM _apitap_runs, generate_series(1, 120) AS n";
    postgres_do(&url, fill);
    load(&project, &[(1, 1)], &["run"]);
    let runs = kept(&project);
    assert_eq!(runs.len(), 100);
    assert_eq!((&runs[0]["status"], &runs[1]["status"]), (&json!("ok"), &json!("ok")));
    // Nobody else is under way.
    assert!(runs[2..].iter().all(|run| run["status"] == "interrupted"), "{}", runs[2]);
    assert_eq!(runs[99]["run"], "old 98");
}

#[test]
fn a_user_who_may_not_keep_runs_loads_all_the_same() {
    let url = postgres_database();
    let (_, place) = url.split_once('@').unwrap();
    let (_, name) = place.split_once('/').unwrap();
    let role = format!("loader_{name}");
    let grant = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'loads'; CREATE TABLE events (id int8 PRIMARY KEY, at timestamptz);
         GRANT ALL ON events TO {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    );
    postgres_do(&url, &grant);
    let project = events_project("", MERGE);
    let url = format!("postgres://{role}:loads@{place}");
    with_target(&project, &format!("{{name: here, type: postgres, url: \"{url}\"}}"));
    load(&project, &[(1, 1)], &["run"]);
    assert_eq!(kept(&project), [] as [Value; 0]);
}

/// MySQL locks more than the row that it looks for: whoever commits at once must not wait for the other.
#[test]
fn pipelines_that_commit_at_once_do_not_lock_each_other_out() {
    for target in &targets()[1..] {
        let sources = "sources:
  - name: events
    url: ${API:-http://127.0.0.1:9}
    data_path: /data
    incremental: {field: at, param: since}
    pagination: {kind: next_url, path: /links/next}
    schema: {id: int64!, at: timestamp!}";
        let sql = |name: &str| {
            format!(
                "{{{{ sink(table=\"{name}\", {MERGE}) }}}}\nSELECT id, at FROM {{{{ use_source(\"events\") }}}}"
            )
        };
        let queries: Vec<_> =
            (0..24).map(|n| (format!("p{n:02}"), sql(&format!("t{n}")))).collect();
        let queries: Vec<_> = queries.iter().map(|(name, sql)| (&**name, &**sql)).collect();
        let project = super::runs::project(sources, &queries);
        with_target(&project, target);
        for round in 1..=3 {
            load(&project, &[(1, round), (2, round + 1)], &["run"]);
        }
        assert_eq!(shown(&project).as_array().map(Vec::len), Some(24), "{target}");
        let runs = kept(&project);
        assert_eq!(runs.iter().filter(|run| run["status"] == "ok").count(), 72, "{target}");
    }
}
