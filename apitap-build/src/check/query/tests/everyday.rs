//! Queries as people write them: they are planned, and nothing is said of them. A warning that is
//! wrong teaches people to pass over those that are right.

use super::{has_errors, planned, silent};
use crate::render::render;

/// A query of which not even a note says that it may fail.
fn certain(sql: &str) {
    let (files, _, findings) = planned(sql);
    let said = findings.iter().filter(|finding| finding.code == crate::codes::CAN_FAIL);
    let said: Vec<_> = said.map(|finding| render(&files, finding)).collect();
    assert!(!has_errors(&findings) && said.is_empty(), "{sql}\n{}", said.join("\n\n"));
}

#[test]
fn what_cannot_fail_is_not_said_to() {
    certain("SELECT char_length(status) * 1000 + 7 AS n FROM orders");
    certain("SELECT id + 1 AS next, id - \"customerId\" AS d FROM orders");
    certain("SELECT total * 2 AS t, total / nullif(\"customerId\", 0) AS s FROM orders");
    certain(
        "SELECT extract(year FROM placed_at) AS y, date_trunc('day', placed_at) AS d FROM orders",
    );
    certain("SELECT substr(status, 1, 2) AS s, split_part(status, '-', 1) AS p FROM orders");
    certain("SELECT round(total, 1) AS r, abs(total) AS a, tags[1] AS tag FROM orders");
    certain("SELECT sum(total) AS s, round(avg(total), 2) AS a, count(*) AS n FROM orders");
    certain("SELECT status, id, count(*) AS n FROM orders GROUP BY ROLLUP (status, id)");
    certain("SELECT coalesce(status, 'x') || '!' AS s, upper(status) AS u FROM orders");
    certain("SELECT CAST(id AS VARCHAR) AS t, CAST(placed_at AS DATE) AS d FROM orders");
}

/// The expression that a note says can fail, if there is exactly one.
fn can_fail(sql: &str, expression: &str) {
    let (_, _, findings) = planned(sql);
    let said = findings.iter().filter(|finding| finding.code == crate::codes::CAN_FAIL);
    let said: Vec<_> = said.map(|finding| finding.message.as_str()).collect();
    let expected = format!("`{expression}` fails");
    let is_it = matches!(said.as_slice(), [one] if one.starts_with(&expected));
    assert!(is_it && !has_errors(&findings), "{sql}\n{findings:?}");
}

#[test]
fn a_division_by_what_is_not_zero_cannot_fail() {
    certain("SELECT total / 3 AS a, total / 2.5 AS b, total % 7 AS c, id / 7 AS d FROM orders");
    certain(
        "SELECT CASE WHEN \"customerId\" <> 0 THEN total / \"customerId\" END AS a FROM orders",
    );
    certain(
        "SELECT CASE WHEN \"customerId\" IS NULL OR \"customerId\" = 0 THEN 0 \
         ELSE total / \"customerId\" END AS a FROM orders",
    );
    certain(
        "SELECT CASE \"customerId\" WHEN 0 THEN 0 ELSE 1 / \"customerId\" END AS a FROM orders",
    );
    certain("SELECT id / coalesce(nullif(\"customerId\", 0), 1) AS a FROM orders");
    certain("SELECT total / greatest(\"customerId\", 1) AS a FROM orders");
    certain("SELECT total / \"customerId\" AS a FROM orders WHERE \"customerId\" > 0");
    certain("SELECT id FROM orders WHERE \"customerId\" <> 0 AND total / \"customerId\" > 2");
    certain(
        "WITH x AS (SELECT total, \"customerId\" AS c FROM orders WHERE \"customerId\" IN (1, 2)) \
         SELECT total / c AS a FROM x",
    );
    certain(
        "SELECT o.total / c.id AS a FROM orders o LEFT JOIN customers c \
         ON c.id = o.id AND c.id BETWEEN 1 AND 9",
    );
    certain("SELECT status, sum(total) / count(*) AS a FROM orders GROUP BY status");
    certain(
        "WITH s AS (SELECT status, count(*) AS n FROM orders GROUP BY status) \
         SELECT status, 100.0 * n / sum(n) OVER () AS share FROM s",
    );
    certain("SELECT (total - 1) / total * 100 AS margin FROM orders WHERE total > 0");
    certain("SELECT id / id AS a FROM orders o WHERE id <> 0");
}

