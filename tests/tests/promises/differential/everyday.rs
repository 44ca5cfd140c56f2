//! Queries as people write them (`everyday.sql`): each runs as in PostgreSQL, and has no other finding
//! than those that are named in front of it.

use std::collections::BTreeSet;

use apitap_build::diagnostic::{Finding, Severity};
use apitap_build::schema::arrow;

use super::engine::{Answer, answer, checked};
use super::postgres::Server;
use super::query::Query;
use super::tables::{Kind, Table, table_of};

const QUERIES: &str = include_str!("everyday.sql");

fn tables() -> Vec<Table> {
    vec![
        table_of(
            "customers",
            "id int!, name text!, city text, since date, vip bool, credit money",
            &[
                "1, Ada, Ulm, 2023-05-01, true, 100.50",
                "2, Ben, Bonn, 2024-02-29, false, -",
                "3, Adnan, Ulm, 2024-11-30, -, 0.00",
                "4, Zora, -, -, true, 12.34",
            ],
        ),
        table_of(
            "orders",
            "id int!, customer_id int, status text!, total money!, placed_at time!, note text",
            &[
                "1, 1, paid, 120.00, 2026-01-05T10:00:00Z, two parcels",
                "2, 1, open, 19.99, 2026-01-31T23:30:00Z, -",
                "3, 2, paid, 45.50, 2026-02-01T00:00:00Z,  gift ",
                "4, 3, sent, 250.00, 2026-03-15T12:45:30Z, -",
                "5, -, open, 5.05, 2025-12-31T08:15:00Z, call back later",
            ],
        ),
        table_of(
            "items",
            "order_id int!, sku text!, quantity small!, price money!",
            &["1, A-1, 2, 50.00", "1, B-7, 1, 20.00", "3, A-1, 1, 45.50", "4, C-3, 5, 50.00"],
        ),
        table_of(
            "employees",
            "id int!, name text!, department text, salary int!, manager_id int, hired date",
            &[
                "1, Ada, sales, 5000, -, 2020-01-01",
                "2, Cem, sales, 4000, 1, 2021-06-15",
                "3, Dora, build, 6000, 1, 2022-02-28",
                "4, Emil, -, 3500, 3, 2024-09-09",
            ],
        ),
        table_of(
            "readings",
            "sensor text!, at time!, value float",
            &[
                "a, 2026-01-01T00:00:00Z, 1.5",
                "a, 2026-01-01T01:00:00Z, 2.75",
                "a, 2026-01-01T02:00:00Z, 4",
                "b, 2026-01-01T00:00:00Z, 0.25",
                "b, 2026-01-01T01:00:00Z, -",
            ],
        ),
        table_of(
            "events",
            "id int!, meta json",
            &[
                r#"1, {"plan":"pro","n":42,"price":1.50,"tags":["x",{"y":[1,2]}],"none":null}"#,
                r#"2, {"plan":"free","n":7,"price":99,"tags":[],"a":{"b":"deep"}}"#,
                r#"3, {"a":{"b":{"c":[true]}},"plan":null}"#,
                "4, []",
                "5, -",
            ],
        ),
    ]
}

/// The queries, each with the codes that stand in front of it: `N0381` is a note E0381.
fn queries() -> impl Iterator<Item = (BTreeSet<String>, &'static str)> {
    QUERIES.split(";\n").filter_map(|text| {
        let is_code = |line: &&str| line.len() == 5 && line.ends_with(|c: char| c.is_ascii_digit());
        let lines = text.lines().filter_map(|line| line.strip_prefix("-- "));
        let codes = lines.filter(is_code).map(str::to_owned).collect();
        let sql = text.lines().find(|line| !line.is_empty() && !line.starts_with("--"))?;
        Some((codes, sql))
    })
}

fn code(finding: &Finding) -> String {
    let number = finding.code.to_string();
    match finding.severity {
        Severity::Error => number,
        Severity::Warning => format!("W{}", &number[1..]),
        Severity::Note => format!("N{}", &number[1..]),
    }
}

#[test]
fn everyday_queries_run_as_in_postgresql_and_nothing_is_said_without_need() {
    let tables = tables();
    let mut server = Server::start();
    server.create(&tables);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (expected, sql) in queries() {
        count += 1;
        let (planned, findings) = checked(&tables, sql);
        // What a query keeps in memory is told of many that are right.
        let told = findings
            .iter()
            .filter(|finding| finding.severity != Severity::Note || code(finding) == "N0381");
        let found: BTreeSet<_> = told.map(code).collect();
        if found != expected {
            let messages: Vec<_> = findings.iter().map(|f| &f.message).collect();
            wrong.push(format!("{sql}\n  {found:?} {messages:?} instead of {expected:?}"));
        }
        let Some(planned) = planned else { continue };
        let kind = |field: &apitap_build::schema::Field| Kind::of(&arrow::data_type(&field.ty));
        let columns = planned.row.fields.iter().map(|field| (field.name.clone(), kind(field)));
        let query = Query { sql: sql.to_owned(), columns: columns.collect() };
        match (answer(&tables, sql), server.rows(&query)) {
            (Answer::Rows(ours), Ok(theirs)) if ours == theirs => {}
            (ours, theirs) => wrong.push(format!("{sql}\n  {ours:?}\n  {theirs:?}")),
        }
    }
    assert!(count >= 200, "{count} queries");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
