//! What DataFusion answers wrongly by itself is right here, or an error.

use super::{Tables, check};

const SIDES: Tables<'static> = &[
    (
        "a",
        "id int64, name string, price dec12_2!, until timestamp!, day date!",
        &[
            "1, x, 1.15, 2026-03-04T05:06:07Z, 2026-03-04",
            "2, y, 8.05, 9999-12-31T23:59:59Z, 9999-12-31",
        ],
    ),
    ("b", "id int64, name string", &["2, y", "3, -"]),
    (
        "c",
        "id int64, deleted bool, active bool!",
        &["1, false, true", "2, true, false", "3, -, true", "4, false, false"],
    ),
    ("big", "n dec38_18", &["60000000000000000000", "70000000000000000000"]),
];

/// An empty table with a column of records: queries on it are planned, and yield nothing.
pub(super) const RECORDS: (&str, &str, &[&str]) =
    ("v", "a int64!, b int64, s string, r record", &[]);

/// Two fields of a record out of a join, beside a subquery in another one.
pub(super) const LEAVES: &str = "SELECT (character_length(u.r.y) + CASE WHEN u.s IN ('a', 'b') THEN u.r.x ELSE NULL END) AS c0, CAST((SELECT max(v.b) FROM v) AS VARCHAR) AS c1, t.a AS c2, t.b AS c3, t.s AS c4 FROM (SELECT * FROM v WHERE v.a BETWEEN v.a AND v.a) AS t FULL JOIN (SELECT * FROM v WHERE v.a IS NULL) AS u ON t.a = u.a WHERE (SELECT max(v.b) FROM v) IN (SELECT v.b FROM v)";

#[test]
fn fields_of_records_are_taken_out_above_a_join() {
    check(&[RECORDS], LEAVES, Ok(&[]));
}

const FLOATS: Tables<'static> = &[
    (
        "a",
        "id int64!, f float64, d dec12_2!, day date!",
        &[
            "1, 0.1, 0.10, 2026-01-31",
            "2, 1e15, 1.00, 2026-01-31",
            "3, 1e-16, 0.00, 2026-02-28",
            "4, 123456.1234567891, 5.00, 2026-01-01",
        ],
    ),
    ("b", "d dec12_2!", &["0.10", "2.00"]),
];

#[test]
fn a_float_beside_a_decimal_stays_what_it_is() {
    for (condition, expected) in [
        ("f = 123456.1234567891", &["4"][..]),
        ("f > 0.0", &["1", "2", "3", "4"]),
        ("f <> 0.0", &["1", "2", "3", "4"]),
        ("f = d", &["1"]),
        ("f IN (0.1, 0.5)", &["1"]),
        ("f BETWEEN 0.0 AND 1.5", &["1", "3"]),
        ("f IN (SELECT d FROM b)", &["1"]),
        ("d IN (SELECT f FROM a)", &["1"]),
        ("CASE f WHEN 0.1 THEN true ELSE false END", &["1"]),
        ("f IS DISTINCT FROM 0.1", &["2", "3", "4"]),
    ] {
        check(FLOATS, &format!("SELECT id FROM a WHERE {condition}"), Ok(expected));
    }
    for expression in [
        "coalesce(f, 0.0)",
        "CASE WHEN id > 0 THEN f ELSE 0.0 END",
        "greatest(f, 0.0)",
        "nullif(f, 0.0)",
        "sum(coalesce(f, 0.0))",
    ] {
        let sql = format!("SELECT {expression} AS x FROM a WHERE id = 4");
        check(FLOATS, &sql, Ok(&["123456.1234567891"]));
    }
    check(
        FLOATS,
        "SELECT f FROM a WHERE id = 4 UNION ALL SELECT 0.5",
        Ok(&["0.5", "123456.1234567891"]),
    );
    check(FLOATS, "SELECT a.id FROM a JOIN b ON a.f = b.d", Ok(&["1"]));
    check(FLOATS, "SELECT sum(f) AS x FROM a HAVING sum(f) > 10.5", Ok(&["1000000000123456.2"]));
}

