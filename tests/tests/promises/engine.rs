//! Queries over sources: what SQL promises holds over pages of JSON, and each page is asked for once.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use serde_json::{Value, json};

use super::runs::{project, run_well, sqlite};

fn orders() -> Vec<Value> {
    (1..=250)
        .map(|id| {
            json!({
                "id": id, "customerId": id % 10, "amount": format!("{}.{:02}", id, id % 100),
                "properties": {"mag": if id % 4 == 0 { Value::Null } else { json!(id as f64 / 4.0) }},
                "tags": [format!("t{}", id % 3)],
            })
        })
        .collect()
}

fn customers() -> Vec<Value> {
    (0..10).map(|id| json!({"id": id, "name": format!("customer {id}")})).collect()
}

fn api() -> Api {
    Api::serve_all([
        ("/orders", Collection::new(orders(), Pagination::next_url()).page_size(40)),
        ("/customers", Collection::new(customers(), Pagination::None)),
    ])
}

fn sources(api: &Api) -> String {
    format!(
        "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: next_url, path: /links/next}}
    schema:
      id: int64!
      customerId: int64!
      amount: decimal(12,2)!
      properties!: {{mag: float64}}
      tags: [string!]
  - name: customers
    url: {}
    schema: {{id: int64!, name: string!}}",
        api.url_of("/orders"),
        api.url_of("/customers")
    )
}

/// Runs one query and compares the rows of its table, which is ordered by its first column.
fn check(sql: &str, expected: &[Value]) {
    let api = api();
    let sql = sql.replace("orders", "{{ use_source(\"orders\") }}");
    let sql = sql.replace("customers", "{{ use_source(\"customers\") }}");
    let project = project(&sources(&api), &[("answer", &sql)]);
    run_well(&project);
    let columns = sqlite(&project, "name) FROM pragma_table_info('answer')");
    let names: Vec<_> =
        columns.iter().map(|row| format!("\"{}\"", row[0].as_str().unwrap())).collect();
    assert_eq!(
        sqlite(&project, &format!("{}) FROM answer ORDER BY 1, rowid", names.join(", "))),
        expected
    );
    let mut pages: Vec<_> =
        api.requests().into_iter().map(|request| (request.path, request.query)).collect();
    let asked = pages.len();
    pages.sort();
    pages.dedup();
    assert_eq!(pages.len(), asked, "a page was asked for twice");
}

#[test]
fn filters_and_projections_hold() {
    check(
        "SELECT id, properties.mag AS mag FROM orders WHERE properties.mag > 62 ORDER BY id",
        &[json!([249, 62.25]), json!([250, 62.5])],
    );
}

#[test]
fn names_keep_their_case() {
    check("SELECT max(customerId) AS \"customerId\" FROM orders", &[json!([9])]);
}

#[test]
fn nothing_of_a_record_need_be_read() {
    check("SELECT count(*) AS n FROM orders", &[json!([250])]);
}

#[test]
fn all_columns_may_be_named_anew_and_few_read() {
    check(
        "WITH all_of_them(a, b, c, d, e) AS (SELECT * FROM orders) SELECT max(a) AS last FROM all_of_them",
        &[json!([250])],
    );
}

#[test]
fn a_limit_ends_the_run() {
    check("SELECT id FROM orders LIMIT 2", &[json!([1]), json!([2])]);
}

#[test]
fn two_sources_join() {
    check(
        "SELECT c.name AS name, count(*) AS n, sum(o.amount) AS total \
         FROM orders o JOIN customers c ON c.id = o.customerId WHERE c.id < 2 GROUP BY c.name",
        &[json!(["customer 0", 25, "3260.50"]), json!(["customer 1", 25, "3035.25"])],
    );
}

#[test]
fn a_self_join_fetches_once() {
    check(
        "SELECT a.id AS id, b.id AS next FROM orders a JOIN orders b ON b.id = a.id + 1 \
         WHERE a.id > 247 ORDER BY a.id",
        &[json!([248, 249]), json!([249, 250])],
    );
}

#[test]
fn window_functions_number_rows() {
    check(
        "SELECT id, n FROM (SELECT id, row_number() OVER (PARTITION BY customerId ORDER BY id DESC) AS n \
         FROM orders) WHERE n = 1 AND id > 248 ORDER BY id",
        &[json!([249, 1]), json!([250, 1])],
    );
}

