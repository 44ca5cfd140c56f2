//! PostgreSQL 13 and newer.

use super::{Capabilities, Key, Length, MICROS_PER_DAY, Schemas, Storage, Values};
use crate::definition::Mode;

/// 4714-11-24 BC, in days from 1970-01-01.
const FIRST_DAY: i32 = -2_440_588;
/// 5874897-12-31, in days from 1970-01-01.
const LAST_DAY: i32 = 2_145_042_905;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "PostgreSQL",
    storage: Storage::Tables,
    schemas: Schemas::Any,
    // What is longer is cut off, silently.
    longest_name: Some(Length::Bytes(63)),
    folds_case: false,
    system_columns: &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"],
    reserved_prefix: None,
    unfit: &[],
    unfit_in_columns: &[],
    without: &[],
    columns: 1600 - 1,
    key: Key::of_columns(32),
    scale: 38,
    modes: &[Mode::Append, Mode::Replace, Mode::Merge, Mode::InsertNew],
    transactions: true,
    keeps_runs_apart: true,
    hooks: true,
    renews_tables: true,
    // More are not faster: they wait for each other at the end of the table and of the log.
    writers: 2,
    values: Values {
        non_finite: true,
        nul: false,
        null_text: None,
        days: FIRST_DAY..=LAST_DAY,
        // They end after what 64 bits of microseconds from 1970-01-01 can say.
        micros: FIRST_DAY as i64 * MICROS_PER_DAY..=i64::MAX,
    },
};
