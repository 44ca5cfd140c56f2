//! An API that changes is told: fields that no schema declares are named, with their number.

use apitap_tests::answers::{Answer, Answers};
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, project, run_badly, run_well, sqlite};

/// 250 people; all have a `vip`, every tenth one a `tier`, and their city has a `zip`.
fn people() -> Vec<Value> {
    let person = |id| {
        let mut person = json!({
            "id": id, "name": "n", "vip": false, "city": {"name": "Ulm", "zip": "1"},
            "tags": [{"n": 1, "colour": "red"}],
        });
        if id % 10 == 0 {
            person["tier"] = json!(1);
        }
        person
    };
    (1..=250).map(person).collect()
}

fn people_project(policy: &str, sql: &str) -> (Api, Project) {
    let people =
        Collection::new(people(), Pagination::page_number()).data_path("/data").page_size(100);
    let api = Api::serve(people);
    let sources = format!(
        "sources:
  - name: people
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    {policy}
    schema: {{id: int64!, name: string, city: {{name: string}}, tags: [{{n: int64}}]}}",
        api.url()
    );
    let sql = sql.replace("people", "{{ use_source(\"people\") }}");
    let project = project(&sources, &[("people", &sql)]);
    (api, project)
}

/// What the report says of the fields that nobody declared.
#[track_caller]
fn check(policy: &str, sql: &str, expected: Value) {
    let (_api, project) = people_project(policy, sql);
    let report = run_well(&project);
    let found = &report["pipelines"][0]["unknown_fields"];
    assert_eq!(*found, expected, "{report:#}");
}

#[test]
fn fields_that_no_schema_declares_are_counted_by_name() {
    let both = json!({"people": {"vip": 250, "tier": 25}});
    check("", "SELECT id FROM people", both.clone());
    check("on_unknown_field: warn", "SELECT id, name FROM people", both.clone());
    check("", "SELECT count(*) AS n FROM people", both.clone());
    // Two readings of the same records are one.
    check("", "SELECT a.id FROM people AS a JOIN people AS b ON a.id = b.id", both);
    let inner = json!({"people": {"vip": 250, "city.zip": 250, "tags.colour": 250, "tier": 25}});
    check("", "SELECT id, city.name AS city, tags[1].n AS n FROM people", inner);
    check("on_unknown_field: ignore", "SELECT id FROM people", Value::Null);
}

#[test]
fn a_person_is_told_in_one_line() {
    let (_api, project) = people_project("", "SELECT id FROM people");
    let finished = finish(&mut project.apitap(["run"]), LIMIT);
    let line =
        "warning: `people` has fields that its schema does not declare: `vip` (250), `tier` (25)";
    assert!(finished.stdout.contains(line), "{}", finished.stdout);
    assert_eq!(finished.code, Some(0));
    assert_eq!(sqlite(&project, "count(*)) FROM people"), [json!([250])]);
}

