//! Real servers, processes and documents for the tests.
//!
//! Everything here may be used from several threads of one test process, with or without a tokio
//! runtime: the servers have threads of their own, so that a test may block while it waits for a
//! program that talks to them. What a test starts ends with it, also when it panics or is killed.
//!
//! The tests that need these stand in `tests/promises.rs`, one binary for all.

// A harness that cannot do what it was asked for has to fail the test that asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod adbc;
pub mod answers;
pub mod api;
pub mod collection;
pub mod crates;
pub mod deltalake;
mod envelope;
pub mod faults;
mod loopback;
pub mod many;
pub mod mariadb;
pub mod pgbouncer;
pub mod postgres;
pub mod public;
pub mod s3;

pub mod process;
pub mod proxy;
pub mod random;
pub mod readme;
pub mod records;
mod server;
