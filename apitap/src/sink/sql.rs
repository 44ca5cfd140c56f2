//! Targets that speak SQL: rows wait in an inbox, and one transaction puts them into the table.
//!
//! The way of a load is the same for each of them and stands here once; what differs is a
//! [`Dialect`]. Staging takes rows as they come, so that nothing is locked or seen before the commit.
//! The rehearsal does what the commit will do, without rows, before the first request.
//!
//! ```text
//! connect → rehearse → stage … → begin, lock, find or create, apply, state, commit
//! ```

mod catalog;
mod claim;
mod dialect;
mod differences;
mod fill;
pub(super) mod own;
mod rehearsal;
pub(super) mod runs;
mod session;
pub(super) mod state;
mod statement;
mod writer;

pub(super) use catalog::{Fit, Found, FoundColumn, Growth, Place, keys};
pub(super) use claim::claim;
pub(super) use dialect::{Change, Claim, Dialect, Guard, Holder, Inbox, Stage, texts};
pub(super) use differences::differences;
pub(super) use fill::count_rows;
pub(super) use runs::Known;
pub(super) use session::{
    Hook, claimed, commit, empty, grow, hook, open, open_after, open_on, tell_emptied,
};
pub(super) use statement::{
    STAGING, THERE, comment_on_column, comments, create_table, creation, delete_missing,
    double_quoted, every_row, list, on_conflict, primary_key, staged, staged_key, upsert, written,
};
pub(super) use writer::Home;
