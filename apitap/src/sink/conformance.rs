//! What every target promises, as checks that any target can be put to.
//!
//! A target of your own is a [`Subject`] that makes fresh places and shows what is in them; then
//! [`check`] says which promises it breaks:
//!
//! ```no_run
//! # use apitap::sink::conformance::{self, Subject};
//! # async fn test(my_target: &dyn Subject) {
//! assert_eq!(conformance::check(my_target).await, []);
//! # }
//! ```
//!
//! Which values of which type come back unchanged is not asked here: the rows have a number for a
//! key, and a text.

mod modes;
mod run;
mod state;
mod transactions;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

pub use run::Run;

use super::{Target, Written};
use crate::Result;
use crate::definition::Mode;

/// A kind of target under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A place of its own for one check, with nothing in it: a database, a folder.
    ///
    /// # Errors
    /// It cannot be made.
    async fn fresh(&self) -> Result<Box<dyn Place>>;
}

/// A fresh place, and what is in it.
#[async_trait]
pub trait Place: Send + Sync {
    /// The target that writes here.
    fn target(&self) -> Arc<dyn Target>;

    /// What a reader sees now of a table with the columns `id` and `value`, in the order of `id`;
    /// `None` where there is no such table.
    ///
    /// # Errors
    /// It cannot be read.
    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>>;
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: &'static str,
    /// What was seen in its place.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}

/// Puts a target to every check that its capabilities allow; gives the promises that it breaks.
pub async fn check(subject: &dyn Subject) -> Vec<Broken> {
    let mut broken = Vec::new();
    for promise in modes::PROMISES.iter().chain(state::PROMISES).chain(transactions::PROMISES) {
        if let Err(seen) = promise.check(subject).await {
            broken.push(Broken { promise: promise.name, seen });
        }
    }
    broken
}

/// What a check saw that is not as promised.
type Seen = std::result::Result<(), String>;

/// A promise, and how it is checked.
struct Promise {
    name: &'static str,
    /// The modes without which it says nothing.
    needs: &'static [Mode],
    check: for<'a> fn(&'a dyn Place) -> BoxFuture<'a, Seen>,
}

impl Promise {
    async fn check(&self, subject: &dyn Subject) -> Seen {
        let place = subject.fresh().await.map_err(|error| error.to_string())?;
        let can = |mode: &Mode| place.target().capabilities().modes.contains(mode);
        match self.needs.iter().all(can) {
            true => (self.check)(place.as_ref()).await,
            false => Ok(()),
        }
    }
}

/// What a reader sees of a table must be these rows.
async fn sees(place: &dyn Place, table: &str, expected: Option<&[(i64, Option<&str>)]>) -> Seen {
    let rows = place.rows(table).await.map_err(|error| error.to_string())?;
    let expected = expected.map(|rows| {
        rows.iter().map(|(id, value)| (*id, value.map(str::to_owned))).collect::<Vec<_>>()
    });
    same("rows", &rows, &expected)
}

/// Rows that a table had already may be told as unchanged, and not as stored.
fn wrote(written: Written, received: u64, stored: u64) -> Seen {
    let found = (written.received, written.stored + written.unchanged);
    same("rows written", &found, &(received, stored))
}

fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Seen {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} are {found:?}, and should be {expected:?}")),
    }
}

/// Something that must fail.
fn refused<T: fmt::Debug>(what: &str, result: Result<T>) -> Seen {
    match result {
        Err(_) => Ok(()),
        Ok(done) => Err(format!("{what} was not refused: {done:?}")),
    }
}

/// An error where there should be none.
fn unexpected(error: crate::Error) -> String {
    error.to_string()
}