#[test]
fn a_division_by_what_may_be_zero_can_fail() {
    can_fail("SELECT total / \"customerId\" AS a FROM orders", "total / \"customerId\"");
    can_fail(
        "SELECT CASE WHEN \"customerId\" <> 1 THEN total / \"customerId\" END AS a FROM orders",
        "total / \"customerId\"",
    );
    can_fail(
        "SELECT CASE WHEN id <> 0 OR total > 1 THEN 1 / id ELSE 2 END AS a FROM orders",
        "1 / id",
    );
    can_fail("SELECT CASE WHEN id <> 0 THEN 2 ELSE 1 / id END AS a FROM orders", "1 / id");
    can_fail("SELECT 1 / id AS a FROM orders WHERE id >= 0", "1 / id");
    can_fail(
        "SELECT 1 / c.id AS a FROM orders o LEFT JOIN customers c ON c.id = o.id AND o.id > 0",
        "1 / c.id",
    );
    can_fail(
        "SELECT sum(total) / count(\"customerId\") AS a FROM orders GROUP BY status",
        "sum(total) / count(\"customerId\")",
    );
    can_fail("SELECT 1 / (id - 1) AS a FROM orders WHERE id > 0", "1 / (id - 1)");
    can_fail(
        "SELECT 1 / CAST(total AS BIGINT) AS a FROM orders WHERE total BETWEEN 0.1 AND 9",
        "1 / CAST(total AS BIGINT)",
    );
}

#[test]
fn a_call_with_the_arguments_that_it_takes_cannot_fail() {
    certain("SELECT substr(status, 2) AS a, substring(status from 1 for 3) AS b FROM orders");
    certain("SELECT round(total) AS a, round(id) AS b, trunc(total) AS c FROM orders");
    certain("SELECT sqrt(2) AS a, sqrt(total * total) AS b, sqrt(abs(id)) AS c FROM orders");
    certain("SELECT encode(sha256(status), 'hex') AS a, digest(status, 'md5') AS b FROM orders");
    certain(
        "SELECT date_bin('15 minutes', placed_at) AS a, to_unixtime(placed_at) AS b FROM orders",
    );
    certain("SELECT CAST(least(greatest(id, 0), 100) AS INT) AS a, -id AS b FROM orders");
    certain("SELECT CAST(count(*) AS INT) AS n FROM orders");
    can_fail("SELECT sqrt(id) AS a FROM orders", "sqrt(id)");
    can_fail("SELECT CAST(id AS INT) AS a FROM orders WHERE id > 0", "CAST(id AS INT)");
    can_fail(
        "SELECT substr(status, 1, char_length(status) - 1) AS a FROM orders",
        "substr(status, 1, char_length(status) - 1)",
    );
}

#[test]
fn fields_of_a_record_of_the_query_around_are_read() {
    silent(
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer.id)",
    );
    silent(
        "SELECT o.id FROM orders o WHERE NOT EXISTS \
         (SELECT 1 FROM customers c WHERE c.name = o.customer.address.city)",
    );
    silent(
        "SELECT o.id, (SELECT max(c.name) FROM customers c WHERE c.id = o.customer.id) AS n FROM orders o",
    );
    silent(
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.name = o.tags[1])",
    );
    silent(
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM orders p WHERE p.customer.id = o.id)",
    );
}

#[test]
fn what_is_computed_can_be_grouped_by_in_sets() {
    silent("SELECT id + 1 AS q, count(*) AS n FROM orders GROUP BY ROLLUP (id + 1)");
    silent("SELECT id + 1 AS q, status, count(*) AS n FROM orders GROUP BY CUBE (id + 1, status)");
    silent("SELECT id % 7 AS q, count(*) AS n FROM orders GROUP BY GROUPING SETS ((id % 7), ())");
}

