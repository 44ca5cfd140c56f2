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
    check(&format!("{of} id BETWEEN 10 AND 5"), &[("E0401", "id BETWEEN 10 AND 5")]);
    check(&format!("{of} id IN (1, 2.5)"), &[("E0401", "2.5")]);
    check(&format!("{of} upper(status) LIKE 'ch%'"), &[("E0401", "'ch%'")]);
    check(&format!("{of} status = status"), &[("E0401", "status = status")]);
    check(&format!("{of} id IS NULL"), &[("E0401", "id IS NULL")]);
    check(&format!("{of} 1 = 2"), &[("E0401", "1 = 2")]);
    check(&format!("{of} status = 'a' OR 1 = 1"), &[("E0401", "1 = 1")]);
    check(&format!("{of} status IN ('a', 'b') AND status = 'c'"), &[("E0401", "status = 'c'")]);
    check(
        &format!("{of} status = 'a' AND status NOT IN ('a')"),
        &[("E0401", "status NOT IN ('a')")],
    );
    check(
        &format!("{of} status IS NULL AND status IS NOT NULL"),
        &[("E0401", "status IS NOT NULL")],
    );
    check(
        &format!("{of} placed_at >= '2026-02-01' AND placed_at < '2026-01-01'"),
        &[("E0401", "placed_at < '2026-01-01'")],
    );
    check(
        &format!("{of} placed_at > TIMESTAMP '2026-02-01' AND placed_at < DATE '2026-01-01'"),
        &[("E0401", "placed_at < DATE '2026-01-01'")],
    );
    check(
        "SELECT CASE WHEN id > 5 THEN 'a' WHEN id > 5 THEN 'b' END AS x FROM orders",
        &[("E0401", "id > 5")],
    );
    check(
        "SELECT CASE upper(status) WHEN 'chf' THEN 'a' END AS x FROM orders",
        &[("E0401", "'chf'")],
    );
}

#[test]
fn conditions_that_may_hold_are_silent() {
    let of = "SELECT id FROM orders WHERE";
    for condition in [
        "1 = 1 AND id > 5",
        "id BETWEEN 5 AND 10",
        "status IN ('a', 'b') AND status <> 'a'",
        "status IN ('a', 'b') OR status = 'c'",
        "placed_at >= '2026-01-01' AND placed_at < '2026-01-01T12:00:00'",
        "placed_at >= '2026-01-01' AND placed_at < '2026-02-01'",
        "status > 'a' AND status < 'b'",
        "status IS NOT NULL AND status = 'a'",
        "status NOT IN ('a', 'b') AND status <> 'c'",
        "id < 5 OR id > 10",
        "upper(status) LIKE 'CH%'",
        "status ILIKE 'ch%'",
        "id <> 5 AND id <> 6",
        "id > 5 AND id <= 5000",
        "id = 5 OR id = 6",
        "id = 1.0",
    ] {
        check(&format!("{of} {condition}"), &[]);
    }
    check(
        "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\" WHERE c.id IS NULL",
        &[],
    );
    check("SELECT CASE WHEN id > 5 THEN 'a' WHEN id > 3 THEN 'b' END AS x FROM orders", &[]);
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
    check(
        "SELECT id, row_number() OVER (PARTITION BY status) AS n FROM orders",
        &[("E0402", "row_number")],
    );
    check("SELECT id, lag(id) OVER (PARTITION BY status) AS n FROM orders", &[("E0402", "lag")]);
    check("SELECT id FROM orders OFFSET 10", &[("E0402", "OFFSET 10")]);
    check("SELECT id FROM orders ORDER BY 'id' LIMIT 3", &[("E0402", "'id'")]);
    check(
        "SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status",
        &[("E0402", "status")],
    );
    check("SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status, id DESC", &[]);
    check("SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders", &[]);
    check("SELECT id FROM orders ORDER BY id OFFSET 10", &[]);
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
    check(
        "SELECT id FROM customers WHERE id <> ALL (SELECT \"customerId\" FROM orders)",
        &[("E0404", "\"customerId\"")],
    );
    check(&format!("{join} WHERE upper(c.name) = 'A'"), &[("E0403", "upper(c.name) = 'A'")]);
    check(&format!("{join} WHERE name = 'a'"), &[("E0403", "name = 'a'")]);
    check(&format!("{join} JOIN customers d ON d.id = c.id"), &[("E0403", "d.id = c.id")]);
    let right = "SELECT c.id FROM orders o RIGHT JOIN customers c ON c.id = o.\"customerId\"";
    check(&format!("{right} WHERE o.status = 'a'"), &[("E0403", "o.status = 'a'")]);
    check(
        "SELECT o.id FROM orders o JOIN customers c ON status = 'a'",
        &[("E0403", "status = 'a'")],
    );
}

#[test]
fn joins_that_do_what_they_say_are_silent() {
    let join = "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\"";
    for condition in [
        "c.id IS NULL",
        "c.id IS NOT NULL",
        "o.status = 'a'",
        "coalesce(c.name, 'a') = 'a'",
        "c.name = 'a' OR c.id IS NULL",
        "c.name IS DISTINCT FROM 'a'",
        "CASE WHEN c.name IS NULL THEN 1 ELSE 2 END = 1",
        "concat(c.name, 'a') = 'a'",
    ] {
        check(&format!("{join} WHERE {condition}"), &[]);
    }
    check(&format!("{join} LEFT JOIN customers d ON d.id = c.id"), &[]);
    check(&format!("{join} JOIN customers d ON d.id = o.\"customerId\""), &[]);
}

#[test]
fn literals_that_mean_something_else_are_found() {
    let of = "SELECT id, {} AS x FROM orders";
    let check = |what: &str, code: &str, at: &str| check(&of.replace("{}", what), &[(code, at)]);
    check("to_char(placed_at, 'YYYY-MM-DD')", "E0405", "'YYYY-MM-DD'");
    check("2026-01-31", "E0406", "2026-01-31");
    check("31/01/2026", "E0406", "31/01/2026");
    check("to_char(placed_at, '%Y-%M-%d')", "E0405", "'%Y-%M-%d'");
    check("to_char(placed_at, '%H:%m')", "E0405", "'%H:%m'");
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
