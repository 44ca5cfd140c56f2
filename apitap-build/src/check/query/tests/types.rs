//! Types that do not fit.

use super::{check, planned, said};
use crate::schema::Type;

#[test]
fn a_record_is_not_compared_with_a_number() {
    check(
        "SELECT id FROM orders WHERE id = customer",
        r"
error[E0207]: `int64` and a record cannot be compared
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE id = customer
  |                             ^^^^^^^^^^^^^
  |
help: take a field of the record: `customer.id`
",
    );
}

#[test]
fn a_timestamp_is_not_compared_with_a_number() {
    check(
        "SELECT id FROM orders WHERE placed_at > 3",
        r"
error[E0207]: `timestamp` and `int64` cannot be compared
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE placed_at > 3
  |                             ^^^^^^^^^^^^^
  |
help: write a day as a text: `'2026-01-31'`
",
    );
}

#[test]
fn a_text_that_is_no_timestamp_is_found() {
    check(
        "SELECT id FROM orders WHERE placed_at > 'soon'",
        r"
error[E0207]: `'soon'` cannot be parsed as `timestamp`
 --> sql/paid_orders.sql:1:41
  |
1 | SELECT id FROM orders WHERE placed_at > 'soon'
  |                                         ^^^^^^
",
    );
}

#[test]
fn arithmetic_names_both_types() {
    check(
        "SELECT id + status AS a, placed_at + 3 AS b FROM orders",
        r"
error[E0207]: `+` does not take `int64` and `string`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT id + status AS a, placed_at + 3 AS b FROM orders
  |        ^^^^^^^^^^^
  |
help: convert one of them: `CAST(status AS BIGINT)`

error[E0207]: `+` does not take `timestamp` and `int64`
 --> sql/paid_orders.sql:1:26
  |
1 | SELECT id + status AS a, placed_at + 3 AS b FROM orders
  |                          ^^^^^^^^^^^^^
  |
help: say of what: `placed_at + INTERVAL '3 days'`
",
    );
}

