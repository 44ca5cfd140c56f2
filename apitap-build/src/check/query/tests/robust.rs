//! Whatever the query is, it is planned or there is a finding inside of it.

use proptest::prelude::*;

use super::{has_errors, planned};
use crate::diagnostic::{Place, Severity};

/// Any text: it is planned or has findings, all of which lie in it.
fn check(sql: &str) {
    let (_, planned, findings) = planned(sql);
    assert_eq!(planned.is_none(), has_errors(&findings), "{sql}");
    if let Some(planned) = planned {
        assert_eq!(planned.row.fields.len(), planned.column_places.len(), "{sql}");
    }
    for finding in findings {
        assert!(!finding.message.contains("the planner has a defect"), "{sql}");
        let Place::Text { start, end, .. } = finding.place else { panic!("no place: {sql}") };
        assert!(start <= end && end <= sql.len(), "{start}..{end}: {sql}");
        assert!(sql.is_char_boundary(start) && sql.is_char_boundary(end), "{start}..{end}: {sql}");
    }
}

/// Words that a query can be made of.
const WORDS: [&str; 84] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "AS",
    "WITH",
    "UNION ALL",
    "UNION",
    "EXCEPT",
    "VALUES",
    "DISTINCT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "BIGINT",
    "VARCHAR",
    "NULL",
    "IS",
    "NOT",
    "AND",
    "OR",
    "IN",
    "BETWEEN",
    "LIKE",
    "OVER",
    "PARTITION BY",
    "INTERVAL",
    "EXISTS",
    "LATERAL",
    "UNNEST",
    "EXTRACT",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    ".",
    "*",
    "+",
    "-",
    "/",
    "=",
    "<>",
    "<",
    "::",
    "[",
    "]",
    "{",
    "}",
    ";",
    "'",
    "\"",
    "--",
    "/*",
    "orders",
    "orders",
    "customers",
    "o",
    "c",
    "id",
    "status",
    "total",
    "customer",
    "customer.email",
    "tags",
    "count",
    "sum",
    "row_number",
    "1",
    "2.5",
    "'x'",
    "\"é\"",
    "\n\t",
];

/// Queries that work, to be damaged.
const QUERIES: [&str; 8] = [
    "SELECT id , customer . email AS email FROM orders AS o WHERE status = 'paid' AND total > 3",
    "SELECT status , sum ( total ) AS s , count ( * ) AS n FROM orders GROUP BY status ORDER BY s",
    "SELECT o . id , c . name FROM orders o LEFT JOIN customers c ON o . customerId = c . id",
    "WITH x AS ( SELECT id , total FROM orders ) SELECT x . id , x . total FROM x LIMIT 3",
    "SELECT id FROM orders UNION ALL SELECT id FROM customers",
    "SELECT CASE WHEN id = 1 THEN 'a' ELSE status END AS a , CAST ( id AS VARCHAR ) AS b FROM orders",
    "SELECT row_number ( ) OVER ( PARTITION BY status ORDER BY id ) AS r , tags [ 1 ] AS t FROM orders",
    "SELECT id FROM orders o WHERE EXISTS ( SELECT 1 FROM customers c WHERE c . id = o . id )",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn any_text_is_answered(sql in "\\PC{0,80}") {
        check(&sql);
    }

    #[test]
    fn any_words_are_answered(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..25)) {
        check(&words.join(" "));
    }

    #[test]
    fn any_select_is_answered(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..12)) {
        check(&format!("SELECT {} FROM orders o, customers c", words.join(" ")));
    }

    #[test]
    fn any_damaged_query_is_answered(
        query in prop::sample::select(&QUERIES[..]),
        damages in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&WORDS[..])), 1..4),
    ) {
        let mut words: Vec<_> = query.split(' ').collect();
        for (index, word) in damages {
            let index = index.index(words.len());
            words[index] = word;
        }
        check(&words.join(" "));
    }
}

const CASES: u32 = 300;

#[test]
fn a_long_chain_is_answered() {
    for length in [200, 1000, 40_000, 1_000_000] {
        check(&format!("SELECT {} AS a FROM orders", vec!["id"; length].join(" + ")));
    }
}

#[test]
fn a_long_chain_with_a_mistake_is_answered() {
    for length in [20, 150] {
        check(&format!("SELECT {} + totl AS a FROM orders", vec!["id"; length].join(" + ")));
        check(&format!("SELECT {} + customer AS a FROM orders", vec!["id"; length].join(" + ")));
        check(&format!("SELECT customer + {} AS a FROM orders", vec!["id"; length].join(" + ")));
    }
}

#[test]
fn a_long_list_is_answered() {
    let list: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
    check(&format!("SELECT id FROM orders WHERE id IN ({})", list.join(", ")));
}

#[test]
fn deep_nesting_is_answered() {
    for depth in [10, 40, 60, 5000] {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        check(&format!("SELECT {open}id{close} AS a FROM orders"));
        check(&format!("SELECT {} id AS a FROM orders", "- ".repeat(depth)));
    }
    for depth in [10, 30, 200] {
        let (open, close) = ("SELECT * FROM (".repeat(depth), ") x".repeat(depth));
        check(&format!("{open}SELECT id FROM orders{close}"));
    }
}

