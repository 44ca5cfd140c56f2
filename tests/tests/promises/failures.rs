//! An expression that fails in a run: the error says which it is, where it stands, on what value, and on
//! which record of which request.

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use serde_json::{Value, json};

use super::runs::{has_table, project, run_badly};

/// 250 orders in pages of 100; order 242 has no number for its `code`, and order 142 is divided by 0.
fn orders() -> Vec<Value> {
    let code = |id: u32| if id == 242 { "x7".to_owned() } else { id.to_string() };
    (1..=250)
        .map(|id| {
            json!({
                "id": id,
                "code": code(id),
                "parts": i64::from(id % 200) - 142,
                "kind": if id % 10 == 2 { "rare" } else { "usual" },
                "lines": [{"n": code(id)}, {"n": "1"}],
                "person": id % 5,
            })
        })
        .collect()
}

fn people() -> Vec<Value> {
    (0..5).map(|id| json!({"id": id, "name": format!("p{id}")})).collect()
}

/// A query over them, and what its error has line by line.
#[track_caller]
fn check(sql: &str, expected: &[&str]) {
    let orders =
        Collection::new(orders(), Pagination::page_number()).data_path("/data").page_size(100);
    let api = Api::serve_all([
        ("/orders", orders),
        ("/people", Collection::new(people(), Pagination::None)),
    ]);
    let sources = format!(
        "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    schema: {{id: int64!, code: string!, parts: int64!, kind: string!, person: int64!, lines: [{{n: string}}]}}
  - name: people
    url: {}
    schema: {{id: int64!, name: string!}}",
        api.url_of("/orders"),
        api.url_of("/people"),
    );
    let sql = sql.replace("orders", "{{ use_source(\"orders\") }}");
    let sql = sql.replace("people", "{{ use_source(\"people\") }}");
    let project = project(&sources, &[("answer", &sql)]);
    let error = run_badly(&project);
    for part in expected {
        let part = part.replace("{url}", &api.url_of("/orders"));
        assert!(error.contains(&part), "no `{part}` in:\n{error}");
    }
    if !expected.iter().any(|part| part.contains("record:")) {
        assert!(!error.contains("record:"), "there is no one record:\n{error}");
    }
    assert!(!has_table(&project, "answer"));
}

const PAGE_3: &str = "request:  GET {url}?per_page=100&page=3";
const RECORD_42: &str = "record:   42 of the page";

#[test]
fn a_text_that_is_no_number_is_named_with_its_record() {
    let expected = [
        "`CAST(code AS INT)` (line 1, column 12 of the query) cannot be computed",
        "`code` is 'x7'",
        "TRY_CAST(code AS INT)",
        PAGE_3,
        RECORD_42,
    ];
    check("SELECT id, CAST(code AS INT) AS code FROM orders", &expected);
}

#[test]
fn the_record_is_found_behind_a_filter_that_leaves_few() {
    check(
        "SELECT id, CAST(code AS INT) AS c FROM orders WHERE kind = 'rare'",
        &[PAGE_3, RECORD_42],
    );
    check(
        "SELECT id FROM orders WHERE kind = 'rare' AND CAST(code AS INT) > 7",
        &[PAGE_3, RECORD_42],
    );
    check(
        "SELECT CAST(n AS INT) AS n FROM (SELECT unnest(lines).n AS n FROM orders WHERE id > 200)",
        &["`n` is 'x7'", PAGE_3, RECORD_42],
    );
}

#[test]
fn the_record_is_found_below_what_gathers_records() {
    let page_2 = "request:  GET {url}?per_page=100&page=2";
    check(
        "SELECT kind, sum(100 / parts) AS n FROM orders GROUP BY kind",
        &[
            "`100 / parts`",
            "division by zero",
            "`parts` is 0",
            "nullif(parts, 0)",
            page_2,
            RECORD_42,
        ],
    );
    check("SELECT id, 100 % parts AS n FROM orders ORDER BY id DESC", &[page_2, RECORD_42]);
    check(
        "SELECT o.id, p.name, o.c FROM (SELECT id, person, CAST(code AS INT) AS c FROM orders) AS o JOIN people AS p ON p.id = o.person",
        &[PAGE_3, RECORD_42],
    );
}

#[test]
fn where_records_are_one_number_no_record_is_named() {
    check(
        "SELECT kind, 10 / (count(*) - 25) AS n FROM orders GROUP BY kind",
        &["`10 / (count(*) - 25)`", "division by zero"],
    );
}
