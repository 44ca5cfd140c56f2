//! `sink(…)`: where and how a query's rows are stored.

use super::declare::choices;
#[cfg(feature = "compiler")]
use super::declare::keys;
#[cfg(feature = "compiler")]
use super::values::Texts;

choices! {
    /// How the rows of a run get into the table.
    pub enum Mode {
        /// Add them.
        Append = "append", also ["insert"];
        /// They are the table's whole content from now on.
        Replace = "replace", also ["overwrite", "truncate", "full_refresh"];
        /// Update the row with the same key, or add it.
        Merge = "merge", also ["update", "upsert", "incremental"];
    }
}

#[cfg(feature = "compiler")]
keys! {
    /// Where the rows go.
    pub struct Store, spec StoreSpec {
        /// The table, `schema.table` in PostgreSQL; else `table_destination_name`, else the pipeline's name.
        table: Option<String> = optional().filled().example("paid_orders"),
        /// How rows get into it; `merge` where there is a key, else `append`.
        mode: Option<Mode> = optional().example("merge"),
        /// The columns that identify a row; else `primary_key_in_dest`.
        key: Texts = default(Texts::default()).example("[id]"),
    }
}

#[cfg(feature = "compiler")]
keys! {
    /// Which target.
    pub struct SinkTarget, spec SinkTargetSpec {
        /// The target; may be left out where there is only one.
        name: Option<String> = optional().example("warehouse"),
    }
}

#[cfg(feature = "compiler")]
impl StoreSpec {
    /// What is said where nothing is.
    pub(crate) fn nothing(place: &crate::diagnostic::Place) -> Self {
        use super::key::KeyType as _;

        Store { table: None, mode: None, key: Texts::default() }.at(place)
    }
}
