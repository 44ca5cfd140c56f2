//! MySQL 8.0.17 and MariaDB 10.6, and what is newer.

use super::{Capabilities, Key, Length, Schemas, Storage, Values, micros};
use crate::definition::Mode;

/// 0001-01-01, in days from 1970-01-01. What is documented begins with the year 1000; earlier days are
/// kept as well.
const FIRST_DAY: i32 = -719_162;
/// 9999-12-31, in days from 1970-01-01.
const LAST_DAY: i32 = 2_932_896;

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
        days: FIRST_DAY..=LAST_DAY,
        micros: micros(FIRST_DAY, LAST_DAY),
    },
};
