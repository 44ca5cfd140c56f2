//! SQLite 3.24 and newer, as it is built by default.

use super::{Capabilities, Key, Schemas, Storage, Values, micros};
use crate::definition::Mode;

/// 0000-01-01, in days from 1970-01-01. Dates are text there, with four digits of a year.
const FIRST_DAY: i32 = -719_528;
/// 9999-12-31, in days from 1970-01-01.
const LAST_DAY: i32 = 2_932_896;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "SQLite",
    storage: Storage::Tables,
    schemas: Schemas::Only("main"),
    longest_name: None,
    folds_case: true,
    system_columns: &[],
    reserved_prefix: Some(("sqlite_", "SQLite")),
    unfit: &[],
    unfit_in_columns: &[],
    without: &[],
    columns: 2000 - 1,
    key: Key::of_columns(1999),
    scale: 38,
    modes: &[Mode::Append, Mode::Replace, Mode::Merge, Mode::InsertNew],
    transactions: true,
    keeps_runs_apart: true,
    hooks: true,
    renews_tables: true,
    writers: 1,
    values: Values {
        non_finite: false,
        nul: true,
        null_text: None,
        days: FIRST_DAY..=LAST_DAY,
        micros: micros(FIRST_DAY, LAST_DAY),
    },
};
