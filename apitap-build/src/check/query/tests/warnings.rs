//! What runs and does something else than it seems to: which finding, at which words.

use super::planned;
use crate::diagnostic::{Place, Severity};

/// The warnings about a query: their codes, and the words that they are at.
fn check(sql: &str, expected: &[(&str, &str)]) {
    let (_, _, findings) = planned(sql);
    let warnings = findings.iter().filter(|finding| finding.severity != Severity::Note);
    let found: Vec<_> = warnings
        .map(|finding| {
            let Place::Text { start, end, .. } = finding.place else { panic!("{finding:?}") };
            (finding.code.number(), &sql[start..end])
        })
        .collect();
    assert_eq!(found, expected, "{sql}");
    let helpless: Vec<_> = findings.iter().filter(|finding| finding.help.is_empty()).collect();
    assert!(helpless.is_empty(), "{helpless:?}");
}

#[test]
fn a_condition_that_never_holds_is_found() {
    let of = "SELECT id FROM orders WHERE";
    check(&format!("{of} status = NULL"), &[("E0401", "status = NULL")]);
    check(&format!("{of} NULL <> status"), &[("E0401", "NULL <> status")]);
    check(&format!("{of} status NOT IN ('a', NULL)"), &[("E0401", "NULL")]);
    check(&format!("{of} upper(status) = 'chf'"), &[("E0401", "'chf'")]);
    check(&format!("{of} lower(status) IN ('chf', 'EUR')"), &[("E0401", "'EUR'")]);
    check(&format!("{of} status = 'a' AND id > 1 AND status = 'b'"), &[("E0401", "status = 'b'")]);
    check(&format!("{of} total > 5 AND total < 3"), &[("E0401", "total < 3")]);
    check(&format!("{of} status IS NULL AND status = 'b'"), &[("E0401", "status = 'b'")]);
    check(&format!("{of} status <> 'a' OR status <> 'b'"), &[("E0401", "status <> 'b'")]);
    check(&format!("{of} id = 1.5"), &[("E0401", "id = 1.5")]);
    check(&format!("{of} id < 1e30"), &[("E0401", "id < 1e30")]);
}

#[test]
fn rows_that_nothing_picks_are_found() {
    check("SELECT id FROM orders LIMIT 10", &[("E0402", "LIMIT 10")]);
    check("SELECT DISTINCT ON (status) status, id FROM orders", &[("E0402", "status")]);
    check(
        "SELECT status, first_value(id) AS id FROM orders GROUP BY status",
        &[("E0402", "first_value")],
    );
    check(
        "SELECT id, last_value(id) OVER (PARTITION BY status) AS last FROM orders",
        &[("E0402", "last_value")],
    );
}

#[test]
fn joins_that_do_something_else_are_found() {
    let join = "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.id";
    check(&format!("{join} WHERE c.name = 'a'"), &[("E0403", "c.name = 'a'")]);
    check(&format!("{join} WHERE o.id > 1 AND c.id IN (1, 2)"), &[("E0403", "c.id IN (1, 2)")]);
    check(
        "SELECT o.id FROM orders o JOIN customers c ON o.id = o.\"customerId\"",
        &[("E0403", "o.id = o.\"customerId\"")],
    );
    check("SELECT o.id FROM orders o JOIN customers c ON c.id = c.id", &[("E0403", "c.id = c.id")]);
    check(
        "SELECT id FROM customers WHERE id NOT IN (SELECT \"customerId\" FROM orders)",
        &[("E0404", "\"customerId\"")],
    );
}

#[test]
fn literals_that_mean_something_else_are_found() {
    let of = "SELECT id, {} AS x FROM orders";
    let check = |what: &str, code: &str, at: &str| check(&of.replace("{}", what), &[(code, at)]);
    check("to_char(placed_at, 'YYYY-MM-DD')", "E0405", "'YYYY-MM-DD'");
    check("2026-01-31", "E0406", "2026-01-31");
    check("CAST(total AS INT)", "E0407", "CAST(total AS INT)");
    check("CAST(total AS REAL)", "E0407", "CAST(total AS REAL)");
    check(
        "placed_at AT TIME ZONE 'Europe/Zurich'",
        "E0408",
        "placed_at AT TIME ZONE 'Europe/Zurich'",
    );
}

#[test]
fn a_query_that_nobody_reads_is_found() {
    check("WITH a AS (SELECT id FROM orders) SELECT id FROM orders", &[("E0409", "a")]);
}
