//! The grammar, sources and functions.

use super::{check, said};

#[test]
fn a_syntax_error_names_what_was_expected() {
    check(
        "SELECT (id FROM orders",
        r"
error[E0201]: expected `)`, found `FROM`
 --> sql/paid_orders.sql:1:12
  |
1 | SELECT (id FROM orders
  |            ^^^^
  |
note: this bracket is not closed
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT (id FROM orders
  |        ^
help: close it with `)`
",
    );
}

#[test]
fn a_query_that_ends_early_is_a_syntax_error() {
    check(
        "SELECT id FROM",
        r"
error[E0201]: expected identifier, but the query ends here
 --> sql/paid_orders.sql:1:15
  |
1 | SELECT id FROM
  |               ^
  |
help: write what comes behind `FROM`
",
    );
}

#[test]
fn a_misspelled_first_word_is_suggested() {
    check(
        "SELEC id FROM orders",
        r"
error[E0201]: expected an SQL statement, found `SELEC`
 --> sql/paid_orders.sql:1:1
  |
1 | SELEC id FROM orders
  | ^^^^^
  |
help: a similar keyword exists: `SELECT`
",
    );
}

#[test]
fn a_text_without_an_end_is_a_syntax_error() {
    check(
        "SELECT id\nFROM orders WHERE status = 'paid",
        r"
error[E0201]: unterminated string literal
 --> sql/paid_orders.sql:2:28
  |
2 | FROM orders WHERE status = 'paid
  |                            ^^^^^
  |
help: end it with `'`; a `'` inside a text is written twice
",
    );
}

#[test]
fn a_second_statement_is_refused() {
    check(
        "SELECT id FROM orders;\nSELECT id FROM customers;",
        r"
error[E0202]: a pipeline has one statement, this is the second
 --> sql/paid_orders.sql:2:1
  |
2 | SELECT id FROM customers;
  | ^^^^^^^^^^^^^^^^^^^^^^^^ after the `;`
  |
help: put it into a file of its own: each SQL file is a pipeline
",
    );
}

#[test]
fn what_yields_no_rows_is_not_a_query() {
    check(
        "INSERT INTO orders VALUES (1)",
        r"
error[E0203]: `INSERT` does not yield rows
 --> sql/paid_orders.sql:1:1
  |
1 | INSERT INTO orders VALUES (1)
  | ^^^^^^ not a query
  |
help: write the query that yields the rows: `SELECT … FROM …`
",
    );
}

#[test]
fn nothing_is_not_a_query() {
    check(
        "-- to do\n;",
        r"
error[E0203]: there is no query
 --> sql/paid_orders.sql:1:1
  |
1 | -- to do
  | ^
  |
help: write one: `SELECT … FROM …`
",
    );
}

#[test]
fn an_unknown_source_names_the_nearest() {
    check(
        "SELECT id FROM ordrs",
        r"
error[E0205]: source `ordrs` is not known to this query
 --> sql/paid_orders.sql:1:16
  |
1 | SELECT id FROM ordrs
  |                ^^^^^ no such source
  |
help: a similar source exists: `orders`
",
    );
}

#[test]
fn columns_of_a_misspelled_source_are_checked_too() {
    check(
        "SELECT totl FROM ordrs",
        r"
error[E0204]: column `totl` not found in source `orders`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT totl FROM ordrs
  |        ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:6:7
  |
6 |       total: decimal(12,2)
  |       ^^^^^
help: a similar field exists: `total`

error[E0205]: source `ordrs` is not known to this query
 --> sql/paid_orders.sql:1:18
  |
1 | SELECT totl FROM ordrs
  |                  ^^^^^ no such source
  |
help: a similar source exists: `orders`
",
    );
}

#[test]
fn a_source_with_an_alias_goes_by_that() {
    check(
        "SELECT orders.id FROM orders o",
        r"
error[E0205]: source `orders` goes by the name `o` here
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT orders.id FROM orders o
  |        ^^^^^^
  |
help: write `o.id`
",
    );
}

#[test]
fn a_source_outside_of_from_cannot_be_read() {
    check(
        "SELECT customers.name FROM orders",
        r"
error[E0205]: source `customers` is not in the FROM of this query
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT customers.name FROM orders
  |        ^^^^^^^^^ not read here
  |
help: join it: `JOIN customers ON …`
",
    );
}

#[test]
fn a_wildcard_of_an_unknown_table_is_found() {
    check(
        "SELECT x.* FROM orders o",
        r"
error[E0205]: table `x` not found in this query
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT x.* FROM orders o
  |        ^
  |
help: name a table of the FROM: `o`
",
    );
}

#[test]
fn an_unknown_function_names_the_nearest() {
    check(
        "SELECT uper(status) AS s FROM orders",
        r"
error[E0206]: function `uper` not found
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT uper(status) AS s FROM orders
  |        ^^^^ no such function
  |
help: a similar function exists: `upper`
",
    );
}

#[test]
fn a_window_function_needs_a_window() {
    check(
        "SELECT row_number() AS n FROM orders",
        r"
error[E0206]: `row_number` is computed over a window, but there is none
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT row_number() AS n FROM orders
  |        ^^^^^^^^^^
  |
help: say over which rows: `row_number(…) OVER (ORDER BY …)`
",
    );
}

#[test]
fn a_function_yields_no_table() {
    check(
        "SELECT * FROM generate_series(1, 3)",
        r"
error[E0206]: function `generate_series` yields no table
 --> sql/paid_orders.sql:1:15
  |
1 | SELECT * FROM generate_series(1, 3)
  |               ^^^^^^^^^^^^^^^ a query reads sources, and nothing else
  |
help: write the rows out: `(VALUES (…), (…)) AS t(a)`
",
    );
}

#[test]
fn a_list_is_taken_apart_in_the_select() {
    check(
        "SELECT o.id, t.tag FROM orders o CROSS JOIN LATERAL unnest(o.tags) AS t(tag)",
        r"
error[E0299]: `unnest` cannot read a table that stands beside it in FROM
 --> sql/paid_orders.sql:1:53
  |
1 | SELECT o.id, t.tag FROM orders o CROSS JOIN LATERAL unnest(o.tags) AS t(tag)
  |                                                     ^^^^^^^^^^^^^^
  |
help: take the list apart in the SELECT: `SELECT …, unnest(o.tags) AS tag FROM …`; what reads the elements goes into a query around it
",
    );
    for from in [
        "orders o CROSS JOIN unnest(o.tags) AS t(tag)",
        "orders o, unnest(o.tags) AS t(tag)",
        "orders o, LATERAL unnest(tags) AS t(tag)",
        "orders o LEFT JOIN LATERAL unnest(o.tags) AS t(tag) ON true",
        "orders o JOIN unnest(o.tags) AS t(tag) ON true",
    ] {
        let found = said(&format!("SELECT o.id, t.tag FROM {from}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("AS tag FROM …`"), "{found:?}");
    }
    check("SELECT id, unnest(tags) AS tag FROM orders", "");
}
