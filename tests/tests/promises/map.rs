//! A Rust function in place of SQL: records in, any number of rows out.

use std::path::Path;

use apitap::Report;
use apitap::environment::Environment;
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use serde_json::{Value, json};

use super::runs::sqlite_file;

#[apitap::pipeline]
mod lines {
    use apitap::types::Decimal;

    #[source(
        name = "orders",
        url = "${API}",
        data_path = "/data",
        pagination(kind = "page_number", page_param = "page", per_page_param = "per_page")
    )]
    #[derive(Debug, Clone, Default)]
    pub struct Order {
        pub id: i64,
        pub items: Vec<Item>,
    }
    #[derive(Debug, Clone, Default)]
    pub struct Item {
        pub sku: String,
        pub price: Decimal,
        pub count: i32,
    }

    /// One row for each line of an order.
    #[target(type = "sqlite", path = "${OUT}", table = "lines", mode = "merge", key = ["order", "line"])]
    #[derive(Debug, PartialEq)]
    pub struct Line {
        pub order: i64,
        pub line: i32,
        pub sku: String,
        pub total: Decimal,
    }

    /// How much an order is worth, where it is worth anything.
    #[target(type = "sqlite", path = "${OUT}", table = "worth")]
    #[derive(Debug, PartialEq)]
    pub struct Worth {
        pub order: i64,
        pub total: Decimal,
    }

    #[map]
    fn lines(order: &Order) -> Result<Vec<Line>, String> {
        let line = |(index, item): (usize, &Item)| {
            if item.count < 0 {
                return Err("a count is negative".to_owned());
            }
            let total = item.price * Decimal::from(item.count);
            let line = i32::try_from(index).map_err(|error| error.to_string())? + 1;
            Ok(Line { order: order.id, line, sku: item.sku.clone(), total })
        };
        order.items.iter().enumerate().map(line).collect()
    }

    #[map]
    fn worth(Order { id, items }: Order) -> Option<Worth> {
        assert!(id != 4321, "not this one");
        let total: Decimal = items.iter().map(|item| item.price * Decimal::from(item.count)).sum();
        (!total.is_zero()).then_some(Worth { order: id, total })
    }
}

/// An order of that number has that many lines, modulo 4.
fn order(id: u64) -> Value {
    let items: Vec<_> = (0..id % 4)
        .map(|line| json!({"sku": format!("s{line}"), "price": "1.50", "count": line + 1}))
        .collect();
    json!({"id": id, "items": items})
}

fn serve(orders: Vec<Value>) -> Api {
    Api::serve(Collection::new(orders, Pagination::page_number()).data_path("/data"))
}

fn load(api: &Api, out: &Path) -> Report {
    let environment =
        Environment::from_iter([("API", api.url().as_str()), ("OUT", out.to_str().unwrap())]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(lines::run_in(environment))
}

#[test]
fn each_record_becomes_the_rows_that_the_function_makes_of_it() {
    let api = serve((1..=1000).map(order).collect());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let report = load(&api, &out);
    assert!(report.is_success(), "{report}");
    let [lines, worth] = &report.pipelines[..] else { panic!("{report}") };
    assert_eq!(
        (lines.numbers.records, lines.numbers.rows, lines.numbers.stored),
        (1000, 1500, 1500)
    );
    assert_eq!((worth.numbers.records, worth.numbers.rows), (1000, 750));
    // Both read the same source: each page was requested once.
    let mut pages = api.pages();
    pages.sort_unstable();
    assert!(pages.iter().copied().eq(1..=pages.len() as u64), "{pages:?}");
    assert_eq!(
        sqlite_file(
            &out,
            "SELECT json_array(\"order\", line, sku, total) FROM lines WHERE \"order\" = 7 ORDER BY line"
        ),
        [
            json!([7, 1, "s0", "1.5000000000"]),
            json!([7, 2, "s1", "3.0000000000"]),
            json!([7, 3, "s2", "4.5000000000"])
        ]
    );
    assert_eq!(
        sqlite_file(&out, "SELECT json_array(count(*), min(\"order\"), max(total)) FROM worth"),
        [json!([750, 1, "9.0000000000"])]
    );
}

#[test]
fn an_error_and_a_panic_name_the_map_and_the_record_and_nothing_is_stored() {
    let mut orders: Vec<_> = (1..=300).map(order).collect();
    orders[222]["items"][0]["count"] = json!(-1);
    orders[123]["id"] = json!(4321);
    let api = serve(orders);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let report = load(&api, &out);
    let errors: Vec<_> =
        report.pipelines.iter().map(|p| p.error.as_ref().unwrap().to_string()).collect();
    assert_eq!(
        errors,
        [
            "record 223 of `orders`: the map `lines` failed: a count is negative\n  \
             pipeline: lines_line\n  help:     the message is the function's own",
            "record 124 of `orders`: the map `worth` panicked: not this one\n  \
             pipeline: lines_worth\n  help:     return an error instead: `Result<…, E>` with an \
             `E` that can be displayed",
        ]
    );
    let tables = sqlite_file(
        &out,
        "SELECT json_array(count(*)) FROM sqlite_master WHERE name IN ('lines', 'worth')",
    );
    assert_eq!(tables, [json!([0])]);
}

#[test]
fn a_test_of_a_map_needs_no_server() {
    use lines::{Item, Line, Order};
    let item =
        |sku: &str, count| Item { sku: sku.to_owned(), price: "2.5".parse().unwrap(), count };
    let orders = [
        Order { id: 1, items: vec![item("a", 2), item("b", 1)] },
        Order { id: 2, items: Vec::new() },
    ];
    let rows = apitap::block_on(lines::transform_line(orders)).unwrap();
    let line = |line, sku: &str, total: &str| Line {
        order: 1,
        line,
        sku: sku.to_owned(),
        total: total.parse().unwrap(),
    };
    assert_eq!(rows, [line(1, "a", "5.0"), line(2, "b", "2.5")]);
}

#[test]
fn many_rows_of_one_record_come_in_bounded_batches_and_all_of_them() {
    let items: Vec<_> =
        (0..20_000).map(|n| json!({"sku": format!("s{n}"), "price": "1", "count": 1})).collect();
    let api = serve(vec![json!({"id": 1, "items": items}), order(3)]);
    let environment = Environment::from_iter([("API", api.url())]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(lines::rows_line_in(environment).all()).unwrap();
    assert_eq!(rows.len(), 20_003);
    assert!(rows.iter().take(20_000).map(|row| row.line).eq(1..=20_000));
}
