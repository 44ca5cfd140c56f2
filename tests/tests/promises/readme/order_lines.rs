#[apitap::pipeline]
pub mod order_lines {
    #[source(name = "orders", url = "https://shop.example.com/api/orders")]
    pub struct Order {
        pub id: i64,
        pub email: Option<String>,
        pub skus: Vec<String>,
    }

    #[target(type = "sqlite", path = "shop.db", table = "domains", key = ["id"])]
    #[sql("SELECT id, domain_of(email) AS domain FROM orders")]
    pub struct Domain {
        pub id: i64,
        pub domain: Option<String>,
    }

    /// A function that the SQL may call. It never sees a null: null in, null out.
    #[function]
    fn domain_of(email: &str) -> Option<&str> {
        email.split_once('@').map(|(_, domain)| domain)
    }

    #[target(type = "sqlite", path = "shop.db", table = "lines")]
    pub struct Line {
        pub order: i64,
        pub sku: String,
    }

    /// In place of SQL: a record in, any number of rows out.
    #[map]
    fn lines(order: Order) -> Vec<Line> {
        order.skus.into_iter().map(|sku| Line { order: order.id, sku }).collect()
    }
}