#[test]
fn a_sign_needs_a_number() {
    check(
        "SELECT -status AS a FROM orders",
        r"
error[E0207]: `-` does not take `string`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT -status AS a FROM orders
  |        ^^^^^^^
  |
help: convert it: `CAST(status AS DOUBLE)`
",
    );
    check(
        "SELECT -date_trunc('month', placed_at) AS a FROM orders",
        r"
error[E0207]: `-` does not take `timestamp`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT -date_trunc('month', placed_at) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn not_needs_a_bool() {
    check(
        "SELECT id FROM orders WHERE NOT total",
        r"
error[E0207]: NOT needs `bool`, not `decimal(12,2)`
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE NOT total
  |                             ^^^^^^^^^
",
    );
}

#[test]
fn where_needs_a_bool() {
    check(
        "SELECT id FROM orders WHERE total",
        r"
error[E0207]: a condition is `bool`, not `decimal(12,2)`
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE total
  |                             ^^^^^
  |
help: compare the value: `… = …`, `… > 0`, `… IS NOT NULL`
",
    );
}

#[test]
fn a_function_names_the_type_that_it_does_not_take() {
    check(
        "SELECT max(abs(status)) AS a, upper(id) AS b FROM orders",
        r"
error[E0207]: `abs` does not take `string`
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT max(abs(status)) AS a, upper(id) AS b FROM orders
  |            ^^^^^^^^^^^
  |
help: convert it: `CAST(status AS DOUBLE)`

error[E0207]: `upper` does not take `int64`
 --> sql/paid_orders.sql:1:31
  |
1 | SELECT max(abs(status)) AS a, upper(id) AS b FROM orders
  |                               ^^^^^^^^^
  |
note: it is called as `upper(string)`
help: convert it: `CAST(id AS VARCHAR)`
",
    );
}

#[test]
fn a_function_says_how_it_is_called() {
    check(
        "SELECT split_part(status, ',') AS a FROM orders",
        r"
error[E0207]: `split_part` does not take 2 arguments
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT split_part(status, ',') AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^
  |
note: it is called as `split_part(string, string, int64)`
",
    );
}

#[test]
fn join_keys_must_be_comparable() {
    check(
        "SELECT o.id FROM orders o JOIN customers c ON o.customer = c.id",
        r"
error[E0207]: a record and `int64` cannot be compared
 --> sql/paid_orders.sql:1:47
  |
1 | SELECT o.id FROM orders o JOIN customers c ON o.customer = c.id
  |                                               ^^^^^^^^^^^^^^^^^
  |
help: take a field of the record: `o.customer.id`
",
    );
}

#[test]
fn the_sides_of_a_union_have_the_same_types() {
    check(
        "SELECT customer AS c FROM orders\nUNION ALL\nSELECT id FROM customers",
        r"
error[E0207]: this is `int64`, but the same column is a record above
 --> sql/paid_orders.sql:3:8
  |
3 | SELECT id FROM customers
  |        ^^
  |
help: convert one of them: `CAST(… AS …)`
",
    );
}

#[test]
fn the_sides_of_a_union_have_as_many_columns() {
    check(
        "SELECT id FROM orders\nUNION ALL\nSELECT id, name FROM customers",
        r"
error[E0207]: the sides of UNION have 1 and 2 columns
 --> sql/paid_orders.sql:3:1
  |
3 | SELECT id, name FROM customers
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
note: the other side
 --> sql/paid_orders.sql:1:1
  |
1 | SELECT id FROM orders
  | ^^^^^^^^^^^^^^^^^^^^^
help: select as many columns on both sides: `NULL AS name` for what one does not have
",
    );
}

#[test]
fn in_compares_with_every_value() {
    check(
        "SELECT id FROM orders WHERE id IN (1, customer)",
        r"
error[E0207]: `int64` and a record cannot be compared
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE id IN (1, customer)
  |                             ^^^^^^^^^^^^^^^^^^^
  |
help: take a field of the record: `customer.id`
",
    );
}

#[test]
fn in_compares_with_the_column_of_a_subquery() {
    check(
        "SELECT id FROM orders WHERE id IN (SELECT customer FROM orders)",
        r"
error[E0207]: `int64` cannot be compared with a record
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE id IN (SELECT customer FROM orders)
  |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn the_branches_of_a_case_agree() {
    check(
        "SELECT CASE WHEN id = 1 THEN customer ELSE 3 END AS a FROM orders",
        r"
error[E0207]: the branches of CASE do not agree: a record and `int64`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT CASE WHEN id = 1 THEN customer ELSE 3 END AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: convert them to one type: `CAST(… AS …)`
",
    );
}

#[test]
fn a_record_is_not_converted_to_a_number() {
    check(
        "SELECT CAST(customer AS BIGINT) AS a FROM orders",
        r"
error[E0207]: a record cannot be converted to `BIGINT`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT CAST(customer AS BIGINT) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: take a field of the record: `customer.id`
",
    );
}

#[test]
fn json_is_no_timestamp() {
    check(
        "SELECT CAST(extra AS TIMESTAMP) AS a FROM orders",
        r"
error[E0207]: `json` cannot be converted to `timestamp`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT CAST(extra AS TIMESTAMP) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^
  |
note: a text in JSON stands in quotes
help: declare the field as `timestamp`, or take a text out of it: `…->>'key'`
",
    );
}

#[test]
fn a_type_must_be_known() {
    check(
        "SELECT CAST(status AS number) AS a FROM orders",
        r"
error[E0207]: type `number` is not known
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT CAST(status AS number) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^
  |
help: the types are BOOLEAN, SMALLINT, INT, BIGINT, REAL, DOUBLE, DECIMAL(p, s), VARCHAR, DATE, TIME, TIMESTAMP and BYTEA
",
    );
}

#[test]
fn a_text_that_is_no_number_is_found() {
    check(
        "SELECT CAST('ten' AS BIGINT) AS a FROM orders",
        r"
error[E0207]: `'ten'` cannot be converted to `BIGINT`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT CAST('ten' AS BIGINT) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn only_json_is_looked_into_and_by_keys_and_positions() {
    check(
        "SELECT id->'a' AS a, customer->>'email' AS b, tags->>0 AS c, extra->>true AS d FROM orders",
        r"
error[E0207]: `->` does not take `int64` and `string`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT id->'a' AS a, customer->>'email' AS b, tags->>0 AS c, extra->>true AS d FROM orders
  |        ^^^^^^^
  |
help: only `json` is looked into: select the value itself, `id`

error[E0207]: `->>` does not take a record and `string`
 --> sql/paid_orders.sql:1:22
  |
1 | SELECT id->'a' AS a, customer->>'email' AS b, tags->>0 AS c, extra->>true AS d FROM orders
  |                      ^^^^^^^^^^^^^^^^^^
  |
help: take a field of the record: `customer.email`

error[E0207]: `->>` does not take `[string]` and `int64`
 --> sql/paid_orders.sql:1:47
  |
1 | SELECT id->'a' AS a, customer->>'email' AS b, tags->>0 AS c, extra->>true AS d FROM orders
  |                                               ^^^^^^^^
  |
help: take an element of the list: `tags[1]`

error[E0207]: `->>` does not take `json` and `bool`
 --> sql/paid_orders.sql:1:62
  |
1 | SELECT id->'a' AS a, customer->>'email' AS b, tags->>0 AS c, extra->>true AS d FROM orders
  |                                                              ^^^^^^^^^^^^
  |
help: name a key, `extra->>'key'`, or a position, `extra->>0`
",
    );
}

#[test]
fn json_is_looked_into() {
    for (expression, ty) in [
        ("extra->'a'", Type::Json),
        ("extra->>'a'", Type::String),
        ("extra->'a'->0->>'b'", Type::String),
        ("extra->>status", Type::String),
        ("json_get_str(extra, 'a', status)", Type::String),
        ("status->>'a'", Type::String),
        ("json_get(extra, 'a', 'b')", Type::Json),
        ("json_get_int(extra, 'n')", Type::Int64),
        ("json_length(extra, 'list')", Type::Int64),
        ("json_get_float(extra, 'n')", Type::Float64),
        ("json_get_bool(extra, 'on')", Type::Bool),
        ("json_contains(extra, 'on')", Type::Bool),
        // An element is a text; without a step, `json_get` makes JSON of it.
        ("json_get_array(extra, 'lines')[1]", Type::String),
        ("unnest(json_get_array(extra, 'lines'))", Type::String),
        ("json_get(status)", Type::Json),
    ] {
        let sql = format!("SELECT id, {expression} AS x FROM orders");
        let (_, planned, findings) = planned(&sql);
        assert!(findings.is_empty(), "{sql}: {findings:#?}");
        let row = planned.map(|planned| planned.row).unwrap_or_default();
        let field = row.field("x").map(|field| (field.ty.clone(), field.nullable));
        assert_eq!(field, Some((ty, true)), "{sql}");
    }
}

#[test]
fn a_number_out_of_json_can_fail_to_be_one() {
    check(
        "SELECT (extra->>'n')::int AS n, (extra->'a'->>'b')::int AS b FROM orders",
        r"
note[E0381]: `(extra->>'n')::int` fails on a text that cannot be parsed as `int32`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT (extra->>'n')::int AS n, (extra->'a'->>'b')::int AS b FROM orders
  |        ^^^^^^^^^^^^^^^^^^
  |
note: a value that cannot be computed ends the run
help: `TRY_CAST((extra->>'n') AS INT)` yields null instead

note[E0381]: `(extra->'a'->>'b')::int` fails on a text that cannot be parsed as `int32`
 --> sql/paid_orders.sql:1:33
  |
1 | SELECT (extra->>'n')::int AS n, (extra->'a'->>'b')::int AS b FROM orders
  |                                 ^^^^^^^^^^^^^^^^^^^^^^^
  |
note: a value that cannot be computed ends the run
help: `TRY_CAST((extra->'a'->>'b') AS INT)` yields null instead
",
    );
}

#[test]
fn a_pattern_is_a_text() {
    check(
        "SELECT id FROM orders WHERE status LIKE 3",
        r"
error[E0207]: a pattern is text that is matched against text, not `string` and `int64`
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE status LIKE 3
  |                             ^^^^^^^^^^^^^
",
    );
}

#[test]
fn a_limit_is_a_whole_number() {
    check(
        "SELECT id FROM orders LIMIT 'ten'",
        r"
error[E0207]: a number of rows is a whole number, not `string`
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders LIMIT 'ten'
  |                             ^^^^^
",
    );
}

#[test]
fn a_day_is_written_in_quotes() {
    for day in ["2026-01-05", "2026-01-05::date"] {
        let found = said(&format!("SELECT id FROM orders WHERE placed_at > {day}"));
        assert!(found[0].contains("help: write a day in quotes: `'2026-01-"), "{found:?}");
        assert!(!found[0].contains("CAST"), "{found:?}");
    }
}

#[test]
fn a_function_of_times_takes_no_text() {
    for (call, name) in
        [("date_part('year', status)", "date_part"), ("EXTRACT(YEAR FROM status)", "EXTRACT")]
    {
        let said = said(&format!("SELECT {call} AS a FROM orders"));
        let expected = format!("error[E0207]: `{name}` takes a time, not `string`");
        assert!(said.concat().starts_with(&expected), "{said:?}");
        assert!(
            said.concat().ends_with("help: convert it: `CAST(status AS TIMESTAMP)`"),
            "{said:?}"
        );
        assert_eq!(said.len(), 1);
    }
    assert_eq!(said("SELECT date_part('year', placed_at) AS a FROM orders"), [] as [&str; 0]);
    assert_eq!(
        said("SELECT id, date_trunc('day', TIMESTAMP '2026-01-01') AS a FROM orders"),
        [] as [&str; 0]
    );
}