#[test]
fn a_secret_that_an_api_sends_back_does_not_show() {
    const TOKEN: &str = "s3cr3t/0123456789";
    let api = Answers::serve(|_| {
        Answer::json(&json!({"data": [{"id": 1, TOKEN: 1, "place": {TOKEN: 1}}], "more": TOKEN}))
    });
    let run = |keys: &str, expected: &str| {
        let sources = format!(
            "sources:
  - name: people
    url: \"{}\"
    auth: {{bearer: \"${{TOKEN}}\"}}
    data_path: /data
    schema: {{id: int64!, place: {{n: int64}}}}
    {keys}",
            api.url("/")
        );
        let sql = "SELECT id, place.n AS n FROM {{ use_source(\"people\") }}";
        let project = project(&sources, &[("people", sql)]);
        let finished =
            finish(project.apitap(["run", "--format", "json"]).env("TOKEN", TOKEN), LIMIT);
        let said = finished.stdout + &finished.stderr;
        assert!(said.contains(expected), "no `{expected}` in:\n{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    };
    run("", "\"place.${TOKEN}\"");
    run("on_unknown_field: error", "${TOKEN}");
    let stop = "pagination: {kind: page_number, page_param: page, per_page_param: per, stop: \
                {has_more_path: /more}}";
    run(stop, "expected `true` or `false`, found `${TOKEN}`");
    run(&stop.replace("has_more", "total"), "expected a whole number, found `${TOKEN}`");
}

#[test]
fn a_field_that_nobody_declared_ends_the_run_where_that_is_asked_for() {
    for sql in ["SELECT id FROM people", "SELECT count(*) AS n FROM people"] {
        let (api, project) = people_project("on_unknown_field: error", sql);
        let error = run_badly(&project);
        let request = format!("request:  GET {}?per_page=100&page=1", api.url());
        for part in [
            "`vip` is not declared in the schema",
            &request,
            "record:   1 of the page",
            "path:     /vip",
        ] {
            assert!(error.contains(part), "no `{part}` in:\n{error}");
        }
    }
}

#[test]
fn fields_that_no_schema_declares_are_kept_as_json() {
    let keep = "on_unknown_field: keep";
    let (_api, project) = people_project(keep, "SELECT id, _unknown AS more FROM people");
    let report = run_well(&project);
    assert_eq!(report["pipelines"][0]["unknown_fields"], Value::Null, "{report:#}");
    let rows = sqlite(&project, "id, json(more)) FROM people WHERE id IN (9, 10) ORDER BY id");
    let kept = json!({"vip": false, "city": {"zip": "1"}, "tags": [{"colour": "red"}]});
    let mut with_tier = kept.clone();
    with_tier["tier"] = json!(1);
    assert_eq!(rows, [json!([9, kept]), json!([10, with_tier])]);
    assert_eq!(sqlite(&project, "count(more)) FROM people"), [json!([250])]);
    // What no query reads is told, as it is without that.
    let both = json!({"people": {"vip": 250, "tier": 25}});
    check(keep, "SELECT id FROM people", both);
}

/// What the report says of declared fields that no record had.
#[track_caller]
fn check_absent(keys: &str, schema: &str, sql: &str, expected: Value) {
    let api = Answers::serve(|_| {
        Answer::json(&json!({
            "a": {"id": 1, "tier": null, "city": {"name": "Ulm"}},
            "b": {"id": 2, "tier": null, "lines": [{"n": 1}]},
        }))
    });
    let sources = format!(
        "sources:
  - name: people
    url: \"{}\"
    {keys}
    schema: {schema}",
        api.url("/")
    );
    let sql = sql.replace("people", "{{ use_source(\"people\") }}");
    let project = project(&sources, &[("people", &sql)]);
    let report = run_well(&project);
    assert_eq!(report["pipelines"][0]["absent_fields"], expected, "{report:#}");
}

#[test]
fn declared_fields_that_no_record_has_are_named() {
    let schema = "{key: string!, id: int64!, tier: int64, name: string, city: {name: string, zip: string}, \
                  lines: [{n: int64, m: int64}]}";
    let keyed = "key_as: key";
    let read = "SELECT id, tier, name, city.name AS a, city.zip AS zip, lines FROM people";
    let all = json!({"people": ["city.zip", "lines.m", "name"]});
    check_absent(keyed, schema, read, all);
    // Also where no query reads them; what stands inside of records that no query reads is not looked at.
    check_absent(keyed, schema, "SELECT id FROM people", json!({"people": ["name"]}));
    check_absent(keyed, schema, "SELECT count(*) AS n FROM people", json!({"people": ["name"]}));
    let ignored = "key_as: key\n    on_unknown_field: ignore";
    check_absent(ignored, schema, read, Value::Null);
    // What `for_each` adds is in no record, and neither is `_unknown`.
    let carried = "key_as: key\n    for_each: {values: [x], as: kind}\n    query_params: {kind: \"{kind}\"}\n    \
                   on_unknown_field: keep";
    let plain = "{key: string!, id: int64!}";
    check_absent(carried, plain, "SELECT id, kind, _unknown FROM people", Value::Null);
    check_absent(carried, plain, "SELECT id FROM people", Value::Null);
}

#[test]
fn a_run_without_records_says_nothing_of_fields() {
    let api = Answers::serve(|_| Answer::json(&json!([])));
    let sources = format!(
        "sources:\n  - {{name: people, url: \"{}\", schema: {{id: int64!, name: string}}}}",
        api.url("/")
    );
    let project = project(&sources, &[("people", "SELECT id FROM {{ use_source(\"people\") }}")]);
    assert_eq!(run_well(&project)["pipelines"][0]["absent_fields"], Value::Null);
}

#[test]
fn a_person_is_told_of_fields_that_are_gone() {
    let api = Answers::serve(|_| Answer::json(&json!([{"id": 1, "full_name": "a"}])));
    let sources = format!(
        "sources:\n  - {{name: people, url: \"{}\", schema: {{id: int64!, name: string}}}}",
        api.url("/")
    );
    let sql = "SELECT id, name FROM {{ use_source(\"people\") }}";
    let project = project(&sources, &[("people", sql)]);
    let finished = finish(&mut project.apitap(["run"]), LIMIT);
    let line = "warning: `people` declares fields that no record had: `name`";
    assert!(finished.stdout.contains(line), "{}", finished.stdout);
    assert_eq!(finished.code, Some(0));
}
