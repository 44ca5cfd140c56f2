//! Queries that the engine would answer wrongly are refused.

use super::{check, silent};

#[test]
fn not_in_over_a_null_is_refused_where_it_would_be_true() {
    check(
        "SELECT id FROM orders WHERE id = 7 OR id NOT IN (SELECT total FROM orders)",
        r"
error[E0384]: beside OR or in CASE, NOT IN over a null would be true or false, not unknown
 --> sql/paid_orders.sql:1:42
  |
1 | SELECT id FROM orders WHERE id = 7 OR id NOT IN (SELECT total FROM orders)
  |                                          ^^^^^^
  |
help: write `NOT EXISTS (SELECT … WHERE b.id = a.id)`
help: or leave the nulls out on both sides: `… WHERE id IS NOT NULL`
",
    );
    check(
        "SELECT id FROM orders WHERE upper('x') NOT IN (SELECT status FROM orders)",
        r"
error[E0384]: NOT IN of a constant over a null would be true or false, not unknown
 --> sql/paid_orders.sql:1:40
  |
1 | SELECT id FROM orders WHERE upper('x') NOT IN (SELECT status FROM orders)
  |                                        ^^^^^^
  |
help: write `NOT EXISTS (SELECT … WHERE b.id = a.id)`
help: or leave the nulls out on both sides: `… WHERE id IS NOT NULL`
",
    );
    silent("SELECT id FROM orders WHERE 7 NOT IN (SELECT id FROM orders)");
    let some = "(SELECT total FROM orders WHERE total IS NOT NULL)";
    silent(&format!("SELECT id FROM orders WHERE status = 'a' OR id NOT IN {some}"));
    silent(&format!("SELECT total FROM {some} AS o WHERE total = 7 OR total NOT IN {some}"));
    silent(
        "SELECT id FROM orders WHERE 'a' NOT IN (SELECT status FROM orders WHERE status IS NOT NULL)",
    );
}

#[test]
fn a_condition_on_no_column_is_refused_above_an_aggregate_of_all_rows() {
    let expected = |sql: &str| {
        format!(
            "
error[E0384]: a condition on no column would leave the row of an aggregate without GROUP BY, though it is not true
 --> sql/paid_orders.sql:1:1
  |
1 | {sql}
  | ^^^^^^
  |
help: join what it compares, and compare its column: `… CROSS JOIN (SELECT max(id) AS most FROM b) AS b WHERE 10 < b.most`
"
        )
    };
    for sql in [
        "SELECT count(*) AS n FROM orders HAVING 7 < (SELECT sum(id) FROM orders)",
        "SELECT n FROM (SELECT count(*) AS n FROM orders) AS o WHERE 7 < (SELECT sum(id) FROM orders)",
    ] {
        check(sql, &expected(sql));
    }
    silent("SELECT id FROM orders WHERE 7 < (SELECT count(*) FROM orders)");
    silent("SELECT count(*) AS n FROM orders WHERE 7 < (SELECT count(*) FROM orders)");
    silent(
        "SELECT o.n FROM (SELECT count(*) AS n FROM orders) AS o CROSS JOIN (SELECT sum(id) AS s FROM orders) AS s \
         WHERE 7 < s.s",
    );
}

#[test]
fn an_operator_that_cannot_be_computed_is_refused() {
    check(
        "SELECT status:id AS a FROM orders",
        r"
error[E0299]: the operator `:` cannot be computed
 --> sql/paid_orders.sql:1:14
  |
1 | SELECT status:id AS a FROM orders
  |              ^
",
    );
    silent("SELECT extra->>'a' AS a, extra->'b' AS b FROM orders");
}