#[test]
fn a_literal_with_an_exponent_is_a_number() {
    check(FLOATS, "SELECT id * 1e3 AS x FROM a WHERE id = 4", Ok(&["4000"]));
    check(FLOATS, "SELECT id + 1.5e1 AS x FROM a WHERE id = 4", Ok(&["19"]));
    check(FLOATS, "SELECT 1e3 AS x", Ok(&["1000"]));
    check(FLOATS, "SELECT id FROM a WHERE f >= 1e15", Ok(&["2"]));
    check(FLOATS, "SELECT abs(-1e2) AS x", Ok(&["100"]));
}

#[test]
fn a_day_plus_hours_has_hours() {
    let check = |expression: &str, expected: &str| {
        let sql = format!("SELECT {expression} AS x FROM a WHERE id = 1");
        check(FLOATS, &sql, Ok(&[expected]));
    };
    check("day + INTERVAL '12 hours'", "2026-01-31T12:00:00Z");
    check("INTERVAL '12 hours' + day", "2026-01-31T12:00:00Z");
    check("day - INTERVAL '90 minutes'", "2026-01-30T22:30:00Z");
    check("day + INTERVAL '1 month'", "2026-02-28");
    check("day + INTERVAL '1 day'", "2026-02-01");
    check("day + INTERVAL '12 hours' < '2026-01-31 13:00:00'", "true");
}

#[test]
fn a_difference_of_row_numbers_may_be_below_zero() {
    let sql =
        "SELECT row_number() OVER (ORDER BY id) - row_number() OVER (ORDER BY id DESC) AS x FROM a";
    check(FLOATS, sql, Ok(&["-1", "-3", "1", "3"]));
}

#[test]
fn is_distinct_from_binds_more_tightly_than_and() {
    check(
        SIDES,
        "SELECT id FROM c WHERE deleted IS DISTINCT FROM true AND active",
        Ok(&["1", "3"]),
    );
    check(
        SIDES,
        "SELECT id FROM c WHERE deleted IS NOT DISTINCT FROM false OR active",
        Ok(&["1", "3", "4"]),
    );
    check(SIDES, "SELECT id FROM c WHERE NOT id IS DISTINCT FROM 4 AND NOT active", Ok(&["4"]));
    check(SIDES, "SELECT id FROM c WHERE id IS DISTINCT FROM 4 - 1 AND active", Ok(&["1"]));
}

#[test]
fn decimals_of_more_than_38_digits_are_an_error() {
    check(SIDES, "SELECT sum(n) AS x FROM big", Err("`sum(n)`: the result does not fit"));
    check(SIDES, "SELECT max(n) * 2 AS x FROM big", Err("does not fit"));
    check(SIDES, "SELECT max(n) + min(n) AS x FROM big", Err("does not fit"));
    check(SIDES, "SELECT avg(n) AS x FROM big", Err("`avg(n)`: the result does not fit"));
}

#[test]
fn a_number_with_a_point_is_a_decimal() {
    check(SIDES, "SELECT round(price * 0.5, 2) AS x FROM a", Ok(&["0.58", "4.03"]));
    check(SIDES, "SELECT CAST(price * 1.1 AS DECIMAL(12,2)) AS x FROM a", Ok(&["1.27", "8.86"]));
}

#[test]
fn a_rounded_decimal_is_compared_with_others() {
    for (condition, expected) in [
        ("price IS DISTINCT FROM round(price * 0.5, 2)", &["1", "2"][..]),
        ("price IS NOT DISTINCT FROM round(price * 1.000, 2)", &["1", "2"]),
        ("price = round(price * 0.5, 2)", &[]),
        ("price > round(price * 0.5, 1)", &["1", "2"]),
        ("round(price * 2.0, 2) BETWEEN price AND 3", &["1"]),
        ("greatest(price, round(price * 0.5, 2)) = price", &["1", "2"]),
        ("trunc(price * 0.5, 1) < price", &["1", "2"]),
        ("round(price, -1) = 10", &["2"]),
        ("round(price, 3) = price", &["1", "2"]),
        ("round(price) = 8", &["2"]),
    ] {
        check(SIDES, &format!("SELECT id FROM a WHERE {condition}"), Ok(expected));
    }
}

