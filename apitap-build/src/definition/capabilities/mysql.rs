//! MySQL 8.0.17 and MariaDB 10.6, and what is newer.

use super::{Capabilities, Key, LAST_DAY, Length, Schemas, Storage, Values, YEAR_1, micros};
use crate::definition::Mode;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "MySQL",
    storage: Storage::Tables,
    schemas: Schemas::Existing,
    longest_name: Some(Length::Characters(64)),
    folds_case: true,
    system_columns: &[],
    // Such a table would hide behind the temporary one.
    reserved_prefix: Some(("_apitap_", "apitap")),
    unfit: &[],
    unfit_in_columns: &[],
    without: &[],
    columns: 1017 - 1,
    // InnoDB's index of 3072 bytes, in which a character of utf8mb4 takes four.
    key: Key { columns: 16, text: Some(255), bytes: Some(3072) },
    scale: 30,
    modes: &[Mode::Append, Mode::Replace, Mode::Merge, Mode::InsertNew],
    transactions: true,
    keeps_runs_apart: true,
    hooks: true,
    // Each CREATE and ALTER commits.
    renews_tables: false,
    // A temporary table is seen by one connection only.
    writers: 1,
    values: Values {
        non_finite: false,
        nul: true,
        null_text: None,
        // What is documented begins with the year 1000; earlier days are kept as well.
        days: YEAR_1..=LAST_DAY,
        micros: micros(YEAR_1, LAST_DAY),
    },
};
