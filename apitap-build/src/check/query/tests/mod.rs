//! One shop for all suites: two sources, declared in a YAML file.

use std::collections::{BTreeMap, BTreeSet};

use super::{Callable, Planned, Query, Table, plan};
use crate::definition::{Function, TargetKind};
use crate::diagnostic::{Files, Finding, Place, Severity};
use crate::render::render;
use crate::schema::{Field, Item, Schema, Type};

mod columns;
mod costs;
mod everyday;
mod functions;
mod mixed;
mod names;
mod refusals;
mod robust;
mod rows;
mod statements;
mod types;
mod warnings;
mod wrong;

const YAML: &str = "\
sources:
  - name: orders
    schema:
      id: int64!
      status: string
      total: decimal(12,2)
      placed_at: timestamp
      customerId: int64
      customer:
        id: int64!
        email: string
        address: {city: string}
      tags: [string]
      extra: json
  - name: customers
    schema: {id: int64!, name: string, uuid: uuid!}
functions:
  domain_of: {path: \"crate::domain_of\", arguments: {email: string!}, returns: string}
";

fn orders() -> Schema {
    let address = Type::Record(vec![Field::new("city", Type::String, true)]);
    let customer = Type::Record(vec![
        Field::new("id", Type::Int64, false),
        Field::new("email", Type::String, true),
        Field::new("address", address, true),
    ]);
    let tags = Type::List(Box::new(Item { ty: Type::String, nullable: true }));
    Schema::from_iter([
        Field::new("id", Type::Int64, false),
        Field::new("status", Type::String, true),
        Field::new("total", Type::Decimal { precision: 12, scale: 2 }, true),
        Field::new("placed_at", Type::Timestamp, true),
        Field::new("customerId", Type::Int64, true),
        Field::new("customer", customer, true),
        Field::new("tags", tags, true),
        Field::new("extra", Type::Json, true),
    ])
}

fn customers() -> Schema {
    Schema::from_iter([
        Field::new("id", Type::Int64, false),
        Field::new("name", Type::String, true),
        Field::new("uuid", Type::Uuid, false),
    ])
}

/// What the queries may call besides the functions of SQL.
fn functions() -> Vec<Function> {
    let function = |name: &str, parameters: &[(&str, Type, bool)], returns: Type| Function {
        name: name.to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, ty, nullable)| Field::new(*name, ty.clone(), *nullable))
            .collect(),
        returns: Item { ty: returns, nullable: false },
        path: None,
        fallible: false,
    };
    let decimal = Type::Decimal { precision: 28, scale: 10 };
    vec![
        function("domain_of", &[("email", Type::String, false)], Type::String),
        function("half", &[("number", Type::Float64, true)], Type::Float64),
        function(
            "clamped",
            &[("value", decimal.clone(), false), ("n", Type::Int32, true)],
            decimal,
        ),
        function("token", &[], Type::Uuid),
    ]
}

/// Plans a query against the two sources.
fn planned(sql: &str) -> (Files, Option<Planned>, Vec<Finding>) {
    let mut files = Files::default();
    let yaml = files.add("pipelines.yaml", YAML);
    let file = files.add("sql/paid_orders.sql", sql);
    let at = |word: &str| {
        let start = YAML.find(word).unwrap();
        Place::text(yaml, start..start + word.len())
    };
    let of_orders = BTreeMap::from([
        ("id".to_owned(), at("id")),
        ("total".to_owned(), at("total")),
        ("customer".to_owned(), at("customer:").clone()),
        ("customer.email".to_owned(), at("email")),
    ]);
    let (none, typed) = (BTreeMap::new(), BTreeSet::new());
    let (orders, customers) = (orders(), customers());
    let tables = [
        Table {
            name: "orders",
            schema: &orders,
            declared: Some(at("schema")),
            field_places: &of_orders,
            untyped: &typed,
        },
        Table {
            name: "customers",
            schema: &customers,
            declared: None,
            field_places: &none,
            untyped: &typed,
        },
    ];
    let functions = functions();
    let callables: Vec<_> = functions
        .iter()
        .map(|function| Callable { function, declared: Some(at("functions")) })
        .collect();
    let place = |range: std::ops::Range<usize>| Place::text(file, range);
    let (planned, findings) = plan(&Query {
        sql,
        tables: &tables,
        functions: &callables,
        place: &place,
        target: Some(TargetKind::Sqlite),
        strict: false,
    });
    (files, planned, findings)
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// The findings of a query, as a user sees them.
fn said(sql: &str) -> Vec<String> {
    let (files, _, findings) = planned(sql);
    findings.iter().map(|finding| render(&files, finding)).collect()
}

/// A query that is planned, and of which no error and no warning is said.
fn silent(sql: &str) {
    let (files, _, findings) = planned(sql);
    let said = findings.iter().filter(|finding| finding.severity != Severity::Note);
    let said: Vec<_> = said.map(|finding| render(&files, finding)).collect();
    assert!(!has_errors(&findings) && said.is_empty(), "{sql}\n{}", said.join("\n\n"));
}

/// A query and its findings, as a user sees them.
fn check(sql: &str, expected: &str) {
    let (files, planned, findings) = planned(sql);
    assert_eq!(planned.is_none(), has_errors(&findings), "a query is planned or has errors");
    let rendered: Vec<_> = findings.iter().map(|finding| render(&files, finding)).collect();
    let rendered = rendered.join("\n\n");
    assert_eq!(rendered, expected.trim_matches('\n'), "\n{rendered}\n");
}