#[test]
fn cases_in_each_other_are_planned_or_too_many() {
    for (depth, expected) in [(40, None), (41, Some("more than 40 levels")), (300, Some("levels"))]
    {
        let (open, close) = ("CASE WHEN id = 1 THEN 0 ELSE ".repeat(depth), " END".repeat(depth));
        let sql = format!("SELECT {open}id{close} AS a FROM orders");
        check(&sql);
        let (_, _, findings) = planned(&sql);
        let messages: Vec<_> = findings.iter().map(|finding| &finding.message).collect();
        assert_eq!(messages.len(), usize::from(expected.is_some()), "{depth}: {messages:?}");
        let is_expected = |message: &&String| expected.is_some_and(|part| message.contains(part));
        assert!(messages.iter().all(is_expected), "{depth}: {messages:?}");
    }
}

#[test]
fn many_selects_are_answered() {
    for count in [40, 3000] {
        check(&vec!["SELECT id FROM orders"; count].join(" UNION ALL "));
        check(&vec!["SELECT totl FROM orders"; count].join(" UNION ALL "));
    }
}

#[test]
fn queries_that_double_each_other_are_too_many() {
    let mut sql = "WITH t0 AS (SELECT id FROM orders)".to_owned();
    for n in 1..40 {
        let before = n - 1;
        sql += &format!(", t{n} AS (SELECT id FROM t{before} UNION ALL SELECT id FROM t{before})");
    }
    sql += " SELECT id FROM t39";
    let (_, planned, findings) = planned(&sql);
    assert!(planned.is_none());
    assert_eq!(findings[0].message, "the query reads more than 300 tables");
    check(
        "WITH a AS (SELECT id FROM orders), b AS (SELECT id FROM a) SELECT b.id FROM a JOIN b ON a.id = b.id",
    );
}

#[test]
fn many_joins_are_answered() {
    let join = |number| format!(" JOIN customers c{number} ON o.id = c{number}.id");
    let joins: String = (0..30).map(join).collect();
    check(&format!("SELECT o.id FROM orders o{joins}"));
}

/// A query is planned or refused soon, in a build without optimisation beside other tests.
fn ends_soon(sql: &str, expected: Option<&str>) {
    let begun = std::time::Instant::now();
    check(sql);
    let (_, _, findings) = planned(sql);
    let took = begun.elapsed() / 2;
    assert!(took < std::time::Duration::from_secs(20), "{took:?}: {sql}");
    let first = findings.iter().find(|finding| finding.severity == Severity::Error);
    let message = first.map(|finding| finding.message.as_str());
    assert_eq!(message, expected, "{sql}");
}

#[test]
fn a_mistake_in_many_casts_is_found_soon() {
    for depth in [10, 24] {
        let (open, close) = ("CAST(".repeat(depth), " AS INT)".repeat(depth));
        ends_soon(
            &format!("SELECT {open}1 1{close} AS a FROM orders"),
            Some("a comma is missing between `1` and `1`"),
        );
    }
    let (open, close) = ("CAST(CAST(".repeat(40), " AS VARCHAR) AS INT)".repeat(40));
    ends_soon(
        &format!("SELECT {open}id{close} AS a FROM orders"),
        Some("the query is nested too deeply"),
    );
}

#[test]
fn a_column_that_is_used_twice_at_each_level_is_planned_soon() {
    let mut sql = "WITH t0 AS (SELECT id, total FROM orders)".to_owned();
    for n in 1..30 {
        let before = n - 1;
        sql += &format!(", t{n} AS (SELECT id, total - total AS total FROM t{before})");
    }
    ends_soon(&(sql + " SELECT id, total FROM t29"), None);
}

#[test]
fn chains_are_planned_soon_or_too_long() {
    for operand in ["total", "\"customerId\"", "id"] {
        let chain = |terms| format!("SELECT {} AS a FROM orders", vec![operand; terms].join(" + "));
        ends_soon(&chain(150), None);
        ends_soon(&chain(240), Some("the expressions of the query are too long"));
    }
    ends_soon(&format!("SELECT {} AS a FROM orders", vec!["status"; 150].join(" || ")), None);
    let many = vec![vec!["id"; 60].join(" + "); 40];
    let many = many.iter().enumerate().map(|(n, sum)| format!("{sum} AS c{n}"));
    let many = many.collect::<Vec<_>>().join(", ");
    ends_soon(
        &format!("SELECT {many} FROM orders"),
        Some("the expressions of the query are too long"),
    );
}

#[test]
fn a_recursion_without_an_end_is_found_soon() {
    let endless = Some("this query does not come to an end");
    let of = |step: &str, select: &str| {
        format!("WITH RECURSIVE r AS (SELECT id AS n FROM orders UNION ALL SELECT {step}) {select}")
    };
    ends_soon(&of("n + 1 FROM r", "SELECT n FROM r"), endless);
    ends_soon(&of("n FROM r", "SELECT count(*) AS n FROM r"), endless);
    ends_soon(&of("r.n FROM r CROSS JOIN orders", "SELECT n FROM r"), endless);
    ends_soon(&of("n + 1 FROM r WHERE n < 100", "SELECT n FROM r"), None);
    ends_soon(&of("n + 1 FROM r", "SELECT n FROM r LIMIT 100"), None);
}

#[test]
fn many_cross_joins_are_planned_soon() {
    let joins: String = (0..20).map(|n| format!(" CROSS JOIN customers c{n}")).collect();
    ends_soon(&format!("SELECT o.id FROM orders o{joins}"), None);
}
