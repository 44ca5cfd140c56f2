//! How rows get into a table: plain data.

use serde::{Deserialize, Serialize};

/// How the rows of a run get into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Add them.
    Append,
    /// They are the table's whole content from now on.
    Replace,
    /// Update the row with the same key, or add it.
    Merge,
}
