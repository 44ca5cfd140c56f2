//! Many pipelines in one run: each is right, none waits for a slow one, and connections are few.

use apitap_tests::many::{Many, Watched};
use apitap_tests::process;
use serde_json::Value;

use super::runs::{LIMIT, postgres, postgres_database, postgres_do};

/// As many as a target gets, however many pipelines write to it.
const CONNECTIONS: u64 = 8;

/// Runs all of them, which must go well: every row is in its table, every page was asked for once.
fn check(make: impl FnOnce(&str) -> Many) -> Watched {
    let database = postgres_database();
    let many = make(&database);
    let watched = many.run(&process::binary("apitap"), &[], &database, LIMIT);
    let Watched { finished, connections, .. } = &watched;
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).expect("the report is JSON");
    assert_eq!(report["total"]["rows"], many.rows);
    assert_eq!(many.api.requests().len() as u64, many.pages);
    assert!((1..=CONNECTIONS).contains(connections), "{connections} connections");
    in_order(&report);
    stored(&report, &database);
    watched
}

/// Reports stand in the order of the definitions, whichever pipeline came first.
fn in_order(report: &Value) {
    let pipelines = report["pipelines"].as_array().expect("a list");
    let names: Vec<_> = pipelines.iter().map(|pipeline| pipeline["name"].as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
}

/// Each table has as many rows as its pipeline says, with different ids.
fn stored(report: &Value, database: &str) {
    let counts = report["pipelines"].as_array().expect("a list").iter().map(|pipeline| {
        let table = pipeline["table"].as_str().expect("a name");
        format!("SELECT '{table}' AS name, count(DISTINCT id) AS rows FROM {table}")
    });
    let counts: Vec<_> = counts.collect();
    for counted in postgres(database, &counts.join(" UNION ALL ")) {
        let pipelines = report["pipelines"].as_array().expect("a list");
        let pipeline = pipelines.iter().find(|pipeline| pipeline["table"] == counted["name"]);
        assert_eq!(pipeline.expect("a pipeline")["stored"], counted["rows"], "{counted}");
    }
}

#[test]
fn a_hundred_queries_share_two_fetches() {
    check(|database| Many::queries(100, 2_000, database));
}

#[test]
fn a_hundred_sources_are_fetched_beside_each_other() {
    check(|database| Many::sources(100, database));
}

#[test]
fn quick_pipelines_do_not_wait_for_a_slow_one() {
    // It would never end if any of them waited for the first: that one waits for all of them.
    let watched = check(|database| Many::last_beside(50, database));
    assert_eq!(watched.committed().len(), 51);
}

#[test]
fn fifty_pipelines_do_with_ten_connections() {
    check(|database| {
        let (_, name) = database.rsplit_once('/').expect("a database");
        let role = format!("few_{name}");
        postgres_do(
            database,
            &format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'few' CONNECTION LIMIT 10;
                 GRANT ALL ON SCHEMA public TO {role}"
            ),
        );
        let (_, place) = database.split_once('@').expect("a user");
        Many::sources(50, &format!("postgres://{role}:few@{place}"))
    });
}
