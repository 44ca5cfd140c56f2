//! `apitap -m DIR -y FILE` on files as the earlier apitap had them: no schema, its own keys.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::postgres::{PASSWORD, USER, port};
use apitap_tests::process::{Project, finish};
use serde_json::{Value, json};

use super::runs::{LIMIT, postgres, postgres_database};

/// Employees whose fields widen as the pages go by.
fn employees() -> Vec<Value> {
    (1..=250)
        .map(|id| {
            let salary = if id > 200 { json!(id as f64 + 0.5) } else { json!(id) };
            let team =
                if id > 120 { json!({"name": format!("team {}", id % 7)}) } else { Value::Null };
            json!({"id": id, "name": format!("n{id}"), "salary": salary, "team": team})
        })
        .collect()
}

/// A project as the earlier apitap wanted it, with this pagination.
fn project(api: &Api, data_path: &str, pagination: &str, database: &str) -> Project {
    let url = api.url();
    let yaml = format!(
        "
sources:
  - name: employees
    url: {url}?status=active
    table_destination_name: employees
    primary_key_in_dest: id
{data_path}
    headers:
      - key: X-API-KEY
        value: xxxxxxxx
      - key: Content-Type
        value: application/json
    query_params:
      - key: fields
        value: all
    pagination:
{pagination}
    retry:
      max_attempts: 3
      max_delay_secs: 5
      min_delay_secs: 1

targets:
  - name: postgres_sink
    type: postgres
    auth:
      username: {USER}
      password_env: WAREHOUSE_PASSWORD
    host: localhost
    port: {port}
    database: {database}
",
        port = port(),
    );
    let sql = "{{ sink(name=\"postgres_sink\") }}\n\n\nselect\n    *\nfrom {{ use_source(\"employees\") }};";
    Project::new([("config/pipelines.yaml", yaml.as_str()), ("sql/people/employees.sql", sql)])
}

/// Serves the employees in pages of 100 and loads them twice.
fn check(kind: Pagination, data_path: &'static str, pagination: &str, requests: &[&str]) {
    let api = Api::serve(Collection::new(employees(), kind).data_path(data_path));
    let url = postgres_database();
    let database = url.rsplit('/').next().expect("a database");
    let path =
        if data_path.is_empty() { String::new() } else { format!("    data_path: {data_path}") };
    let project = project(&api, &path, pagination, database);
    for _ in 0..2 {
        let mut command = project.apitap(["-m", "sql", "-y", "config/pipelines.yaml"]);
        let finished = finish(command.env("WAREHOUSE_PASSWORD", PASSWORD), LIMIT);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        assert!(finished.stderr.contains("salary: float64"), "{}", finished.stderr);
    }
    let rows = postgres(&url, "SELECT id, name, salary, team FROM employees ORDER BY id");
    let expected: Vec<_> = employees()
        .into_iter()
        .map(|mut employee| {
            // What PostgreSQL says of 1.0 is 1.
            employee["salary"] = json!(employee["salary"].as_f64());
            employee
        })
        .collect();
    let floats = |row: &Value| {
        let mut row = row.clone();
        row["salary"] = json!(row["salary"].as_f64());
        row
    };
    assert_eq!(rows.iter().map(floats).collect::<Vec<_>>(), expected);
    let queries: Vec<_> = api.requests().into_iter().map(|request| request.query).collect();
    for request in requests {
        let expected = format!("status=active&fields=all{request}");
        assert_eq!(queries.iter().filter(|query| **query == expected).count(), 2, "{queries:#?}");
    }
    assert!(api.requests().iter().all(|request| request.headers["x-api-key"] == "xxxxxxxx"));
}

#[test]
fn page_number_with_a_data_path() {
    check(
        Pagination::page_number(),
        "/data",
        "      kind: page_number\n      page_param: page\n      per_page_param: per_page",
        &["&per_page=100&page=1", "&per_page=100&page=2", "&per_page=100&page=3"],
    );
}

#[test]
fn limit_offset_at_the_root() {
    check(
        Pagination::limit_offset(),
        "",
        "      kind: limit_offset\n      limit_param: limit\n      offset_param: offset",
        &["&limit=100&offset=0", "&limit=100&offset=100", "&limit=100&offset=200"],
    );
}

#[test]
fn page_only() {
    check(
        Pagination::page_only(),
        "/data",
        "      kind: page_only\n      page_param: page",
        &["&page=1", "&page=2", "&page=3"],
    );
}

#[test]
fn cursor() {
    check(
        Pagination::cursor(),
        "/data",
        "      kind: cursor\n      cursor_param: after\n      page_size_param: limit\n      \
         cursor_path: /meta/next",
        &["&limit=100"],
    );
}
