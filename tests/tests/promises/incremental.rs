//! `incremental`: each run asks for what has changed since the last one that was committed, and stores it
//! once.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{
    LIMIT, call_well, events, events_project, postgres, postgres_database, project, run_well,
    sqlite, with_target,
};

/// Loads what an API of these events says; gives the queries that it was asked.
fn load(project: &Project, all: &[(i64, u32)]) -> Vec<String> {
    let api = Api::serve(Collection::new(events(all), Pagination::next_url()).page_size(3));
    let mut command = project.apitap(["run", "--format", "json"]);
    let finished = finish(command.env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    api.requests().into_iter().map(|request| request.query).collect()
}

/// The ids of the table, in the order in which they were stored.
fn ids(project: &Project) -> Vec<i64> {
    let rows = sqlite(project, "id) FROM events ORDER BY rowid");
    rows.iter().filter_map(|row| row[0].as_i64()).collect()
}

fn state(project: &Project) -> Vec<Value> {
    sqlite(
        project,
        "partition, json(value)) FROM _apitap_state WHERE partition NOT LIKE '%(definition)' ORDER BY 1",
    )
}

#[test]
fn appended_rows_are_stored_once_though_the_api_sends_the_last_ones_again() {
    let project = events_project("incremental: {field: at, param: since}", "mode=\"append\"");
    let asked = load(&project, &[(1, 1), (2, 2), (3, 2)]);
    assert_eq!(asked, [""]);
    assert_eq!(ids(&project), [1, 2, 3]);
    let asked = load(&project, &[(2, 2), (3, 2), (4, 2), (5, 3)]);
    assert_eq!(asked.first().map(String::as_str), Some("since=2026-01-01T00%3A02%3A00Z"));
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
    load(&project, &[(5, 3)]);
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
}

#[test]
fn a_client_stores_what_is_new_of_all_that_it_is_sent() {
    let project =
        events_project("incremental: {field: at, mode: client}", "mode=\"merge\", key=[\"id\"]");
    load(&project, &[(1, 1), (2, 5)]);
    assert_eq!(state(&project), [json!(["events", {"cursor": "2026-01-01T00:05:00Z"}])]);
    load(&project, &[(1, 9), (2, 5), (3, 4)]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(state(&project), [json!(["events", {"cursor": "2026-01-01T00:09:00Z"}])]);
}

#[test]
fn a_feed_is_asked_until_a_page_ends_with_what_is_known() {
    let project = events_project("incremental: {field: at, mode: feed}", "mode=\"append\"");
    let old: Vec<_> = (1..=9).rev().map(|n| (n, n as u32)).collect();
    assert_eq!(load(&project, &old).len(), 3);
    let new: Vec<_> = (1..=11).rev().map(|n| (n, n as u32)).collect();
    // The first page ends with the last one that is known: another of its time may follow.
    assert_eq!(load(&project, &new).len(), 2);
    let mut stored = ids(&project);
    stored.sort_unstable();
    assert_eq!(stored, (1..=11).collect::<Vec<_>>());
}

#[test]
fn a_feed_that_is_not_newest_first_is_an_error() {
    let project = events_project("incremental: {field: at, mode: feed}", "mode=\"append\"");
    let api = Api::serve(Collection::new(events(&[(1, 1), (2, 2)]), Pagination::next_url()));
    let finished = finish(project.apitap(["run"]).env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let shown = format!("{}{}", finished.stdout, finished.stderr);
    let expected = "the API does not send the newest records first: `at` is 2026-01-01 00:02:00 UTC behind \
                    2026-01-01 00:01:00 UTC";
    assert!(shown.contains(expected), "{shown}");
}

/// What is of the moment of the bound, or later, counts for the run whose query wants it.
#[test]
fn a_record_that_the_query_does_not_want_yet_is_loaded_when_it_does() {
    for incremental in ["param: since", "mode: client", "mode: feed"] {
        let incremental = format!("incremental: {{field: at, {incremental}}}");
        let project = events_project(&incremental, "mode=\"append\"");
        let query = project.read("sql/events.sql");
        let all: Vec<_> = (1..=9).rev().map(|n| (n, n as u32)).collect();
        let check = |minutes: u32, expected: &[i64]| {
            let bound = format!("WHERE at < TIMESTAMP '2026-01-01T00:{minutes:02}:00Z'");
            project.write("sql/events.sql", &format!("{query}\n{bound}"));
            load(&project, &all);
            let mut stored = ids(&project);
            stored.sort_unstable();
            assert_eq!(stored, expected, "{incremental}");
        };
        check(4, &[1, 2, 3]);
        check(4, &[1, 2, 3]);
        check(6, &[1, 2, 3, 4, 5]);
        check(59, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}

/// An event of the year 2999 among those that an API has; gives what the run warns of.
fn warnings_of(project: &Project, all: &[Value]) -> Vec<Value> {
    let api = Api::serve(Collection::new(all.to_vec(), Pagination::next_url()));
    let mut command = project.apitap(["run", "--format", "json"]);
    let finished = finish(command.env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    report["pipelines"][0]["warnings"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_record_from_the_future_does_not_move_the_state_in_silence() {
    let late = json!({"id": 9, "at": "2999-01-01T00:00:00Z"});
    let with_late = |all: &[(i64, u32)]| {
        let mut all = events(all);
        all.insert(0, late.clone());
        all
    };
    for (incremental, sink, yes) in [
        ("param: since", "mode=\"append\"", " --yes"),
        ("mode: client", "mode=\"append\"", " --yes"),
        ("mode: feed", "mode=\"merge\", key=[\"id\"]", ""),
    ] {
        let incremental = format!("incremental: {{field: at, {incremental}}}");
        let project = events_project(&incremental, sink);
        assert_eq!(warnings_of(&project, &events(&[(1, 1)])), [] as [Value; 0]);
        let warnings = warnings_of(&project, &with_late(&[(2, 2), (1, 1)]));
        let [warning] = warnings.as_slice() else { panic!("{incremental}: {warnings:?}") };
        let message = warning["message"].as_str().unwrap();
        let expected = "`at` of a record of `events` is 2999-01-01T00:00:00Z, more than a day later than this run \
                        (GET http://127.0.0.1:";
        assert!(message.starts_with(expected), "{message}");
        let end = ", record 1): the next run does not ask for what is changed before that";
        assert!(message.ends_with(end), "{message}");
        let help = warning["help"].as_str().unwrap();
        assert!(help.starts_with("have the next run go on with `state set events 20"), "{help}");
        assert!(
            help.contains(&format!("Z{yes}`, and leave such records out: `WHERE at <= now()`")),
            "{help}"
        );
        // As long as the state is there.
        let warnings = warnings_of(&project, std::slice::from_ref(&late));
        let message = warnings[0]["message"].as_str().unwrap();
        let expected = "the state of `events` is 2999-01-01T00:00:00Z, more than a day later than this run: what is \
                        changed before that is not asked for";
        assert_eq!((message, warnings.len()), (expected, 1));
    }
}

/// What the help of a state from the future says brings back all that the runs since then have not asked for.
#[test]
fn what_came_behind_a_record_from_the_future_is_loaded_by_what_the_help_says() {
    let later = Arc::new(Mutex::new(Vec::new()));
    let records = Arc::clone(&later);
    let api = Answers::serve(move |asked| {
        let since = asked.param("since").unwrap_or_default();
        let mut all =
            vec![(1, "2026-01-01T00:00:00Z".to_owned()), (9, "2999-01-01T00:00:00Z".to_owned())];
        all.extend(records.lock().unwrap().iter().cloned());
        let record = |(id, at): (i64, String)| json!({"id": id, "at": at});
        let found = all.into_iter().filter(|(_, at)| at.as_str() >= since);
        Answer::json(&json!({"data": found.map(record).collect::<Vec<_>>()}))
    });
    let project = project(
        &format!(
            "sources:
  - name: events
    url: \"{}/events\"
    data_path: /data
    incremental: {{field: at, param: since}}
    schema: {{id: int64!, at: timestamp!}}",
            api.url("")
        ),
        &[("events", FUTURE)],
    );
    let began = rfc3339_now();
    run_well(&project);
    for id in [3, 4] {
        later.lock().unwrap().push((id, rfc3339_now()));
        let report = run_well(&project);
        let help = report["pipelines"][0]["warnings"][0]["help"].as_str().unwrap().to_owned();
        let told = "`state set events TIME --yes`, TIME being when the run began that has stored that record, and \
                    leave such records out: `WHERE at <= now()`";
        assert!(help.contains(told), "{help}");
    }
    assert_eq!(ids(&project), [1, 9]);
    call_well(&project, &["state", "set", "events", &began, "--yes"]);
    project.write("sql/events.sql", &format!("{FUTURE} WHERE at <= now()"));
    for _ in 0..2 {
        run_well(&project);
        assert_eq!(ids(&project), [1, 9, 3, 4]);
    }
}

const FUTURE: &str = "{{ sink(mode=\"append\") }} SELECT id, at FROM {{ use_source(\"events\") }}";

/// Now, to the microsecond.
fn rfc3339_now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[test]
fn a_record_from_the_future_that_the_query_leaves_out_does_not_move_the_state() {
    let project = events_project("incremental: {field: at, param: since}", "mode=\"append\"");
    let query = project.read("sql/events.sql");
    project.write("sql/events.sql", &format!("{query}\nWHERE at <= now()"));
    let mut all = events(&[(1, 1), (2, 2)]);
    all.push(json!({"id": 9, "at": "2999-01-01T00:00:00Z"}));
    assert_eq!(warnings_of(&project, &all), [] as [Value; 0]);
    all.push(json!({"id": 3, "at": "2026-01-01T00:03:00Z"}));
    assert_eq!(warnings_of(&project, &all), [] as [Value; 0]);
    assert_eq!(ids(&project), [1, 2, 3]);
}

#[test]
fn a_field_whose_times_lie_ahead_is_loaded_as_any_other() {
    let incremental = "incremental: {field: at, param: since, lookback: 3650d}";
    let project = events_project(incremental, "mode=\"merge\", key=[\"id\"]");
    let soon = chrono::Utc::now() + chrono::TimeDelta::days(300);
    let all = [json!({"id": 1, "at": soon.format("%Y-%m-%dT00:00:00Z").to_string()})];
    assert_eq!(warnings_of(&project, &all), [] as [Value; 0]);
    assert_eq!(ids(&project), [1]);
}

#[test]
fn slices_cover_the_time_since_the_start() {
    let incremental = "incremental: {field: at, start: 2026-01-01, window: 3650d, param: since, end_param: until, \
                       format: \"%Y\"}";
    let project = events_project(incremental, "mode=\"merge\", key=[\"id\"]");
    let asked = load(&project, &[(1, 1)]);
    assert!(asked[0].starts_with("since=2026&until=20"), "{asked:?}");
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_run_that_fails_leaves_rows_and_state_as_they_were() {
    let project = events_project("incremental: {field: at, param: since}", "mode=\"append\"");
    load(&project, &[(1, 1)]);
    let before = state(&project);
    let mut records = events(&[(2, 2)]);
    records.push(json!({"id": "no number", "at": "2026-01-01T00:03:00Z"}));
    let api = Api::serve(Collection::new(records, Pagination::next_url()));
    let finished = finish(project.apitap(["run"]).env("API", api.url()), LIMIT);
    assert_ne!(finished.code, Some(0));
    assert_eq!((ids(&project), state(&project)), (vec![1], before));
    load(&project, &[(2, 2), (3, 3)]);
    assert_eq!(ids(&project), [1, 2, 3]);
}

/// Appends events that become more from run to run, into a target whose ids are read like this; each run
/// is killed at another moment, until one that is not.
fn check_kills(target: &str, kills: u64, stored: impl Fn(&Project) -> Vec<i64>) {
    let project = events_project("incremental: {field: at, mode: client}", "mode=\"append\"");
    if !target.is_empty() {
        with_target(&project, target);
    }
    let all_of = |count: i64| -> Vec<(i64, u32)> {
        (1..=count).map(|n| (n, u32::try_from(n / 2).unwrap())).collect()
    };
    let mut count = 20;
    load(&project, &all_of(count));
    let began = Instant::now();
    load(&project, &all_of(count));
    let usual = began.elapsed();
    let mut killed = 0;
    for round in 0..kills {
        count += i64::try_from(round % 3).unwrap();
        let latency = Duration::from_millis(3);
        let collection = Collection::new(events(&all_of(count)), Pagination::next_url());
        let api = Api::serve(collection.page_size(4).latency(latency));
        let mut command = project.apitap(["run", "--format", "json"]);
        command.env("API", api.url()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = command.spawn().unwrap();
        // Before the first request, within, at the commit, and after.
        std::thread::sleep(usual * u32::try_from(round * 37 % 130).unwrap() / 100);
        killed += u64::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
    }
    // On a busy machine all of them may be.
    assert!(killed >= kills / 4, "{killed} of {kills} runs were killed");
    load(&project, &all_of(count));
    assert_eq!(stored(&project), (1..=count).collect::<Vec<_>>());
}

#[test]
fn what_is_killed_at_any_moment_is_stored_once_in_sqlite() {
    check_kills("", 50, |project| {
        let mut stored = ids(project);
        stored.sort_unstable();
        stored
    });
}

#[test]
fn what_is_killed_at_any_moment_is_stored_once_in_postgres() {
    let url = postgres_database();
    let target = format!("{{name: here, type: postgres, url: \"{url}\"}}");
    check_kills(&target, 50, |_| {
        let rows = postgres(&url, "SELECT id FROM events ORDER BY id");
        rows.iter().filter_map(|row| row["id"].as_i64()).collect()
    });
    let state = "SELECT value FROM _apitap_state WHERE partition = 'events'";
    let state = postgres(&url, state);
    assert_eq!(state.len(), 1);
    let value: Value = serde_json::from_str(state[0]["value"].as_str().unwrap()).unwrap();
    assert!(value["cursor"].as_str().is_some_and(|cursor| cursor.starts_with("2026-")), "{value}");
}
