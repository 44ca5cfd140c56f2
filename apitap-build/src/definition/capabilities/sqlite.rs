//! SQLite 3.24 and newer, as it is built by default.

use super::{Capabilities, Key, LAST_DAY, Schemas, Storage, Values, YEAR_0, micros};
use crate::definition::Mode;

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
        // Dates are text there, with four digits of a year.
        days: YEAR_0..=LAST_DAY,
        micros: micros(YEAR_0, LAST_DAY),
    },
};
