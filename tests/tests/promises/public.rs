//! APIs modelled on public ones, loaded whole: what is in the tables is what was served, whatever went
//! wrong on the way, and each page was requested once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::postgres::{PASSWORD, USER, port};
use apitap_tests::process::{Project, finish};
use apitap_tests::public::{Item, Model, Public, items, models};
use serde_json::{Value, json};

use super::runs::{LIMIT, postgres, postgres_database, sqlite_file};

/// A project with a source and a query for each API.
fn project(public: &Public, models: &[Model], target: &str) -> Project {
    let sources: String = models.iter().map(|model| public.source(model)).collect();
    let project = Project::new([]);
    project.write("pipelines.yaml", &format!("sources:\n{sources}\ntargets:\n  - {target}\n"));
    for Model { name, select, .. } in models {
        let sql = format!(
            "{{{{ sink(mode=\"merge\", key=[\"id\"]) }}}}\nSELECT {select} FROM \
             {{{{ use_source(\"{name}\") }}}}\n"
        );
        project.write(&format!("sql/{name}.sql"), &sql);
    }
    project
}

fn run(project: &Project) -> Value {
    let finished = finish(&mut project.apitap(["run", "--format", "json"]), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).expect("the report is JSON")
}

/// Each request was answered well once, however often it failed before.
fn check_requests(public: &Public) {
    for (request, seen) in public.requests() {
        assert!(seen.well == 1 || seen.is_repeated, "{request}: {seen:?}");
    }
}

fn rows(model: &Model, items: &[Item]) -> Vec<Value> {
    items.iter().map(|item| json!([model.id(item), item.title, item.note])).collect()
}

#[test]
fn public_apis_are_loaded_whole_into_sqlite_whatever_fails() {
    let (models, items) = (models(), items(430));
    let public = Public::serve(models.clone(), items.clone(), true, Duration::ZERO);
    let project = project(&public, &models, "{name: here, type: sqlite, path: out.db}");
    run(&project);
    for model in &models {
        let sql = format!("SELECT json_array(id, title, note) FROM \"{}\" ORDER BY id", model.name);
        let found = sqlite_file(&project.path().join("out.db"), &sql);
        assert_eq!(found, rows(model, &items), "{}", model.name);
    }
    check_requests(&public);
}

#[test]
fn public_apis_are_loaded_whole_into_postgres_whatever_fails() {
    let (models, items) = (models(), items(430));
    let public = Public::serve(models.clone(), items.clone(), true, Duration::ZERO);
    let url = postgres_database();
    let database = url.rsplit('/').next().expect("a database");
    let target = format!(
        "{{name: here, type: postgres, host: localhost, port: {}, database: {database}, auth: \
         {{username: {USER}, password: \"{PASSWORD}\"}}}}",
        port()
    );
    let project = project(&public, &models, &target);
    run(&project);
    for model in &models {
        let sql = format!(
            "SELECT jsonb_build_array(id, title, note) AS row FROM \"{}\" ORDER BY id",
            model.name
        );
        let found = postgres(&url, &sql);
        let found: Vec<_> = found.into_iter().map(|row| row["row"].clone()).collect();
        assert_eq!(found, rows(model, &items), "{}", model.name);
    }
    check_requests(&public);
}

/// Pages, and the time that the API takes for each, where it is measured.
const PAGES: u64 = 1_000;
const LATENCY: Duration = Duration::from_millis(50);

/// How long a project took, beside the least that is possible with `at_once` pages under way at once.
fn measure(kind: &str, project: &Project, at_once: u32) -> Value {
    let begun = Instant::now();
    let report = run(project);
    let (took, least) = (begun.elapsed(), LATENCY * (PAGES as u32) / at_once);
    let ratio = took.div_duration_f64(least);
    println!(
        "{kind}: {took:.1?} for {PAGES} pages of {LATENCY:?}, {at_once} at once: at least {least:.1?}, {ratio:.2} times"
    );
    report
}

/// How long a source of 1,000 pages takes at 50 ms a page, beside the least that it can: for the eye.
#[test]
#[ignore = "measures: cargo test -p apitap-tests --test promises thousand_pages -- --ignored --nocapture"]
fn a_thousand_pages_beside_the_least_time_that_they_can_take() {
    let kinds = [
        ("page_number", "grouped", 48, 20),
        ("limit_offset", "jira", 50, 20),
        ("cursor", "slack", 80, 1),
    ];
    for (kind, name, size, concurrency) in kinds {
        let model = *models().iter().find(|model| model.name == name).expect("it is there");
        let public = Public::serve(vec![model], items(PAGES * size), false, LATENCY);
        let project = project(&public, &[model], "{name: here, type: sqlite, path: out.db}");
        let yaml = project.read("pipelines.yaml");
        let stop = format!("  concurrency: {concurrency}\n      stop:");
        project.write(
            "pipelines.yaml",
            &match concurrency {
                1 => yaml,
                _ => yaml.replace("  stop:", &stop),
            },
        );
        measure(kind, &project, concurrency);
        check_requests(&public);
    }
    windowed();
}

/// The same for 1,000 slices of `incremental`, eight of which are requested at once; each is a thousandth of
/// the time since a given day.
fn windowed() {
    const SINCE: u64 = 1_767_225_600;
    let api = Answers::serve(|asked| {
        let at = asked.param("since").expect("since when");
        let event = |n: usize| json!({"id": asked.before * 50 + n, "at": at});
        Answer::json(&(0..50).map(event).collect()).after(LATENCY)
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let window = (now - SINCE).div_ceil(PAGES);
    let sources = format!(
        "sources:
  - name: events
    url: {}
    incremental: {{field: at, start: 2026-01-01, window: {window}s, param: since, end_param: until}}
    schema: {{id: int64!, at: timestamp!}}",
        api.url("/events")
    );
    let sql = "{{ sink(key=[\"id\"]) }}\nSELECT id, at FROM {{ use_source(\"events\") }}";
    let report = measure("windowed", &super::runs::project(&sources, &[("events", sql)]), 8);
    assert_eq!(report["total"]["rows"], api.asked().len() * 50, "{report}");
}