#[test]
fn lists_and_strings_have_their_functions() {
    check(
        "SELECT tags[1] AS tag, count(*) AS n FROM orders GROUP BY tags[1]",
        &[json!(["t0", 83]), json!(["t1", 84]), json!(["t2", 83])],
    );
}

#[test]
fn two_pipelines_that_read_one_source_fetch_it_once() {
    let api = api();
    let queries = [
        ("all", "SELECT id FROM {{ use_source(\"orders\") }}"),
        ("some", "SELECT id, amount FROM {{ use_source(\"orders\") }} WHERE id <= 100"),
    ];
    let project = project(&sources(&api), &queries);
    let report = run_well(&project);
    assert_eq!(report["total"]["rows"], 350);
    assert_eq!(report["total"]["pages"], 7);
    assert_eq!(api.requests().len(), 7);
}

#[test]
fn of_two_rows_with_one_key_the_last_stays() {
    let records = vec![
        json!({"id": 1, "status": "open"}),
        json!({"id": 2, "status": "open"}),
        json!({"id": 1, "status": "paid"}),
    ];
    let api = Api::serve(records);
    let sources = format!(
        "sources:\n  - name: orders\n    url: {}\n    schema: {{id: int64!, status: string!}}",
        api.url()
    );
    let sql = "{{ sink(key=\"id\") }} SELECT id, status FROM {{ use_source(\"orders\") }}";
    let project = project(&sources, &[("orders", sql)]);
    let report = run_well(&project);
    assert_eq!(report["pipelines"][0]["rows"], 3);
    assert_eq!(report["pipelines"][0]["stored"], 2);
    assert_eq!(
        sqlite(&project, "id, status) FROM orders ORDER BY id"),
        [json!([1, "paid"]), json!([2, "open"])]
    );
}

#[test]
fn the_sides_of_a_union_come_in_their_order() {
    for _ in 0..5 {
        let api = api();
        let sql = "{{ sink(key=\"id\") }} SELECT id, 'first' AS side FROM {{ use_source(\"orders\") }} \
                   UNION ALL SELECT id, 'second' AS side FROM {{ use_source(\"customers\") }} WHERE id > 0";
        let project = project(&sources(&api), &[("sides", sql)]);
        run_well(&project);
        assert_eq!(
            sqlite(&project, "side, count(*)) FROM sides GROUP BY side ORDER BY side"),
            [json!(["first", 241]), json!(["second", 9])]
        );
    }
}

#[test]
fn a_recursive_query_reads_its_source_as_often_as_it_needs() {
    check(
        "WITH RECURSIVE chain(id, depth) AS (
             SELECT id, 1 FROM orders WHERE id = 1
             UNION ALL
             SELECT o.id, depth + 1 FROM chain JOIN orders o ON o.id = chain.id * 2
         ) SELECT max(id) AS last, max(depth) AS depth FROM chain",
        &[json!([128, 8])],
    );
}

#[test]
fn fields_have_any_name_and_a_file_may_begin_with_a_byte_order_mark() {
    let record = json!({
        "id": 1, "user": {"login": "ada"}, "true": true, "current_date": "x", "order": 7,
        "comments": [{"text": "first"}, {"text": "second"}],
    });
    let api = Api::serve(Collection::new(vec![record], Pagination::None));
    let sources = format!(
        "sources:
  - name: issues
    url: {}
    schema:
      id: int64!
      user: {{login: string}}
      \"true\": bool
      current_date: string
      order: int32!
      comments: [{{text: string}}]",
        api.url()
    );
    let sql = "\u{feff}SELECT t.id, t.user.login AS login, t.\"true\" AS yes, t.\"current_date\" AS day, \
               t.\"order\" AS n, comments[1].text AS comment FROM {{ use_source(\"issues\") }} AS t";
    let project = project(&sources, &[("answer", sql)]);
    run_well(&project);
    assert_eq!(
        sqlite(&project, "id, login, yes, day, n, comment) FROM answer"),
        [json!([1, "ada", 1, "x", 7, "first"])]
    );
}
