//! A pipeline that has a finding.

/// The lines of orders, one row each.
#[apitap::pipeline]
pub mod lines {
    #[source(name = "orders", url = "https://shop.example.com/api/orders")]
    pub struct Order {
        pub id: i64,
        pub skus: Vec<String>,
    }

    #[target(type = "sqlite", path = "shop.db", table = "lines")]
    pub struct Line {
        pub id: i64,
    }

    #[map]
    fn lines(order: &Line) -> Vec<i64> {
        vec![order.id]
    }
}

/// The program knows the names that the pipeline makes, whatever is wrong with it.
pub fn pipelines() -> usize {
    lines::PIPELINES.len()
}
