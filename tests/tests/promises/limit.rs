//! `LIMIT` ends the paging: no page is requested that the rows do not need, and nothing is missing.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use serde_json::{Value, json};

use super::runs::{project, run_well, sqlite};

/// 100 records in pages of 10, the sixth of which has gone.
fn numbers(pagination: Pagination) -> Collection {
    let records: Vec<_> = (1..=100).map(|id| json!({"id": id, "even": id % 2 == 0})).collect();
    Collection::new(records, pagination).data_path("/data").page_size(10)
}

const BY_NUMBER: &str =
    "{kind: page_number, page_param: page, per_page_param: per_page, per_page: 10}";
const BY_URL: &str = "{kind: next_url, path: /links/next}";

/// Runs a query over the records, whose ids and whose pages are then those.
fn check(pagination: (&str, Pagination), sql: &str, ids: &[i64], pages: &[u64]) {
    let (keys, kind) = pagination;
    let api = Api::serve(numbers(kind).fault(On::page(6), Fault::Status(404)));
    let sources = format!(
        "sources:
  - {{name: numbers, url: \"{}\", data_path: /data, pagination: {keys}, schema: {{id: int64!, even: bool!}}}}",
        api.url()
    );
    let project = project(&sources, &[("t", sql)]);
    run_well(&project);
    let found = sqlite(&project, "id) FROM t ORDER BY rowid");
    assert_eq!(found, ids.iter().map(|id| json!([id])).collect::<Vec<_>>(), "{sql}");
    assert_eq!(api.pages(), pages, "{sql}");
}

#[test]
fn no_page_is_requested_that_the_rows_do_not_need() {
    let kinds = || [(BY_NUMBER, Pagination::page_number()), (BY_URL, Pagination::next_url())];
    for kind in kinds() {
        let first: Vec<i64> = (1..=25).collect();
        let sql = "SELECT id FROM {{ use_source(\"numbers\") }} LIMIT 25";
        check(kind, sql, &first, &[1, 2, 3]);
    }
    for kind in kinds() {
        let sql = "SELECT id FROM {{ use_source(\"numbers\") }} LIMIT 10";
        check(kind, sql, &(1..=10).collect::<Vec<_>>(), &[1]);
    }
    for kind in kinds() {
        let even: Vec<i64> = (1..=12).map(|n| 2 * n).collect();
        let sql = "SELECT id FROM {{ use_source(\"numbers\") }} WHERE even LIMIT 12";
        check(kind, sql, &even, &[1, 2, 3]);
    }
    for kind in kinds() {
        let sql = "SELECT id + 1 AS id FROM {{ use_source(\"numbers\") }} LIMIT 3 OFFSET 20";
        check(kind, sql, &[22, 23, 24], &[1, 2, 3]);
    }
}

#[test]
fn a_limit_of_sorted_or_counted_rows_reads_all_pages() {
    let records: Vec<_> = (1..=30).map(|id| json!({"id": id})).collect();
    for (sql, expected) in [
        ("SELECT id FROM numbers ORDER BY id DESC LIMIT 2", vec![json!([30]), json!([29])]),
        ("SELECT count(*) AS id FROM numbers LIMIT 1", vec![json!([30])]),
    ] {
        let collection = Collection::new(records.clone(), Pagination::next_url()).page_size(10);
        let api = Api::serve(collection);
        let sources = format!(
            "sources:
  - {{name: numbers, url: \"{}\", data_path: /data, pagination: {BY_URL}, schema: {{id: int64!}}}}",
            api.url()
        );
        let sql = sql.replace("numbers", "{{ use_source(\"numbers\") }}");
        let project = project(&sources, &[("t", &sql)]);
        run_well(&project);
        assert_eq!(sqlite(&project, "id) FROM t ORDER BY rowid"), expected, "{sql}");
        assert_eq!(api.pages(), [1, 2, 3], "{sql}");
    }
}

#[test]
fn no_child_is_requested_that_the_rows_do_not_need() {
    let parents: Vec<Value> = (1..=10).map(|id| json!({"id": id})).collect();
    let children = || Collection::new(vec![json!({"n": 1}), json!({"n": 2})], Pagination::None);
    let paths = ["/p/1", "/p/2", "/p/3", "/p/4"];
    let parents = Collection::new(parents, Pagination::next_url()).page_size(2);
    let all = paths.map(|path| (path, children()));
    let api = Api::serve_all(all.into_iter().chain([("/p", parents)]));
    let sources = format!(
        "sources:
  - {{name: parents, url: \"{p}\", data_path: /data, pagination: {BY_URL}, schema: {{id: int64!}}}}
  - {{name: children, url: \"{p}/{{p.id}}\", for_each: {{source: parents, as: p, fields: [id]}}, schema: {{n: int64!}}}}",
        p = api.url_of("/p")
    );
    let sql = "SELECT p.id AS p, n FROM {{ use_source(\"children\") }} LIMIT 5";
    let project = project(&sources, &[("t", sql)]);
    run_well(&project);
    let rows = [[1, 1], [1, 2], [2, 1], [2, 2], [3, 1]].map(|row| json!(row));
    assert_eq!(sqlite(&project, "p, n) FROM t ORDER BY rowid"), rows);
    let asked: Vec<_> = api.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(asked, ["/p", "/p/1", "/p/2", "/p", "/p/3"]);
}
