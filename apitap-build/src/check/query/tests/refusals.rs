//! What is right is not refused: nullability as conditions leave it, and names that are words of SQL.

use super::{has_errors, planned};
use crate::render::render;

/// The columns of a query that may be null.
fn check(sql: &str, expected: &[&str]) {
    let (files, planned, findings) = planned(sql);
    let rendered: Vec<_> = findings.iter().map(|finding| render(&files, finding)).collect();
    assert!(!has_errors(&findings), "{sql}\n{}", rendered.join("\n\n"));
    let row = planned.expect("a query without errors is planned").row;
    let nullable = row.fields.iter().filter(|field| field.nullable);
    let nullable: Vec<_> = nullable.map(|field| field.name.as_str()).collect();
    assert_eq!(nullable, expected, "{sql}");
}

#[test]
fn a_filter_leaves_no_nulls() {
    check("SELECT id, status FROM orders", &["status"]);
    check("SELECT id, status FROM orders WHERE status IS NOT NULL", &[]);
    check("SELECT status, total FROM orders WHERE status = 'a' AND total > 0", &[]);
    check("SELECT status, total FROM orders WHERE status = 'a' OR total > 0", &["status", "total"]);
    check("SELECT status FROM orders WHERE status IN ('a') OR status LIKE 'b%'", &[]);
    check("SELECT status FROM orders WHERE NOT (status IS NULL)", &[]);
    check("SELECT status FROM orders WHERE upper(status) = 'A'", &[]);
    check("SELECT customer.email AS e FROM orders WHERE customer.email IS NOT NULL", &[]);
    check("SELECT customer.id AS c FROM orders WHERE customer.email IS NOT NULL", &[]);
    check("SELECT customer.email AS e FROM orders WHERE customer IS NOT NULL", &["e"]);
    check(
        "SELECT email FROM (SELECT customer.email AS email FROM orders) AS t WHERE email > ''",
        &[],
    );
    check("WITH t AS (SELECT * FROM orders WHERE total > 0) SELECT total FROM t", &[]);
    check(
        "SELECT status, max(total) AS m FROM orders GROUP BY status HAVING max(total) > 0",
        &["status"],
    );
    check("SELECT status, max(id) AS m FROM orders WHERE status > '' GROUP BY status", &[]);
    check("SELECT status FROM orders WHERE status > '' UNION ALL SELECT 'a' AS status", &[]);
    check(
        "SELECT status FROM orders WHERE status > '' UNION ALL SELECT name FROM customers",
        &["status"],
    );
}

#[test]
fn a_filter_on_what_is_computed_leaves_no_nulls_of_that() {
    check("SELECT extra->>'id' AS k FROM orders", &["k"]);
    check("SELECT extra->>'id' AS k FROM orders WHERE extra->>'id' IS NOT NULL", &[]);
    check("SELECT extra->>'id' AS k FROM orders WHERE extra->>'id' <> ''", &[]);
    check("SELECT extra->>'id' AS k FROM orders o WHERE o.extra->>'id' LIKE 'a%'", &[]);
    check("SELECT upper(extra->>'id') AS k FROM orders WHERE extra->>'id' IS NOT NULL", &[]);
    check("SELECT extra->>'id' AS k FROM orders WHERE extra->>'other' IS NOT NULL", &["k"]);
    check("SELECT extra->>'id' AS k FROM orders WHERE extra IS NOT NULL", &["k"]);
    check("SELECT extra->>'id' AS k FROM orders WHERE extra->>'id' <> '' OR id > 1", &["k"]);
    check("SELECT nullif(status, '') AS k FROM orders WHERE nullif(status, '') IS NOT NULL", &[]);
    check(
        "SELECT TRY_CAST(status AS INT) AS k FROM orders WHERE TRY_CAST(status AS INT) IS NOT NULL",
        &[],
    );
    check("SELECT CAST(status AS INT) AS k FROM orders WHERE CAST(status AS INT) > 0", &[]);
    check("SELECT tags[1] AS k FROM orders WHERE tags[1] IS NOT NULL", &[]);
    check("SELECT total / id AS k FROM orders WHERE total / id > 0", &[]);
    check("SELECT nullif(random(), 0) AS k FROM orders WHERE nullif(random(), 0) > 0", &["k"]);
    check("SELECT k FROM (SELECT extra->>'id' AS k FROM orders) AS t WHERE k IS NOT NULL", &[]);
    check(
        "WITH t AS (SELECT id, extra AS e FROM orders WHERE extra->>'id' IS NOT NULL) \
         SELECT t.e->>'id' AS k FROM t",
        &[],
    );
    check(
        "SELECT extra->>'id' AS k, count(*) AS n FROM orders WHERE extra->>'id' IS NOT NULL \
         GROUP BY extra->>'id'",
        &[],
    );
    let optional = "SELECT o.extra->>'id' AS k FROM customers c LEFT JOIN \
                    (SELECT id, extra FROM orders WHERE extra->>'id' IS NOT NULL) o ON o.id = c.id";
    check(optional, &["k"]);
    check(&optional.replace("LEFT JOIN", "JOIN"), &[]);
    check(
        "SELECT CASE WHEN extra->>'id' IS NOT NULL THEN extra->>'id' ELSE '' END AS k FROM orders",
        &[],
    );
}

#[test]
fn a_join_leaves_nulls_on_its_other_side_only() {
    let join = "SELECT o.id, c.id AS c, c.name FROM orders o LEFT JOIN customers c \
                ON c.id = o.\"customerId\"";
    check(join, &["c", "name"]);
    check(&format!("{join} WHERE c.id IS NOT NULL"), &["name"]);
    check(&format!("{join} WHERE c.name = 'a'"), &[]);
    check(
        "SELECT o.\"customerId\", c.name FROM orders o JOIN customers c ON c.id = o.\"customerId\"",
        &["name"],
    );
    check("SELECT a.status FROM orders a JOIN orders b USING (status)", &[]);
}

#[test]
fn functions_of_what_is_never_null_are_never_null() {
    check("SELECT upper('a') AS a, md5(CAST(id AS VARCHAR)) AS b, abs(id) AS c FROM orders", &[]);
    check("SELECT concat(status, 'a') AS a, upper(status) AS b FROM orders", &["b"]);
    check("SELECT coalesce(status, 'a') AS a, nullif(id, 1) AS b FROM orders", &["b"]);
    check("SELECT CASE WHEN status IS NULL THEN 'a' ELSE status END AS a FROM orders", &[]);
    check("SELECT CASE WHEN status = 'a' THEN status ELSE 'b' END AS a FROM orders", &[]);
    check("SELECT CASE WHEN id > 1 THEN status ELSE 'b' END AS a FROM orders", &["a"]);
    check("SELECT to_char(placed_at, '%Y') AS y FROM orders WHERE placed_at IS NOT NULL", &[]);
    check(
        "SELECT row_number() OVER (ORDER BY id) AS n, lag(id) OVER (ORDER BY id) AS l FROM orders",
        &["l"],
    );
    check("SELECT domain_of(customer.email) AS d FROM orders", &["d"]);
    check(
        "SELECT domain_of(customer.email) AS d FROM orders WHERE customer.email IS NOT NULL",
        &[],
    );
}

#[test]
fn a_query_for_one_value_may_find_none() {
    check("SELECT id, (SELECT id FROM customers WHERE id = 1) AS c FROM orders", &["c"]);
    check("SELECT id, (SELECT count(*) FROM customers) AS c FROM orders", &[]);
    check("SELECT id, (SELECT max(id) FROM customers) AS c FROM orders", &["c"]);
}