#[test]
fn everyday_selections_are_silent() {
    silent("SELECT * FROM orders");
    silent("SELECT id, status, total FROM orders WHERE status = 'paid'");
    silent("SELECT id, status FROM orders WHERE status <> 'paid'");
    silent("SELECT id FROM orders WHERE status IN ('paid', 'sent')");
    silent("SELECT id FROM orders WHERE status NOT IN ('paid', 'sent')");
    silent("SELECT id FROM orders WHERE status IS NULL");
    silent("SELECT id FROM orders WHERE status IS NOT NULL AND status <> ''");
    silent("SELECT id FROM orders WHERE total > 10 AND total < 100");
    silent("SELECT id FROM orders WHERE total >= 10 AND total <= 10");
    silent("SELECT id FROM orders WHERE total BETWEEN 10 AND 100.50");
    silent("SELECT id FROM orders WHERE total < 10 OR total > 100");
    silent("SELECT id FROM orders WHERE status = 'paid' OR status = 'sent'");
    silent("SELECT id FROM orders WHERE status <> 'paid' AND status <> 'sent'");
    silent("SELECT id FROM orders WHERE status LIKE 'p%' AND status NOT LIKE '%x'");
    silent("SELECT id FROM orders WHERE upper(status) = 'PAID'");
    silent("SELECT id FROM orders WHERE lower(status) IN ('paid', 'sent')");
    silent("SELECT id FROM orders WHERE upper(status) LIKE 'P%'");
    silent("SELECT id FROM orders WHERE placed_at >= '2026-01-31'");
    silent("SELECT id FROM orders WHERE placed_at >= TIMESTAMP '2026-01-31T00:00:00Z'");
    silent("SELECT id FROM orders WHERE placed_at > now() - INTERVAL '7 days'");
    silent("SELECT id, total - 1 - 2 AS rest FROM orders");
    silent("SELECT id FROM orders WHERE \"customerId\" = -1");
    silent(
        "SELECT id FROM orders WHERE customer.email = 'a@b.c' AND customer.address.city = 'Bern'",
    );
    silent("SELECT DISTINCT status FROM orders WHERE status IS NOT NULL");
    silent("SELECT id AS order_id, customer.id AS customer_id FROM orders");
    silent("SELECT id, coalesce(status, 'new') AS status FROM orders");
    silent("SELECT id, nullif(status, '') AS status FROM orders");
    silent("SELECT id, total IS NULL AS is_open FROM orders");
    silent("SELECT id, status || '!' AS status FROM orders");
    silent("SELECT id, CASE WHEN total > 100 THEN 'large' ELSE 'small' END AS size FROM orders");
    silent("SELECT id, CASE status WHEN 'paid' THEN 1 WHEN 'sent' THEN 2 END AS rank FROM orders");
    silent("SELECT id, trim(status) AS status, length(status) AS n FROM orders");
    silent("SELECT id, substr(status, 1, 3) AS short, left(status, 2) AS two FROM orders");
    silent("SELECT id, tags[1] AS tag FROM orders");
    silent("SELECT id, unnest(tags) AS tag FROM orders");
    silent("SELECT id, array_length(tags) AS n FROM orders");
    silent("SELECT id, array_has(tags, 'x') AS has_x FROM orders");
}

#[test]
fn everyday_times_and_numbers_are_silent() {
    silent("SELECT id, date_trunc('day', placed_at) AS day FROM orders");
    silent("SELECT id, CAST(placed_at AS DATE) AS day FROM orders");
    silent("SELECT id, placed_at::date AS day FROM orders");
    silent("SELECT id, to_char(placed_at, '%Y-%m-%d') AS day FROM orders");
    silent("SELECT id, to_char(placed_at, '%H:%M') AS clock FROM orders");
    silent("SELECT id, date_part('year', placed_at) AS year FROM orders");
    silent("SELECT id, extract(month FROM placed_at) AS month FROM orders");
    silent("SELECT id, placed_at + INTERVAL '1 day' AS due FROM orders");
    silent("SELECT id, to_local_time(placed_at AT TIME ZONE 'Europe/Zurich') AS clock FROM orders");
    silent(
        "SELECT id, date_trunc('day', placed_at AT TIME ZONE 'Europe/Zurich') AS day FROM orders",
    );
    silent("SELECT id, round(total) AS total FROM orders");
    silent("SELECT id, round(total, 1) AS total FROM orders");
    silent("SELECT id, CAST(round(total) AS BIGINT) AS total FROM orders");
    silent("SELECT id, CAST(total AS DOUBLE) AS total FROM orders");
    silent("SELECT id, CAST(id AS VARCHAR) AS id_text FROM orders");
    silent("SELECT id, TRY_CAST(status AS INT) AS number FROM orders");
    silent("SELECT id, total * 1.081 AS gross FROM orders");
    silent("SELECT id, total / nullif(id, 0) AS share FROM orders");
}

