//! The Rust that the pipelines name.

#![deny(warnings)]

/// Text.
pub mod text {
    /// What stands behind the `@`.
    pub fn domain_of(email: &str) -> Option<String> {
        email.split_once('@').map(|(_, domain)| domain.to_owned())
    }
}

/// Money.
pub mod money {
    use apitap::types::{DateTime, Decimal, Utc};

    /// Adds a tax of a fifth.
    pub fn with_tax(
        amount: Decimal,
        _at: Option<DateTime<Utc>>,
        _country: Option<&str>,
    ) -> Result<Option<Decimal>, std::fmt::Error> {
        Ok(Some((amount * Decimal::new(12, 1)).round_dp(2)))
    }
}

/// Orders.
pub mod orders {
    use crate::lines::{LinesRow, Orders};
    use crate::names::{Customers, NamesRow};

    /// One row for each.
    pub fn lines(order: Orders) -> impl Iterator<Item = LinesRow> {
        (1..).zip(order.skus.unwrap_or_default()).map(move |(line, sku)| LinesRow {
            order: order.id,
            line,
            sku,
        })
    }

    /// None where there is no name.
    pub fn rows(customer: Customers) -> Result<Option<NamesRow>, String> {
        Ok((!customer.name.is_empty()).then_some(NamesRow { name: customer.name }))
    }
}

/// The shop.
pub mod shop {
    use apitap::Result;
    use apitap::source::custom::{
        Answer, Authenticator, FromSettings, Paginator, Request, Settings, Step,
    };

    /// Sends a key.
    pub struct Signed(String);

    impl FromSettings for Signed {
        fn from_settings(settings: &Settings) -> Result<Self> {
            settings.required("key").map(|key| Self(key.to_owned()))
        }
    }

    impl Authenticator for Signed {
        async fn apply(&self, request: &mut Request) -> Result<()> {
            request.set_header("x-key", &self.0)
        }
    }

    /// Sends nothing.
    pub struct Anonymous;

    impl FromSettings for Anonymous {
        fn from_settings(_: &Settings) -> Result<Self> {
            Ok(Self)
        }
    }

    impl Authenticator for Anonymous {
        async fn apply(&self, _: &mut Request) -> Result<()> {
            Ok(())
        }
    }

    /// One page.
    pub struct Pages;

    impl FromSettings for Pages {
        fn from_settings(settings: &Settings) -> Result<Self> {
            settings.required("size").map(|_| Self)
        }
    }

    impl Paginator for Pages {
        fn step(&mut self, _: Option<&Answer<'_>>) -> Result<Step> {
            Ok(Step::End)
        }
    }
}

apitap::include_pipelines!();
