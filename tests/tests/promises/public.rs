//! APIs modelled on public ones, loaded whole: what is in the tables is what was served, whatever went
//! wrong on the way, and each page was requested once.

use std::time::{Duration, Instant};

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
        assert_eq!(seen.well, 1, "{request}: {seen:?}");
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

/// How long a source of 1,000 pages takes at 50 ms a page, beside the least that it can: for the eye.
#[test]
#[ignore = "measures: cargo test -p apitap-tests --test promises thousand_pages -- --ignored --nocapture"]
fn a_thousand_pages_beside_the_least_time_that_they_can_take() {
    const PAGES: u64 = 1_000;
    const LATENCY: Duration = Duration::from_millis(50);
    for (name, size, concurrency) in [("grouped", 48, 20_u32), ("jira", 50, 20), ("slack", 80, 1)] {
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
        let begun = Instant::now();
        run(&project);
        let (took, least) = (begun.elapsed(), LATENCY * (PAGES as u32) / concurrency);
        check_requests(&public);
        println!("{name}: {took:?}, at least {least:?}: {:.2}", took.div_duration_f64(least));
    }
}
