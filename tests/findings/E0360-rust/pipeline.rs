//! A pipeline that has a finding.

/// Paid orders, one row each.
#[apitap::pipeline]
pub mod paid_orders {
    #[source(name = "orders", url = "https://shop.example.com/api/orders")]
    pub struct Order {
        pub id: i64,
        pub status: String,
        pub amount: Option<f64>,
    }

    #[target(type = "sqlite", path = "shop.db", table = "paid_orders")]
    #[sql("SELECT id, label(amount, status) AS label FROM orders")]
    pub struct PaidOrder {
        pub id: i64,
        pub label: String,
    }

    #[function]
    fn label(status: &str, amount: Option<f64>) -> String {
        format!("{status} {amount:?}")
    }
}

/// The program knows the names that the pipeline makes, whatever is wrong with it.
pub fn pipelines() -> usize {
    paid_orders::PIPELINES.len()
}
