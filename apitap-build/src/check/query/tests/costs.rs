//! What a query keeps before it yields its first row is said; what costs nothing is not mentioned.

use super::planned;
use crate::diagnostic::{Place, Severity};

/// The notes about a query, each with what stands at its place.
fn check(sql: &str, expected: &[&str]) {
    let (_, planned, findings) = planned(sql);
    assert!(planned.is_some(), "{findings:#?}");
    let note = |finding: &crate::diagnostic::Finding| {
        assert_eq!(finding.severity, Severity::Note);
        let Place::Text { start, end, .. } = finding.place else { panic!("{finding:?}") };
        format!("{}: {}", &sql[start..end], finding.message)
    };
    assert_eq!(findings.iter().map(note).collect::<Vec<_>>(), expected, "{sql}");
}

#[test]
fn a_sort_is_named_where_it_has_no_limit() {
    let sorted = "ORDER BY: all rows are sorted before the first one is stored";
    check("SELECT id FROM orders ORDER BY id", &[sorted]);
    check("SELECT id FROM (SELECT id FROM orders ORDER BY id LIMIT 3) ORDER BY id", &[sorted]);
    check("SELECT id FROM orders ORDER BY id LIMIT 3", &[]);
    check("SELECT id FROM orders WHERE id > 3", &[]);
    check("SELECT status, count(*) AS n FROM orders GROUP BY status", &[]);
}

#[test]
fn a_join_names_the_source_that_is_kept() {
    let kept = "JOIN: this keeps all records of `orders` in memory";
    check("SELECT o.id FROM orders o JOIN customers c ON o.id = c.id", &[kept]);
    check(
        "SELECT c.id FROM customers c LEFT JOIN orders o ON o.id = c.id",
        &["JOIN: this keeps all records of `customers` in memory"],
    );
    check("SELECT o.id FROM (VALUES (1)) AS v(n) JOIN orders o ON o.id = v.n", &[]);
    check(
        "SELECT id FROM orders WHERE id IN (SELECT id FROM customers)",
        &["IN: this keeps all records of `orders` in memory"],
    );
}

#[test]
fn a_window_is_named() {
    check(
        "SELECT id, count(*) OVER (PARTITION BY status) AS n FROM orders",
        &["OVER: a window looks at all rows before the first one is stored"],
    );
}

#[test]
fn an_order_that_says_which_rows_are_kept_is_needed() {
    check("SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status, id DESC", &[]);
}
