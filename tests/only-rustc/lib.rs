//! What only rustc can see: it shows it under the words of the user.

/// Aliases, wrong results, and types that are not there.
#[apitap::pipeline]
pub mod lines {
    use super::{Decimal, Signed};

    #[source(
        name = "orders",
        url = "https://shop.example.com/api/orders",
        auth(custom = "crate::Unsigned"),
        pagination(kind = "custom", type = "crate::Signed")
    )]
    pub struct Order {
        pub id: i64,
    }

    #[target(type = "sqlite", path = "shop.db", table = "lines")]
    #[sql("SELECT doubled(id) AS id FROM orders")]
    pub struct Line {
        pub id: Option<f64>,
    }

    #[target(type = "sqlite", path = "shop.db", table = "more")]
    pub struct More {
        pub id: i64,
    }

    #[function]
    fn doubled(id: i64) -> Result<f64, Signed> {
        Ok(id as f64 * 2.0)
    }

    #[function]
    fn aliased(amount: Decimal) -> Decimal {
        amount
    }

    #[map]
    fn more(order: Order) -> Rows<More> {
        Rows(More { id: order.id })
    }

    struct Rows<T>(T);
}

/// Not the one that its name says.
pub type Decimal = String;

/// Has no trait that it needs.
pub struct Signed;
