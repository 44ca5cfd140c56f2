#[apitap::pipeline]
pub mod paid_orders {
    use apitap::types::Decimal;

    /// An order, as the shop's API returns it.
    #[derive(Default)]
    #[source(
        name = "orders",
        url = "https://shop.example.com/api/orders",
        data_path = "/data",
        auth(bearer = "${SHOP_TOKEN}"),
        pagination(kind = "cursor", cursor_param = "after", cursor_path = "/meta/next")
    )]
    pub struct Order {
        pub id: i64,
        pub status: String,
        pub amount: Option<Decimal>,
        pub customer: Customer,
    }
    #[derive(Default)]
    pub struct Customer {
        pub id: i64,
        pub email: Option<String>,
    }

    /// Paid orders, one row per order.
    #[derive(Debug, PartialEq)]
    #[target(type = "postgres", url = "${DATABASE_URL}", table = "paid_orders", mode = "merge", key = ["id"])]
    #[sql("SELECT id, amount, customer.email AS email FROM orders WHERE status = 'paid'")]
    pub struct PaidOrder {
        pub id: i64,
        pub amount: Option<Decimal>,
        pub email: Option<String>,
    }
}