#[test]
fn everyday_groups_and_windows_are_silent() {
    silent("SELECT status, count(*) AS n FROM orders GROUP BY status");
    silent("SELECT status, sum(total) AS total FROM orders GROUP BY status HAVING sum(total) > 10");
    silent("SELECT count(*) AS n, max(placed_at) AS last FROM orders");
    silent("SELECT count(DISTINCT status) AS n FROM orders");
    silent("SELECT max(total) AS most FROM orders LIMIT 1");
    silent("SELECT id FROM orders ORDER BY total DESC LIMIT 10");
    silent("SELECT id FROM orders ORDER BY placed_at LIMIT 10 OFFSET 5");
    silent("SELECT id FROM (SELECT id FROM orders ORDER BY total) AS t LIMIT 10");
    silent("SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status, placed_at DESC");
    silent("SELECT id, row_number() OVER (PARTITION BY status ORDER BY total) AS n FROM orders");
    silent("SELECT id, rank() OVER (ORDER BY total DESC) AS n FROM orders");
    silent("SELECT id, lag(total) OVER (ORDER BY placed_at) AS before FROM orders");
    silent("SELECT id, sum(total) OVER (ORDER BY placed_at) AS running FROM orders");
    silent("SELECT id, first_value(total) OVER (ORDER BY placed_at) AS first FROM orders");
    silent(
        "SELECT status, first_value(id ORDER BY placed_at) AS first FROM orders GROUP BY status",
    );
    silent("SELECT status, count(*) FILTER (WHERE total > 10) AS n FROM orders GROUP BY status");
    silent("SELECT status, array_agg(id) AS ids FROM orders GROUP BY status");
    silent("SELECT status, string_agg(customer.email, ',') AS who FROM orders GROUP BY status");
    silent("SELECT date_trunc('month', placed_at) AS month, count(*) AS n FROM orders GROUP BY 1");
}

#[test]
fn everyday_joins_and_queries_within_are_silent() {
    silent("SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer.id");
    silent("SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\"");
    silent(
        "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\" \
         WHERE c.id IS NULL",
    );
    silent(
        "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\" \
         WHERE o.status = 'paid'",
    );
    silent(
        "SELECT o.id, c.name FROM orders o \
         LEFT JOIN customers c ON c.id = o.\"customerId\" AND c.name <> 'x'",
    );
    silent(
        "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\" \
         WHERE c.name = 'x' OR c.id IS NULL",
    );
    silent(
        "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.\"customerId\" \
         WHERE coalesce(c.name, '') <> 'x'",
    );
    silent("SELECT o.id, c.name FROM orders o CROSS JOIN customers c");
    silent("SELECT o.id, c.name FROM orders o, customers c WHERE c.id = o.\"customerId\"");
    silent("SELECT id FROM orders WHERE \"customerId\" IN (SELECT id FROM customers)");
    silent("SELECT id FROM customers WHERE id NOT IN (SELECT id FROM orders)");
    silent(
        "SELECT id FROM customers WHERE id NOT IN \
         (SELECT \"customerId\" FROM orders WHERE \"customerId\" IS NOT NULL)",
    );
    silent(
        "SELECT id FROM customers AS c \
         WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.\"customerId\" = c.id)",
    );
    silent(
        "SELECT id FROM customers AS c \
         WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.\"customerId\" = c.id LIMIT 1)",
    );
    silent("SELECT id, total FROM orders WHERE total = (SELECT max(total) FROM orders)");
    silent("WITH paid AS (SELECT id FROM orders WHERE status = 'paid') SELECT id FROM paid");
    silent(
        "WITH paid AS (SELECT * FROM orders WHERE status = 'paid'), \
         recent AS (SELECT * FROM paid WHERE placed_at > '2026-01-01') SELECT id FROM recent",
    );
    silent("SELECT id FROM orders UNION ALL SELECT id FROM customers");
    silent("SELECT id FROM orders EXCEPT SELECT id FROM customers");
    silent(
        "SELECT a.id, b.id AS other FROM orders a JOIN orders b ON a.status = b.status AND a.id < b.id",
    );
}
