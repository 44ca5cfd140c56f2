//! Functions that are written in Rust.

use std::collections::BTreeSet;

use super::super::{called, hides};
use super::{check, planned};
use crate::diagnostic::{Finding, Severity};
use crate::schema::Type;

#[test]
fn a_function_is_called_with_what_it_takes() {
    for sql in [
        "SELECT domain_of(customer.email) AS a FROM orders",
        "SELECT domain_of(arrow_cast(status, 'LargeUtf8')) AS a FROM orders",
        "SELECT Domain_Of('a@b') AS a FROM orders",
        "SELECT half(CAST(id AS INT)) AS a FROM orders",
        "SELECT half(NULL) AS a, domain_of(NULL) AS b FROM orders",
        "SELECT clamped(total, NULL) AS a, clamped(id, CAST(3 AS INT)) AS b FROM orders",
        "SELECT id FROM orders WHERE domain_of(status) = 'x' ORDER BY domain_of(status) LIMIT 9",
        "SELECT domain_of(status) AS a, count(*) AS n FROM orders GROUP BY domain_of(status)",
        "SELECT token() AS a FROM orders",
        "SELECT clamped(total, 3) AS a, clamped(total, -2147483648) AS b FROM orders",
        "SELECT half(0.5) AS a, half(-1.25e3) AS b, half(7) AS c FROM orders",
        "SELECT clamped(total, +3) AS a, clamped(total, (3)) AS b FROM orders",
    ] {
        // That a conversion can fail is a note.
        let (_, planned, findings) = planned(sql);
        let is_note = |finding: &Finding| finding.severity == Severity::Note;
        assert!(planned.is_some() && findings.iter().all(is_note), "{sql}: {findings:#?}");
    }
}

#[test]
fn a_result_may_be_null_only_where_an_argument_is_that_the_function_does_not_see() {
    let row = |sql: &str| {
        let row = planned(sql).1.map(|planned| planned.row).unwrap_or_default();
        row.fields.into_iter().map(|field| (field.ty, field.nullable)).collect::<Vec<_>>()
    };
    assert_eq!(
        row("SELECT domain_of('a') AS a, domain_of(status) AS b, half(NULL) AS c, token() AS d \
             FROM orders"),
        [(Type::String, false), (Type::String, true), (Type::Float64, false), (Type::Uuid, false)]
    );
}

#[test]
fn a_wrong_number_of_arguments_is_found() {
    check(
        "SELECT domain_of(status, id) AS a, token(1) AS b FROM orders",
        r"
error[E0360]: `domain_of` takes 1 argument, not 2
  --> sql/paid_orders.sql:1:8
   |
 1 | SELECT domain_of(status, id) AS a, token(1) AS b FROM orders
   |        ^^^^^^^^^^^^^^^^^^^^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `domain_of(email: string!)`

error[E0360]: `token` takes no arguments, not 1
  --> sql/paid_orders.sql:1:36
   |
 1 | SELECT domain_of(status, id) AS a, token(1) AS b FROM orders
   |                                    ^^^^^^^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `token()`
",
    );
}

#[test]
fn an_argument_of_another_type_is_found() {
    check(
        "SELECT half(total) AS a, upper(half(customer)) AS b FROM orders",
        r"
error[E0360]: `number` of `half` is `float64`, not `decimal(12,2)`
  --> sql/paid_orders.sql:1:13
   |
 1 | SELECT half(total) AS a, upper(half(customer)) AS b FROM orders
   |             ^^^^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `half(number: float64)`
help: convert it: `CAST(total AS DOUBLE)`

error[E0360]: `number` of `half` is `float64`, not a record
  --> sql/paid_orders.sql:1:37
   |
 1 | SELECT half(total) AS a, upper(half(customer)) AS b FROM orders
   |                                     ^^^^^^^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `half(number: float64)`
help: take a field of the record: `customer.id`
",
    );
}

#[test]
fn a_number_that_does_not_fit_its_parameter_is_found() {
    check(
        "SELECT clamped(total, 2147483648) AS a, clamped(total, id) AS b FROM orders",
        r"
error[E0360]: `n` of `clamped` is `int32`, not `int64`
  --> sql/paid_orders.sql:1:23
   |
 1 | SELECT clamped(total, 2147483648) AS a, clamped(total, id) AS b FROM orders
   |                       ^^^^^^^^^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `clamped(value: decimal(28,10)!, n: int32)`
help: convert it: `CAST(2147483648 AS INT)`

error[E0360]: `n` of `clamped` is `int32`, not `int64`
  --> sql/paid_orders.sql:1:56
   |
 1 | SELECT clamped(total, 2147483648) AS a, clamped(total, id) AS b FROM orders
   |                                                        ^^
   |
note: it is declared here
  --> pipelines.yaml:17:1
   |
17 | functions:
   | ^^^^^^^^^
note: it is called as `clamped(value: decimal(28,10)!, n: int32)`
help: convert it: `CAST(id AS INT)`
",
    );
}

#[test]
fn an_unknown_function_is_compared_with_those_of_rust_too() {
    check(
        "SELECT domein_of(status) AS a FROM orders",
        r"
error[E0206]: function `domein_of` not found
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT domein_of(status) AS a FROM orders
  |        ^^^^^^^^^ no such function
  |
help: a similar function exists: `domain_of`
",
    );
}

#[test]
fn what_is_called_is_known_without_planning() {
    let names = BTreeSet::from(["domain_of", "half", "Other"]);
    let called = |sql| called(sql, &names).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(called("SELECT DOMAIN_OF(x), (SELECT half(y) FROM b) FROM a"), "domain_of half");
    assert_eq!(called("SELECT other(x), \"Other\"(half) FROM a"), "Other");
    assert_eq!(called("SELECT"), "");
}

#[test]
fn a_name_that_sql_has_is_taken() {
    assert_eq!(hides("upper"), Some("a function of SQL"));
    assert_eq!(hides("count"), Some("a function of SQL"));
    assert_eq!(hides("cast"), Some("an SQL keyword"));
    assert_eq!(hides("case"), Some("an SQL keyword"));
    assert_eq!(hides("domain_of"), None);
}