#[test]
fn far_dates_are_dates() {
    check(
        SIDES,
        "SELECT date_trunc('day', until) AS x FROM a",
        Ok(&["2026-03-04T00:00:00Z", "9999-12-31T00:00:00Z"]),
    );
    check(
        SIDES,
        "SELECT date_trunc('month', until) AS x FROM a",
        Ok(&["2026-03-01T00:00:00Z", "9999-12-01T00:00:00Z"]),
    );
    check(
        SIDES,
        "SELECT date_trunc('week', until) AS x FROM a",
        Ok(&["2026-03-02T00:00:00Z", "9999-12-27T00:00:00Z"]),
    );
    check(
        SIDES,
        "SELECT date_trunc('quarter', day) AS x FROM a",
        Ok(&["2026-01-01T00:00:00", "9999-10-01T00:00:00"]),
    );
    check(SIDES, "SELECT id FROM a WHERE until >= '9999-12-31'", Ok(&["2"]));
    check(
        SIDES,
        "SELECT CAST(day AS TIMESTAMP) AS x FROM a",
        Ok(&["2026-03-04T00:00:00", "9999-12-31T00:00:00"]),
    );
    check(SIDES, "SELECT id FROM a WHERE until > now() AND id = 2", Ok(&["2"]));
    check(
        SIDES,
        "SELECT coalesce(until, now()) AS x FROM a WHERE id = 2",
        Ok(&["9999-12-31T23:59:59Z"]),
    );
    check(SIDES, "SELECT id FROM a WHERE until > CAST('9999-01-01' AS DATE)", Ok(&["2"]));
    check(SIDES, "SELECT id FROM a WHERE until >= day + INTERVAL '1 hour'", Ok(&["1", "2"]));
    check(
        SIDES,
        "SELECT date_bin(INTERVAL '1 day', until) AS x FROM a",
        Ok(&["2026-03-04T00:00:00Z", "9999-12-31T00:00:00Z"]),
    );
    check(
        SIDES,
        "SELECT until AT TIME ZONE 'Europe/Berlin' AS x FROM a WHERE id = 2",
        Ok(&["+10000-01-01T00:59:59+01:00"]),
    );
    check(
        SIDES,
        "SELECT to_timestamp('9999-12-31') AS x FROM a WHERE id = 2",
        Ok(&["9999-12-31T00:00:00Z"]),
    );
    check(SIDES, "SELECT to_timestamp(id) AS x FROM a WHERE id = 2", Ok(&["1970-01-01T00:00:02Z"]));
    check(
        SIDES,
        "SELECT to_timestamp(name || '-01-02T03:04:05Z') AS x FROM (SELECT '2026' AS name FROM a LIMIT 1)",
        Ok(&["2026-01-02T03:04:05Z"]),
    );
}

#[test]
fn a_filter_over_an_outer_join_knows_which_side_it_is_about() {
    check(
        SIDES,
        "SELECT a.id, b.id AS bid FROM a FULL JOIN b ON a.id = b.id WHERE a.name IS NULL OR a.name <> b.name",
        Ok(&["-,3"]),
    );
    check(
        SIDES,
        "SELECT a.id, b.id AS bid FROM a RIGHT JOIN b ON a.id = b.id WHERE a.name IS NULL OR b.name = 'y'",
        Ok(&["-,3", "2,2"]),
    );
    check(
        SIDES,
        "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON a.id = b.id WHERE b.name IS NULL OR a.name <> b.name",
        Ok(&["1,-"]),
    );
    check(
        SIDES,
        "SELECT a.id, b.id AS bid FROM a FULL JOIN b ON a.id = b.id WHERE a.name = 'x' OR b.name IS NULL",
        Ok(&["-,3", "1,-"]),
    );
}

#[test]
fn a_group_of_a_rollup_comes_once() {
    check(
        SIDES,
        "SELECT k, sum(id) AS s FROM (SELECT 'de' AS k, id FROM a UNION ALL SELECT 'de' AS k, id FROM b) AS u GROUP BY ROLLUP(k)",
        Ok(&["-,8", "de,8"]),
    );
}
