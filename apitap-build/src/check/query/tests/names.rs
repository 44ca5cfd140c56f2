//! Columns and fields that are not there, or there twice.

use super::{check, planned, said};

#[test]
fn an_unknown_column_names_the_source_and_the_nearest_field() {
    check(
        "-- paid orders\n\n    SELECT totl, placed_at\n    FROM orders",
        r"
error[E0204]: column `totl` not found in source `orders`
 --> sql/paid_orders.sql:3:12
  |
3 |     SELECT totl, placed_at
  |            ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:6:7
  |
6 |       total: decimal(12,2)
  |       ^^^^^
help: a similar field exists: `total`
",
    );
}

#[test]
fn an_unknown_column_without_a_near_one_lists_the_fields() {
    check(
        "SELECT id FROM orders ORDER BY zzz",
        r"
error[E0204]: column `zzz` not found in source `orders`
 --> sql/paid_orders.sql:1:32
  |
1 | SELECT id FROM orders ORDER BY zzz
  |                                ^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: choose one of `id`, `status`, `total`, `placed_at`, `customerId`, `customer`, `tags`, `extra`
",
    );
}

#[test]
fn a_name_in_other_case_is_another_name() {
    check(
        "SELECT customerid FROM orders",
        r"
error[E0204]: column `customerid` not found in source `orders`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT customerid FROM orders
  |        ^^^^^^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: a similar field exists: `customerId`
",
    );
}

#[test]
fn an_unknown_column_is_found_behind_an_alias() {
    check(
        "SELECT o.totl FROM orders AS o",
        r"
error[E0204]: column `totl` not found in source `orders`
 --> sql/paid_orders.sql:1:10
  |
1 | SELECT o.totl FROM orders AS o
  |          ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:6:7
  |
6 |       total: decimal(12,2)
  |       ^^^^^
help: a similar field exists: `total`
",
    );
}

#[test]
fn an_unknown_column_may_be_a_field_of_a_record() {
    check(
        "SELECT email FROM orders",
        r"
error[E0204]: column `email` not found in source `orders`
  --> sql/paid_orders.sql:1:8
   |
 1 | SELECT email FROM orders
   |        ^^^^^
   |
note: `orders` declares its fields here
  --> pipelines.yaml:11:9
   |
11 |         email: string
   |         ^^^^^
help: a record has a field of that name: `customer.email`
",
    );
}

#[test]
fn a_text_in_double_quotes_is_a_column() {
    check(
        "SELECT id FROM orders WHERE status = \"paid\"",
        r#"
error[E0204]: column `paid` not found in source `orders`
 --> sql/paid_orders.sql:1:38
  |
1 | SELECT id FROM orders WHERE status = "paid"
  |                                      ^^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:4:7
  |
4 |       id: int64!
  |       ^^
help: text is written in single quotes: `'paid'`
help: a similar field exists: `id`
"#,
    );
}

#[test]
fn an_unknown_column_of_two_tables_names_both() {
    check(
        "SELECT nme FROM orders o JOIN customers c ON o.customerId = c.id",
        r"
error[E0204]: column `nme` not found in `o` and `c`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT nme FROM orders o JOIN customers c ON o.customerId = c.id
  |        ^^^
  |
help: a similar field exists: `name`
",
    );
}

#[test]
fn an_unknown_column_of_an_inner_query_names_it() {
    check(
        "WITH recent AS (SELECT id, total FROM orders) SELECT recent.totl FROM recent",
        r"
error[E0204]: column `totl` not found in `recent`
 --> sql/paid_orders.sql:1:61
  |
1 | WITH recent AS (SELECT id, total FROM orders) SELECT recent.totl FROM recent
  |                                                             ^^^^
  |
help: a similar column exists: `total`
",
    );
}

#[test]
fn an_unknown_column_of_a_using_is_found() {
    check(
        "SELECT o.id FROM orders o JOIN customers c USING (idd)",
        r"
error[E0204]: column `idd` not found in source `orders`
 --> sql/paid_orders.sql:1:51
  |
1 | SELECT o.id FROM orders o JOIN customers c USING (idd)
  |                                                   ^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:4:7
  |
4 |       id: int64!
  |       ^^
help: a similar field exists: `id`
",
    );
}

