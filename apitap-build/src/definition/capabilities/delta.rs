//! Delta Lake, as version 2 of its writers has it.

use super::files::{LONGEST_NAME, UNFIT};
use super::{Capabilities, Key, LAST_DAY, Schemas, Storage, Values, YEAR_1, micros};
use crate::definition::Mode;
use crate::schema::Type;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "Delta Lake",
    storage: Storage::Lake,
    schemas: Schemas::Any,
    longest_name: Some(LONGEST_NAME),
    folds_case: true,
    system_columns: &[],
    reserved_prefix: None,
    unfit: UNFIT,
    // Spark refuses to read them, unless the columns have other names in the files.
    unfit_in_columns: &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='],
    without: &[Type::Time],
    columns: 10_000,
    key: Key::of_columns(10_000),
    scale: 38,
    modes: &[Mode::Append, Mode::Replace, Mode::Merge, Mode::InsertNew],
    transactions: true,
    keeps_runs_apart: true,
    hooks: false,
    renews_tables: true,
    // Of several rows of a key the last one wins, and a small load is one file.
    writers: 1,
    values: Values {
        non_finite: true,
        nul: true,
        null_text: None,
        days: YEAR_1..=LAST_DAY,
        micros: micros(YEAR_1, LAST_DAY),
    },
};
