//! Groups, the columns that a query yields, and what the planner cannot do.

use super::check;

#[test]
fn a_column_that_is_not_grouped_is_found() {
    check(
        "SELECT status, total, count(*) AS n FROM orders GROUP BY status",
        r"
error[E0208]: `total` is neither grouped by nor aggregated
 --> sql/paid_orders.sql:1:16
  |
1 | SELECT status, total, count(*) AS n FROM orders GROUP BY status
  |                ^^^^^ which value of the group?
  |
help: add it to GROUP BY, or take one value: `max(total)`
",
    );
}

#[test]
fn where_cannot_aggregate() {
    check(
        "SELECT status FROM orders WHERE sum(total) > 3",
        r"
error[E0208]: WHERE cannot aggregate
 --> sql/paid_orders.sql:1:33
  |
1 | SELECT status FROM orders WHERE sum(total) > 3
  |                                 ^^^^^^^^^^ there are no groups yet
  |
help: use HAVING, which looks at the groups
",
    );
}

#[test]
fn aggregates_do_not_nest() {
    check(
        "SELECT sum(count(*)) AS n FROM orders",
        r"
error[E0208]: an aggregate cannot be aggregated
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT sum(count(*)) AS n FROM orders
  |        ^^^^^^^^^^^^^
  |
help: compute the inner one in a query of its own: `FROM (SELECT … GROUP BY …)`
",
    );
}

#[test]
fn having_needs_groups() {
    check(
        "SELECT id FROM orders HAVING id > 3",
        r"
error[E0208]: HAVING looks at groups, but there are none
 --> sql/paid_orders.sql:1:23
  |
1 | SELECT id FROM orders HAVING id > 3
  |                       ^^^^^^
  |
help: use WHERE, or say what is grouped: `GROUP BY …`
",
    );
}

#[test]
fn distinct_rows_are_ordered_by_what_is_selected() {
    check(
        "SELECT DISTINCT id FROM orders ORDER BY total",
        r"
error[E0208]: rows that are made DISTINCT are ordered by columns of the SELECT only
 --> sql/paid_orders.sql:1:41
  |
1 | SELECT DISTINCT id FROM orders ORDER BY total
  |                                         ^^^^^
  |
help: add it to the SELECT, or leave DISTINCT out
",
    );
}

#[test]
fn two_columns_of_one_name_are_found() {
    check(
        "SELECT id, total AS id FROM orders",
        r"
error[E0209]: two columns are named `id`
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT id, total AS id FROM orders
  |            ^^^^^^^^^^^ the second one
  |
note: the first one
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT id, total AS id FROM orders
  |        ^^
help: give one of them another name: `… AS other_id`
",
    );
}

#[test]
fn two_columns_of_one_source_field_are_found() {
    check(
        "SELECT id, id FROM orders",
        r"
error[E0209]: two columns are named `id`
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT id, id FROM orders
  |            ^^ the second one
  |
note: the first one
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT id, id FROM orders
  |        ^^
help: give one of them another name: `… AS other_id`
",
    );
}

#[test]
fn columns_of_two_tables_may_have_one_name() {
    check(
        "SELECT o.id, c.id FROM orders o JOIN customers c ON o.customerId = c.id",
        r"
error[E0209]: two columns are named `id`
 --> sql/paid_orders.sql:1:14
  |
1 | SELECT o.id, c.id FROM orders o JOIN customers c ON o.customerId = c.id
  |              ^^^^ the second one
  |
note: the first one
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT o.id, c.id FROM orders o JOIN customers c ON o.customerId = c.id
  |        ^^^^
help: give one of them another name: `… AS other_id`
",
    );
}

#[test]
fn a_wildcard_and_a_column_may_have_one_name() {
    check(
        "SELECT *, id FROM orders",
        r"
error[E0209]: two columns are named `id`
 --> sql/paid_orders.sql:1:11
  |
1 | SELECT *, id FROM orders
  |           ^^ the second one
  |
note: the first one
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT *, id FROM orders
  |        ^
help: give one of them another name: `… AS other_id`
",
    );
}

#[test]
fn a_column_needs_a_name() {
    check(
        "SELECT count(*), sum(total) / 2 FROM orders",
        r"
error[E0210]: this column has no name
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT count(*), sum(total) / 2 FROM orders
  |        ^^^^^^^^ what is it called in the table?
  |
help: name it: `count(*) AS count`

error[E0210]: this column has no name
 --> sql/paid_orders.sql:1:18
  |
1 | SELECT count(*), sum(total) / 2 FROM orders
  |                  ^^^^^^^^^^^^^^ what is it called in the table?
  |
help: name it: `sum(total) / 2 AS name`
",
    );
}

