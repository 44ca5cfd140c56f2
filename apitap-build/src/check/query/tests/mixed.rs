//! Text meets numbers, times and truth values: nothing is made text of in silence.

use super::planned;
use crate::codes;

/// The messages about a query.
fn check(sql: &str, expected: &[&str]) {
    let (_, _, findings) = planned(sql);
    let notes = [codes::JOIN_IN_MEMORY, codes::CAN_FAIL];
    let errors = findings.iter().filter(|finding| !notes.contains(&finding.code));
    let found: Vec<_> = errors.map(|finding| finding.message.as_str()).collect();
    assert_eq!(found, expected, "{sql}");
}

const COMPARED: &str = "`string` and `int64` are compared as text";

#[test]
fn a_comparison_of_a_text_with_a_number_is_found_wherever_it_stands() {
    check("SELECT id FROM orders WHERE status > 3", &[COMPARED]);
    check("SELECT status = 3 AS a FROM orders", &[COMPARED]);
    check("SELECT count(*) FILTER (WHERE status = 3) AS n FROM orders", &[COMPARED]);
    check("SELECT id FROM orders ORDER BY status = 3 LIMIT 1", &[COMPARED]);
    check("SELECT status FROM orders GROUP BY status HAVING status > 3", &[COMPARED]);
    check("SELECT o.id FROM orders o JOIN customers c ON c.name = o.id", &[COMPARED]);
    check(
        "SELECT id FROM orders WHERE id IN (SELECT id FROM orders WHERE status = 3)",
        &[COMPARED],
    );
    check("SELECT id FROM orders WHERE status IN (1, 2)", &[COMPARED]);
    check("SELECT id FROM orders WHERE status BETWEEN 1 AND 2", &[COMPARED]);
    check("WITH a AS (SELECT id FROM orders WHERE status = 3) SELECT id FROM a", &[COMPARED]);
    check("SELECT id FROM orders WHERE status = 3 OR status = 4", &[COMPARED, COMPARED]);
    check("SELECT id FROM orders WHERE status IN (SELECT id FROM customers)", &[COMPARED]);
}

#[test]
fn texts_that_are_written_out_are_read_as_what_they_are_compared_with() {
    check("SELECT id FROM orders WHERE id = '5' AND total > '1.50'", &[]);
    check("SELECT id FROM orders WHERE placed_at >= '2026-01-01'", &[]);
    check("SELECT id FROM orders WHERE id IN ('5', '6')", &[]);
    check("SELECT id FROM orders WHERE status = '5' AND customer.email LIKE '5%'", &[]);
    check("SELECT id FROM orders WHERE CAST(status AS BIGINT) = id", &[]);
    check(
        "SELECT id FROM orders WHERE status = NULL",
        &["this is never true: nothing is equal to NULL, or unequal"],
    );
    check("SELECT id || status AS a FROM orders", &[]);
}

#[test]
fn what_yields_one_of_several_values_yields_one_type() {
    let mixed = |by: &str| format!("{by} makes text of `int64` and `string`");
    check("SELECT CASE WHEN id > 3 THEN id ELSE 'few' END AS a FROM orders", &[&mixed("CASE")]);
    check(
        "SELECT CASE status WHEN 'a' THEN id ELSE status END AS a FROM orders",
        &[&mixed("CASE")],
    );
    check("SELECT coalesce(id, status) AS a FROM orders", &[&mixed("`coalesce`")]);
    check("SELECT CASE WHEN id > 3 THEN id ELSE NULL END AS a FROM orders", &[]);
    check("SELECT coalesce(status, 'none') AS a, nullif(id, 0) AS b FROM orders", &[]);
}

#[test]
fn each_column_of_a_union_has_one_type() {
    let other = "this is `string`, but the same column is `int64` above";
    check("SELECT id FROM orders UNION ALL SELECT name FROM customers", &[other]);
    check("SELECT id FROM orders UNION SELECT name FROM customers", &[other]);
    check(
        "SELECT id FROM orders UNION ALL SELECT id FROM customers UNION ALL SELECT name FROM customers",
        &[other],
    );
    check("SELECT a FROM (SELECT id AS a FROM orders UNION SELECT name FROM customers)", &[other]);
    check("SELECT id, NULL AS a FROM orders UNION ALL SELECT id, name FROM customers", &[]);
    check("SELECT id, total FROM orders UNION ALL SELECT id, 0 FROM customers", &[]);
}

#[test]
fn other_mistakes_show_beside_it() {
    check(
        "SELECT id, totl FROM orders WHERE status = 3",
        &["column `totl` not found in source `orders`", COMPARED],
    );
    check(
        "SELECT id, total + status AS a FROM orders WHERE status = 3",
        &["`+` does not take `decimal(12,2)` and `string`", COMPARED],
    );
}
