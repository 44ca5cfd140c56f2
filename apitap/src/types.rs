//! The types of records and rows, in one place for generated modules to import.

pub use std::option::Option;
pub use std::string::String;
pub use std::vec::Vec;

pub use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
pub use rust_decimal::Decimal;
pub use serde_json::Value;
pub use uuid::Uuid;