#[test]
fn a_field_of_a_record_needs_a_name() {
    check(
        "SELECT customer.email FROM orders",
        r"
error[E0210]: this column has no name
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT customer.email FROM orders
  |        ^^^^^^^^^^^^^^ what is it called in the table?
  |
help: name it: `customer.email AS email`
",
    );
}

#[test]
fn values_need_names() {
    check(
        "VALUES (1, 'a'), (2, 'b')",
        r"
error[E0210]: the columns of VALUES have no names
 --> sql/paid_orders.sql:1:1
  |
1 | VALUES (1, 'a'), (2, 'b')
  | ^^^^^^
  |
help: name them: `SELECT * FROM (VALUES …) AS t(a, b)`
",
    );
}

#[test]
fn a_wildcard_passes_on_no_name() {
    check(
        "SELECT * FROM (SELECT count(*) FROM orders) q",
        r"
error[E0210]: one of these columns has no name
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT * FROM (SELECT count(*) FROM orders) q
  |        ^
  |
help: name it in the inner query: `… AS name`
",
    );
}

#[test]
fn null_has_no_type() {
    check(
        "SELECT id, NULL AS note FROM orders",
        r"
error[E0211]: column `note` is `null`, which no table can hold
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT id, NULL AS note FROM orders
  |            ^^^^^^^^^^^^
  |
help: say which type it has: `CAST(NULL AS VARCHAR) AS note`
",
    );
}

#[test]
fn an_interval_is_no_column() {
    check(
        "SELECT placed_at - placed_at AS a, INTERVAL '1 day' AS b FROM orders",
        r"
error[E0211]: column `a` is `interval`, which no table can hold
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT placed_at - placed_at AS a, INTERVAL '1 day' AS b FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: convert it: `CAST(placed_at - placed_at AS VARCHAR) AS a`

error[E0211]: column `b` is `interval`, which no table can hold
 --> sql/paid_orders.sql:1:36
  |
1 | SELECT placed_at - placed_at AS a, INTERVAL '1 day' AS b FROM orders
  |                                    ^^^^^^^^^^^^^^^^^^^^^
  |
help: convert it: `CAST(INTERVAL '1 day' AS VARCHAR) AS b`
",
    );
}

#[test]
fn a_clause_that_would_be_ignored_is_refused() {
    check(
        "SELECT id FROM orders TABLESAMPLE BERNOULLI (10)",
        r"
error[E0299]: TABLESAMPLE is not supported
 --> sql/paid_orders.sql:1:23
  |
1 | SELECT id FROM orders TABLESAMPLE BERNOULLI (10)
  |                       ^^^^^^^^^^^
  |
help: write `LIMIT …`, or a condition
",
    );
}

#[test]
fn a_clause_that_is_not_supported_is_named() {
    check(
        "SELECT id FROM orders FETCH FIRST 3 ROWS WITH TIES",
        r"
error[E0299]: FETCH clause is not supported yet
 --> sql/paid_orders.sql:1:23
  |
1 | SELECT id FROM orders FETCH FIRST 3 ROWS WITH TIES
  |                       ^^^^^
  |
help: write `LIMIT …` at the end of the query
",
    );
}

#[test]
fn a_subquery_that_may_yield_several_rows_is_found() {
    check(
        "SELECT id, (SELECT name FROM customers c WHERE c.id = o.id) AS name FROM orders o",
        r"
error[E0299]: this subquery may yield several values where one is needed
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT id, (SELECT name FROM customers c WHERE c.id = o.id) AS name FROM orders o
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: aggregate in it, as in `SELECT max(…)`, or join the tables instead
",
    );
}

#[test]
fn a_subquery_yields_one_column() {
    check(
        "SELECT (SELECT id, name FROM customers) AS a FROM orders",
        r"
error[E0299]: a subquery yields one column here, this one yields more
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT (SELECT id, name FROM customers) AS a FROM orders
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: leave the others out
",
    );
}

#[test]
fn a_window_is_not_looked_at_in_where() {
    check(
        "SELECT id FROM orders WHERE row_number() OVER (ORDER BY id) = 1",
        r"
error[E0299]: a window cannot be looked at here
 --> sql/paid_orders.sql:1:29
  |
1 | SELECT id FROM orders WHERE row_number() OVER (ORDER BY id) = 1
  |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: compute it in an inner query, or write the condition after QUALIFY
",
    );
}

#[test]
fn a_parameter_has_no_value() {
    check(
        "SELECT id FROM orders WHERE id = $1",
        r"
error[E0299]: a query has no parameters
 --> sql/paid_orders.sql:1:34
  |
1 | SELECT id FROM orders WHERE id = $1
  |                                  ^^
  |
help: write the value itself
",
    );
}
