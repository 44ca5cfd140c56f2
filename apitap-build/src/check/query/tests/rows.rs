//! What a query yields and reads, where it can run.

use super::planned;
use crate::check::query::words::notation;
use crate::definition::Pointer;
use crate::diagnostic::Place;

/// The row as a schema spells it, with what stands at each column's place; then what is read.
fn check(sql: &str, row: &[&str], reads: &[&str]) {
    let (_, planned, findings) = planned(sql);
    let planned = planned.unwrap_or_else(|| panic!("{findings:#?}"));
    let columns: Vec<_> = planned
        .row
        .fields
        .iter()
        .zip(&planned.column_places)
        .map(|(field, place)| {
            let Place::Text { start, end, .. } = place else { panic!("{place:?}") };
            let not_null = if field.nullable { "" } else { "!" };
            let ty = notation(&field.ty);
            format!("{}: {ty}{not_null} <- {}", field.name, &sql[*start..*end])
        })
        .collect();
    assert_eq!(columns, row);
    assert_eq!(planned.row.fields.len(), planned.column_places.len());
    let read: Vec<_> = planned
        .reads
        .iter()
        .map(|(table, fields)| {
            let dotted = |field: &Pointer| field.tokens().collect::<Vec<_>>().join(".");
            let fields: Vec<_> = fields.iter().map(dotted).collect();
            format!("{table}({})", fields.join(" "))
        })
        .collect();
    assert_eq!(read, reads);
}

#[test]
fn only_what_is_needed_is_read() {
    check(
        "SELECT id FROM orders WHERE status = 'paid' ORDER BY placed_at",
        &["id: int64! <- id"],
        &["orders(id placed_at status)"],
    );
}

#[test]
fn a_field_of_a_record_is_read_alone() {
    check(
        "SELECT customer.address.city AS city, o.customer.email AS email FROM orders o",
        &[
            "city: string <- customer.address.city AS city",
            "email: string <- o.customer.email AS email",
        ],
        &["orders(customer.address.city customer.email)"],
    );
    let email = ["email: string <- email"];
    let query = "SELECT email FROM (SELECT id, c.email AS email, c FROM (SELECT id, customer AS c \
                 FROM orders WHERE customer.address.city = 'Ulm') q) r ORDER BY email";
    check(query, &email, &["orders(customer.address.city customer.email)"]);
    let query = "SELECT max(o.customer.email) AS email FROM orders o JOIN customers c \
                 ON c.name = o.customer.address.city GROUP BY o.customer.address.city";
    let email = ["email: string <- max(o.customer.email) AS email"];
    check(query, &email, &["customers(name)", "orders(customer.address.city customer.email)"]);
    let query = "SELECT id FROM customers c WHERE EXISTS \
                 (SELECT 1 FROM orders o WHERE o.customer.email = c.name)";
    check(query, &["id: int64! <- id"], &["customers(id name)", "orders(customer.email)"]);
}

#[test]
fn a_record_that_is_used_whole_is_read_whole() {
    for (used, column) in [
        ("SELECT customer FROM orders", None),
        ("SELECT count(DISTINCT customer) AS n FROM orders WHERE customer.email <> 'a'", Some("n")),
        ("SELECT count(*) AS n FROM (SELECT DISTINCT customer FROM orders)", Some("n")),
        ("SELECT count(*) AS n FROM orders GROUP BY customer", Some("n")),
        ("SELECT count(*) AS n FROM orders a JOIN orders b ON a.customer = b.customer", Some("n")),
        ("SELECT count(customer) AS n FROM orders", Some("n")),
        ("SELECT row_number() OVER (PARTITION BY customer) AS n FROM orders", Some("n")),
        ("SELECT 1 AS n FROM orders WHERE named_struct('c', customer) IS NOT NULL", Some("n")),
    ] {
        let (_, planned, findings) = planned(used);
        let planned = planned.unwrap_or_else(|| panic!("{used}: {findings:#?}"));
        let reads = &planned.reads["orders"];
        assert!(reads.contains(&Pointer("/customer".to_owned())), "{used}: {reads:?}");
        assert!(column.is_none_or(|name| planned.row.field(name).is_some()), "{used}");
    }
}

#[test]
fn counting_reads_no_field() {
    check("SELECT count(*) AS n FROM orders", &["n: int64! <- count(*) AS n"], &["orders()"]);
}

#[test]
fn a_self_join_reads_what_either_side_does() {
    check(
        "SELECT a.id FROM orders a JOIN orders b ON a.customerId = b.total",
        &["id: int64! <- a.id"],
        &["orders(customerId id total)"],
    );
}

#[test]
fn an_inner_query_reads_what_the_outer_one_uses() {
    check("SELECT q.id FROM (SELECT * FROM orders) q", &["id: int64! <- q.id"], &["orders(id)"]);
    check(
        "WITH paid AS (SELECT id, total FROM orders WHERE status = 'paid') SELECT total FROM paid",
        &["total: decimal(12,2) <- total"],
        &["orders(status total)"],
    );
}

