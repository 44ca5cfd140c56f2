//! Pipelines of Rust in a program of its own: rows without a target, and the query without an API.

use std::time::Duration;

use apitap::Environment;
use apitap::types::Decimal;
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use serde_json::{Value, json};

use self::shop::{Customer, CustomerTotal, Order, PaidOrder, Payment};

/// Two pipelines over two sources; neither knows where the target is.
#[apitap::pipeline]
mod shop {
    use apitap::types::Decimal;

    #[derive(Debug, Clone, Default)]
    #[source(
        name = "orders",
        url = "${SHOP_URL}/api/orders",
        auth(bearer = "${SHOP_TOKEN}"),
        pagination(kind = "page_number", page_param = "page", per_page_param = "per_page"),
        retry(max_attempts = 2, min_delay_secs = 0.01, max_delay_secs = 0.02)
    )]
    pub(super) struct Order {
        pub(super) id: i64,
        pub(super) customer: i64,
        #[field(type = "decimal(8,2)")]
        pub(super) total: Option<Decimal>,
        pub(super) payments: Vec<Payment>,
    }

    #[derive(Debug, Clone, Default, PartialEq)]
    pub(super) struct Payment {
        pub(super) r#type: Option<String>,
    }

    #[derive(Debug, Clone, Default)]
    #[source(name = "our customers", url = "${SHOP_URL}/api/customers")]
    pub(super) struct Customer {
        pub(super) id: i64,
        #[field(name = "e-mail")]
        pub(super) email: String,
    }

    #[derive(Debug, PartialEq)]
    #[target(type = "postgres", url = "${DATABASE_URL}", table = "paid", mode = "append")]
    #[sql("SELECT id, payments, total FROM orders WHERE total IS NOT NULL")]
    pub(super) struct PaidOrder {
        pub(super) id: i64,
        #[field(type = "decimal(8,2)")]
        pub(super) total: Option<Decimal>,
        pub(super) payments: Vec<Payment>,
    }

    #[derive(Debug, PartialEq)]
    #[target(type = "postgres", url = "${DATABASE_URL}", table = "totals", mode = "append")]
    #[sql(
        "SELECT c.\"e-mail\" AS email, count(*) AS orders
         FROM orders o JOIN \"our customers\" c ON c.id = o.customer
         GROUP BY c.\"e-mail\" ORDER BY email"
    )]
    pub(super) struct CustomerTotal {
        pub(super) email: String,
        pub(super) orders: i64,
    }
}

fn orders(count: i64) -> Vec<Value> {
    let order = |id| {
        let total = (id % 2 == 0).then(|| format!("{id}.50"));
        json!({"id": id, "customer": id % 3, "total": total, "payments": [{"type": "card"}]})
    };
    (1..=count).map(order).collect()
}

fn customers() -> Collection {
    let customer = |id| json!({"id": id, "e-mail": format!("{id}@example.com")});
    Collection::from((0..3).map(customer).collect::<Vec<_>>())
}

fn serve(orders: Collection) -> (Api, Environment) {
    let api = Api::serve_all([("/api/orders", orders), ("/api/customers", customers())]);
    let variables = [("SHOP_URL", api.url_of("")), ("SHOP_TOKEN", "s3cret!".to_owned())];
    (api, Environment::from_iter(variables))
}

fn paged(count: i64) -> Collection {
    Collection::new(orders(count), Pagination::page_number())
}