#[test]
fn all_unknown_columns_are_found() {
    check(
        "SELECT totl, stats AS s\nFROM orders\nWHERE placed > '2026-01-01'",
        r"
error[E0204]: column `totl` not found in source `orders`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT totl, stats AS s
  |        ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:6:7
  |
6 |       total: decimal(12,2)
  |       ^^^^^
help: a similar field exists: `total`

error[E0204]: column `stats` not found in source `orders`
 --> sql/paid_orders.sql:1:14
  |
1 | SELECT totl, stats AS s
  |              ^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: a similar field exists: `status`

error[E0204]: column `placed` not found in source `orders`
 --> sql/paid_orders.sql:3:7
  |
3 | WHERE placed > '2026-01-01'
  |       ^^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: a similar field exists: `placed_at`
",
    );
}

#[test]
fn a_misspelled_record_is_an_unknown_column() {
    check(
        "SELECT custmer.email AS email FROM orders",
        r"
error[E0204]: column `custmer` not found in source `orders`
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT custmer.email AS email FROM orders
  |        ^^^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:9:7
  |
9 |       customer:
  |       ^^^^^^^^^
help: a similar field exists: `customer`
",
    );
}

#[test]
fn columns_are_characters_not_bytes() {
    check(
        "SELECT 'žluťoučký' AS a,\t'kůň' AS b, totl FROM orders",
        r"
error[E0204]: column `totl` not found in source `orders`
 --> sql/paid_orders.sql:1:38
  |
1 | SELECT 'žluťoučký' AS a,    'kůň' AS b, totl FROM orders
  |                                         ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:6:7
  |
6 |       total: decimal(12,2)
  |       ^^^^^
help: a similar field exists: `total`
",
    );
}

#[test]
fn an_ambiguous_column_lists_the_candidates() {
    check(
        "SELECT id FROM orders o JOIN customers c ON o.customerId = c.id",
        r"
error[E0212]: column `id` is ambiguous: more than one table has it
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT id FROM orders o JOIN customers c ON o.customerId = c.id
  |        ^^
  |
help: write which one is meant: `o.id` or `c.id`
",
    );
}

#[test]
fn an_unknown_field_of_a_record_names_the_nearest() {
    check(
        "SELECT o.customer.emial AS email, customer.address.citi AS city FROM orders o",
        r"
error[E0213]: field `emial` not found in record `o.customer`
  --> sql/paid_orders.sql:1:19
   |
 1 | SELECT o.customer.emial AS email, customer.address.citi AS city FROM orders o
   |                   ^^^^^
   |
note: `orders` declares its fields here
  --> pipelines.yaml:11:9
   |
11 |         email: string
   |         ^^^^^
help: a similar field exists: `email`

error[E0213]: field `citi` not found in record `customer.address`
 --> sql/paid_orders.sql:1:52
  |
1 | SELECT o.customer.emial AS email, customer.address.citi AS city FROM orders o
  |                                                    ^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: a similar field exists: `city`
",
    );
}

#[test]
fn an_unknown_field_in_brackets_is_found() {
    check(
        "SELECT customer['emial'] AS email FROM orders",
        r"
error[E0213]: field `emial` not found in record `customer`
  --> sql/paid_orders.sql:1:17
   |
 1 | SELECT customer['emial'] AS email FROM orders
   |                 ^^^^^^^
   |
note: `orders` declares its fields here
  --> pipelines.yaml:11:9
   |
11 |         email: string
   |         ^^^^^
help: a similar field exists: `email`
",
    );
}

#[test]
fn a_number_has_no_fields() {
    check(
        "SELECT id.email AS a FROM orders",
        r"
error[E0213]: `id` is not a record, but `int64`
 --> sql/paid_orders.sql:1:11
  |
1 | SELECT id.email AS a FROM orders
  |           ^^^^^ there is no field `email` in it
  |
help: select the value itself: `id`
",
    );
}

