//! `for_each`: a source is requested for the records of another one, and for values; each of its records
//! has the fields of what it was requested for.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use serde_json::{Value, json};

use super::runs::{project, run_well, sqlite};

fn organizations() -> Vec<Value> {
    vec![
        json!({"id": 1, "slug": "acme", "plan": {"name": "pro"}}),
        json!({"id": 2, "slug": "b/c d", "plan": {"name": "free"}}),
        json!({"id": 3, "slug": "empty", "plan": {"name": "free"}}),
    ]
}

fn repositories(organization: &str, count: usize) -> Vec<Value> {
    (1..=count).map(|n| json!({"name": format!("{organization}-{n}"), "stars": n})).collect()
}

fn api() -> Api {
    Api::serve_all([
        ("/orgs", Collection::new(organizations(), Pagination::next_url()).page_size(2)),
        (
            "/orgs/acme/repos",
            Collection::new(repositories("acme", 5), Pagination::next_url()).page_size(2),
        ),
        ("/orgs/b%2Fc%20d/repos", Collection::new(repositories("bcd", 1), Pagination::next_url())),
        ("/orgs/empty/repos", Collection::new(Vec::new(), Pagination::next_url())),
        ("/tags", Collection::new(vec![json!({"tag": "x"})], Pagination::None)),
    ])
}

fn sources(api: &Api) -> String {
    let orgs = api.url_of("/orgs");
    format!(
        "sources:
  - name: organizations
    url: {orgs}
    data_path: /data
    pagination: {{kind: next_url, path: /links/next}}
    schema: {{id: int64!, slug: string!, plan!: {{name: string!}}}}
  - name: repositories
    url: {orgs}/{{org.slug}}/repos
    data_path: /data
    pagination: {{kind: next_url, path: /links/next}}
    for_each: {{source: organizations, as: org, fields: [slug, plan.name]}}
    schema: {{name: string!, stars: int64!}}
  - name: tags
    url: {tags}
    query_params: {{state: \"{{state}}\", org: \"{{org.id}}\"}}
    for_each:
      - {{values: [open, closed], as: state}}
      - {{source: organizations, as: org, fields: [id]}}
    schema: {{tag: string!}}",
        tags = api.url_of("/tags"),
    )
}

/// Runs queries, and compares the rows of the table of the first one, which is ordered by all of its
/// columns, and how many requests each path got.
fn check(queries: &[(&str, &str)], columns: &str, expected: &[Value], requests: &[(&str, usize)]) {
    let api = api();
    let project = project(&sources(&api), queries);
    run_well(&project);
    let table = queries.first().map(|(name, _)| *name).expect("a query");
    assert_eq!(sqlite(&project, &format!("{columns}) FROM {table} ORDER BY rowid")), expected);
    for (path, count) in requests {
        let asked = api.requests().iter().filter(|request| request.path == *path).count();
        assert_eq!(asked, *count, "{path}");
    }
}

const REPOSITORIES: &str = "SELECT org.slug AS org, org.plan.name AS plan, name FROM \
                            {{ use_source(\"repositories\") }}";

fn expected_repositories() -> Vec<Value> {
    let acme = (1..=5).map(|n| json!(["acme", "pro", format!("acme-{n}")]));
    acme.chain([json!(["b/c d", "free", "bcd-1"])]).collect()
}

#[test]
fn a_child_is_requested_for_each_record_of_its_parent_in_order() {
    check(
        &[("repos", REPOSITORIES)],
        "org, plan, name",
        &expected_repositories(),
        &[
            ("/orgs", 2),
            ("/orgs/acme/repos", 3),
            ("/orgs/b%2Fc%20d/repos", 1),
            ("/orgs/empty/repos", 1),
        ],
    );
}

#[test]
fn a_parent_that_is_loaded_too_is_requested_once() {
    check(
        &[
            ("repos", REPOSITORIES),
            ("orgs", "SELECT id, slug FROM {{ use_source(\"organizations\") }}"),
            ("again", "SELECT name, stars FROM {{ use_source(\"repositories\") }}"),
        ],
        "org, plan, name",
        &expected_repositories(),
        &[("/orgs", 2), ("/orgs/acme/repos", 3)],
    );
}

#[test]
fn several_entries_are_the_product_of_all() {
    let rows = ["open", "closed"]
        .into_iter()
        .flat_map(|state| (1..=3).map(move |id| json!([state, id, "x"])));
    check(
        &[("t", "SELECT state, org.id AS org, tag FROM {{ use_source(\"tags\") }}")],
        "state, org, tag",
        &rows.collect::<Vec<_>>(),
        &[("/orgs", 2), ("/tags", 6)],
    );
}
