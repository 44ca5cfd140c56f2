//! `checkpoint`: a run that is killed at any moment goes on where it was, and every row lands once.
//!
//! `APITAP_TEST_ROWS` and `APITAP_TEST_KILLS` say how much of it: 200000 and 200 are the figures of a long
//! test, which takes its time.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::pgbouncer::transactions;
use apitap_tests::process::{Finished, Project, binary, finish};
use apitap_tests::proxy::Proxy;
use apitap_tests::random::Random;
use serde_json::{Value, json};

use super::runs::{
    LIMIT, RUN, Running, has_table, mariadb, mariadb_database, number, postgres, postgres_database,
    postgres_do, project, sqlite,
};

/// A target, and how its rows are counted.
enum Place {
    Sqlite,
    Postgres(String),
    /// PostgreSQL behind a pool of transactions.
    Pooled(String),
    Mariadb(String),
}

impl Place {
    fn all() -> [Self; 4] {
        [
            Self::Sqlite,
            Self::Postgres(postgres_database()),
            Self::Pooled(postgres_database()),
            Self::Mariadb(mariadb_database()),
        ]
    }

    fn yaml(&self) -> String {
        match self {
            Self::Sqlite => "type: sqlite, path: out.db".to_owned(),
            Self::Postgres(url) => format!("type: postgres, url: \"{url}\""),
            Self::Pooled(url) => format!("type: postgres, url: \"{}\"", transactions(url)),
            Self::Mariadb(url) => format!("type: mysql, url: \"{url}\""),
        }
    }

    /// How many rows there are, and how many different ids.
    fn count(&self, project: &Project) -> (u64, u64) {
        let is_there = match self {
            Self::Sqlite => has_table(project, "orders"),
            Self::Postgres(url) | Self::Pooled(url) => {
                !postgres(url, "SELECT 1 AS n WHERE to_regclass('orders') IS NOT NULL").is_empty()
            }
            Self::Mariadb(url) => {
                let ask = "SELECT json_array(1) FROM information_schema.tables \
                           WHERE table_schema = database() AND table_name = 'orders'";
                !mariadb(url, ask).is_empty()
            }
        };
        if !is_there {
            return (0, 0);
        }
        let counts = "count(*), count(DISTINCT id)";
        let found = match self {
            Self::Sqlite => sqlite(project, &format!("{counts}) FROM orders")),
            Self::Mariadb(url) => mariadb(url, &format!("SELECT json_array({counts}) FROM orders")),
            Self::Postgres(url) | Self::Pooled(url) => {
                let found =
                    postgres(url, &format!("SELECT json_build_array({counts}) AS n FROM orders"));
                found.into_iter().map(|row| row["n"].clone()).collect()
            }
        };
        let number = |place: usize| found[0][place].as_u64().unwrap();
        (number(0), number(1))
    }
}