#[test]
fn a_subquery_reads_too() {
    check(
        "SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customerId)",
        &["id: int64! <- id"],
        &["customers(id)", "orders(customerId id)"],
    );
    check(
        "SELECT id, (SELECT max(name) FROM customers) AS last FROM orders",
        &["id: int64! <- id", "last: string <- (SELECT max(name) FROM customers) AS last"],
        &["customers(name)", "orders(id)"],
    );
}

#[test]
fn a_source_that_is_named_in_vain_is_still_there() {
    check("SELECT id FROM orders WHERE false", &["id: int64! <- id"], &["orders()"]);
    check(
        "WITH c AS (SELECT name FROM customers) SELECT id FROM orders",
        &["id: int64! <- id"],
        &["customers()", "orders(id)"],
    );
}

#[test]
fn a_query_of_a_with_clause_hides_the_source_of_its_name() {
    check("WITH orders AS (SELECT 1 AS a) SELECT a FROM orders", &["a: int64! <- a"], &[]);
    check(
        "WITH orders AS (SELECT id FROM orders) SELECT id FROM orders",
        &["id: int64! <- id"],
        &["orders(id)"],
    );
}

#[test]
fn a_query_may_read_itself() {
    check(
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) \
         SELECT n.i, o.id FROM n JOIN orders o ON o.id = n.i",
        &["i: int64! <- n.i", "id: int64! <- o.id"],
        &["orders(id)"],
    );
}

#[test]
fn identifiers_keep_their_case_and_functions_do_not() {
    check(
        "SELECT customerId, COUNT(*) AS orderCount FROM orders GROUP BY customerId",
        &["customerId: int64 <- customerId", "orderCount: int64! <- COUNT(*) AS orderCount"],
        &["orders(customerId)"],
    );
}

#[test]
fn uuid_and_json_stay_what_they_are() {
    check(
        "SELECT c.uuid, o.extra AS more FROM orders o JOIN customers c ON o.customerId = c.id",
        &["uuid: uuid! <- c.uuid", "more: json <- o.extra AS more"],
        &["customers(id uuid)", "orders(customerId extra)"],
    );
}

#[test]
fn the_far_side_of_an_outer_join_may_be_null() {
    check(
        "SELECT o.id, c.id AS cid FROM orders o LEFT JOIN customers c ON o.customerId = c.id",
        &["id: int64! <- o.id", "cid: int64 <- c.id AS cid"],
        &["customers(id)", "orders(customerId id)"],
    );
    check(
        "SELECT o.id, c.id AS cid FROM orders o FULL JOIN customers c ON o.customerId = c.id",
        &["id: int64 <- o.id", "cid: int64 <- c.id AS cid"],
        &["customers(id)", "orders(customerId id)"],
    );
}

#[test]
fn aggregates_have_the_types_that_they_compute() {
    check(
        "SELECT date_trunc('month', placed_at) AS month, sum(total) AS total, max(id) AS last, \
         array_agg(status) AS states FROM orders GROUP BY 1",
        &[
            "month: timestamp <- date_trunc('month', placed_at) AS month",
            "total: decimal(22,2) <- sum(total) AS total",
            "last: int64! <- max(id) AS last",
            "states: [string] <- array_agg(status) AS states",
        ],
        &["orders(id placed_at status total)"],
    );
}

#[test]
fn windows_have_the_types_that_they_compute() {
    check(
        "SELECT row_number() OVER (PARTITION BY status ORDER BY id) AS n, \
         lag(id) OVER (ORDER BY id) AS before FROM orders",
        &[
            "n: int64! <- row_number() OVER (PARTITION BY status ORDER BY id) AS n",
            "before: int64 <- lag(id) OVER (ORDER BY id) AS before",
        ],
        &["orders(id status)"],
    );
}

#[test]
fn a_union_may_be_null_where_one_side_may() {
    check(
        "SELECT id AS a FROM orders UNION ALL SELECT customerId FROM orders",
        &["a: int64 <- id AS a"],
        &["orders(customerId id)"],
    );
}

#[test]
fn a_wildcard_is_the_place_of_all_its_columns() {
    check(
        "SELECT c.*, o.id AS \"order\" FROM orders o JOIN customers c ON o.customerId = c.id",
        &[
            "id: int64! <- c.*",
            "name: string <- c.*",
            "uuid: uuid! <- c.*",
            "order: int64! <- o.id AS \"order\"",
        ],
        &["customers(id name uuid)", "orders(customerId id)"],
    );
    check(
        "SELECT a.*, b.* FROM (SELECT id AS x FROM orders) a, (SELECT name AS y FROM customers) b",
        &["x: int64! <- a.*", "y: string <- b.*"],
        &["customers(name)", "orders(id)"],
    );
    check(
        "SELECT * EXCEPT (uuid), CASE WHEN name IS NULL THEN 1 ELSE 2 END AS n FROM customers;",
        &[
            "id: int64! <- * EXCEPT (uuid)",
            "name: string <- * EXCEPT (uuid)",
            "n: int64! <- CASE WHEN name IS NULL THEN 1 ELSE 2 END AS n",
        ],
        &["customers(id name)"],
    );
}

#[tokio::test]
async fn asynchronous_code_may_plan() {
    check("SELECT id FROM orders", &["id: int64! <- id"], &["orders(id)"]);
}
