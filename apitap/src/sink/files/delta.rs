//! Delta Lake: tables of Parquet files with a log that other programs read and write, too.
//!
//! ```text
//! data/orders/20261127T034500-1f0c7a2b9e4d-0001.parquet      rows; a file counts where the log says so
//! data/orders/_delta_log/00000000000000000007.json           a commit: files that come and go
//! data/orders/_delta_log/00000000000000000010.checkpoint.parquet
//! data/orders/_apitap/state/00000000000000000003.json        what a pipeline remembers: see [`state`]
//! data/orders/_apitap/staged/SESSION                         a run that is under way
//! ```
//!
//! Rows are written into files first, which get their names then, and count from the commit on that
//! names them ([`session`]). A merge writes the files anew that hold keys of the run, without those rows
//! ([`merge`]). What a version of the table holds comes of its log ([`snapshot`]).

mod action;
mod checkpoint;
mod commit;
mod fit;
mod keys;
mod merge;
mod rows;
mod schema;
mod session;
mod snapshot;
mod state;

pub(super) use session::{differences, open};
pub(super) use state::{correct, remembered};