impl Place {
    /// Waits until the server has learnt that a program is gone: it may still be at its last statement.
    fn wait_until_left(&self) {
        let others = || match self {
            Self::Sqlite => Vec::new(),
            // What is idle belongs to the pool.
            Self::Postgres(url) | Self::Pooled(url) => {
                let is_pool = matches!(self, Self::Pooled(_));
                let ask = format!(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'apitap' AND NOT ({is_pool} AND state = 'idle')"
                );
                postgres(url, &ask)
            }
            Self::Mariadb(url) => {
                let ask = "SELECT json_array(id) FROM information_schema.processlist \
                           WHERE db = database() AND id <> connection_id()";
                mariadb(url, ask)
            }
        };
        while !others().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn orders(count: u64) -> Vec<Value> {
    (1..=count).map(|id| json!({"id": id, "at": "2026-01-01T00:00:00Z"})).collect()
}

/// A project that loads orders into `orders` of a place.
fn orders_project(place: &Place, source: &str, checkpoint: &str, sink: &str) -> Project {
    let sources = format!(
        "sources:
  - name: orders
    url: ${{API}}
    {source}
    schema: {{id: int64!, at: timestamp!}}"
    );
    let sql = format!(
        "{{{{ sink(name=\"here\", {sink}) }}}}\nSELECT id, at FROM {{{{ use_source(\"orders\") }}}} \
         WHERE id > 0"
    );
    let project = project(&sources, &[("orders", &sql)]);
    let target = format!("{{name: here, {}, checkpoint: {checkpoint}}}", place.yaml());
    project.write("pipelines.yaml", &format!("{sources}\ntargets:\n  - {target}\n"));
    project
}

const CURSOR: &str =
    "pagination: {kind: cursor, cursor_param: after, page_size_param: limit, cursor_path: /meta/next}
    data_path: /data";
const NUMBERS: &str =
    "pagination: {kind: page_number, page_param: page, per_page_param: per_page, per_page: 100}";
const APPEND: &str = "mode=\"append\"";
const MERGE: &str = "mode=\"merge\", key=[\"id\"]";

/// A run of the orders of an API that is under way.
fn start(project: &Project, api: &Api) -> Running {
    Running::of(project.apitap(RUN).env("API", api.url()))
}

/// What came of runs that were killed.
#[derive(Default)]
struct Killed {
    /// How many were killed behind how many commits of theirs.
    behind: BTreeMap<u64, u64>,
    /// Whether all rows are in: one came to its end, or was killed when it had just done so.
    is_complete: bool,
}

/// Kills runs behind some of their commits and a while that may reach over the next one, until all is in.
fn kill(place: &Place, project: &Project, api: &Api, chance: &mut Random, most: u64) -> Killed {
    let mut killed = Killed::default();
    let (mut between, mut has_begun) = (Duration::from_millis(100), false);
    for _ in 0..most {
        let mut running = start(project, api);
        let (wanted, began) = (chance.below(3) as u64, Instant::now());
        let commits = running.commits(wanted);
        if commits == wanted {
            if commits > 0 {
                between =
                    (began.elapsed() / u32::try_from(commits).unwrap()).min(Duration::from_secs(2));
            }
            std::thread::sleep(between.mul_f64(chance.below(150) as f64 / 100.0));
        }
        killed.is_complete = running.kill();
        if !killed.is_complete {
            *killed.behind.entry(commits).or_default() += 1;
            place.wait_until_left();
            // Another run that appends would append all of them again.
            let is_unfinished = remembered(project) != json!([]);
            has_begun |= is_unfinished || commits > 0;
            killed.is_complete = has_begun && !is_unfinished;
        }
        if killed.is_complete {
            break;
        }
    }
    killed
}

fn run_well(project: &Project, api: &Api) -> Value {
    let mut command = project.apitap(["run", "--format", "json", "--wait", "30s"]);
    let finished = finish(command.env("API", api.url()), LIMIT * 10);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

fn remembered(project: &Project) -> Value {
    let finished =
        finish(project.apitap(["state", "show", "--format", "json"]).env("API", "http://h"), LIMIT);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// A run that is killed again and again lands each row once.
fn check(place: &Place, pagination: Pagination, source: &str, sink: &str) {
    let rows = number("APITAP_TEST_ROWS", 6_000_u64);
    let most = number("APITAP_TEST_KILLS", 12_u64);
    // A run that is killed has committed a page or two: they must last for all kills.
    let page = (rows / (2 * most).max(60)).max(1);
    let source = source.replace("per_page: 100", &format!("per_page: {page}"));
    let checkpoint = format!("{{rows: {page}}}");
    let collection = Collection::new(orders(rows), pagination).page_size(page);
    let api = Api::serve(collection.latency(Duration::from_millis(5)));
    let project = orders_project(place, &source, &checkpoint, sink);
    let began = Instant::now();
    let killed = kill(place, &project, &api, &mut Random::new(20_261_127), most);
    let asked = api.requests().len();
    if !killed.is_complete {
        run_well(&project, &api);
    }
    assert_eq!(place.count(&project), (rows, rows));
    assert_eq!(remembered(&project), json!([]));
    let kills: u64 = killed.behind.values().sum();
    println!(
        "{}, {sink}: {kills} kills in {:?}, by commits of the run before the kill: {:?}; {asked} requests \
         until then for {} pages",
        place.yaml().split(',').next().unwrap_or_default(),
        began.elapsed(),
        killed.behind,
        rows.div_ceil(page),
    );
    assert!(kills >= most / 4, "only {kills} kills");
}

#[test]
fn appended_rows_land_once_however_often_the_run_is_killed() {
    Place::all().iter().for_each(|place| check(place, Pagination::cursor(), CURSOR, APPEND));
}

#[test]
fn merged_rows_land_once_however_often_the_run_is_killed() {
    Place::all().iter().for_each(|place| {
        let pages = Pagination::page_number();
        check(place, pages, NUMBERS, MERGE);
    });
}

/// Kills a run behind its first commit.
fn kill_behind_a_commit(project: &Project, api: &Api) {
    let mut running = start(project, api);
    assert_eq!(running.commits(1), 1);
    assert!(!running.kill(), "it came to its end");
}

fn slow(records: Vec<Value>, pagination: Pagination) -> Api {
    let collection = Collection::new(records, pagination).page_size(100);
    Api::serve(collection.latency(Duration::from_millis(30)))
}

#[test]
fn a_run_goes_on_inside_of_the_pages() {
    let project = orders_project(&Place::Sqlite, CURSOR, "{rows: 300}", APPEND);
    let api = slow(orders(3_000), Pagination::cursor());
    kill_behind_a_commit(&project, &api);
    let (rows, _) = Place::Sqlite.count(&project);
    assert!((300..3_000).contains(&rows) && rows % 100 == 0, "{rows}");
    let unfinished = remembered(&project);
    assert_eq!(unfinished[0]["partition"], "orders (unfinished)");
    assert_eq!(unfinished[0]["value"]["records"], rows);
    let before = api.requests().len();
    let report = run_well(&project, &api);
    assert_eq!(report["pipelines"][0]["rows"], 3_000 - rows);
    assert_eq!(api.requests().len() as u64, before as u64 + (3_000 - rows) / 100);
    assert_eq!(Place::Sqlite.count(&project), (3_000, 3_000));
}

#[test]
fn a_place_of_another_definition_is_not_where_a_run_goes_on() {
    let change = |project: &Project| {
        let sql = project.read("sql/orders.sql");
        project.write("sql/orders.sql", &sql.replace("id > 0", "id > 0 AND id < 5000"));
    };
    let api = slow(orders(3_000), Pagination::cursor());
    let project = orders_project(&Place::Sqlite, CURSOR, "{rows: 300}", MERGE);
    kill_behind_a_commit(&project, &api);
    change(&project);
    let report = run_well(&project, &api);
    assert_eq!(report["pipelines"][0]["rows"], 3_000);
    assert_eq!(Place::Sqlite.count(&project), (3_000, 3_000));

    // What was appended would be there twice.
    let project = orders_project(&Place::Sqlite, CURSOR, "{rows: 300}", APPEND);
    kill_behind_a_commit(&project, &api);
    let (rows, _) = Place::Sqlite.count(&project);
    let sql = project.read("sql/orders.sql");
    change(&project);
    let finished = finish(project.apitap(["run"]).env("API", api.url()), LIMIT);
    assert_eq!(finished.code, Some(1));
    let expected = "the last run of `orders` was not finished, and this one cannot go on there: the definition \
                    has changed since";
    assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    assert_eq!(Place::Sqlite.count(&project), (rows, rows));
    project.write("sql/orders.sql", &sql);
    run_well(&project, &api);
    assert_eq!(Place::Sqlite.count(&project), (3_000, 3_000));
}

#[test]
fn partitions_that_are_in_are_not_requested_again() {
    let source = "for_each: {values: [a, b, c, d, e, f, g, h, i, j], as: part}
    query_params: {part: \"{part}\"}
    pagination: {kind: next_url, path: /links/next}
    data_path: /data";
    let sql = "{{ sink(mode=\"append\") }}\nSELECT id, part FROM {{ use_source(\"orders\") }}";
    let project = orders_project(&Place::Sqlite, source, "{rows: 250}", APPEND);
    project.write("sql/orders.sql", sql);
    let api = slow(orders(500), Pagination::next_url());
    kill_behind_a_commit(&project, &api);
    let before = api.requests().len();
    run_well(&project, &api);
    let counted = sqlite(&project, "part, count(*), count(DISTINCT id)) FROM orders GROUP BY part");
    assert_eq!(counted.len(), 10);
    assert!(counted.iter().all(|row| row[1] == 500 && row[2] == 500), "{counted:?}");
    assert_eq!(remembered(&project), json!([]));
    assert!(api.requests().len() - before < 50, "{}", api.requests().len() - before);
}

#[test]
fn the_state_of_an_incremental_source_moves_when_all_of_it_is_in() {
    let incremental = format!("incremental: {{field: at, mode: client}}\n    {CURSOR}");
    // The newest come first: what is not in yet is older.
    let records: Vec<_> = (1..=1_500_u64)
        .map(|id| {
            let (hour, minute) = ((1_500 - id) / 60, (1_500 - id) % 60);
            json!({"id": id, "at": format!("2026-01-{:02}T{:02}:{minute:02}:00Z", hour / 24 + 1, hour % 24)})
        })
        .collect();
    for sink in [APPEND, MERGE] {
        let project = orders_project(&Place::Sqlite, &incremental, "{rows: 200}", sink);
        let api = slow(records.clone(), Pagination::cursor());
        kill_behind_a_commit(&project, &api);
        let state = remembered(&project);
        assert_eq!(state.as_array().map(Vec::len), Some(1), "{state}");
        assert_eq!(state[0]["partition"], "orders (unfinished)");
        run_well(&project, &api);
        assert_eq!(Place::Sqlite.count(&project), (1_500, 1_500), "{sink}");
        let state = remembered(&project);
        assert_eq!(state[0]["partition"], "orders");
        assert_eq!(state[0]["value"]["cursor"], "2026-01-02T00:59:00Z");
        run_well(&project, &api);
        assert_eq!(Place::Sqlite.count(&project), (1_500, 1_500), "{sink}");
    }
}

#[test]
fn a_stopped_run_that_was_taken_for_dead_commits_nothing_more() {
    let (one, other) = (postgres_database(), postgres_database());
    check_stopped(&one, &Place::Postgres(one.clone()));
    check_stopped(&other, &Place::Pooled(other.clone()));
}

fn check_stopped(url: &str, place: &Place) {
    let project = orders_project(place, CURSOR, "{rows: 300}", APPEND);
    let api = slow(orders(3_000), Pagination::cursor());
    let mut stopped = start(&project, &api);
    assert_eq!(stopped.commits(1), 1);
    stopped.signal("-STOP");
    let mut second = project.apitap(["run"]);
    let refused = finish(second.env("API", api.url()), LIMIT);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("pg_terminate_backend("), "{}", refused.stdout);
    // What the message says that a person would do.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'apitap'";
    postgres_do(url, end);
    place.wait_until_left();
    run_well(&project, &api);
    stopped.signal("-CONT");
    let status = stopped.child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(place.count(&project), (3_000, 3_000));
    assert_eq!(remembered(&project), json!([]));
}

#[test]
fn of_ten_runs_at_once_each_loads_all_or_nothing() {
    for place in Place::all() {
        let project = orders_project(&place, CURSOR, "{rows: 300}", MERGE);
        let api = slow(orders(900), Pagination::cursor());
        let mut runs: Vec<_> = (0..10)
            .map(|_| {
                let mut command = project.apitap(["run"]);
                command.env("API", api.url()).stdin(Stdio::null());
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            })
            .collect();
        let codes: Vec<_> = runs.iter_mut().map(|run| run.wait().unwrap().code()).collect();
        let good = codes.iter().filter(|code| **code == Some(0)).count();
        assert!(good >= 1 && codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
        assert_eq!(api.requests().len(), good * 9, "{}", place.yaml());
        assert_eq!(place.count(&project), (900, 900));
        assert_eq!(remembered(&project), json!([]));
    }
}

/// What a run comes to whose target fails in the middle: it is an error, and the next run goes on.
fn check_failure(place: &Place, fail: impl FnOnce(&Project, &Api)) {
    let rows = 3_000;
    let project = orders_project(place, CURSOR, "{rows: 300}", APPEND);
    let api = slow(orders(rows), Pagination::cursor());
    fail(&project, &api);
    place.wait_until_left();
    // Where the last commit has come through, its run did not learn of it.
    let is_complete = remembered(&project) == json!([]) && place.count(&project) == (rows, rows);
    if !is_complete {
        run_well(&project, &api);
    }
    assert_eq!(place.count(&project), (rows, rows), "{}", place.yaml());
    assert_eq!(remembered(&project), json!([]));
}

fn run(project: &Project, api: &Api) -> Finished {
    finish(project.apitap(["run"]).env("API", api.url()), LIMIT)
}

#[test]
fn a_connection_that_is_cut_in_the_middle_of_the_rows_loses_none() {
    let mut chance = Random::new(7);
    for _ in 0..number("APITAP_TEST_CUTS", 5_u64) {
        let [_, postgres, _, mariadb] = Place::all();
        for (place, port) in
            [(postgres, apitap_tests::postgres::port()), (mariadb, apitap_tests::mariadb::port())]
        {
            let proxy = Proxy::to(port);
            let through =
                |url: &str| url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port()));
            check_failure(&place, |project, api| {
                let (direct, yaml) =
                    (project.read("pipelines.yaml"), project.read("pipelines.yaml"));
                project.write("pipelines.yaml", &through(&yaml));
                let bytes = 6_000 + chance.below(60_000);
                proxy.cut_after(u32::try_from(bytes).unwrap());
                let finished = run(project, api);
                assert_eq!(proxy.cuts(), 1, "{bytes} bytes");
                assert_eq!(finished.code, Some(1), "{bytes} bytes: {}", finished.stdout);
                project.write("pipelines.yaml", &direct);
            });
        }
    }
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_run_loses_no_row() {
    let (mut postgres, mut mariadb) =
        (apitap_tests::postgres::Own::start(), apitap_tests::mariadb::Own::start());
    let check = |place: &Place, kill: &mut dyn FnMut()| {
        check_failure(place, |project, api| {
            let mut running = start(project, api);
            assert_eq!(running.commits(2), 2);
            kill();
            assert_eq!(running.child.wait().unwrap().code(), Some(1));
        });
    };
    check(&Place::Postgres(postgres.url()), &mut || postgres.kill_and_start());
    check(&Place::Mariadb(mariadb.url()), &mut || mariadb.kill_and_start());
}

#[test]
fn a_full_disk_loses_no_row() {
    check_failure(&Place::Sqlite, |project, api| {
        // Blocks of 512 bytes. What goes beyond is an error, and no signal.
        let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" run";
        let mut limited = Command::new("sh");
        limited.args(["-c", script]).arg(binary("apitap")).current_dir(project.path());
        let finished = finish(limited.env("API", api.url()), LIMIT);
        assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
        let (rows, _) = Place::Sqlite.count(project);
        assert!(rows > 0 && rows < 3_000, "{rows} rows: {}", finished.stdout);
    });
}
