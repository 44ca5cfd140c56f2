//! A table that is gone while its state is there: a run that would load only what is new behind the lost rows is
//! an error that says so.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::process::{Finished, Project, finish};

use super::runs::{
    LIMIT, call, call_well, events, events_project, mariadb, postgres_do, sqlite, sqlite_file,
    with_target,
};
use super::state::{MERGE, load, targets};
use super::stopped::orders_project;

/// Drops a table, as a person does who wants to start over.
fn drop_table(project: &Project, target: &str, table: &str) {
    let (url, sql) = (target.split('"').nth(1).unwrap_or_default(), format!("DROP TABLE {table}"));
    match target {
        target if target.contains("type: postgres") => postgres_do(url, &sql),
        target if target.contains("type: mysql") => drop(mariadb(url, &sql)),
        _ => drop(sqlite_file(&project.path().join("out.db"), &sql)),
    }
}

/// Runs a command that fails, against an API of these events that is not asked.
fn refused(project: &Project, all: &[(i64, u32)], arguments: &[&str]) -> Finished {
    let api = Api::serve(Collection::new(events(all), Pagination::next_url()));
    let mut command = project.apitap(arguments.iter().copied());
    let finished = finish(command.env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    assert_eq!(api.requests().len(), 0);
    finished
}

const GONE: &str = "the table `events` is gone, and the state of `events` still says that its records are in it up \
                    to 2026-01-01T00:05:00Z";

#[test]
fn a_run_does_not_load_the_rest_of_a_table_that_is_gone() {
    let all = [(1, 1), (2, 5)];
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        load(&project, &all, &["run"]);
        drop_table(&project, &target, "events");
        let said = refused(&project, &all, &["run"]).stdout;
        assert!(said.contains(GONE), "{target}: {said}");
        assert!(said.contains("load all of it again: `state reset events`, and run it"), "{said}");
        let backfill = ["backfill", "events", "--from", "2026-01-01", "--to", "2026-01-02"];
        let said = refused(&project, &all, &backfill).stdout;
        assert!(said.contains(GONE), "{target}: {said}");

        call_well(&project, &["state", "reset", "events"]);
        assert_eq!(load(&project, &all, &["run"]), [""], "{target}");
    }
}

#[test]
fn a_table_that_is_dropped_on_purpose_goes_on_where_its_state_is_set() {
    for target in targets() {
        let project = events_project("incremental: {field: at, param: since}", MERGE);
        with_target(&project, &target);
        // It was never there, and somebody says where to begin.
        call_well(&project, &["state", "set", "events", "2026-01-01T00:02:00Z"]);
        let since = |minute: &str| [format!("since=2026-01-01T00%3A{minute}%3A00Z")];
        assert_eq!(load(&project, &[(2, 5)], &["run"]), since("02"), "{target}");
        drop_table(&project, &target, "events");
        let said = refused(&project, &[(2, 5)], &["run"]).stdout;
        assert!(said.contains("`state set events 2026-01-01T00:05:00Z`"), "{said}");
        call_well(&project, &["state", "set", "events", "2026-01-01T00:05:00Z"]);
        assert_eq!(load(&project, &[(3, 6)], &["run"]), since("05"), "{target}");
    }
}

#[test]
fn a_live_check_finds_that_the_table_is_gone() {
    let project = events_project("incremental: {field: at, param: since}", MERGE);
    load(&project, &[(2, 5)], &["run"]);
    drop_table(&project, "", "events");
    let api = Api::serve(Collection::new(events(&[(2, 5)]), Pagination::next_url()));
    let finished = finish(project.apitap(["check", "--live"]).env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains(GONE), "{}", finished.stdout);
}

#[test]
fn a_run_does_not_go_on_behind_rows_that_are_gone() {
    let collection = Collection::new(super::stopped::orders(1_000), Pagination::cursor());
    let collection = collection.page_size(100).fault(On::page(3).times(1), Fault::Status(403));
    let api = Api::serve(collection);
    let project = orders_project(&api, true);
    assert_eq!(call(&project, &["run"]).code, Some(1));
    assert_eq!(sqlite(&project, "count(*)) FROM orders")[0][0], 200);
    drop_table(&project, "", "orders");
    let finished = call(&project, &["run"]);
    assert_eq!(finished.code, Some(1));
    let expected = "the table `orders` is gone, and the state of `orders` still says that a run which was not \
                    finished has committed rows to it";
    assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    assert!(finished.stdout.contains("`state reset orders --yes`"), "{}", finished.stdout);
    call_well(&project, &["state", "reset", "orders", "--yes"]);
    call_well(&project, &["run"]);
    assert_eq!(sqlite(&project, "count(*)) FROM orders")[0][0], 1_000);
}
