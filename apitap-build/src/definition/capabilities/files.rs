//! Parquet, CSV and JSON lines: files in a folder.

use super::{Capabilities, Key, LAST_DAY, Length, Schemas, Storage, Values, YEAR_0, micros};
use crate::definition::Mode;

/// The longest name of a folder; a schema stands in the same one.
pub(super) const LONGEST_NAME: Length = Length::Bytes(120);

/// What the name of a folder cannot have in it everywhere.
pub(super) const UNFIT: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|', '=', '%', '#'];

/// The values of files of text.
const TEXT: Values = Values {
    non_finite: true,
    nul: true,
    null_text: None,
    // In text, dates have four digits of a year.
    days: YEAR_0..=LAST_DAY,
    micros: micros(YEAR_0, LAST_DAY),
};

pub(super) const PARQUET: Capabilities = of(
    "Parquet",
    Values {
        non_finite: true,
        nul: true,
        null_text: None,
        days: i32::MIN..=i32::MAX,
        micros: i64::MIN..=i64::MAX,
    },
);

pub(super) const CSV: Capabilities = of("CSV", TEXT);

pub(super) const JSONL: Capabilities = of("JSON lines", Values { non_finite: false, ..TEXT });

const fn of(name: &'static str, values: Values) -> Capabilities {
    Capabilities {
        name,
        storage: Storage::Files,
        schemas: Schemas::Any,
        longest_name: Some(LONGEST_NAME),
        folds_case: false,
        system_columns: &[],
        reserved_prefix: None,
        unfit: UNFIT,
        unfit_in_columns: &[],
        without: &[],
        columns: 10_000,
        // There are no keys.
        key: Key::of_columns(10_000),
        scale: 38,
        modes: &[Mode::Append, Mode::Replace],
        transactions: true,
        keeps_runs_apart: true,
        hooks: false,
        // Files of other columns need nothing.
        renews_tables: false,
        // Rows stay in their order, and a small load is one file.
        writers: 1,
        values,
    }
}