#[test]
fn a_list_has_no_fields() {
    check(
        "SELECT tags.name AS a FROM orders",
        r"
error[E0213]: `tags` is not a record, but `[string]`
 --> sql/paid_orders.sql:1:13
  |
1 | SELECT tags.name AS a FROM orders
  |             ^^^^ there is no field `name` in it
  |
help: take one element of the list first: `tags[1]`
",
    );
}

#[test]
fn json_has_no_fields() {
    check(
        "SELECT extra.name AS a FROM orders",
        r"
error[E0213]: `extra` is not a record, but `json`
 --> sql/paid_orders.sql:1:14
  |
1 | SELECT extra.name AS a FROM orders
  |              ^^^^ there is no field `name` in it
  |
help: take the key out of the JSON: `extra->>'name'`
help: or declare the fields that it has: `{name: type, …}` in place of `json`
",
    );
}

#[test]
fn an_arrow_leads_from_key_to_key() {
    check(
        "SELECT extra->'address'.city AS a FROM orders",
        r"
error[E0213]: 'address' is a text, and has no fields
 --> sql/paid_orders.sql:1:25
  |
1 | SELECT extra->'address'.city AS a FROM orders
  |                         ^^^^ there is no field `city` in it
  |
help: an arrow leads from key to key in JSON: `…->'address'->>'city'`
",
    );
    let found = said("SELECT extra#>>'{a,b}' AS a FROM orders");
    assert!(found[0].contains("are not there: write `extra->'key'->>'key'`"), "{found:?}");
}

#[test]
fn mistakes_of_all_kinds_are_found_at_once() {
    check(
        "SELECT upperr(status) AS a,\n       customer.emial AS b,\n       total + customer AS c,\n       count(*)\nFROM ordrs\nWHERE customerid = 1",
        r"
error[E0206]: function `upperr` not found
 --> sql/paid_orders.sql:1:8
  |
1 | SELECT upperr(status) AS a,
  |        ^^^^^^ no such function
  |
help: a similar function exists: `upper`

error[E0213]: field `emial` not found in record `customer`
  --> sql/paid_orders.sql:2:17
   |
 2 |        customer.emial AS b,
   |                 ^^^^^
   |
note: `orders` declares its fields here
  --> pipelines.yaml:11:9
   |
11 |         email: string
   |         ^^^^^
help: a similar field exists: `email`

error[E0207]: `+` does not take `decimal(12,2)` and a record
 --> sql/paid_orders.sql:3:8
  |
3 |        total + customer AS c,
  |        ^^^^^^^^^^^^^^^^
  |
help: take a field of the record: `customer.id`

error[E0210]: this column has no name
 --> sql/paid_orders.sql:4:8
  |
4 |        count(*)
  |        ^^^^^^^^ what is it called in the table?
  |
help: name it: `count(*) AS count`

error[E0205]: source `ordrs` is not known to this query
 --> sql/paid_orders.sql:5:6
  |
5 | FROM ordrs
  |      ^^^^^ no such source
  |
help: a similar source exists: `orders`

error[E0204]: column `customerid` not found in source `orders`
 --> sql/paid_orders.sql:6:7
  |
6 | WHERE customerid = 1
  |       ^^^^^^^^^^
  |
note: `orders` declares its fields here
 --> pipelines.yaml:3:5
  |
3 |     schema:
  |     ^^^^^^
help: a similar field exists: `customerId`
",
    );
}

/// Whether a fix of this query is sure, where it has one.
fn sure(sql: &str) -> Vec<bool> {
    let (_, _, findings) = planned(sql);
    let helps = findings.iter().flat_map(|finding| &finding.help);
    helps.filter_map(|help| Some(help.edit.as_ref()?.sure)).collect()
}

#[test]
fn a_text_in_the_wrong_quotes_does_not_become_a_column_by_itself() {
    assert_eq!(sure("SELECT id FROM orders WHERE status = \"totl\""), [false]);
    assert_eq!(sure("SELECT id FROM orders WHERE status = \"stats\""), [false]);
    assert_eq!(sure("SELECT totl FROM orders"), [true]);
}