fn paid(id: i64) -> PaidOrder {
    PaidOrder {
        id,
        total: Some(Decimal::new(id * 100 + 50, 2)),
        payments: vec![Payment { r#type: Some("card".to_owned()) }],
    }
}

#[test]
fn rows_come_typed_and_in_order_and_need_nothing_of_the_target() {
    let orders = paged(250).require("authorization", "Bearer s3cret!");
    let (api, environment) = serve(orders);
    let rows = apitap::block_on(shop::rows_paid_order_in(environment).all()).unwrap();
    assert_eq!(rows, (1..=125).map(|id| paid(2 * id)).collect::<Vec<_>>());
    let mut pages = api.pages();
    pages.sort_unstable();
    pages.dedup();
    assert_eq!(pages.len(), api.pages().len(), "a page was requested twice");
}

#[test]
fn code_can_work_with_the_rows_of_any_pipeline() {
    async fn first<T: apitap::Row>(environment: Environment) -> apitap::Result<Option<T>> {
        apitap::rows_in(environment).next().await.transpose()
    }
    let (_api, environment) = serve(paged(9));
    let first = apitap::block_on(first::<CustomerTotal>(environment)).unwrap();
    assert_eq!(first, Some(CustomerTotal { email: "0@example.com".to_owned(), orders: 3 }));
}

#[test]
fn an_error_is_that_of_a_run_and_the_last_item() {
    let fault = Fault::Value { record: 2, path: "/id", value: json!("s3cret!") };
    let (_api, environment) = serve(paged(250).fault(On::page(2), fault));
    let (rows, error, end) = apitap::block_on(async {
        let mut stream = shop::rows_paid_order_in(environment);
        let mut rows = Vec::new();
        let error = loop {
            match stream.next().await {
                Some(Ok(row)) => rows.push(row),
                Some(Err(error)) => break error.to_string(),
                None => panic!("there is no error"),
            }
        };
        Ok((rows, error, stream.next().await.is_none()))
    })
    .unwrap();
    assert!(end);
    assert!(rows.len() <= 50, "rows of the page that failed: {}", rows.len());
    for part in ["expected int64", "pipeline: shop_paid_order", "page=2", "record:   2", "/id"] {
        assert!(error.contains(part), "`{part}` is not in {error}");
    }
    assert!(!error.contains("s3cret!"), "{error}");
}

#[test]
fn what_is_missing_is_told_before_anything_is_requested() {
    let (api, _) = serve(paged(10));
    let environment = Environment::from_iter([("SHOP_URL", api.url_of(""))]);
    let error = apitap::block_on(shop::rows_paid_order_in(environment).all()).unwrap_err();
    assert_eq!(error.message(), "`SHOP_TOKEN` is not set");
    assert_eq!(error.pipeline(), Some("shop_paid_order"));
    assert!(api.requests().is_empty());
}

#[test]
fn nothing_is_requested_before_the_first_row_is_asked_for_nor_after_the_last() {
    let (api, environment) = serve(paged(100_000));
    let found = apitap::block_on(async {
        let mut rows = shop::rows_paid_order_in(environment);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = api.requests().len();
        rows.next().await.transpose()?;
        drop(rows);
        // What was on its way arrives.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let dropped = api.requests().len();
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok((before, dropped, api.requests().len()))
    });
    let (before, dropped, later) = found.unwrap();
    assert_eq!((before, later), (0, dropped));
    assert!(dropped < 900, "{dropped} of 1000 pages were requested for one row");
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    let (_api, environment) = serve(paged(10));
    let rows = futures::executor::block_on(shop::rows_paid_order_in(environment).all());
    let expected = "there is no tokio runtime here";
    assert_eq!(rows.unwrap_err().message(), expected);
    let rows = futures::executor::block_on(shop::transform_paid_order([Order::default()]));
    assert_eq!(rows.unwrap_err().message(), expected);
}

#[test]
fn a_query_is_tested_without_an_api() {
    let order = |id, customer| Order { id, customer, ..Order::default() };
    let customer = |id, email: &str| Customer { id, email: email.to_owned() };
    let rows = apitap::block_on(shop::transform_customer_total(
        [order(1, 7), order(2, 8), order(3, 7), order(4, 9)],
        vec![customer(7, "a@example.com"), customer(8, "b@example.com")],
    ));
    let row = |email: &str, orders| CustomerTotal { email: email.to_owned(), orders };
    assert_eq!(rows.unwrap(), [row("a@example.com", 2), row("b@example.com", 1)]);

    let paid_order = Order { id: 1, total: Some(Decimal::new(5, 0)), ..Order::default() };
    let rows = apitap::block_on(shop::transform_paid_order([paid_order, order(2, 1)]));
    let expected = PaidOrder { id: 1, total: Some(Decimal::new(500, 2)), payments: Vec::new() };
    assert_eq!(rows.unwrap(), [expected]);
    assert_eq!(apitap::block_on(shop::transform_paid_order([])).unwrap(), []);
}

#[test]
fn many_records_are_transformed_in_batches() {
    let order = |id| Order { id, total: Some(Decimal::ONE), ..Order::default() };
    let rows = apitap::block_on(shop::transform_paid_order((0..20_000).map(order))).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, (0..20_000).collect::<Vec<_>>());
}

#[test]
fn a_record_that_does_not_fit_is_named() {
    let order = |total| Order { total: Some(total), ..Order::default() };
    let orders = [order(Decimal::ONE), order(Decimal::new(1234, 3))];
    let error = apitap::block_on(shop::transform_paid_order(orders)).unwrap_err().to_string();
    assert_eq!(
        error,
        "record 2 of `orders`: expected decimal(8,2), found the decimal `1.234`, which has more \
         than 2 digits after the point\n  pipeline: shop_paid_order\n  path:     /total\n  \
         help:     declare a larger scale"
    );
}
