//! What is requested, and how: a plan → requests → answers that are whole.
//!
//! ```text
//! RequestPlan → Endpoint (URL, headers) → Ask (one request) → attempts (redirects, retries) → Answered
//! ```
//! Credentials are put on here and nowhere else, and only on requests to the source's own server and to
//! those that it says are to be trusted like it.
//! Nothing here knows what comes next (`source::pagination`), or what the records mean.

mod answer;
mod attempt;
pub(crate) mod auth;
mod body;
pub(crate) mod client;
mod content;
mod endpoint;
pub(crate) mod expression;
mod failure;
#[cfg(test)]
#[cfg(feature = "cli")]
mod fuzz;
mod on_response;
pub mod plan;
mod rate_limit;
mod retry;
pub(super) mod shown;
mod template;
pub(crate) mod variables;

pub(super) use answer::Answered;
pub(super) use endpoint::{Ask, Endpoint, Target};
pub(super) use failure::GivenUp;
